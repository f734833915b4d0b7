import { createHash } from 'node:crypto';
import { ANNOTATION_PUT_BACK, ANNOTATION_SHARDS, LABEL_COMPONENT } from '../../api/names.ts';
import type { Identified, KubeObject } from '../../api/types.ts';
import { type LeaseClaim, type LeaseRecord, leaseObject, parseLease } from '../lease.ts';

/** A Lease that has a part in the division of the shards. */
export interface ShardingLease extends LeaseRecord, Identified {
  /** Number of shards of the layout that it was written for; 0 where it does not say. */
  readonly shards: number;
  /** Put back where one was deleted: nobody may act by it yet. */
  readonly isPutBack: boolean;
}

/** All Leases of the division, as one list told them. */
export interface Leases {
  /** The one that a single leader holds, too. */
  readonly layout: ShardingLease | undefined;
  /** By name. */
  readonly members: ReadonlyMap<string, ShardingLease>;
  readonly shards: ReadonlyMap<number, ShardingLease>;
}

/** The Lease that is to be there next. */
export interface ShardingClaim extends LeaseClaim {
  readonly component: 'leader' | 'replica' | 'shard';
  readonly shards: number;
  readonly isPutBack: boolean;
}

/** What all members of one layout hold together; to everybody else it is a holder like any other. */
export const layoutHolder = (shards: number): string => `shards/${shards}`;

export const shardLeaseName = (base: string, shard: number): string => `${base}-shard-${shard}`;

/** The process whose membership an identity is. */
export function processOf(identity: string): string {
  const end = identity.lastIndexOf('#');
  return end < 0 ? identity : identity.slice(0, end);
}

/** Under a name of its own for each process, whatever its identity is made of. */
export function memberLeaseName(base: string, process: string): string {
  return `${base}-replica-${createHash('sha256').update(process).digest('hex').slice(0, 12)}`;
}

/** Never throws: a Lease that somebody emptied is vacant. */
export function parseShardingLease(raw: unknown): ShardingLease {
  const record = parseLease(raw);
  const { name, namespace = '', uid = '', annotations } = record.object.metadata;
  const shards = Number(annotations?.[ANNOTATION_SHARDS] ?? 0);
  return {
    ...record,
    ...{ name, namespace, uid },
    shards: Number.isInteger(shards) ? shards : 0,
    isPutBack: annotations?.[ANNOTATION_PUT_BACK] === 'true',
  };
}

/** The Leases of the division among all those of a namespace. */
export function leasesOf(base: string, records: Iterable<ShardingLease>): Leases {
  let layout: ShardingLease | undefined;
  const members = new Map<string, ShardingLease>();
  const shards = new Map<number, ShardingLease>();
  for (const record of records) {
    const shard = shardIn(base, record.name);
    if (record.name === base) layout = record;
    else if (record.name.startsWith(`${base}-replica-`)) members.set(record.name, record);
    else if (shard !== undefined) shards.set(shard, record);
  }
  return { layout, members, shards };
}

/** undefined: it is no shard's Lease. */
export function shardIn(base: string, name: string): number | undefined {
  const prefix = `${base}-shard-`;
  if (!name.startsWith(prefix)) return undefined;
  const shard = Number(name.slice(prefix.length));
  return Number.isInteger(shard) && shardLeaseName(base, shard) === name ? shard : undefined;
}

/** The Lease to write; see {@link leaseObject}. */
export function shardingObject(claim: ShardingClaim, before?: LeaseRecord): KubeObject {
  const object = leaseObject(claim, before);
  const { [ANNOTATION_PUT_BACK]: _, ...annotations } = object.metadata.annotations ?? {};
  return {
    ...object,
    metadata: {
      ...object.metadata,
      labels: { ...object.metadata.labels, [LABEL_COMPONENT]: claim.component },
      annotations: {
        ...annotations,
        [ANNOTATION_SHARDS]: String(claim.shards),
        ...(claim.isPutBack ? { [ANNOTATION_PUT_BACK]: 'true' } : {}),
      },
    },
  };
}
