import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseCluster } from '../../../../src/api/parse-cluster.ts';
import type { KubeObject } from '../../../../src/api/types.ts';
import { tokenKey, userKey } from '../../../../src/operator/keys.ts';
import { planSweep } from '../../../../src/operator/sweep/sweep-plan.ts';
import { rawCluster } from '../../../support/builders.ts';
import { INSTALLATION, ReconcileWorld } from '../../../support/reconcile-world.ts';

const OLD_ID = 'c-old';
let world: ReconcileWorld;
beforeEach(() => {
  world = new ReconcileWorld();
});
afterEach(() => world.close());

/** As an operator left it there when the cluster was registered as {@link OLD_ID}. */
function leave(kind: string, name: string, fields: object, installation = INSTALLATION): void {
  const isSecret = kind === 'Secret';
  world.downstream.put({
    apiVersion: isSecret ? 'v1' : 'cluster.cattle.io/v3',
    kind,
    ...fields,
    metadata: {
      name,
      namespace: 'cattle-system',
      labels: {
        'app.kubernetes.io/managed-by': 'ace-operator',
        'ace-operator.io/cluster': OLD_ID,
        'ace-operator.io/installation': installation,
      },
      annotations: { 'ace-operator.io/token-uid': `uid-of-${name}-then` },
    },
  });
}
function leaveToken(name: string, userName: string): void {
  leave('Secret', name, { data: { hash: 'aGFzaA==' } });
  leave('ClusterAuthToken', name, { userName, enabled: true });
}
const leaveUser = (name: string, installation?: string): void =>
  leave('ClusterUserAttribute', name, { enabled: true, groups: ['admins'], lastRefresh: '' }, installation);

const idOf = (object: KubeObject | undefined): unknown =>
  object?.metadata.labels?.['ace-operator.io/cluster'];
const names = (kind: string): readonly string[] =>
  world.downstream.objects().flatMap((object) => (object.kind === kind ? [object.metadata.name] : []));
const register = (id: string): void =>
  void world.management.clusters.put(parseCluster(rawCluster({}, { name: id, uid: `uid-${id}` })));

describe('a cluster that is registered again under another id', () => {
  test('lets the new token of a returning user in at once, and takes over what the user has there', async () => {
    leaveUser('u-1');
    world.putUser();
    world.putToken();
    await world.settle();
    expect(world.outcomes.get(tokenKey('t-1'))).toMatchObject({ state: 'synced' });
    expect(idOf(world.downstream.find('ClusterUserAttribute', 'u-1'))).toBe('c-1');
    expect(world.downstream.find('ClusterUserAttribute', 'u-1')).toMatchObject({ groups: [] });
  });

  test('shuts out a user who was disabled while nobody could reach it', async () => {
    leaveUser('u-2');
    leaveToken('t-2', 'u-2');
    world.putUser({ enabled: false }, { name: 'u-2', uid: 'uid-u-2' });
    world.putToken({ userId: 'u-2', clusterName: OLD_ID }, { name: 't-2', uid: 'uid-t-2' });
    world.tellWatch();
    world.sweep();
    await world.settle();
    expect(world.downstream.objects()).toEqual([]);
  });

  test('takes away tokens that were deleted meanwhile, however many they are', async () => {
    for (let number = 0; number < 60; number += 1) leaveToken(`t-${number}`, 'u-3');
    leaveUser('u-3');
    world.tellWatch();
    const { observed, management, evidence, spec, nowMs } = world;
    const isLeftOver = (key: string): boolean => {
      const [, name = ''] = key.split('/');
      const ids = observed.idsOf([...observed.forToken(name), observed.forUser(name)]);
      return ids.size > 0 && !ids.has('c-1');
    };
    const plan = planSweep({ name: 'c-1', spec, nowMs, isLeftOver }, observed, management, evidence);
    expect(plan).toMatchObject({ blocked: undefined, orphans: [] });
    expect(plan.revocations).toContain(tokenKey('t-0'));
    expect(plan.revocations).toContain(userKey('u-3'));
    // What was looked at in vain is owed, so the key's turn needs no other approval.
    for (const key of plan.keys) if (isLeftOver(key)) world.approved.add(key);
    world.sweep();
    await world.settle();
    expect(world.downstream.objects()).toEqual([]);
  });

  test('without the word of a live read, they count as what is absent for no known reason', () => {
    for (let number = 0; number < 60; number += 1) leaveToken(`t-${number}`, 'u-3');
    world.tellWatch();
    const { observed, management, evidence, spec, nowMs } = world;
    expect(planSweep({ name: 'c-1', spec, nowMs }, observed, management, evidence).blocked).toMatchObject({
      objects: 120,
    });
  });

  test('leaves alone what another installation has there', async () => {
    leaveUser('u-1', 'uid-of-another-plane');
    world.putUser();
    world.putToken();
    await world.settle();
    world.sweep();
    await world.settle();
    expect(world.outcomes.get(tokenKey('t-1'))).toMatchObject({ state: 'refused', reason: 'Conflict' });
    expect(idOf(world.downstream.find('ClusterUserAttribute', 'u-1'))).toBe(OLD_ID);
  });
});

describe('two Clusters that lead to the same API server', () => {
  test.each([false, true])(
    'do not fight, with spec.adopt %s: the later one says whose it is',
    async (adopt) => {
      register('c-1');
      register(OLD_ID);
      world.spec = { ...world.spec, adopt };
      leaveUser('u-1');
      leaveToken('t-old', 'u-1');
      world.putUser();
      world.putToken();
      await world.settle();
      const writes = world.downstream.writes;
      world.sweep();
      await world.settle();
      expect(world.downstream.writes).toBe(writes);
      expect(names('ClusterAuthToken')).toEqual(['t-old']);
      expect(idOf(world.downstream.find('ClusterUserAttribute', 'u-1'))).toBe(OLD_ID);
      expect(world.outcomes.get(tokenKey('t-1'))).toMatchObject({
        state: 'refused',
        reason: 'Conflict',
        message: expect.stringContaining(`belongs to Cluster ${OLD_ID}, which leads to the same API server`),
      });
    },
  );

  test('and once the other one is deleted, what it had is taken over', async () => {
    register('c-1');
    register(OLD_ID);
    leaveUser('u-1');
    world.putUser();
    world.putToken();
    await world.settle();
    world.management.clusters.remove(parseCluster(rawCluster({}, { name: OLD_ID, uid: `uid-${OLD_ID}` })));
    world.sweep();
    await world.settle();
    expect(world.outcomes.get(tokenKey('t-1'))).toMatchObject({ state: 'synced' });
    expect(idOf(world.downstream.find('ClusterUserAttribute', 'u-1'))).toBe('c-1');
  });
});
