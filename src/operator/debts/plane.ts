import { CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, type Resource, TOKENS, USERS } from '../../api/names.ts';
import type { KubeObject, Token } from '../../api/types.ts';
import type { Reader } from '../../kube/client.ts';
import type { Refusals } from '../../kube/refusals.ts';
import type { Lister } from '../../kube/store.ts';
import { parseKey, sourceKey } from '../keys.ts';
import { EXT_TOKENS_WATCH } from '../upstream/management.ts';
import type { DebtRecord } from './debt-record.ts';
import type { FoundRecord } from './debt-records.ts';

/** Which management plane it is, and how far it has come. */
export interface Plane {
  /** Changes with the plane itself, and with the definitions of what decides; '' when that cannot be told. */
  readonly identity: string;
  /** Of a list of Tokens. */
  readonly resourceVersion: string;
}

/** So many sources may be absent without a word before the brake stops a sweep: two objects each, of 20. */
export const UNSEEN_LIMIT = 10;
/** So many deletions within a minute, or at a time, and somebody is just taking many away. */
export const MANY_AT_ONCE = 3;

/**
 * Asks the management plane who it is: UID of namespace kube-system, which another etcd does not have, and of the definitions
 * of tokens and users, which are others when they were made anew (empty).
 *
 * @param refusals - how long a refusal is borne with before it leaves unknown what was asked for
 * @throws {ConnectionError | ApiError} when it does not answer, or refuses and that may pass
 */
export async function readPlane(client: Reader, refusals: Refusals): Promise<Plane> {
  const unlessRefused = async <T>(answer: Promise<T>): Promise<T | undefined> => {
    try {
      return await answer;
    } catch (error) {
      refusals.bear(error);
      return undefined;
    }
  };
  const uidOf = async (resource: Resource, name: string): Promise<string> => {
    const object = await unlessRefused(client.get({ resource, name }));
    return (object as KubeObject | undefined)?.metadata.uid ?? '';
  };
  const [namespace, tokens, users, page] = await Promise.all([
    uidOf(NAMESPACES, 'kube-system'),
    uidOf(CUSTOM_RESOURCE_DEFINITIONS, `${TOKENS.plural}.${TOKENS.group}`),
    uidOf(CUSTOM_RESOURCE_DEFINITIONS, `${USERS.plural}.${USERS.group}`),
    unlessRefused(client.list(TOKENS, { limit: 1 })),
  ]);
  const isKnown = namespace !== '' && tokens !== '' && users !== '';
  if (isKnown && page) refusals.ended();
  return {
    identity: isKnown ? `${namespace}/${tokens}/${users}` : '',
    resourceVersion: page?.resourceVersion ?? '',
  };
}

/** What is there upstream now, by name. */
export interface Sources {
  /** Of either kind. */
  tokensNamed(name: string): readonly Pick<Token, 'api'>[];
  readonly users: Pick<Lister<unknown>, 'get'>;
  /** Watches that have not listed yet, or cannot. */
  readonly unread: Pick<ReadonlyMap<string, unknown>, 'has'>;
}

/** What a key of a record stands for: users by their key, tokens by that of their kind; by both where the record does not say. */
function sourcesOf(key: string, { apis }: Pick<DebtRecord, 'apis'>): readonly string[] {
  const { kind, name } = parseKey(key);
  if (kind === 'user') return [key];
  const api = apis.get(key);
  return (api ? [api] : (['v3', 'ext'] as const)).map((one) => sourceKey(name, one));
}

/**
 * Keys of sources that were deleted for certain, with the time since when: what an earlier process saw, and what is merely absent
 * but was there before *in this very history of this plane*. Of the latter it is only known when they were there last: what went
 * with a namespace that was made anew since was deleted by nobody.
 *
 * A record lies in the same etcd as the tokens. A plane that is put back from a backup gets the record of that moment back, too,
 * which does not know what was made after it: that stays with the brake. So does everything when the plane or a definition is
 * another one, when its version went backwards, or when most of what was known is missing, unless an earlier process saw that
 * it was just being deleted.
 */
export function deletedBefore(
  found: readonly FoundRecord[],
  plane: Plane,
  sources: Sources,
  nowMs: number,
): ReadonlyMap<string, number> {
  const told = found.filter(({ record }) => isOfPlane(record, plane.identity));
  const gone = new Map(told.flatMap(({ record }) => owedOf(record, sources)));
  const ours = found.filter(({ record }) => planeOfKnown(record) === plane.identity);
  for (const [source, seenMs] of missing(ours, plane, sources, nowMs)) {
    if (!gone.has(source)) gone.set(source, seenMs);
  }
  return gone;
}

/** The plane in which what a record knows was there. */
export function planeOfKnown({ plane, knownPlane }: Pick<DebtRecord, 'plane' | 'knownPlane'>): string {
  return knownPlane ?? plane;
}

/** What a record knows, unless that was there in another plane. */
export function knownIn(record: DebtRecord, identity: string): ReadonlySet<string> {
  return isOfPlane({ plane: planeOfKnown(record) }, identity) ? record.known : new Set();
}

/** What was seen being deleted, of all that is owed, and when. */
export function owedOf(
  record: Pick<DebtRecord, 'owed' | 'apis'>,
  sources: Sources,
): readonly (readonly [string, number])[] {
  const absent = [...record.owed].filter(([key]) => presenceOf(key, record, sources) !== 'there');
  return absent.flatMap(([key, { sinceMs }]) =>
    sourcesOf(key, record).map((source) => [source, sinceMs] as const),
  );
}

/** Whether what a key of a record stands for is there; `unread`: it may be a token of `ext.cattle.io`, and those could not be read. */
export function presenceOf(
  key: string,
  { apis }: Pick<DebtRecord, 'apis'>,
  sources: Sources,
): 'there' | 'absent' | 'unread' {
  const { kind, name } = parseKey(key);
  if (kind === 'user') return sources.users.get(name) === undefined ? 'absent' : 'there';
  const api = apis.get(key);
  if (sources.tokensNamed(name).some((token) => api === undefined || token.api === api)) return 'there';
  return api !== 'v3' && sources.unread.has(EXT_TOKENS_WATCH) ? 'unread' : 'absent';
}

/** What was known, is absent, and was seen by nobody, as far as that is to be believed; and when it was there last. */
function missing(
  ours: readonly FoundRecord[],
  plane: Plane,
  sources: Sources,
  nowMs: number,
): ReadonlyMap<string, number> {
  const gone = new Map<string, number>();
  if (plane.identity === '') return gone;
  const earlier = ours.filter(({ resourceVersion }) => isForwards(resourceVersion, plane.resourceVersion));
  const lately = earlier.reduce((sum, { record }) => sum + record.lately, 0);
  for (const { known, absent } of lookFor(earlier, sources)) {
    const isIntact = absent.size <= Math.max(1, known.size / 2);
    if (!isIntact && lately < MANY_AT_ONCE) continue;
    for (const source of [...absent.values()].flat()) gone.set(source, nowMs);
  }
  return withLastSeen(gone, ours, nowMs);
}

/** What records knew of one kind. Of half a million nearly all are there: nothing is made of those. */
class Known {
  /** One that several clusters know is in it once. */
  readonly known = new Set<string>();
  /** Sources of what is not there any more, by all that it may be. */
  readonly absent = new Map<string, readonly string[]>();

  add(key: string, record: DebtRecord, sources: Sources): void {
    const presence = presenceOf(key, record, sources);
    // Of those nothing can be said: they make the absent ones neither more nor fewer.
    if (presence === 'unread') return;
    this.known.add(key);
    if (presence !== 'absent') return;
    const all = sourcesOf(key, record);
    this.absent.set(all.join(), all);
  }
}

function lookFor(earlier: readonly FoundRecord[], sources: Sources): readonly Known[] {
  const byKind = new Map<string, Known>();
  for (const { record } of earlier) {
    for (const key of record.known) {
      const { kind } = parseKey(key);
      const ofKind = `${kind} ${record.apis.get(key) ?? ''}`;
      const known = byKind.get(ofKind) ?? new Known();
      byKind.set(ofKind, known);
      known.add(key, record, sources);
    }
  }
  return [...byKind.values()];
}

/** By source: when a record last knew it. */
function withLastSeen(
  gone: ReadonlyMap<string, number>,
  ours: readonly FoundRecord[],
  nowMs: number,
): ReadonlyMap<string, number> {
  if (gone.size === 0) return gone;
  const times = new Map<string, number>();
  for (const { record } of ours) {
    const atMs = record.atMs ?? nowMs;
    for (const source of [...record.known].flatMap((key) => sourcesOf(key, record)))
      if (gone.has(source)) times.set(source, Math.max(times.get(source) ?? atMs, atMs));
  }
  return new Map([...gone].map(([source, atMs]) => [source, times.get(source) ?? atMs]));
}

function isForwards(before: string, now: string): boolean {
  const isNumber = (version: string): boolean => /^\d{1,20}$/.test(version);
  return isNumber(before) && isNumber(now) && BigInt(before) <= BigInt(now);
}

/** Of this plane, as far as anyone can tell. */
export function isOfPlane({ plane }: Pick<DebtRecord, 'plane'>, identity: string): boolean {
  return plane === identity || plane === '' || identity === '';
}
