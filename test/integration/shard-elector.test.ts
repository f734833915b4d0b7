import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LEASE, LEASES } from '../../src/api/names.ts';
import type { LeaseTiming } from '../../src/kube/candidacy.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { Elector } from '../../src/kube/elector.ts';
import { managementAccess } from '../../src/kube/management-access.ts';
import { ShardElector } from '../../src/kube/sharding/shard-elector.ts';
import { Transport } from '../../src/kube/transport.ts';
import { type ControlPlane, startControlPlane } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { type PlaneClient, planeClient } from '../support/plane-client.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { proxiedKubeconfig } from '../support/world.ts';

const NAMESPACE = 'ace-operator';
const SHARDS = 64;
const TIMING: LeaseTiming = { leaseMs: 5_000, renewMs: 3_500, retryMs: 700 };
const PATIENCE = { timeoutMs: 30_000, intervalMs: 20 };

interface Replica {
  readonly name: string;
  readonly elector: ShardElector;
  readonly proxy: TcpProxy;
  readonly transport: Transport;
  readonly told: { readonly elected: boolean; readonly shards: ReadonlySet<number> };
  requests: number;
}

/** Looks at all fences all the time: who owns what, for how long nobody does, and whether ever two do. */
class Observer {
  readonly meetings: string[] = [];
  readonly #replicas: readonly Replica[];
  readonly #ownerless = new Map<number, number>();
  #longestMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(replicas: readonly Replica[]) {
    this.#replicas = replicas;
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), 10);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The longest time that any shard was without owner since this was asked for last. */
  takeLongestMs(): number {
    this.#look();
    const now = performance.now();
    const running = [...this.#ownerless.values()].map((sinceMs) => now - sinceMs);
    const longest = Math.max(this.#longestMs, ...running);
    this.#longestMs = 0;
    return longest;
  }

  #look(): void {
    const now = performance.now();
    for (let shard = 0; shard < SHARDS; shard += 1) {
      const owners = this.#replicas.filter(({ elector }) => elector.owns(shard));
      if (owners.length > 1) this.meetings.push(`${shard}: ${owners.map(({ name }) => name).join(' and ')}`);
      const sinceMs = this.#ownerless.get(shard);
      if (owners.length === 0) this.#ownerless.set(shard, sinceMs ?? now);
      else if (sinceMs !== undefined) {
        this.#longestMs = Math.max(this.#longestMs, now - sinceMs);
        this.#ownerless.delete(shard);
      }
    }
  }
}

describe('replicas that divide shards by Leases', () => {
  let plane: ControlPlane;
  let admin: PlaneClient;
  let started = 0;
  const replicas: Replica[] = [];
  const all: Replica[] = [];
  const errors: unknown[] = [];
  const observer = new Observer(all);

  const open = async (): Promise<{ proxy: TcpProxy; transport: Transport }> => {
    const proxy = await startTcpProxy(plane.url);
    const access = await managementAccess(await proxiedKubeconfig(plane, proxy));
    const transport = new Transport(access, { connections: 8, timeoutMs: 10_000, userAgent: 'ace-tests' });
    return { proxy, transport };
  };
  const start = async (shards = SHARDS): Promise<Replica> => {
    started += 1;
    const name = `replica-${started}`;
    const { proxy, transport } = await open();
    const own = new Set<number>();
    const told = { elected: false, shards: own };
    const client = new KubeClient(transport, () => {
      replica.requests += 1;
    });
    const elector = new ShardElector({
      ...{ client, namespace: NAMESPACE, name: LEASE, identity: name, timing: TIMING, shards },
      listener: {
        elected() {
          told.elected = true;
        },
        lost() {
          told.elected = false;
          own.clear();
        },
        acquired(shards) {
          expect(told.elected).toBe(true);
          for (const shard of shards) own.add(shard);
        },
        async release(shards) {
          expect(shards.some((shard) => elector.owns(shard))).toBe(false);
          await delay(20);
          for (const shard of shards) own.delete(shard);
        },
      },
      onError: (error) => errors.push(error),
      makeNamespace: async () => {},
    });
    const replica: Replica = { name, elector, proxy, transport, told, requests: 0 };
    replicas.push(replica);
    all.push(replica);
    elector.start();
    return replica;
  };
  const ownedBy = ({ elector }: Replica): readonly number[] =>
    Array.from({ length: SHARDS }, (_, shard) => shard).filter((shard) => elector.owns(shard));
  const owners = (): readonly (string | undefined)[] =>
    Array.from({ length: SHARDS }, (_, shard) => all.find(({ elector }) => elector.owns(shard))?.name);
  const settled = (): Promise<readonly (string | undefined)[]> =>
    eventually(() => {
      const counts = replicas.map((replica) => ownedBy(replica).length);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(SHARDS);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      for (const replica of replicas)
        expect([...replica.told.shards].sort(byNumber)).toEqual(ownedBy(replica));
      return owners();
    }, PATIENCE);
  const gone = (replica: Replica): void => {
    replicas.splice(replicas.indexOf(replica), 1);
  };
  const moved = (before: readonly unknown[], after: readonly unknown[]): number =>
    before.filter((owner, shard) => owner !== after[shard]).length;
  const single = async (name: string): Promise<{ elector: Elector; close: () => Promise<void> }> => {
    const { proxy, transport } = await open();
    const elector = new Elector({
      ...{
        client: new KubeClient(transport),
        namespace: NAMESPACE,
        name: LEASE,
        identity: name,
        timing: TIMING,
      },
      listener: { elected: () => {}, lost: () => {} },
      onError: (error) => errors.push(error),
      makeNamespace: async () => {},
    });
    elector.start();
    return {
      elector,
      async close() {
        await transport.close();
        await proxy.close();
      },
    };
  };

  beforeAll(async () => {
    plane = await startControlPlane({ name: 'shards' });
    admin = await planeClient(plane);
    await admin.create(
      { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false },
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    );
    observer.start();
  });
  afterAll(async () => {
    observer.stop();
    await Promise.all(replicas.map(({ elector }) => elector.stop(async () => {})));
    for (const { transport, proxy } of all) {
      await transport.close();
      await proxy.close();
    }
    await admin.close();
    await plane.stop();
  });

  test('three that start together share all shards evenly', async () => {
    const startMs = performance.now();
    await Promise.all([start(), start(), start()]);
    await settled();
    console.info(`three share ${SHARDS} shards after ${Math.round(performance.now() - startMs)} ms`);
    const seen = replicas[0]?.elector.ownership() ?? [];
    expect(seen.map(({ shard }) => shard)).toEqual(Array.from({ length: SHARDS }, (_, shard) => shard));
    expect(Math.abs(Date.now() - (seen[0]?.sinceMs ?? 0))).toBeLessThan(60_000);
  });

  test('ask little when nothing changes', async () => {
    await delay(3_000);
    const before = replicas.map(({ requests }) => requests);
    const moves = replicas.map(({ elector }) => ({ ...elector.moves }));
    await delay(10_000);
    const asked = replicas.map(({ requests }, index) => requests - (before[index] ?? 0));
    const total = asked.reduce((sum, count) => sum + count, 0) / 10;
    console.info(`requests of three members at rest, lease 5 s: ${total} a second`);
    // Of each: its own Lease and a list; of all together: the layout's; and a watch now and then.
    const { retryMs, renewMs } = TIMING;
    expect(total).toBeLessThan(1.3 * (3_000 / retryMs + 3_000 / (renewMs / 3) + 1_000 / retryMs));
    expect(replicas.map(({ elector }) => elector.moves)).toEqual(moves);
  });

  test('have the shards of one that is killed within the lease and two seconds, and no others move', async () => {
    const before = await settled();
    const victim = replicas[1] as Replica;
    const lost = ownedBy(victim).length;
    observer.takeLongestMs();
    const startMs = performance.now();
    await victim.proxy.refuse();
    gone(victim);
    const after = await settled();
    console.info(`killed → all have an owner: ${Math.round(performance.now() - startMs)} ms, ${lost} moved`);
    expect(performance.now() - startMs).toBeLessThan(TIMING.leaseMs + 2_000);
    expect(moved(before, after)).toBe(lost);
    expect(lost).toBeLessThanOrEqual(0.4 * SHARDS);
    expect(victim.told.elected).toBe(false);
  });

  test('give one that joins its even part, a few at a time', async () => {
    const before = await settled();
    observer.takeLongestMs();
    const startMs = performance.now();
    await start();
    const after = await settled();
    const ownerlessMs = Math.round(observer.takeLongestMs());
    console.info(
      `joined: ${moved(before, after)} moved in ${Math.round(performance.now() - startMs)} ms, each without owner at most ${ownerlessMs} ms`,
    );
    expect(moved(before, after)).toBeLessThanOrEqual(0.4 * SHARDS);
    expect(ownerlessMs).toBeLessThan(TIMING.leaseMs);
  });

  test('have the shards of one that ends in order within a second', async () => {
    const before = await settled();
    const leaver = replicas[0] as Replica;
    const own = ownedBy(leaver).length;
    observer.takeLongestMs();
    const stopped = leaver.elector.stop(() => delay(100));
    gone(leaver);
    const after = await settled();
    await stopped;
    const ownerlessMs = Math.round(observer.takeLongestMs());
    console.info(`ended in order: ${own} moved, each without owner at most ${ownerlessMs} ms`);
    expect(ownerlessMs).toBeLessThan(1_000);
    expect(moved(before, after)).toBe(own);
    await start();
    await settled();
  });

  test('put back the Leases that somebody deletes, and nobody else acts for them meanwhile', async () => {
    const moves = (): number => replicas.reduce((sum, { elector }) => sum + elector.moves.lost, 0);
    await settled();
    const lost = moves();
    const startMs = performance.now();
    await admin.remove(LEASES, `${LEASE}-shard-5`, NAMESPACE);
    await admin.remove(LEASES, LEASE, NAMESPACE);
    const members = (await admin.list(LEASES, NAMESPACE))
      .map(({ metadata }) => String(metadata.name))
      .filter((name) => name.startsWith(`${LEASE}-replica-`));
    await admin.remove(LEASES, members[0] as string, NAMESPACE);
    await eventually(() => expect(moves()).toBe(lost + 1), PATIENCE);
    await settled();
    console.info(`Leases deleted → all have an owner: ${Math.round(performance.now() - startMs)} ms`);
    expect(performance.now() - startMs).toBeLessThan(TIMING.leaseMs + 2_000);
    expect(moves()).toBe(lost + 1);
  });

  test('let no single leader beside them, nor replicas with another number of shards, until all have ended', async () => {
    const leader = await single('single');
    const other = await start(8);
    gone(other);
    await delay(TIMING.leaseMs + 2_000);
    expect([leader.elector.mayWrite(), other.elector.mayWrite()]).toEqual([false, false]);
    await settled();
    await other.elector.stop(async () => {});

    const startMs = performance.now();
    await Promise.all(replicas.splice(0).map(({ elector }) => elector.stop(async () => {})));
    await eventually(() => expect(leader.elector.mayWrite()).toBe(true), PATIENCE);
    console.info(`last member ended → single leader leads: ${Math.round(performance.now() - startMs)} ms`);
    const next = await start(8);
    gone(next);
    await delay(TIMING.leaseMs + 2_000);
    expect([leader.elector.mayWrite(), next.elector.mayWrite()]).toEqual([true, false]);
    await leader.elector.stop(async () => {});
    await eventually(() => {
      for (let shard = 0; shard < 8; shard += 1) expect(next.elector.owns(shard)).toBe(true);
    }, PATIENCE);
    await next.elector.stop(async () => {});
    await leader.close();
  });

  test('were never two for one shard', () => {
    expect(observer.meetings).toEqual([]);
    const unexpected = errors.filter(
      (error) => !/ECONNRESET|ECONNREFUSED|closed|connection/i.test(String(error)),
    );
    expect(unexpected).toEqual([]);
  });
});

function byNumber(a: number, b: number): number {
  return a - b;
}
