import { ANNOTATION_VERSION, LEASE, LEASES } from '../api/names.ts';
import {
  type Leases,
  layoutHolder,
  leasesOf,
  memberLeaseName,
  parseShardingLease,
  processOf,
  type ShardingLease,
} from '../kube/sharding/records.ts';
import type { ManagementPlane } from './management.ts';
import type { Reading } from './reading.ts';

/** How clusters are divided over replicas, as their Leases tell. */
export interface Division {
  readonly shards: number;
  /** Those that live, by name. */
  readonly replicas: readonly Replica[];
  /** The name of the replica that has each shard; undefined: nobody has it. */
  readonly owners: readonly (string | undefined)[];
}

export interface Replica {
  /** Of its Pod, where it runs in one. */
  readonly name: string;
  /** Its release; undefined: it does not say. */
  readonly version: string | undefined;
}

/** The clocks of replicas may differ by less than this, and a renewal be late. */
const TOLERANCE_MS = 60_000;

/** Into how many shards whoever holds the Lease divides the clusters; 0: it does everything. */
export function shardsOf(holder: string): number {
  const count = Number(/^shards\/(\d{1,3})$/.exec(holder)?.[1] ?? 0);
  return layoutHolder(count) === holder ? count : 0;
}

/** How the clusters are divided into so many shards. Takes the right to list the Leases of the operator's namespace. */
export async function readDivision(
  namespace: string,
  shards: number,
  management: ManagementPlane,
): Promise<Reading<Division>> {
  const read = await management.list(LEASES, parseShardingLease, { namespace });
  return read.ok ? { ok: true, value: divisionOf(leasesOf(LEASE, read.value), shards) } : read;
}

/** Pure. Who lives is judged by the Leases beside each other, so that no clock of ours has a part in it. */
export function divisionOf({ members, shards: of }: Leases, shards: number): Division {
  const held = [...members.values()].filter((lease) => lease.holder !== '' && lease.shards === shards);
  const newestMs = Math.max(0, ...held.map(renewedAtMs));
  const live = new Map(
    held
      .filter((lease) => renewedAtMs(lease) + lease.durationMs + TOLERANCE_MS >= newestMs)
      .map((lease) => [lease.holder, lease]),
  );
  const ownerOf = (lease: ShardingLease | undefined): string | undefined => {
    if (!lease || lease.isPutBack || lease.shards !== shards) return undefined;
    const member = live.get(lease.holder);
    const isTheirs = member?.name === memberLeaseName(LEASE, processOf(lease.holder));
    return isTheirs ? nameOf(lease.holder) : undefined;
  };
  return {
    shards,
    replicas: [...live.values()].map(replicaOf).sort((a, b) => (a.name < b.name ? -1 : 1)),
    owners: Array.from({ length: shards }, (_, shard) => ownerOf(of.get(shard))),
  };
}

function replicaOf({ holder, object }: ShardingLease): Replica {
  const version = object.metadata.annotations?.[ANNOTATION_VERSION];
  return { name: nameOf(holder), version: typeof version === 'string' ? version : undefined };
}

/** What stands before the part of an identity that is made anew at each start. */
function nameOf(holder: string): string {
  const process = processOf(holder);
  const end = process.lastIndexOf('_');
  return end > 0 ? process.slice(0, end) : process;
}

function renewedAtMs({ object }: ShardingLease): number {
  const { renewTime } = (object['spec'] ?? {}) as { renewTime?: unknown };
  return Date.parse(String(renewTime)) || 0;
}
