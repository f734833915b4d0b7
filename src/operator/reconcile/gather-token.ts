import { CLUSTER_AUTH_TOKENS, SECRETS } from '../../api/names.ts';
import type { KubeObject, Token } from '../../api/types.ts';
import { hashIn, isOfExtToken } from '../../derive/diff.ts';
import { type KnownOfToken, oursOf, type Seen, type TokenFacts } from '../decide/facts.ts';
import { mayTakeOver } from '../decide/in-the-way.ts';
import { sourceKey, tokenKey, userKey } from '../keys.ts';
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
  const written = objects.find(({ kind }) => kind === CLUSTER_AUTH_TOKENS.kind);
  // A Secret that kube-api-auth made of what our ClusterAuthToken holds, or held at some time.
  const isOfOurHash = (object: KubeObject): boolean =>
    token !== undefined &&
    written !== undefined &&
    object.kind === SECRETS.kind &&
    observed.isOurs(written) &&
    mayTakeOver(object, written) &&
    hashes.whoseBeside(token, written, hashIn(object) ?? '') === 'present';
  // Found out first: whose a moved hash is decides whose the ClusterAuthToken is, too.
  const moved = objects.filter(isOfOurHash);
  const { hash, ofEarlierSecret, ofPresentSecret } = hashes.factsOf(token, objects, rules);
  const see = (object: KubeObject): Seen => ({
    object,
    isOurs: observed.isOurs(object) || moved.includes(object),
    sibling: observed.siblingOf(object),
    isOfEarlierSecret: ofEarlierSecret.includes(object),
    isOfPresentSecret: ofPresentSecret.includes(object),
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
  const isTokenGone = upstream.isAllowed(key) || isToldGone(name, pair, work);
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
    userAttribute: token && management.attributes.get(token.userName),
    awaitedElsewhereSinceMs: mayMove ? upstream.awaitedElsewhereSinceMs(token) : undefined,
  };
}

/** Whether it was told that the token is deleted of which our objects are. What strangers wrote does not say of which kind it is. */
function isToldGone(name: string, pair: readonly Seen[], { upstream: { deletions } }: Work): boolean {
  const ours = oursOf(pair);
  if (ours.length === 0) return deletions.hasAny(tokenKey(name));
  return deletions.has(sourceKey(name, ours.some(isOfExtToken) ? 'ext' : 'v3'));
}
