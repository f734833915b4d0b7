import type { TokenReason } from '../api/reasons.ts';
import type { KubeObject, Token } from '../api/types.ts';
import { type Intent, intentOf, isByRancher } from '../derive/other-writer.ts';
import { judgeToken } from '../derive/verdict.ts';
import type { Management } from '../operator/upstream/management.ts';
import type { DownstreamSnapshot } from './snapshot.ts';

/**
 * What is to come of an object that another writer made. Beside what adoption does: `conflict`, which it cannot take over, and
 * `leftover`, which no Token and no ClusterAuthToken needs any more.
 */
export type AdoptionStep = Intent | 'conflict' | 'leftover';

/** One object of another writer. */
export interface AdoptionItem {
  /** Without `data` and `hash`. */
  readonly object: KubeObject;
  readonly step: AdoptionStep;
  /** Why it is not taken over. */
  readonly reason: AdoptionReason | undefined;
  readonly isByRancher: boolean;
  /** Rancher left it behind, and it may be taken away on request. */
  readonly isRemovable: boolean;
  /** Milliseconds since the epoch. */
  readonly createdAtMs: number | undefined;
  readonly lastUsedAtMs: number | undefined;
}

export type AdoptionReason =
  | TokenReason
  /** No Token of either kind has its name. */
  | 'TokenNotFound'
  /** A hash Secret without the ClusterAuthToken that it was for. */
  | 'PairIncomplete'
  /** Its hash Secret holds something else, so that adoption leaves both. */
  | 'NotAHash';

/** What adoption makes of a cluster. */
export interface Adoption {
  readonly cluster: string;
  /** Its authorized endpoint is off: nothing is wanted there, and adoption is not asked. */
  readonly isEndpointOff: boolean;
  /** `spec.adopt` is set. */
  readonly isOn: boolean;
  readonly items: readonly AdoptionItem[];
  /** Why it is not known which Tokens there are, in words; then nothing is removable for having none. */
  readonly unread: string | undefined;
}

/** A Secret that is not ours, as far as it is looked at. */
export interface ForeignSecret {
  /** Without `data`. */
  readonly object: KubeObject;
  /** It holds one key, `hash`, with the hash of a token in a known format: adoption could take it over. */
  readonly isHash: boolean;
  /** And as Rancher writes it: without labels, annotations and owners. */
  readonly isPlain: boolean;
  readonly createdAtMs: number | undefined;
}

export interface AdoptionSides {
  readonly cluster: string;
  readonly management: Management;
  readonly snapshot: DownstreamSnapshot;
  readonly secrets: readonly ForeignSecret[];
  readonly nowMs: number;
  readonly unread: string | undefined;
}

/** What adoption does, or would do, with each object of another writer; and what of them nobody needs. Pure. */
export function planAdoption(sides: AdoptionSides): Adoption {
  const { cluster, management, snapshot, unread } = sides;
  const isEndpointOff = management.clusters.get(cluster)?.aceEnabled !== true;
  const tokens = snapshot.observed.foreignTokens();
  const items = [
    ...tokens.map((object) => tokenItem(object, isEndpointOff, sides)),
    ...sides.secrets.flatMap((secret) => secretItem(secret, isEndpointOff, sides)),
    ...(isEndpointOff ? snapshot.observed.foreignUsers().map((object) => userItem(object, sides)) : []),
  ];
  const isOn = management.propagations.get(cluster)?.spec.adopt ?? false;
  return { cluster, isEndpointOff, isOn, items, unread };
}

function tokenItem(object: KubeObject, isEndpointOff: boolean, sides: AdoptionSides): AdoptionItem {
  const ofRancher = isByRancher(object);
  if (isEndpointOff) return itemOf(object, 'leftover', 'AceDisabled', ofRancher, sides);
  const { name } = object.metadata;
  const token = tokenOf(name, sides);
  if (!token) return itemOf(object, 'orphan', 'TokenNotFound', ofRancher && !sides.unread, sides);
  const user = sides.management.users.get(token.userName);
  const verdict = judgeToken(token, user, { cluster: sides.cluster, aceEnabled: true, nowMs: sides.nowMs });
  const step = intentOf(verdict);
  const secret = sides.secrets.find((one) => one.object.metadata.name === name);
  if (step === 'adopt' && secret && !secret.isHash)
    return itemOf(object, 'conflict', 'NotAHash', false, sides);
  return itemOf(object, step, verdict.wanted ? undefined : verdict.reason, false, sides);
}

/** Of others' Secrets only what may be the hash of a token concerns anybody here. */
function secretItem(secret: ForeignSecret, isEndpointOff: boolean, sides: AdoptionSides): AdoptionItem[] {
  const { object, isHash, isPlain, createdAtMs } = secret;
  const { name } = object.metadata;
  const owner = sides.snapshot.observed.tokens.get(name)?.object;
  const item = (step: AdoptionStep, reason: AdoptionReason, isRemovable: boolean): AdoptionItem[] => [
    { ...itemOf(object, step, reason, isRemovable && isPlain, sides), createdAtMs },
  ];
  if (!isHash) return [];
  const isOwners = owner !== undefined && isByRancher(owner) && !sides.snapshot.observed.isOurs(owner);
  if (owner !== undefined && !isOwners) return [];
  if (isEndpointOff) return item('leftover', 'AceDisabled', true);
  if (tokenOf(name, sides)) return [];
  return owner === undefined
    ? item('leftover', 'PairIncomplete', !sides.unread)
    : item('orphan', 'TokenNotFound', !sides.unread);
}

function userItem(object: KubeObject, sides: AdoptionSides): AdoptionItem {
  return itemOf(object, 'leftover', 'AceDisabled', isByRancher(object), sides);
}

function tokenOf(name: string, { management, cluster, nowMs }: AdoptionSides): Token | undefined {
  return management.token(name, cluster, nowMs);
}

function itemOf(
  object: KubeObject,
  step: AdoptionStep,
  reason: AdoptionReason | undefined,
  isRemovable: boolean,
  { snapshot }: AdoptionSides,
): AdoptionItem {
  const { hash: _hash, data: _data, ...shown } = object;
  return {
    ...{ object: shown, step, reason, isRemovable },
    isByRancher: isByRancher(object),
    createdAtMs: snapshot.createdAtMs.get(object.metadata.uid ?? ''),
    lastUsedAtMs:
      object.kind === 'ClusterAuthToken' ? snapshot.lastUsedAtMs.get(object.metadata.name) : undefined,
  };
}
