import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aCli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { type Downstream, NAMESPACE, startWorld, type World } from '../support/world.ts';

const LONG = { timeoutMs: 60_000, intervalMs: 100 };
const KINDS = 'clusterauthtokens.cluster.cattle.io,clusteruserattributes.cluster.cattle.io,secrets';

describe('a cluster whose credential may read and not write', () => {
  let world: World;
  let cluster: Downstream;

  beforeAll(async () => {
    world = await startWorld({ clusters: ['c-one'] });
    cluster = world.cluster('c-one');
    await world.createUser('u-ada');
    await world.createTokens('t', 2, 'c-one', 'u-ada');
    await world.register('c-one');
    await world.startOperator();
    await world.waitSynced('c-one', '2/2');
    await allow('reader', 'get,list,watch');
    const kubeconfig = await readFile(await cluster.plane.kubeconfigFor('op'), 'utf8');
    await world.setCredentials('c-one', { kubeconfig });
  });
  afterAll(() => world.close());

  async function allow(role: string, verbs: string): Promise<void> {
    const admin = cluster.plane.adminKubeconfig;
    await kubectl(admin, '-n', NAMESPACE, 'create', 'role', role, `--verb=${verbs}`, `--resource=${KINDS}`);
    await kubectl(admin, '-n', NAMESPACE, 'create', 'rolebinding', role, `--role=${role}`, '--user=op');
  }

  test('says what is forbidden, in the status and in explain, and catches up once it may', async () => {
    await world.deleteToken('t-0');
    await world.createTokens('new', 1, 'c-one', 'u-ada');
    await world.waitCondition('c-one', 'Synced', { status: 'False', reason: 'Failing' });
    await eventually(async () => {
      const status = (await world.propagation('c-one'))?.status;
      expect(status.lastError).toMatch(/token\/.*: (POST|DELETE) .*: 403 Forbidden/);
      expect(status.failed).toBeGreaterThanOrEqual(1);
      expect(await world.operator?.metric('ace_revocations_pending{ace_cluster="c-one"}')).toBe(1);
    }, LONG);
    const cli = aCli({ KUBECONFIG: world.management.plane.adminKubeconfig });
    const explained = await cli.run('explain', 'new-0', '--cluster', 'c-one');
    expect(explained.stdout).toMatch(/403 Forbidden/);
    await allow('writer', 'create,patch,delete');
    await eventually(async () => expect(await cluster.clusterAuthToken('t-0')).toBeUndefined(), {
      timeoutMs: 15_000,
    });
    await world.waitSynced('c-one', '2/2');
  });
});
