import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CLUSTERS, SECRETS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { NAMESPACE, proxiedKubeconfig, startWorld, type World } from '../support/world.ts';

/** How long a revocation may stay hidden behind a watch that lies. */
const LIMIT = { timeoutMs: 90_000, intervalMs: 100 };
const DOOMED = 50;

describe('a revocation that the watch did not tell', () => {
  let world: World;
  let upstream: TcpProxy;
  let quiet: TcpProxy;
  let doomed: readonly string[];
  let kept: readonly string[];

  beforeAll(async () => {
    world = await startWorld({ clusters: ['c-one', 'c-quiet'] });
    upstream = await startTcpProxy(world.management.plane.url);
    quiet = await startTcpProxy(world.cluster('c-quiet').plane.url);
    await world.register('c-one');
    await world.register('c-quiet', { server: quiet.url(world.cluster('c-quiet').plane.url) });
    await world.createUser('u-ada');
    kept = await world.createTokens('kept', 10, 'c-one', 'u-ada');
    await world.createTokens('quiet', 5, 'c-quiet', 'u-ada');
    await world.startOperator(['--kubeconfig', await proxiedKubeconfig(world.management.plane, upstream)]);
  });
  afterAll(async () => {
    await world.close();
    await Promise.all([upstream.close(), quiet.close()]);
  });

  beforeEach(async () => {
    doomed = await world.createTokens('doomed', DOOMED, 'c-one', 'u-ada');
    await world.waitSynced('c-one', `${kept.length + DOOMED}/${kept.length + DOOMED}`);
    await world.waitSynced('c-quiet', '5/5');
  });

  /** What happens upstream while the operator does not see it. @returns what has to be downstream in the end */
  async function change(prefix: string): Promise<readonly string[]> {
    const [created] = await Promise.all([
      world.createTokens(prefix, 10, 'c-one', 'u-ada'),
      ...doomed.map((name) => world.deleteToken(name)),
    ]);
    kept = [...kept, ...created].sort();
    return kept;
  }

  test('is carried out after the streams were cut', async () => {
    upstream.cut();
    const cuts = setInterval(() => upstream.cut(), 100);
    const wanted = await change('cut').finally(() => clearInterval(cuts));

    await eventually(async () => expect(await world.cluster('c-one').tokenNames()).toEqual(wanted), LIMIT);
    expect(await restarts(world, 'management', 'error')).toBeGreaterThan(0);
  });

  test('is carried out although its stream is half-open and silent, and drift is repaired likewise', async () => {
    upstream.strand();
    quiet.strand();
    const wanted = await change('stranded');
    for (const index of [0, 1, 2]) await dropHash(world, `quiet-${index}`);

    await eventually(async () => expect(await world.cluster('c-one').tokenNames()).toEqual(wanted), LIMIT);
    await eventually(async () => {
      for (const index of [0, 1, 2])
        expect(await world.cluster('c-quiet').hashSecret(`quiet-${index}`)).toBeDefined();
    }, LIMIT);
    // The connection gave no sign of life; where one cannot be asked for, the deadline of the watch ends it.
    const ends = ['error', 'deadline'].map((reason) => restarts(world, 'management', reason));
    expect(Math.max(...(await Promise.all(ends)))).toBeGreaterThan(0);
  });

  test('is carried out after the network came back from a partition', async () => {
    upstream.blackhole();
    quiet.blackhole();
    const wanted = await change('healed');
    await dropHash(world, 'quiet-0');
    await upstream.heal();
    await quiet.heal();

    await eventually(async () => expect(await world.cluster('c-one').tokenNames()).toEqual(wanted), LIMIT);
    await eventually(
      async () => expect(await world.cluster('c-quiet').hashSecret('quiet-0')).toBeDefined(),
      LIMIT,
    );
  });

  test('is carried out after the version it watched from was compacted away', async () => {
    const { plane } = world.management;
    for (const proxy of [upstream, quiet]) {
      proxy.cut();
      proxy.blackhole();
    }
    const wanted = await change('compacted');
    await dropHash(world, 'quiet-0');
    await compact(world.management.plane.etcdUrl, await currentRevision(world));
    // The watch cache would still know what etcd has forgotten.
    await Promise.all([plane.restartApiServer(), world.cluster('c-quiet').plane.restartApiServer()]);
    await Promise.all([upstream.heal(), quiet.heal()]);

    await eventually(async () => expect(await world.cluster('c-one').tokenNames()).toEqual(wanted), LIMIT);
    await eventually(
      async () => expect(await world.cluster('c-quiet').hashSecret('quiet-0')).toBeDefined(),
      LIMIT,
    );
    expect(await restarts(world, 'management', 'error')).toBeGreaterThan(0);
  });
});

async function restarts(world: World, cluster: string, reason: string): Promise<number> {
  const series = `ace_watch_restarts_total{ace_cluster="${cluster}",reason="${reason}"}`;
  return (await world.operator?.metric(series)) ?? 0;
}

async function dropHash(world: World, name: string): Promise<void> {
  await world.cluster('c-quiet').remove(SECRETS, name, NAMESPACE);
}

/** etcd's revision, which is what API servers call resourceVersion. */
async function currentRevision({ management }: World): Promise<number> {
  return Number((await management.client.list(CLUSTERS)).resourceVersion);
}

async function compact(etcdUrl: string, revision: number): Promise<void> {
  const body = JSON.stringify({ revision: String(revision), physical: true });
  const response = await fetch(`${etcdUrl}/v3/kv/compaction`, { method: 'POST', body });
  if (!response.ok) throw new Error(`compaction: ${response.status} ${await response.text()}`);
}
