import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CUSTOM_RESOURCE_DEFINITIONS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import type { Any } from '../support/plane-client.ts';
import { startWorld, type World } from '../support/world.ts';

const KINDS = { clusterauthtokens: 'ClusterAuthToken', clusteruserattributes: 'ClusterUserAttribute' };
const NAMES = Object.keys(KINDS).map((plural) => `${plural}.cluster.cattle.io`);

let world: World;
let made: readonly Any[];

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-empty', 'c-rancher', 'c-half'] });
  await world.createUser('u-ada', {}, ['group://a']);
  for (const [plural, kind] of Object.entries(KINDS)) await createAsRancher('c-rancher', plural, kind);
  await createAsRancher('c-half', 'clusterauthtokens', 'ClusterAuthToken');
  made = await eventually(async () => {
    const definitions = [...(await definitionsOf('c-rancher')), (await definitionsOf('c-half'))[0]];
    for (const definition of definitions) expect(established(definition)).toBe('True');
    return definitions;
  });
  for (const id of ['c-empty', 'c-rancher', 'c-half']) {
    await world.register(id);
    await world.createToken(`token-of-${id}`, id, 'u-ada');
  }
  await world.startOperator();
});
afterAll(() => world.close());

describe('the definitions of ClusterAuthToken and ClusterUserAttribute', () => {
  test('are installed where there are none, with our columns and short names', async () => {
    await world.waitSynced('c-empty', '1/1');
    const definitions = await definitionsOf('c-empty');
    expect(definitions.map(established)).toEqual(['True', 'True']);
    expect(definitions.map(({ spec }) => spec.names.shortNames)).toEqual([['cat'], ['cua']]);
    expect(definitions.map(({ metadata }) => metadata.labels)).toEqual([OWN_LABELS, OWN_LABELS]);
  });

  test('that Rancher made are used and left exactly as they are', async () => {
    await world.waitSynced('c-rancher', '1/1');
    expect(await definitionsOf('c-rancher')).toEqual(made.slice(0, 2));
    expect(await world.cluster('c-rancher').ours()).toHaveLength(3);
  });

  test('are completed where only one of them exists', async () => {
    await world.waitSynced('c-half', '1/1');
    const [tokens, users] = await definitionsOf('c-half');
    expect(tokens).toEqual(made[2]);
    expect(users.spec.names.shortNames).toEqual(['cua']);
  });

  test('are touched by a restart in no cluster', async () => {
    const ids = ['c-empty', 'c-rancher', 'c-half'];
    const before = await Promise.all(ids.map(definitionsOf));
    await world.stopOperator();
    await world.startOperator();
    // Something new in each tells that each was prepared again.
    for (const id of ids) await world.createToken(`token-later-of-${id}`, id, 'u-ada');
    for (const id of ids) await world.waitSynced(id, '2/2');
    expect(await Promise.all(ids.map(definitionsOf))).toEqual(before);
  });

  test('serve objects whose fields come back as they were written', async () => {
    for (const id of ['c-empty', 'c-rancher', 'c-half']) {
      expect(await world.cluster(id).clusterAuthToken(`token-of-${id}`)).toMatchObject({
        userName: 'u-ada',
        enabled: true,
      });
      expect(await world.cluster(id).clusterUserAttribute('u-ada')).toMatchObject({
        groups: ['group://a'],
        enabled: true,
      });
    }
  });
});

const OWN_LABELS = { 'app.kubernetes.io/part-of': 'ace-operator' };

function definitionsOf(id: string): Promise<readonly Any[]> {
  return Promise.all(NAMES.map((name) => world.cluster(id).get(CUSTOM_RESOURCE_DEFINITIONS, name)));
}

function established(definition: Any): string | undefined {
  return definition?.status?.conditions?.find(({ type }: Any) => type === 'Established')?.status;
}

/** As Rancher's factory makes it: one version, no properties, no columns, no short names. */
async function createAsRancher(id: string, plural: string, kind: string): Promise<void> {
  const schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  await world.cluster(id).create(CUSTOM_RESOURCE_DEFINITIONS, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.cluster.cattle.io` },
    spec: {
      group: 'cluster.cattle.io',
      names: { kind, plural },
      scope: 'Namespaced',
      versions: [{ name: 'v3', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  });
}
