import { CLUSTER_AUTH_TOKENS } from '../../api/names.ts';
import type { KubeObject } from '../../api/types.ts';
import { hashIn, isOfExtToken } from '../../derive/diff.ts';
import type { PairOfUser, TokenOfUser, UserFacts } from '../decide/facts.ts';
import { sourceKey, tokenKey, userKey } from '../keys.ts';
import { EXT_TOKENS_WATCH } from '../upstream/management.ts';
import type { HashFacts } from './token-hashes.ts';
import type { Known, Work } from './work.ts';

/** Facts of one user's name, of one moment: nothing in here waits. */
export function gatherUser(name: string, known: Known, work: Work): UserFacts {
  const { upstream, downstream, ledger } = work;
  const { observed } = downstream;
  const object = observed.forUser(name);
  const key = userKey(name);
  return {
    name,
    rules: work.rules(),
    user: upstream.management.users.get(name),
    attribute: upstream.management.attributes.get(name),
    seen: {
      object: object && {
        object,
        isOurs: observed.isOurs(object),
        sibling: observed.siblingOf(object),
        isOfEarlierSecret: false,
        isOfPresentSecret: false,
      },
      tokens: observed.tokenNamesOfUser(name),
      pairs: pairsOf(name, work),
      isConfirmed: observed.isUserConfirmed(name),
      before: ledger.outcomes.get(key),
      refusedBy: known.refusedBy,
    },
    tokens: tokensOf(name, work),
    isGone: upstream.deletions.has(key) || upstream.isAllowed(key),
    answers: known.answers,
  };
}

function* tokensOf(user: string, { upstream, ledger, rules }: Work): Generator<TokenOfUser> {
  const { place, clock } = rules();
  const { management } = upstream;
  for (const token of management.tokensOfUser(user)) {
    // Nothing here is of one whose name another token has.
    if (token.clusterName !== place.cluster) continue;
    if (management.token(token.name, place.cluster, clock.agreedMs) !== token) continue;
    yield { token, before: ledger.outcomes.get(tokenKey(token.name)) };
  }
}

function* pairsOf(user: string, work: Work): Generator<PairOfUser> {
  const { upstream, downstream, hashes, ledger } = work;
  const { observed } = downstream;
  for (const name of observed.tokenNamesOfUser(user)) {
    const pair = observed.forToken(name);
    const clusterAuthToken = pair.find(({ kind }) => kind === CLUSTER_AUTH_TOKENS.kind);
    // We deleted it, and the watch has not told so yet.
    if (!clusterAuthToken) continue;
    const ours = pair.filter((object) => observed.isOurs(object));
    const rules = work.rules();
    const { place, clock } = rules;
    const token = upstream.management.token(name, place.cluster, clock.agreedMs, observed.apiOf(name));
    const isElsewhere = token !== undefined && token.clusterName !== place.cluster;
    const facts = hashes.factsOf(token, pair, rules);
    yield {
      clusterAuthToken,
      ours,
      token,
      isOfUnread: token?.api !== 'ext' && isOfUnread(name, ours, work),
      isOfEarlierSecret: facts.ofEarlierSecret.length > 0,
      isOfUnknownSecret: token?.secret.kind !== 'missing' && ours.some((one) => isOpen(one, facts)),
      isMoving: isElsewhere && upstream.awaitedElsewhereSinceMs(token) !== undefined,
      before: ledger.outcomes.get(tokenKey(name)),
    };
  }
}

/** That such a token is not in our store says nothing, and where its deletion was told, it is known to be revoked. */
function isOfUnread(name: string, ours: readonly KubeObject[], { upstream }: Work): boolean {
  const isUnread = upstream.management.unread.has(EXT_TOKENS_WATCH) && ours.every(isOfExtToken);
  return isUnread && !upstream.isAllowed(tokenKey(name)) && !upstream.deletions.has(sourceKey(name, 'ext'));
}

/** A plain token that was stored hashed since, with this secret or another; or a mark under a key that is no more. */
function isOpen(object: KubeObject, { hash, ofEarlierSecret, ofPresentSecret }: HashFacts): boolean {
  const isKnown = ofEarlierSecret.includes(object) || ofPresentSecret.includes(object);
  return hash.kind !== 'refused' && hashIn(object) !== undefined && !isKnown;
}
