import { CLUSTER_AUTH_TOKENS, SECRETS } from '../../api/names.ts';
import type { KubeObject, Token } from '../../api/types.ts';
import { hashIn, hasLostHash, isOfExtToken } from '../../derive/diff.ts';
import type { KnownOfToken, Seen, TokenFacts } from '../decide/facts.ts';
import { tokenKey, userKey } from '../keys.ts';
import { EXT_TOKEN } from '../upstream/deletions.ts';
import { EXT_TOKENS_WATCH } from '../upstream/management.ts';
import type { Known, Work } from './work.ts';

/** Facts of one token's name, of one moment: nothing in here waits. */
export function gatherToken(name: string, known: Known, work: Work): TokenFacts {
  const { upstream, downstream, hashes, ledger } = work;
  const { observed } = downstream;
  const rules = work.rules();
  const token = upstream.management.token(
    name,
    rules.place.cluster,
    rules.clock.agreedMs,
    observed.apiOf(name),
  );
  const objects = observed.forToken(name);
  const { hash, ofEarlierSecret, ofPresentSecret } = hashes.factsOf(token, objects, rules);
  const written = objects.find(({ kind }) => kind === CLUSTER_AUTH_TOKENS.kind);
  // A Secret that kube-api-auth made of what our ClusterAuthToken held.
  const isOfOurHash = (object: KubeObject): boolean =>
    token !== undefined &&
    written !== undefined &&
    object.kind === SECRETS.kind &&
    observed.isOurs(written) &&
    hasLostHash(written) &&
    hashes.isMoved(token, written, hashIn(object) ?? '');
  const see = (object: KubeObject): Seen => ({
    object,
    isOurs: observed.isOurs(object) || isOfOurHash(object),
    sibling: observed.siblingOf(object),
    isOfEarlierSecret: ofEarlierSecret.has(object),
    isOfPresentSecret: ofPresentSecret.has(object),
  });
  const attribute = token && observed.forUser(token.userName);
  const pair = objects.map(see);
  return {
    name,
    rules,
    token,
    user: token && upstream.management.users.get(token.userName),
    seen: {
      pair,
      attribute: attribute && see(attribute),
      isConfirmed: observed.isTokenConfirmed(name),
      hashTwiceSinceMs: observed.hashTwiceSinceMs(name, rules.clock.nowMs),
      before: ledger.outcomes.get(tokenKey(name)),
      refusedBy: known.refusedBy,
    },
    hash,
    known: knownOf(name, token, pair, work),
    answers: known.answers,
  };
}

function knownOf(name: string, token: Token | undefined, pair: readonly Seen[], work: Work): KnownOfToken {
  const { upstream, rules } = work;
  const isGone = (key: string): boolean => upstream.deletions.has(key) || upstream.isAllowed(key);
  const { management } = upstream;
  const key = tokenKey(name);
  const isOfExt = pair.some(({ object, isOurs }) => isOurs && isOfExtToken(object));
  const isTokenGone = upstream.isAllowed(key) || upstream.deletions.has(key, isOfExt ? EXT_TOKEN : undefined);
  // Asking starts the clock of the move: only where there is something here that could wait for it.
  const mayMove =
    token !== undefined &&
    token.clusterName !== '' &&
    token.clusterName !== rules().place.cluster &&
    pair.some(({ isOurs }) => isOurs);
  return {
    isTokenGone,
    isExtCarried: management.tokenSources !== undefined,
    isExtUnread: management.unread.has(EXT_TOKENS_WATCH),
    isUserGone: token !== undefined && (isTokenGone || isGone(userKey(token.userName))),
    awaitedElsewhereSinceMs: mayMove ? upstream.awaitedElsewhereSinceMs(token) : undefined,
  };
}
