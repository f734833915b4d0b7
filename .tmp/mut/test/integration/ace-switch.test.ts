import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_PROPAGATIONS,
  CLUSTER_USER_ATTRIBUTES,
  CLUSTERS,
  type Resource,
  SECRETS,
} from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import type { Any } from '../support/plane-client.ts';
import { NAMESPACE, startWorld, type World } from '../support/world.ts';

const TOKENS = ['token-a1', 'token-a2', 'token-b1'];
const OURS = [
  ...TOKENS.map((name) => `cat/${name}`),
  'cua/u-ada',
  'cua/u-bob',
  ...TOKENS.map((name) => `secret/${name}`),
];

let world: World;
let foreign: readonly Any[];

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one', 'c-empty'] });
  await world.register('c-one', { ace: false });
  await world.register('c-empty');
  await world.createUser('u-ada', {}, ['group://a']);
  await world.createUser('u-bob', { enabled: true });
  await world.createToken('token-a1', 'c-one', 'u-ada');
  await world.createToken('token-a2', 'c-one', 'u-ada', { expiresAt: '2099-01-01T00:00:00Z' });
  await world.createToken('token-b1', 'c-one', 'u-bob');
  await world.createToken('token-off', 'c-one', 'u-bob', { enabled: false });
  await world.startOperator();
});
afterAll(() => world.close());

test('a cluster that never had ACE is left alone', async () => {
  await world.waitSynced('c-empty', '0/0');
  expect(await world.propagation('c-one')).toBeUndefined();
  expect(await world.cluster('c-one').get(NAMESPACES, NAMESPACE)).toBeUndefined();
});

test('ACE switched on back-fills every wanted token, without a restart', async () => {
  const pid = world.operator?.pid;
  await world.setAce('c-one', true);
  await world.waitSynced('c-one', '3/3');

  expect(await world.cluster('c-one').ours()).toEqual(OURS);
  expect((await world.propagation('c-one')).status.refused).toEqual({ Disabled: 1 });
  await world.waitCondition('c-one', 'Drained', { status: 'False', reason: 'InUse' });
  expect(world.operator?.pid).toBe(pid);
});

test('ACE switched off takes away all that is ours, and nothing else', async () => {
  foreign = await createForeignObjects();
  await world.setAce('c-one', false);
  await world.waitCondition('c-one', 'Drained', { status: 'True', reason: 'Drained' });

  expect(await world.cluster('c-one').ours()).toEqual([]);
  expect(await readAgain(foreign)).toEqual(foreign);
  const { status } = await world.propagation('c-one');
  expect(status).toMatchObject({ tokens: '0/0', pending: 0, failed: 0, refused: {} });
  await world.waitCondition('c-one', 'Ready', { status: 'False', reason: 'AceDisabled' });
  await world.waitCondition('c-one', 'Connected', { status: 'False', reason: 'Drained' });
  await eventually(async () =>
    expect((await world.events('Drained')).map(({ involvedObject }) => involvedObject.name)).toEqual([
      'c-one',
    ]),
  );
});

test('a token made while ACE is off comes with the others when it is on again', async () => {
  await world.createToken('token-b2', 'c-one', 'u-bob');
  await world.deleteToken('token-a1');
  await world.setAce('c-one', true);
  await world.waitSynced('c-one', '3/3');

  expect(await world.cluster('c-one').ours()).toEqual([
    'cat/token-a2',
    'cat/token-b1',
    'cat/token-b2',
    'cua/u-ada',
    'cua/u-bob',
    'secret/token-a2',
    'secret/token-b1',
    'secret/token-b2',
  ]);
});

test('a foreign object in the way is reported, and the tokens beside it are not hurt', async () => {
  await world.createToken('token-foreign', 'c-one', 'u-ada');
  await eventually(async () =>
    expect((await world.propagation('c-one')).status.refused).toEqual({ Conflict: 1, Disabled: 1 }),
  );

  expect((await world.propagation('c-one')).status.tokens).toBe('3/3');
  expect(await readAgain(foreign)).toEqual(foreign);
});

test('a switch flipped off and on quickly ends with everything in place', async () => {
  for (const enabled of [false, true, false, true]) await world.setAce('c-one', enabled);
  await eventually(async () => {
    expect(await world.condition('c-one', 'Drained')).toMatchObject({ status: 'False', reason: 'InUse' });
    expect(await world.cluster('c-one').ours()).toHaveLength(8);
  });
  await world.waitSynced('c-one', '3/3');
});

test('spec.drain takes away all that is ours while ACE stays on, survives a restart, and is as easily undone', async () => {
  const drain = (wanted: boolean) =>
    world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { drain: wanted } });

  await drain(true);
  await world.waitCondition('c-one', 'Drained', { status: 'True', reason: 'Drained' });
  await world.waitCondition('c-one', 'Ready', { status: 'False', reason: 'DrainRequested' });
  expect(await world.cluster('c-one').ours()).toEqual([]);

  await world.stopOperator();
  await world.createToken('token-late', 'c-one', 'u-ada');
  await world.startOperator();
  await world.waitSynced('c-empty');
  expect(await world.cluster('c-one').ours()).toEqual([]);

  await drain(false);
  await world.waitSynced('c-one', '4/4');
});

test('a deleted Cluster is drained, and the foreign objects stay', async () => {
  await world.management.remove(CLUSTERS, 'c-one');
  await world.waitCondition('c-one', 'Drained', { status: 'True', reason: 'Drained' });

  expect(await world.cluster('c-one').ours()).toEqual([]);
  expect(await readAgain(foreign)).toEqual(foreign);
  await world.waitCondition('c-one', 'Ready', { status: 'False', reason: 'ClusterDeleted' });
});

test('a cluster that held nothing of ours is drained at once', async () => {
  await world.setAce('c-empty', false);
  await world.waitCondition('c-empty', 'Drained', { status: 'True', reason: 'Drained' });
});

test('a drained cluster stays so over a restart', async () => {
  const before = await world.propagation('c-one');
  await world.stopOperator();
  await world.startOperator();
  await world.setAce('c-empty', true);
  await world.waitSynced('c-empty', '0/0');

  expect((await world.propagation('c-one')).status).toEqual(before.status);
});

const NAMESPACES: Resource = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};

/** What others may keep in the same namespace: of other names, and of a name that a token of ours will want. */
async function createForeignObjects(): Promise<readonly Any[]> {
  const client = world.cluster('c-one');
  const create = (resource: Resource, name: string, fields: object, labels: object = {}): Promise<Any> => {
    const apiVersion = resource === SECRETS ? 'v1' : 'cluster.cattle.io/v3';
    const metadata = { name, namespace: NAMESPACE, labels };
    return client.create(resource, { apiVersion, kind: resource.kind, metadata, ...fields });
  };
  const hash = Buffer.from('$3:1:foreign').toString('base64');
  const otherInstallation = {
    'app.kubernetes.io/managed-by': 'ace-operator',
    'ace-operator.io/cluster': 'c-of-another-installation',
  };
  return [
    await create(SECRETS, 'cattle-credentials', { data: { url: hash } }),
    await create(SECRETS, 'token-foreign', { data: { hash } }),
    await create(SECRETS, 'token-elsewhere', { data: { hash } }, otherInstallation),
    await create(CLUSTER_AUTH_TOKENS, 'token-foreign', { userName: 'u-ada', enabled: true, expiresAt: '' }),
    await create(
      CLUSTER_AUTH_TOKENS,
      'token-elsewhere',
      { userName: 'u-eve', enabled: true },
      otherInstallation,
    ),
    await create(CLUSTER_USER_ATTRIBUTES, 'u-eve', { enabled: true, groups: ['group://eve'] }),
    await create(CLUSTER_USER_ATTRIBUTES, 'u-other', { enabled: true, groups: null }, otherInstallation),
  ];
}

function readAgain(objects: readonly Any[]): Promise<readonly Any[]> {
  const resources = new Map(
    [SECRETS, CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES].map((resource) => [resource.kind, resource]),
  );
  return Promise.all(
    objects.map(({ kind, metadata }) =>
      world.cluster('c-one').get(resources.get(kind) ?? SECRETS, metadata.name, NAMESPACE),
    ),
  );
}
