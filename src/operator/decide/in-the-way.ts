import {
  ANNOTATION_CLOSED_FOR,
  CLUSTER_AUTH_TOKENS,
  FIELD_MANAGER,
  LABEL_MANAGED_BY,
  SECRETS,
} from '../../api/names.ts';
import type { TokenReason } from '../../api/reasons.ts';
import type { HashStorage, KubeObject, Token } from '../../api/types.ts';
import { desiredTokenObjects, type HashToWrite } from '../../derive/desired.ts';
import { type Change, diff, hashIn, keyOf } from '../../derive/diff.ts';
import { markOf } from '../../derive/found-hash.ts';
import {
  AGAINST_TEXTS,
  type Against,
  againstStranger,
  isOthersTurn,
  OTHERS_TURN_MS,
  REVOKED,
} from '../../derive/other-writer.ts';
import { detectFormat } from '../../hash/detect.ts';
import { oursOf, type Rules, type Seen, type TokenFacts } from './facts.ts';
import { ask, type Next, type Question, questionKey } from './plan.ts';

/** Someone else's object under one of the names that a token needs, as `Kind name`, unless adoption takes it over; never from another Cluster of ours. */
export function inTheWay(
  { adopts, place }: Pick<Rules, 'adopts' | 'place'>,
  pair: readonly Seen[],
  attribute: Seen | undefined,
): string | undefined {
  const needed = pair.filter(({ object }) => object.kind !== SECRETS.kind || needsSecret(place.storage));
  const beside = pair.map(({ object }) => object);
  const found = [...needed, ...(attribute ? [attribute] : [])].find(
    ({ object, isOurs, sibling }) =>
      !isOurs && (sibling !== undefined || !(adopts && mayAdopt(object, beside))),
  );
  return found && `${found.object.kind} ${found.object.metadata.name}`;
}

/** What comes of another writer's ClusterUserAttribute under the name of a token's user. */
export type Reliance =
  | { readonly kind: 'none needed' | 'relied on' | 'lagging' }
  | { readonly kind: 'ask'; readonly question: Question }
  /** Undefined `why`: another Cluster's; or the other writer has the first go at the token, until `untilMs`. */
  | { readonly kind: 'against'; readonly why: Against | undefined; readonly untilMs?: number };

/**
 * Whether the pair of a token may be judged by a ClusterUserAttribute of Rancher's own controller. That is never changed, so that what
 * it gives too much can only be taken away with our pair; but not before a live read says that the user does not have it: the two
 * sides are told by two watches.
 */
export function relianceOn({ token, user, seen, known, rules, answers }: TokenFacts): Reliance {
  const { attribute, pair } = seen;
  if (!token || !user || !attribute || inTheWay(rules, [], attribute) === undefined)
    return { kind: 'none needed' };
  if (attribute.sibling !== undefined) return { kind: 'against', why: undefined };
  const isServed = oursOf(pair).length > 0;
  const why = againstStranger(attribute.object, user, known.userAttribute);
  const isOurTurn = isServed || !isOthersTurn(token, rules.clock.latestMs);
  if (why === undefined && isOurTurn) return { kind: 'relied on' };
  if (why === undefined) return { kind: 'against', why, untilMs: token.createdAtMs + OTHERS_TURN_MS };
  if (!isServed || !UNCERTAIN.has(why)) return { kind: 'against', why };
  if (why === 'GroupsUnread') return { kind: 'relied on' };
  const question: Question = { about: 'groups', name: token.userName };
  const isGiven = answers.get(questionKey(question));
  if (isGiven === undefined) return { kind: 'ask', question };
  return isGiven ? { kind: 'lagging' } : { kind: 'against', why };
}

/** What our store alone does not prove. */
const UNCERTAIN: ReadonlySet<Against> = new Set(['GroupsUnread', 'MoreGroups']);

/**
 * Whether adoption may take over an object that we did not write. A Secret may be anybody's, and the name of a token is
 * anybody's choice: only what looks like the hash of a token is taken, and only beside the token.
 *
 * @param beside - what is there of the token of that name
 */
export function mayAdopt(object: KubeObject, beside: readonly KubeObject[]): boolean {
  if (object.kind !== SECRETS.kind) return true;
  const hash = hashIn(object);
  return (
    Object.keys((object['data'] as object | null | undefined) ?? {}).join() === 'hash' &&
    hash !== undefined &&
    detectFormat(hash) !== undefined &&
    object['immutable'] !== true &&
    beside.some(({ kind }) => kind === CLUSTER_AUTH_TOKENS.kind)
  );
}

/**
 * Whether a Secret of another's that holds a hash of the token's present secret becomes ours, also without adoption: kube-api-auth makes
 * such Secrets of what our ClusterAuthTokens hold, and an earlier one may hold an earlier hash. Never what another installation, or
 * another Cluster of this one, wrote.
 *
 * @param written - our ClusterAuthToken of that name
 */
export function mayTakeOver(secret: KubeObject, written: KubeObject): boolean {
  const isAnOperators = secret.metadata.labels?.[LABEL_MANAGED_BY] === FIELD_MANAGER;
  return markOf(written) !== '' && !isAnOperators && mayAdopt(secret, [written]);
}

/**
 * Whether a token goes on by the hash in our ClusterAuthToken, which is read before any Secret: by what stands there of another's
 * nobody is let in, and nobody kept out. Only where that one holds a hash, or held one, by its mark: the name of a token is anybody's
 * choice, and beside a Secret that somebody chose to name none is made, for kube-api-auth would move its hash into that.
 *
 * @param stranger - what is in the way, as `Kind name`
 */
export function staysInline({ name, userName }: Token, stranger: string, pair: readonly Seen[]): boolean {
  const ours = oursOf(pair);
  // Where a Secret of ours is seen, too, what was seen is out of date.
  if (stranger !== `${SECRETS.kind} ${name}` || ours.some(({ kind }) => kind === SECRETS.kind)) return false;
  return ours.some(
    (object) =>
      object.kind === CLUSTER_AUTH_TOKENS.kind && object['userName'] === userName && markOf(object) !== '',
  );
}

/** The same facts, were the hash to be kept in the ClusterAuthToken. */
export function placedInline(facts: TokenFacts): TokenFacts {
  const { rules, seen } = facts;
  return {
    ...facts,
    rules: { ...rules, place: { ...rules.place, storage: 'inline' } },
    seen: { ...seen, refusedBy: undefined },
  };
}

/** With adoption on, what others wrote under a name that we need is taken over. To take over is not to take away. */
export function oursOrAdopted(
  desired: readonly KubeObject[],
  pair: readonly Seen[],
  { adopts }: Rules,
): readonly KubeObject[] {
  const needed = new Set(desired.map(keyOf));
  return pair
    .filter(({ object, isOurs, sibling }) => isOurs || (adopts && !sibling && needed.has(keyOf(object))))
    .map(({ object }) => object);
}

/**
 * Our Secret beside a stranger's ClusterAuthToken of the same user: adoption was switched off half-way, or another writer made its
 * own half while we made ours. It is what lets that user in, so it stays while the token is wanted, and goes as ours when it is not.
 */
export function ownBesideStranger({ userName }: Token, pair: readonly Seen[]): Seen | undefined {
  const isStrangers = pair.some(
    ({ object, isOurs, sibling }) =>
      object.kind === CLUSTER_AUTH_TOKENS.kind &&
      !isOurs &&
      sibling === undefined &&
      object['userName'] === userName,
  );
  return isStrangers ? pair.find(({ object, isOurs }) => isOurs && object.kind === SECRETS.kind) : undefined;
}

/** Keeps our hash beside a stranger's ClusterAuthToken that of the present secret. An earlier one ends at once, and so does that of a user who is to be out; where it takes longer to make the next, by none. */
export function matchHash(
  token: Token,
  { object, isOfEarlierSecret }: Seen,
  facts: TokenFacts,
): readonly Change[] {
  const { hash, rules } = facts;
  const isToBeNone = isUnguarded(facts);
  const isReady = hash.kind === 'ready' && !rules.isPaused && !isToBeNone;
  if (!isReady && !isOfEarlierSecret && !isToBeNone) return [];
  return withHash(token, object, isReady ? hash.hash : NO_HASH, rules);
}

function withHash(
  token: Token,
  object: KubeObject,
  hash: HashToWrite,
  { place }: Pick<Rules, 'place'>,
): readonly Change[] {
  const [secret] = desiredTokenObjects(token, undefined, hash, { ...place, storage: 'secret' });
  return secret ? diff([secret], [object]) : [];
}

/** What never ends, and is never taken back. */
const IS_FINAL: ReadonlySet<TokenReason> = new Set(['Deleting', 'UserNotFound']);

/** Our Secret beside a stranger's ClusterAuthToken, where the token may be good again: beside that one nobody would write another. */
export function keptEmpty(token: Token, reason: TokenReason, pair: readonly Seen[]): KubeObject | undefined {
  return IS_FINAL.has(reason) ? undefined : ownBesideStranger(token, pair)?.object;
}

/** Takes the hash out of it, which lets in as long as it is there. */
export function emptying(
  token: Token,
  kept: KubeObject | undefined,
  rules: Pick<Rules, 'place'>,
): readonly Change[] {
  return kept ? withHash(token, kept, NO_HASH, rules) : [];
}

/** A disabled user whom nothing of ours refuses in the cluster: another writer's ClusterUserAttribute, which we do not write, may let them in. */
export function isUnguarded({ user, seen: { attribute } }: Pick<TokenFacts, 'user' | 'seen'>): boolean {
  const isDisabled = user !== undefined && (!user.enabled || user.deleting);
  return isDisabled && !attribute?.isOurs && attribute?.object['enabled'] !== false;
}

export const NO_HASH: HashToWrite = { hash: '', fingerprint: '' };

/** The question for the hash of the present secret, where there is none beside a stranger's ClusterAuthToken. */
export function hashWanted(
  token: Token,
  { object, isOfEarlierSecret }: Seen,
  facts: TokenFacts,
): Next | undefined {
  const { hash, rules, answers } = facts;
  if (hash.kind !== 'toMake' || rules.isPaused || isUnguarded(facts)) return undefined;
  const question: Question = { about: 'hash', uid: token.uid };
  const isThere = hashIn(object) !== undefined && !isOfEarlierSecret;
  return isThere || answers.get(questionKey(question)) === false ? undefined : ask(question);
}

/**
 * Switches a stranger's ClusterAuthToken off whose token was revoked: adoption takes responsibility for the name, and deletes nothing
 * that it did not write. It says for which token, so that it can be switched on again should that one be good again.
 *
 * @param token - undefined: it is gone
 */
export function closingOfStranger(
  token: Token | undefined,
  reason: TokenReason,
  { adopts }: Pick<Rules, 'adopts'>,
  pair: readonly Seen[],
): readonly Change[] {
  if (!adopts || !REVOKED.has(reason)) return [];
  const marks = token ? { metadata: { annotations: { [ANNOTATION_CLOSED_FOR]: token.uid } } } : {};
  return pair
    .filter(
      ({ object, isOurs, sibling }) =>
        object.kind === CLUSTER_AUTH_TOKENS.kind &&
        !isOurs &&
        sibling === undefined &&
        object['enabled'] === true,
    )
    .map(({ object }) => ({ verb: 'patch', target: object, patch: { ...marks, enabled: false } }));
}

/** Takes back {@link closingOfStranger} where adoption has ended since, and the token is good again: nobody else may. */
export function openingOfStranger(token: Token, facts: TokenFacts): readonly Change[] {
  if (facts.rules.isPaused || isUnguarded(facts)) return [];
  const patch = { metadata: { annotations: { [ANNOTATION_CLOSED_FOR]: null } }, enabled: true };
  return facts.seen.pair
    .filter(
      ({ object, isOurs }) =>
        !isOurs &&
        object['enabled'] === false &&
        object.metadata.annotations?.[ANNOTATION_CLOSED_FOR] === token.uid,
    )
    .map(({ object }) => ({ verb: 'patch', target: object, patch }));
}

/** After a conflict, the stranger's Secret may still be there. It is not watched, and trying would cost writes. */
export function mayBeTaken({ rules, seen: { before } }: TokenFacts): boolean {
  return before?.state === 'refused' && before.reason === 'Conflict' && needsSecret(rules.place.storage);
}

/** Whether the hash is kept in a Secret of the token's name. */
export function needsSecret(storage: HashStorage): boolean {
  return storage === 'secret';
}

/** What is in the way of a token, and what can be done about it. @param object - as `Kind name` */
export function inWords(object: string, { seen, rules }: TokenFacts, why?: Against): string {
  const sibling = [...seen.pair, seen.attribute].find((one) => one?.sibling !== undefined)?.sibling;
  return conflictMessage(object, sibling, rules.adopts, why);
}

/**
 * @param sibling - id of the other Cluster of this installation that the object belongs to
 * @param why - of a ClusterUserAttribute: what keeps tokens from being served beside it
 */
export function conflictMessage(
  object: string,
  sibling: string | undefined,
  adopts = false,
  why?: Against,
): string {
  if (sibling === undefined && adopts)
    return `${object} is nothing that spec.adopt takes over: no hash of a known format, or no ClusterAuthToken beside it; remove it`;
  if (sibling === undefined)
    return `${object} was not written by this operator${why ? `, and ${AGAINST_TEXTS[why]}` : ''}; spec.adopt takes it over, where no other controller works here (docs/rancher.md)`;
  return `${object} belongs to Cluster ${sibling}, which leads to the same API server; delete one of the two Clusters`;
}
