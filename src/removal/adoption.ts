import type { TokenReason } from '../api/reasons.ts';
import type { Cluster, KubeObject, Token, User } from '../api/types.ts';
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
  | 'NotAHash'
  /** Its hash Secret takes no marks, so that adoption leaves both. */
  | 'Immutable';

/**
 * A cluster's authorized endpoint. `off`: nothing is wanted there for it, and adoption is not asked; `unknown`: its Cluster does
 * not say so in a way that can be read, and nothing is removable.
 */
type Endpoint = 'on' | 'off' | 'unknown';

/** What adoption makes of a cluster. */
export interface Adoption {
  readonly cluster: string;
  readonly endpoint: Endpoint;
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
  /** It holds one key, `hash`, with the hash of a token in a known format: adoption could take it over, unless it is immutable. */
  readonly isHash: boolean;
  /** And as Rancher writes it: in one of its own formats, without labels, annotations and owners. */
  readonly isRanchers: boolean;
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
  const endpoint = endpointOf(management.clusters.get(cluster));
  const isOff = endpoint === 'off';
  const pairs = [
    ...snapshot.observed.foreignTokens().map((object) => tokenItem(object, isOff, sides)),
    ...sides.secrets.flatMap((secret) => secretItem(secret, isOff, sides)),
  ];
  const found = isOff ? [...pairs, ...userItems(pairs, sides)] : pairs;
  const items = endpoint === 'unknown' ? found.map((item) => ({ ...item, isRemovable: false })) : found;
  const isOn = management.propagations.get(cluster)?.spec.adopt ?? false;
  return { cluster, endpoint, isOn, items, unread };
}

function endpointOf(cluster: Cluster | undefined): Endpoint {
  if (cluster?.aceEnabled === undefined) return 'unknown';
  return cluster.aceEnabled ? 'on' : 'off';
}

/**
 * Whether a token is wanted in the cluster that it names. It may be let in by a pair that is looked at as another cluster's: two
 * Clusters may lead to one API server. Pure.
 *
 * @param cluster - the one that it names
 */
export function isGoodAtHome(
  token: Token,
  user: User | undefined,
  cluster: Cluster | undefined,
  nowMs: number,
): boolean {
  if (!cluster || cluster.aceEnabled === false) return false;
  return judgeToken(token, user, { cluster: cluster.name, aceEnabled: true, nowMs }).wanted;
}

function isNeeded(name: string, { management, nowMs }: AdoptionSides): boolean {
  return management
    .tokensNamed(name)
    .some((token) =>
      isGoodAtHome(
        token,
        management.users.get(token.userName),
        management.clusters.get(token.clusterName),
        nowMs,
      ),
    );
}

/** Part of a pair in a cluster whose endpoint is off. */
function pairItem(object: KubeObject, isRanchers: boolean, sides: AdoptionSides): AdoptionItem {
  if (isNeeded(object.metadata.name, sides)) return itemOf(object, 'leave', 'OtherCluster', false, sides);
  return itemOf(object, 'leftover', 'AceDisabled', isRanchers && !sides.unread, sides);
}

function tokenItem(object: KubeObject, isEndpointOff: boolean, sides: AdoptionSides): AdoptionItem {
  const ofRancher = isByRancher(object);
  if (isEndpointOff) return pairItem(object, ofRancher, sides);
  const { name } = object.metadata;
  const token = tokenOf(name, sides);
  if (!token) return itemOf(object, 'orphan', 'TokenNotFound', ofRancher && !sides.unread, sides);
  const user = sides.management.users.get(token.userName);
  const verdict = judgeToken(token, user, { cluster: sides.cluster, aceEnabled: true, nowMs: sides.nowMs });
  const step = intentOf(verdict);
  const obstacle = step === 'adopt' ? obstacleTo(name, sides) : undefined;
  if (obstacle) return itemOf(object, 'conflict', obstacle, false, sides);
  return itemOf(object, step, verdict.wanted ? undefined : verdict.reason, false, sides);
}

/** What keeps adoption from a Secret that it needs. Where the spec has hashes inline, it needs none. */
function obstacleTo(
  name: string,
  { cluster, management, secrets }: AdoptionSides,
): AdoptionReason | undefined {
  const secret = secrets.find((one) => one.object.metadata.name === name);
  if (!secret || management.propagations.get(cluster)?.spec.storage === 'inline') return undefined;
  if (!secret.isHash) return 'NotAHash';
  return secret.object['immutable'] === true ? 'Immutable' : undefined;
}

/** Of others' Secrets only what may be the hash of a token concerns anybody here. */
function secretItem(secret: ForeignSecret, isEndpointOff: boolean, sides: AdoptionSides): AdoptionItem[] {
  const { object, isHash, isRanchers, createdAtMs } = secret;
  const { name } = object.metadata;
  const owner = sides.snapshot.observed.tokens.get(name)?.object;
  const item = (step: AdoptionStep, reason: AdoptionReason, isRemovable: boolean): AdoptionItem[] => [
    { ...itemOf(object, step, reason, isRemovable && isRanchers, sides), createdAtMs },
  ];
  if (!isHash) return [];
  const isOwners = owner !== undefined && isByRancher(owner) && !sides.snapshot.observed.isOurs(owner);
  if (owner !== undefined && !isOwners) return [];
  if (isEndpointOff) return [{ ...pairItem(object, isRanchers, sides), createdAtMs }];
  if (tokenOf(name, sides)) return [];
  return owner === undefined
    ? item('leftover', 'PairIncomplete', !sides.unread)
    : item('orphan', 'TokenNotFound', !sides.unread);
}

/** Tokens that stay are judged by what their users may: by all of these, as long as one is good for another cluster. */
function userItems(pairs: readonly AdoptionItem[], sides: AdoptionSides): readonly AdoptionItem[] {
  const { observed } = sides.snapshot;
  const isKept = pairs.some(({ step }) => step === 'leave');
  const gone = new Set(
    pairs.filter(({ isRemovable }) => isRemovable).map(({ object }) => object.metadata.uid),
  );
  const users = new Set(
    [...observed.tokens.list()]
      .map(({ object }) => object)
      .filter((object) => !gone.has(object.metadata.uid) && !observed.isOurs(object))
      .map((object) => object['userName']),
  );
  return observed.foreignUsers().map((object) => {
    if (isKept) return itemOf(object, 'leave', 'OtherCluster', false, sides);
    const isRemovable = isByRancher(object) && !users.has(object.metadata.name);
    return itemOf(object, 'leftover', 'AceDisabled', isRemovable, sides);
  });
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
