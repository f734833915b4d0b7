import { USER_ATTRIBUTES, USERS } from '../../api/names.ts';
import type { KubeObject, User, UserAttribute } from '../../api/types.ts';
import { desiredUserObject, revocationsOf } from '../../derive/desired.ts';
import { type Change, diff } from '../../derive/diff.ts';
import { againstStranger, lacksGroups } from '../../derive/other-writer.ts';
import { judgeToken } from '../../derive/verdict.ts';
import { tokenKey } from '../keys.ts';
import { untilConfirmed } from './absence.ts';
import type { TokenOfUser, UserFacts } from './facts.ts';
import { conflictMessage } from './in-the-way.ts';
import {
  type AboutNotice,
  ask,
  done,
  type Next,
  type Outcome,
  type Plan,
  type Question,
  questionKey,
  requeueAfter,
  type Wake,
} from './plan.ts';
import { isHopeless, isUnwanted } from './unwanted.ts';

/** After someone else's object was in the way: it may have gone without an event reaching us. */
const CONFLICT_RETRY_MS = 60_000;
/** How long to wait when a live object exists although our store does not have it: the watch lags behind. */
const LAG_MS = 1_000;
/** How soon it is looked again whether what has to go first has gone. */
const TAKING_POLL_MS = 1_000;

/**
 * What makes one user's ClusterUserAttribute match: there when the user has a wanted token here, current, and
 * gone when no live token is left.
 *
 * A deleted user loses it first of all: that one write refuses every token at once.
 */
export function decideUser(facts: UserFacts): Plan {
  const { rules, user, seen } = facts;
  const ours = seen.object?.isOurs ? seen.object.object : undefined;
  if (rules.mode === 'drain') return remove(facts, ours);
  if (!user) return removeDeleted(facts, ours);
  const relied = reliedOn(user, facts);
  if (relied) return beside(relied, user, { ...facts, tokens: [...facts.tokens] });
  // While ClusterAuthTokens of the user are still there, what they mean must be kept current: one may be wanted again.
  const isDone = seen.tokens.length === 0;
  const need = needOf(user, facts);
  // One that we wrote, or took over, stays for tokens that another writer has in its care: they are judged by it.
  const isNeeded = need === 'to write' || (need === 'to keep' && ours !== undefined);
  if (!isNeeded && (isDone || !ours)) return { ...remove(facts, ours), wake: besideNobody(facts) };
  if (seen.refusedBy !== undefined || (seen.object && !ours && !mayAdopt(facts))) return conflict(facts);
  return update(user, facts);
}

function update(user: User, facts: UserFacts): Plan {
  const { rules, attribute, seen } = facts;
  const current = seen.object?.object;
  const version = versionOf(user, attribute);
  const fresh = desiredUserObject(user, attribute, rules.place, lastRefreshOf(current));
  const groups = whoseGroups(facts, current);
  const desired = groups === 'known' || !current ? fresh : { ...fresh, ...groupsOf(current) };
  // Only what is taken away does not wait for the answer.
  if (typeof groups === 'object' && current) return { changes: takings(desired, current), next: ask(groups) };
  const next = groups === 'lagging' ? requeueAfter(LAG_MS, true) : done;
  const changes = diff([desired], current ? [current] : []);
  if (changes.length > 0) return change(user, { desired, current, changes, next, version }, facts);
  return { outcome: seen.isConfirmed ? synced(version, attribute) : { state: 'pending' }, next };
}

function versionOf(user: User, attribute: UserAttribute | undefined): string {
  return `${user.resourceVersion}/${attribute?.resourceVersion ?? ''}`;
}

interface Due {
  readonly desired: KubeObject;
  readonly current: KubeObject | undefined;
  readonly changes: readonly Change[];
  readonly next: Next;
  readonly version: string;
}

function change(user: User, { desired, current, changes, next, version }: Due, facts: UserFacts): Plan {
  if (facts.rules.isPaused) return revokeOnly(desired, current);
  if (changes.some(letsIn) && hasUnwanted(user, facts)) return waitForTaking(desired, current);
  return { notices: repairNotice(facts, version), changes, outcome: { state: 'pending' }, next };
}

/**
 * Whether the groups that we would write are to be believed; or what is to be asked before. That our store has no UserAttribute does not
 * say that there is none: before anybody loses groups for it, it is read live. So is the User: one who is gone together with it, as where
 * the management plane was put back, loses nothing by that alone.
 */
function whoseGroups(facts: UserFacts, current: KubeObject | undefined): 'known' | 'lagging' | Question {
  const held = current?.['groups'];
  if (facts.attribute || !Array.isArray(held) || held.length === 0) return 'known';
  for (const [resource, lagsWhere] of [
    [USER_ATTRIBUTES, true],
    [USERS, false],
  ] as const) {
    const question: Question = { about: 'source', resource, name: facts.name };
    const exists = facts.answers.get(questionKey(question));
    if (exists === undefined) return question;
    if (exists === lagsWhere) return 'lagging';
  }
  return 'known';
}

/** What stands there of the UserAttribute. */
function groupsOf({ groups, lastRefresh, extraByProvider }: KubeObject): Partial<KubeObject> {
  return { groups, lastRefresh, extraByProvider: extraByProvider ?? null };
}

/** Until then the user was refused, with all tokens: by what stands there, or by nothing being there. */
function letsIn(change: Change): boolean {
  return change.verb === 'create' || (change.verb === 'patch' && change.patch['enabled'] === true);
}

function hasUnwanted(user: User, { seen, rules }: UserFacts): boolean {
  for (const pair of seen.pairs) if (isUnwanted(pair, user, rules)) return true;
  return false;
}

/** Giving waits for taking: tokens that are to go would be let in with the user, if only for a moment. */
function waitForTaking(desired: KubeObject, current: KubeObject | undefined): Plan {
  return {
    changes: current ? takings(desired, current) : [],
    outcome: { state: 'pending' },
    // A deletion brings this key back at once. What is switched off, or left to a person, does not.
    next: requeueAfter(TAKING_POLL_MS),
  };
}

function takings(desired: KubeObject, current: KubeObject): readonly Change[] {
  return diff([revocationsOf(desired, current)], [current]);
}

function lastRefreshOf(current: KubeObject | undefined): string | undefined {
  return typeof current?.['lastRefresh'] === 'string' ? current['lastRefresh'] : undefined;
}

/** A suspended cluster: the user may lose groups, or be disabled, and gains nothing. */
function revokeOnly(desired: KubeObject, current: KubeObject | undefined): Plan {
  return {
    changes: current ? takings(desired, current) : [],
    outcome: { state: 'pending', reason: 'Suspended' },
    next: done,
  };
}

function synced(version: string, attribute: UserAttribute | undefined): Outcome {
  const isKnown = attribute !== undefined && attribute.problem === undefined;
  return { state: 'synced', version, ...(isKnown ? {} : { note: 'GroupsUnknown' }) };
}

/** What was in sync for these very versions and has to be written again was changed down there. */
function repairNotice({ name, seen: { before } }: UserFacts, version: string): readonly AboutNotice[] {
  if (before?.state !== 'synced' || before.version !== version) return [];
  return [
    {
      about: 'cluster',
      reason: 'Repaired',
      message: `ClusterUserAttribute ${name} was changed or deleted in the cluster and is being restored`,
      warning: true,
    },
  ];
}

function mayAdopt({ rules, seen }: UserFacts): boolean {
  return rules.adopts && seen.object?.sibling === undefined;
}

/** Another writer's, by which tokens of ours are judged, and which is never changed. */
function reliedOn(user: User, facts: UserFacts): KubeObject | undefined {
  const { object, isOurs, sibling } = facts.seen.object ?? {};
  if (!object || isOurs || sibling !== undefined || mayAdopt(facts)) return undefined;
  return againstStranger(object, user, facts.attribute) === undefined ? object : undefined;
}

/** What is there counts as ours would, but for groups that nobody else may give. */
function beside(there: KubeObject, user: User, facts: UserFacts): Plan {
  const { name, attribute, tokens } = facts;
  // Those that waited until they may be judged by what is there.
  const waiting = [...tokens].filter(isInConflict);
  const wake = waiting.map(({ token }) => ({ key: tokenKey(token.name), lane: 'normal' }) as const);
  if (needOf(user, facts) !== 'to write') return { ...remove(facts, undefined), wake };
  if (attribute && lacksGroups(there, attribute)) {
    const message = `ClusterUserAttribute ${name} lacks groups of the user; Rancher's own controller, which writes it, has to bring it up to date`;
    return {
      outcome: { state: 'failed', reason: 'Conflict', message },
      wake,
      next: requeueAfter(CONFLICT_RETRY_MS),
    };
  }
  return { outcome: synced(versionOf(user, attribute), attribute), wake, next: done };
}

function conflict(facts: UserFacts): Plan {
  return {
    outcome: {
      state: 'failed',
      reason: 'Conflict',
      message: conflictMessage(`ClusterUserAttribute ${facts.name}`, facts.seen.object?.sibling),
    },
    // Pairs beside it would be judged by groups and switches that are not ours.
    wake: tokensToRevoke(facts),
    next: requeueAfter(CONFLICT_RETRY_MS),
  };
}

function removeDeleted(facts: UserFacts, ours: KubeObject | undefined): Plan {
  const { name, isGone, answers } = facts;
  if (!ours) return { outcome: absent(facts), next: done };
  const wait = untilConfirmed({ resource: USERS, name }, isGone, answers);
  if (wait) return wait;
  return {
    changes: diff([], [ours]),
    outcome: { state: 'pending' },
    wake: tokensToRevoke(facts),
    next: done,
  };
}

/** Not before the user's last ClusterAuthToken is seen to be gone: that deletion brings this key back. */
function remove(facts: UserFacts, ours: KubeObject | undefined): Plan {
  if (!ours) return { outcome: absent(facts), next: done };
  if (facts.seen.tokens.length > 0) return { next: done };
  return { changes: diff([], [ours]), outcome: { state: 'pending' }, next: done };
}

/**
 * Tokens that are judged by another writer's object, which lets in whom it should not; where nothing stands there any more, those that
 * waited because of it.
 */
function besideNobody(facts: UserFacts): readonly Wake[] {
  const { object } = facts.seen;
  if (object) return object.isOurs ? [] : tokensToRevoke(facts);
  const waiting = [...facts.tokens].filter(isInConflict);
  return waiting.map(({ token }) => ({ key: tokenKey(token.name), lane: 'normal' }));
}

/** It counts as gone once the watch, too, has told so. */
function absent({ seen }: UserFacts): Outcome | 'none' {
  return seen.isConfirmed ? 'none' : { state: 'pending' };
}

function tokensToRevoke({ seen }: UserFacts): readonly Wake[] {
  return seen.tokens.map((name) => ({ key: tokenKey(name), lane: 'revocation' }));
}

/**
 * What for the user is needed here. A token that another writer's objects let in is a ground to keep, and none to write; one that ours
 * does while another's object has the name of its Secret is.
 */
function needOf(user: User, { rules, tokens, seen }: UserFacts): 'to write' | 'to keep' | 'not' {
  const context = { cluster: rules.place.cluster, aceEnabled: true, nowMs: rules.clock.agreedMs };
  let need: 'to keep' | 'not' = 'not';
  for (const one of tokens) {
    if (!judgeToken(one.token, user, context).wanted) continue;
    if (!isHopeless(one)) return 'to write';
    if (isInConflict(one) && seen.tokens.includes(one.token.name)) return 'to write';
    if (isInConflict(one)) need = 'to keep';
  }
  return need;
}

/** Wanted, and let in by another writer's objects. */
function isInConflict({ before }: TokenOfUser): boolean {
  return before?.state === 'refused' && before.reason === 'Conflict';
}
