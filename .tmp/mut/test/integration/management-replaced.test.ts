import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

const LONG = { timeoutMs: 90_000, intervalMs: 200 };
const CRDS = fileURLToPath(new URL('../../crds/', import.meta.url));
const NAMESPACES = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false };

describe('a management plane in whose place another cluster answers', () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld({ clusters: ['c-one'] });
    await world.createUser('u-ada');
    await world.createTokens('t', 12, 'c-one', 'u-ada');
    await world.register('c-one');
    await world.startOperator();
    await world.waitSynced('c-one', '12/12');
  });
  afterAll(() => world.close());

  const tokens = (): Promise<readonly string[]> => world.cluster('c-one').tokenNames();
  const replaced = (): Promise<number | undefined> | undefined =>
    world.operator?.metric('ace_management_replaced');
  /** All kinds, and nothing of them but what `names` says. */
  async function fillAnew(): Promise<void> {
    const files = readdirSync(CRDS).filter((file) => /^(management|ace-operator).*\.yaml$/.test(file));
    const all = files.flatMap((file) => ['-f', `${CRDS}${file}`]);
    await eventually(() => kubectl(world.management.plane.adminKubeconfig, 'apply', ...all), LONG);
    await eventually(() => world.management.list(CLUSTER_PROPAGATIONS), LONG);
    const metadata = { name: OWN_NAMESPACE };
    await world.management.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata });
  }

  test('takes nothing away, is told by metric and readiness, and counts once the operator is restarted', async () => {
    expect(await replaced()).toBe(0);
    await world.management.plane.replace();
    await fillAnew();
    await eventually(async () => expect(await replaced()).toBe(1), LONG);
    const ready = await world.operator?.http('/readyz?verbose');
    expect(ready?.status).toBe(503);
    expect(ready?.body).toMatch(/\[-\] management-is-the-same failed.*restart the operator/);
    expect(await tokens()).toHaveLength(12);

    // It was moved here, with a token less.
    await world.createUser('u-ada');
    await world.createTokens('t', 11, 'c-one', 'u-ada');
    await world.register('c-one');
    await world.stopOperator();
    await world.startOperator();
    await world.waitSynced('c-one', '11/11');
    await eventually(async () => expect(await tokens()).toHaveLength(11), LONG);
    expect(await replaced()).toBe(0);
  });
});
