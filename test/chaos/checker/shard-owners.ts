import { createHash } from 'node:crypto';
import type { ProgramWrite } from '../messages.ts';
import { isLease } from './leaders.ts';

/** A request that was sent before a pause or a loss may be read a moment after it. */
const TOLERANCE_MS = 750;

interface Owner {
  readonly identity: string;
  readonly sinceMs: number;
}

/** Who had which shard, by the Leases that were written; and who wrote for a cluster that another had. */
export class ShardOwners {
  readonly #shards: number;
  readonly #leaseMs: number;
  /** By the identity that stands in the Leases. */
  readonly #programs = new Map<string, string>();
  readonly #renewedMs = new Map<string, number>();
  /** The newest first, by shard. */
  readonly #owners = new Map<number, readonly Owner[]>();
  /** Ids under which a place was registered, as far as anybody wrote about them. */
  readonly #ids = new Map<string, Set<string>>();

  constructor(shards: number, leaseMs: number) {
    this.#shards = shards;
    this.#leaseMs = leaseMs;
  }

  /** Writes in the order in which they arrived. @returns what is wrong with it */
  saw(write: ProgramWrite): string | undefined {
    const { program, atMs } = write;
    if (program === undefined) return undefined;
    if (isLease(write)) {
      this.#follow(write, program);
      return undefined;
    }
    const ids = this.#idsOf(write);
    if (ids.length === 0) return undefined;
    const where = `${write.method} ${write.plane}${write.path.split('?')[0]}`;
    const owners = ids.flatMap((id) => this.#ownersAt(shardOf(id, this.#shards), atMs));
    const own = owners.find(({ identity }) => this.#programs.get(identity) === program);
    if (!own) {
      const others = owners.map(({ identity }) => this.#programs.get(identity) ?? identity).join(' or ');
      return `${program} writes for a cluster that ${others || 'nobody'} has: ${where}`;
    }
    const lateMs = atMs - (this.#renewedMs.get(own.identity) ?? 0);
    if (lateMs > this.#leaseMs + TOLERANCE_MS)
      return `${program} writes ${lateMs} ms after it last renewed its Lease: ${where}`;
    return undefined;
  }

  /** Whoever has it, and whoever gave it up or lost it a moment ago. */
  #ownersAt(shard: number, atMs: number): readonly Owner[] {
    const all = this.#owners.get(shard) ?? [];
    return all.filter((_, index) => index === 0 || (all[index - 1]?.sinceMs ?? 0) > atMs - TOLERANCE_MS);
  }

  #follow({ path, body, status, atMs }: ProgramWrite, program: string): void {
    if (status === undefined || status >= 300) return;
    const { metadata, spec } = JSON.parse(body || '{}');
    const name: string = metadata?.name ?? path.split('?')[0]?.split('/').at(-1) ?? '';
    const identity: string = spec?.holderIdentity ?? '';
    // Vacant, in order or because its holder is dead.
    if (identity === '') return;
    if (name.includes('-replica-')) {
      this.#programs.set(identity, program);
      this.#renewedMs.set(identity, atMs);
    }
    const shard = /-shard-(\d+)$/.exec(name)?.[1];
    if (shard === undefined) return;
    const before = this.#owners.get(Number(shard)) ?? [];
    this.#owners.set(Number(shard), [{ identity, sinceMs: atMs }, ...before].slice(0, 5));
  }

  /** Of the cluster that it is about; none where it is about no single one. */
  #idsOf({ plane, path }: ProgramWrite): readonly string[] {
    if (plane !== 'management') return [plane, ...(this.#ids.get(plane) ?? [])];
    const id =
      /\/(?:clusterpropagations\/|configmaps\/ace-operator-debts-|secrets\/ace-operator-way-)([^/?]+)/.exec(
        path,
      )?.[1];
    if (id === undefined) return [];
    const place = id.split('-again-')[0] ?? id;
    this.#ids.set(place, (this.#ids.get(place) ?? new Set()).add(id));
    return [id];
  }
}

/** As the programs hash clusters into shards: the first 48 bits of the SHA-256 of the id. */
function shardOf(id: string, shards: number): number {
  return createHash('sha256').update(id).digest().readUIntBE(0, 6) % shards;
}
