import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LEASE, LEASES, NAMESPACES } from '../../src/api/names.ts';
import { auditedSoFar } from '../support/audited-so-far.ts';
import { eventually } from '../support/eventually.ts';
import { kubectlSays } from '../support/kubectl.ts';
import { type OperatorProcess, startOperator } from '../support/operator-process.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { OWN_NAMESPACE, proxiedKubeconfig, startWorld, type World } from '../support/world.ts';

const CLUSTER = 'c-one';
const LEASE_MS = 6_000;
const FLAGS = [
  '--leader-elect=true',
  '--leader-elect-lease-duration=6s',
  '--leader-elect-renew-deadline=4s',
  '--leader-elect-retry-period=1s',
];
const PATIENCE = { timeoutMs: 30_000, intervalMs: 50 };
const WRITES = ['create', 'update', 'patch', 'delete', 'deletecollection'];

/** One replica, and the wire between it and the management plane. */
interface Replica {
  readonly process: OperatorProcess;
  readonly proxy: TcpProxy;
}

describe('two replicas', () => {
  let world: World;
  const replicas: Replica[] = [];

  const start = async (): Promise<Replica> => {
    const { plane } = world.management;
    const proxy = await startTcpProxy(plane.url);
    const process = await startOperator(await proxiedKubeconfig(plane, proxy), FLAGS);
    const replica = { process, proxy };
    replicas.push(replica);
    return replica;
  };
  const holder = async (): Promise<string> => {
    const lease = await world.management.get(LEASES, LEASE, OWN_NAMESPACE);
    return String(lease?.spec?.holderIdentity ?? '');
  };
  const leads = async ({ process }: Replica): Promise<boolean> => (await process.metric('ace_leader')) === 1;
  const leaderOf = (candidates: readonly Replica[]): Promise<Replica> =>
    eventually(async () => {
      const leading = [];
      for (const replica of candidates) if (await leads(replica)) leading.push(replica);
      expect(leading).toHaveLength(1);
      return leading[0] as Replica;
    }, PATIENCE);
  const arrives = (name: string): Promise<void> =>
    eventually(async () => {
      expect(await world.cluster(CLUSTER).clusterAuthToken(name)).toBeDefined();
    }, PATIENCE);
  const leaves = (name: string): Promise<void> =>
    eventually(async () => {
      expect(await world.cluster(CLUSTER).clusterAuthToken(name)).toBeUndefined();
    }, PATIENCE);
  const downstreamWrites = async (): Promise<number> => {
    const cluster = world.cluster(CLUSTER);
    return (await auditedSoFar(cluster, cluster.plane)).filter(
      ({ verb, userAgent }) => WRITES.includes(verb) && userAgent.startsWith('ace-operator/'),
    ).length;
  };

  beforeAll(async () => {
    world = await startWorld({ clusters: [CLUSTER], downstream: { audit: true } });
    await world.createUser('u-ada');
    await world.register(CLUSTER);
  });
  afterAll(async () => {
    for (const { process, proxy } of replicas) {
      process.kill('SIGCONT');
      process.kill('SIGKILL');
      await proxy.close();
    }
    await world.close();
  });

  test('agree on one leader; the other is ready, has everything in its stores, and writes nothing', async () => {
    const [one, two] = [await start(), await start()];
    const leader = await leaderOf([one, two]);
    await world.createToken('first', CLUSTER, 'u-ada');
    await arrives('first');

    const standby = leader === one ? two : one;
    expect(await standby.process.http('/readyz?verbose')).toMatchObject({
      status: 200,
      body: '[+] management-synced ok\n[+] management-is-the-same ok\n[+] management-accepts-us ok\n[+] working-or-standing-by ok\n[+] installation-key-usable ok\n[+] everything-read ok',
    });
    const { body } = await standby.process.http('/metrics');
    expect(body).not.toMatch(/ace_api_requests_total\{.*verb="(post|put|patch|delete)"/);
    expect(body).not.toContain('ace_reconciles_total{');
  });

  test('change over when the leader is killed, once its Lease has run out', async () => {
    const leader = await leaderOf(replicas);
    const [before, startMs] = [await holder(), performance.now()];
    leader.process.kill('SIGKILL');
    replicas.splice(replicas.indexOf(leader), 1);
    await leader.proxy.close();
    await world.patchToken('first', { enabled: false });

    await leaves('first');
    const tookMs = performance.now() - startMs;
    expect(await holder()).not.toBe(before);
    // Not before: the one who was killed might have been merely slow.
    expect(tookMs).toBeGreaterThan(LEASE_MS - 1_500);
    console.info(
      `killed → revocation carried out by the other: ${Math.round(tookMs)} ms (lease ${LEASE_MS} ms)`,
    );
  });

  test('change over at once when the leader is told to end', async () => {
    const leader = await leaderOf(replicas);
    const other = await start();
    const startMs = performance.now();
    const ended = leader.process.stop();
    replicas.splice(replicas.indexOf(leader), 1);
    await world.createToken('second', CLUSTER, 'u-ada');

    await arrives('second');
    console.info(`SIGTERM → work done by the other: ${Math.round(performance.now() - startMs)} ms`);
    expect(await ended).toBe(0);
    await leader.proxy.close();
    expect(await leads(other)).toBe(true);
  });

  test('never both write: a leader that was stopped and wakes up has lost its right', async () => {
    const leader = (await leaderOf(replicas)) as Replica;
    const successor = await start();
    await world.setAce(CLUSTER, false);
    await world.waitCondition(CLUSTER, 'Drained', { status: 'True' });
    const names = await world.createTokens('burst', 1_000, CLUSTER, 'u-ada');
    await world.setAce(CLUSTER, true);
    // In the middle of its work, with writes decided, queued and on their way.
    await eventually(async () => {
      expect((await world.cluster(CLUSTER).tokenNames()).length).toBeGreaterThan(20);
    }, PATIENCE);
    leader.process.kill('SIGSTOP');
    expect((await world.cluster(CLUSTER).tokenNames()).length).toBeLessThan(900);
    await eventually(async () => expect(await leads(successor)).toBe(true), PATIENCE);
    await Promise.all(names.map((name) => world.deleteToken(name)));
    await eventually(async () => {
      expect(await world.cluster(CLUSTER).tokenNames()).toEqual(['second']);
    }, PATIENCE);
    await world.waitSynced(CLUSTER, '1/1');

    const before = await downstreamWrites();
    const successorsBefore = await writesOf(successor);
    leader.process.kill('SIGCONT');
    await eventually(() => {
      expect(leader.process.logs()).toContainEqual(expect.objectContaining({ message: 'no longer leading' }));
    }, PATIENCE);
    await world.createToken('after', CLUSTER, 'u-ada');
    await arrives('after');
    await world.waitSynced(CLUSTER, '2/2');
    expect(await world.cluster(CLUSTER).tokenNames()).toEqual(['after', 'second']);
    // All that was written since was written by the successor.
    await eventually(async () => {
      const bySuccessor = (await writesOf(successor)) - successorsBefore;
      expect((await downstreamWrites()) - before).toBe(bySuccessor);
    }, PATIENCE);
    expect(await leads(leader)).toBe(false);
    expect((await leader.process.http('/readyz')).status).toBe(200);
  });

  test('put nothing back: whoever takes over reads the management plane anew, as its watches may hang', async () => {
    const leader = await leaderOf(replicas);
    const standby = replicas.find((replica) => replica !== leader) as Replica;
    // Half-open: nothing comes any more, and nobody says so. New connections work, and so does the election.
    standby.proxy.strand();
    await world.patchToken('second', { enabled: false });
    await leaves('second');
    const before = (await creationsOf('second')).length;
    leader.process.kill('SIGKILL');
    replicas.splice(replicas.indexOf(leader), 1);
    await leader.proxy.close();

    await world.createToken('fourth', CLUSTER, 'u-ada');
    await eventually(
      async () => expect(await world.cluster(CLUSTER).clusterAuthToken('fourth')).toBeDefined(),
      { ...PATIENCE, timeoutMs: 60_000 },
    );
    await world.waitSynced(CLUSTER, '2/2');
    expect((await creationsOf('second')).length).toBe(before);
    expect(await world.cluster(CLUSTER).tokenNames()).toEqual(['after', 'fourth']);
    await start();
  });

  test('change over when the leader is cut off from the management plane, and it leads again when its turn comes', async () => {
    const leader = await leaderOf(replicas);
    const other = replicas.find((replica) => replica !== leader) as Replica;
    leader.proxy.blackhole();
    await eventually(async () => expect(await leads(leader)).toBe(false), PATIENCE);
    await eventually(async () => expect(await leads(other)).toBe(true), PATIENCE);
    await world.deleteToken('after');
    await leaves('after');

    await leader.proxy.heal();
    await other.process.stop();
    await world.createToken('third', CLUSTER, 'u-ada');
    await arrives('third');
    expect(await leads(leader)).toBe(true);
    await world.deleteToken('third');
    await leaves('third');
  });

  async function creationsOf(token: string): Promise<readonly unknown[]> {
    return (await world.cluster(CLUSTER).plane.auditLines()).filter(
      ({ verb, resource, name }) => verb === 'create' && resource === 'clusterauthtokens' && name === token,
    );
  }

  /** Writes to the downstream cluster that were answered. */
  async function writesOf({ process }: Replica): Promise<number> {
    const { body } = await process.http('/metrics');
    return body
      .split('\n')
      .filter((line) => line.startsWith('ace_api_requests_total{'))
      .filter((line) => line.includes(`cluster="${CLUSTER}"`) && /verb="(post|put|patch|delete)"/.test(line))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  test('make their namespace anew when it is gone, and revoke again', async () => {
    const { adminKubeconfig } = world.management.plane;
    await world.createToken('last', CLUSTER, 'u-ada');
    await arrives('last');
    // No controller is there to empty the namespace, and to let it go then.
    await world.management.remove(NAMESPACES, OWN_NAMESPACE);
    const namespace = await world.management.get(NAMESPACES, OWN_NAMESPACE);
    await world.management.remove(LEASES, LEASE, OWN_NAMESPACE);
    const emptied = JSON.stringify({ ...namespace, spec: { finalizers: [] } });
    const finalize = ['replace', '--raw', `/api/v1/namespaces/${OWN_NAMESPACE}/finalize`, '-f', '-'];
    await kubectlSays(adminKubeconfig, finalize, emptied);

    await world.patchToken('last', { enabled: false });
    await leaves('last');
    expect(await world.management.get(NAMESPACES, OWN_NAMESPACE)).not.toMatchObject({
      metadata: { uid: namespace?.metadata?.uid },
    });
  });
});
