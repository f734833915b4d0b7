import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS, NAMESPACES, SECRETS } from '../../src/api/names.ts';
import { shardOf } from '../../src/kube/sharding/layout.ts';
import { ownerOfConnection } from '../chaos/scene/whose-port.ts';
import { eventually } from '../support/eventually.ts';
import { type Fleet, type FleetWrite, startFleet } from '../support/fleet-proxy.ts';
import { type OperatorProcess, startOperator } from '../support/operator-process.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { type Downstream, proxiedKubeconfig, startWorld, type World } from '../support/world.ts';

const SHARDS = 16;
const CLUSTERS = Array.from({ length: 24 }, (_, index) => `f-${String(index).padStart(2, '0')}`);
const LEASE_MS = 5_000;
const FLAGS = [
  ...['--leader-elect=true', `--shards=${SHARDS}`, '--leader-elect-lease-duration=5s'],
  ...['--leader-elect-renew-deadline=3s', '--leader-elect-retry-period=1s', '--hash-algorithm=sha3-512'],
];
const PATIENCE = { timeoutMs: 60_000, intervalMs: 100 };

/** One replica, and the wire between it and the management plane. */
interface Replica {
  readonly process: OperatorProcess;
  readonly proxy: TcpProxy;
}

/** A write, and the process that sent it. */
interface Attributed extends FleetWrite {
  readonly pid: number | undefined;
}

describe('replicas that divide clusters by shards', () => {
  let world: World;
  let downstream: Downstream;
  let fleet: Fleet;
  let replicas: Replica[] = [];
  const writes: Attributed[] = [];
  const pidOf = new Map<number, number | undefined>();

  const start = async (): Promise<Replica> => {
    const { plane } = world.management;
    const proxy = await startTcpProxy(plane.url);
    const process = await startOperator(await proxiedKubeconfig(plane, proxy), FLAGS);
    const replica = { process, proxy };
    replicas.push(replica);
    return replica;
  };
  const owned = async ({ process }: Replica): Promise<readonly number[]> => {
    const { body } = await process.http('/metrics');
    return [...body.matchAll(/^ace_shard_owner\{shard="(\d+)"\} 1$/gm)].map(([, shard]) => Number(shard));
  };
  /** Replicas by shard, once each shard has one and no replica has more than its part. */
  const divided = (): Promise<ReadonlyMap<number, Replica>> =>
    eventually(async () => {
      const owners = new Map<number, Replica>();
      let count = 0;
      for (const replica of replicas) {
        const shards = await owned(replica);
        expect(shards.length).toBeLessThanOrEqual(Math.ceil(SHARDS / replicas.length));
        count += shards.length;
        for (const shard of shards) owners.set(shard, replica);
      }
      expect([count, owners.size]).toEqual([SHARDS, SHARDS]);
      return owners;
    }, PATIENCE);
  const of = (replica: Replica, owners: ReadonlyMap<number, Replica>): readonly string[] =>
    CLUSTERS.filter((cluster) => owners.get(shardOf(cluster, SHARDS)) === replica);
  const tokensIn = async (cluster: string): Promise<readonly string[]> =>
    (await downstream.list(CLUSTER_AUTH_TOKENS, cluster)).map(({ metadata }) => metadata.name).sort();
  const revokedEverywhere = async (name: string, clusters: readonly string[]): Promise<void> => {
    await Promise.all(clusters.map((cluster) => world.deleteToken(`${name}-${cluster}`)));
    await eventually(() => nothingLeft(name, clusters), PATIENCE);
  };
  /** The Secret goes last: what is written after it was not written for this. */
  const nothingLeft = async (name: string, clusters: readonly string[]): Promise<void> => {
    for (const cluster of clusters) {
      expect(await tokensIn(cluster)).not.toContain(`${name}-${cluster}`);
      const secrets = await downstream.list(SECRETS, cluster);
      expect(secrets.map(({ metadata }) => metadata.name)).not.toContain(`${name}-${cluster}`);
    }
  };
  const moved = (before: ReadonlyMap<number, Replica>, after: ReadonlyMap<number, Replica>): number =>
    [...before].filter(([shard, replica]) => after.get(shard) !== replica).length;
  /** How many must move when it goes. Two that take them at the same moment may take one too many, and give it back. */
  const partOf = (replica: Replica, owners: ReadonlyMap<number, Replica>): number =>
    [...owners.values()].filter((one) => one === replica).length;
  const keep = (replica: Replica): void => {
    replicas = replicas.filter((one) => one !== replica);
  };

  beforeAll(async () => {
    world = await startWorld({ clusters: ['fleet'] });
    downstream = world.cluster('fleet');
    let serverPort = 0;
    const whose = (port: number): number | undefined => {
      const pids = replicas.map(({ process }) => process.pid);
      return ownerOfConnection({ port, serverPort }, pids);
    };
    fleet = await startFleet(downstream.plane, {
      // While the connection is new, since who sent a write may be killed before it is answered; and again at the write,
      // since a replica connects before it is ready, which is when it is one of ours.
      onConnection: (port, ownPort) => {
        serverPort = ownPort;
        pidOf.set(port, whose(port));
      },
      onWrite: (write) =>
        writes.push({ ...write, pid: pidOf.get(write.clientPort) ?? whose(write.clientPort) }),
    });
    await world.createUser('u-1', {}, ['group-a']);
    for (const cluster of CLUSTERS) {
      await downstream.create(NAMESPACES, {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: cluster },
      });
      await world.register(cluster, { credentials: false });
      await world.setCredentials(cluster, { kubeconfig: fleet.kubeconfig(cluster) });
      for (const name of ['a', 'b', 'c', 'd']) await world.createToken(`${name}-${cluster}`, cluster, 'u-1');
    }
    await Promise.all([start(), start(), start()]);
  });
  afterAll(async () => {
    for (const { process } of replicas) process.kill('SIGKILL');
    await fleet?.close();
    await world?.close();
  });

  test('carry all tokens, each cluster by the one replica that has its shard', async () => {
    await divided();
    await eventually(async () => {
      for (const cluster of CLUSTERS) expect(await tokensIn(cluster)).toHaveLength(4);
    }, PATIENCE);
    const before = await divided();
    const from = writes.length;
    await revokedEverywhere('a', CLUSTERS);
    const after = await divided();
    // On a busy machine a Lease may be lost, and a shard move, in between.
    const owners = (cluster: string): readonly (number | undefined)[] =>
      [before, after].map((one) => one.get(shardOf(cluster, SHARDS))?.process.pid);
    for (const { cluster, pid } of writes.slice(from)) expect(owners(cluster)).toContain(pid);
    expect(new Set(writes.slice(from).map(({ cluster }) => cluster)).size).toBe(CLUSTERS.length);
  });

  test('lose one to SIGKILL: the others keep theirs, take its part, and write nothing for that', async () => {
    const before = await divided();
    const [victim] = replicas;
    if (!victim) throw new Error('no replica');
    const orphans = of(victim, before);
    victim.process.kill('SIGKILL');
    keep(victim);
    const from = writes.length;
    const after = await divided();
    expect(moved(before, after)).toBeLessThanOrEqual(Math.ceil(SHARDS / 3));
    expect(moved(before, after)).toBeGreaterThanOrEqual(partOf(victim, before));
    await eventually(async () => {
      for (const { process } of replicas) expect(process.output()).toContain('shards acquired');
    }, PATIENCE);
    expect(writes.slice(from)).toEqual([]);
    await revokedEverywhere('b', CLUSTERS);
    expect(orphans.length).toBeGreaterThan(0);
  });

  test('give a new one its part, and no more, and write nothing for that', async () => {
    const before = await divided();
    const from = writes.length;
    const joined = await start();
    const after = await divided();
    expect((await owned(joined)).length).toBeGreaterThanOrEqual(Math.floor(SHARDS / 3));
    expect(moved(before, after)).toBeLessThanOrEqual(Math.ceil(SHARDS / 3));
    expect(writes.slice(from)).toEqual([]);
  });

  test('one that was stopped for longer than its Lease writes nothing when it goes on', async () => {
    const before = await divided();
    const [paused] = replicas;
    if (!paused) throw new Error('no replica');
    const orphans = of(paused, before);
    paused.process.kill('SIGSTOP');
    // What it would write is waiting for it.
    await Promise.all(orphans.map((cluster) => world.deleteToken(`c-${cluster}`)));
    await eventually(async () => {
      await nothingLeft('c', orphans);
    }, PATIENCE);
    const from = Date.now();
    paused.process.kill('SIGCONT');
    await divided();
    const late = writes.filter(({ atMs, pid }) => atMs >= from && pid === paused.process.pid);
    expect(late).toEqual([]);
    expect(await paused.process.metric('ace_shard_moves_total{move="lost"}')).toBeGreaterThan(0);
  });

  test('one that is cut off from the management plane writes nothing, and others do its work', async () => {
    const before = await divided();
    const [cut] = replicas;
    if (!cut) throw new Error('no replica');
    const orphans = of(cut, before);
    cut.proxy.blackhole();
    await new Promise((resolve) => setTimeout(resolve, LEASE_MS));
    const from = Date.now();
    await eventually(async () => expect(await owned(cut)).toEqual([]), PATIENCE);
    await revokedEverywhere('d', orphans);
    await cut.proxy.heal();
    await divided();
    expect(writes.filter(({ atMs, pid }) => atMs >= from && pid === cut.process.pid)).toEqual([]);
  });

  test('one that is ended in order leaves its part to the others at once', async () => {
    const before = await divided();
    const [leaving] = replicas;
    if (!leaving) throw new Error('no replica');
    const from = writes.length;
    expect(await leaving.process.stop()).toBe(0);
    keep(leaving);
    const after = await divided();
    expect(moved(before, after)).toBeGreaterThanOrEqual(partOf(leaving, before));
    expect(moved(before, after)).toBeLessThanOrEqual(Math.ceil(SHARDS / 3));
    expect(writes.slice(from)).toEqual([]);
  });
});
