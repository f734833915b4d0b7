import { readdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CLUSTER_PROPAGATIONS } from '../../src/api/names.ts';
import { type ControlPlane, startControlPlane } from '../support/control-plane.ts';
import { apply, kubectl } from '../support/kubectl.ts';
import { planeClient } from '../support/plane-client.ts';

interface Schema {
  description?: string;
  items?: Schema;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema;
}
interface Version {
  name: string;
  schema: { openAPIV3Schema: Schema };
  subresources?: object;
  additionalPrinterColumns: { jsonPath: string; description?: string }[];
}
interface Definition {
  metadata: { name: string };
  spec: { group: string; scope: string; names: { plural: string; kind: string }; versions: Version[] };
}

const CRDS = join(import.meta.dirname, '../../crds');
const definitions = readdirSync(CRDS)
  .filter((file) => file.endsWith('.yaml'))
  .map((file): Definition => parse(readFileSync(join(CRDS, file), 'utf8')));
const PROPAGATION = { apiVersion: 'ace-operator.io/v1alpha1', kind: 'ClusterPropagation' };
const TOKEN = { apiVersion: 'management.cattle.io/v3', kind: 'Token' };
const TOKENS = '/apis/management.cattle.io/v3/tokens';

let plane: ControlPlane;
const run = (...args: readonly string[]) => kubectl(plane.adminKubeconfig, ...args);
const getJson = async (...args: readonly string[]) => JSON.parse(await run('get', ...args, '-o', 'json'));
/** An older kubectl goes on believing for ten minutes what it learnt of short names before the definitions were there. */
const established = async () => {
  await run('wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
  await rm(join(plane.dir, 'kubectl-cache'), { recursive: true, force: true });
};
const eventually = (read: () => Promise<string>) => expect.poll(read, { timeout: 30_000 });

/** Creates the object as it is; `kubectl apply` loses an explicit null. */
async function create(path: string, object: object): Promise<void> {
  const file = join(plane.dir, 'object.json');
  await writeFile(file, JSON.stringify(object));
  await run('create', '--raw', path, '-f', file);
}

beforeAll(async () => {
  const own = await startControlPlane({ name: 'crds' });
  plane = own;
  return () => own.stop();
});

test.each(definitions)('$metadata.name describes every field and column, and shows no secret', ({ spec }) => {
  for (const { name, schema, additionalPrinterColumns } of spec.versions) {
    expect(withoutDescription(schema.openAPIV3Schema, name)).toEqual([]);
    expect(additionalPrinterColumns.filter(({ description }) => !description)).toEqual([]);
    expect(additionalPrinterColumns.filter((c) => /^\.(token|hash|password)/.test(c.jsonPath))).toEqual([]);
  }
});

describe('on an empty API server', () => {
  beforeAll(async () => {
    for (const how of [[], [], ['--server-side'], ['--server-side']]) await run('apply', ...how, '-f', CRDS);
    await established();
    await run('create', 'namespace', 'cattle-system');
  });

  test('applying again, in either way, changes nothing', async () => {
    const specs = async () => (await getJson('crd')).items.map(({ spec }: Definition) => spec);
    const before = await specs();
    await run('apply', '-f', CRDS);
    await run('apply', '--server-side', '-f', CRDS);
    expect(await specs()).toEqual(before);
  });

  test('a malformed token is stored as it is, and can be listed', async () => {
    const bad = { token: 12345, enabled: 'yes', ttl: -5, expiresAt: 'garbage', clusterName: 7 };
    const worse = { userId: ['a', 'b'], enabled: null, ttl: 1.5, expiresAt: {}, extra: [{ a: null }] };
    for (const [name, fields] of Object.entries({ bad, worse })) {
      await create(TOKENS, { ...TOKEN, metadata: { name }, ...fields });
      expect(await getJson('mtoken', name)).toEqual({ ...TOKEN, metadata: expect.anything(), ...fields });
    }
    expect(await run('get', 'mtoken')).toMatch(/^bad +7 +garbage +yes .*\nworse +\["a","b"\] /m);
  });

  test('derived objects and their ClusterPropagation are listed under short names, with columns', async () => {
    const derived = (kind: string, name: string) => {
      return { apiVersion: 'cluster.cattle.io/v3', kind, metadata: { name, namespace: 'cattle-system' } };
    };
    const token = { userName: 'u-1', enabled: true, hash: 'a-hash', lastUsedAt: 'not a time' };
    await apply(plane.adminKubeconfig, [
      { ...derived('ClusterAuthToken', 't'), ...token },
      { ...derived('ClusterUserAttribute', 'u-1'), enabled: true, groups: ['admins', 'devs'] },
      { ...PROPAGATION, metadata: { name: 'c-1' }, spec: { hash: { algorithm: 'sha3-512' } } },
    ]);
    const table = await run('get', 'cat,cua,cprop', '--all-namespaces');
    expect(table).toMatch(/clusterauthtoken\S+\/t +u-1 +true +<invalid> /);
    expect(table).toMatch(/clusteruserattribute\S+\/u-1 +true +\["admins","devs"\] /);
    expect(table).toMatch(/READY +SYNCED +TOKENS +PENDING +REASON +AGE\n.*clusterpropagation\S+\/c-1 /);
    expect(table).not.toContain('a-hash');
  });

  test('kubectl waits for a condition of a ClusterPropagation, and shows it', async () => {
    await apply(plane.adminKubeconfig, { ...PROPAGATION, metadata: { name: 'c-2' } });
    const because = { reason: 'InSync', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
    const conditions = ['Ready', 'Synced'].map((type) => ({ type, status: 'True', ...because }));
    // kubectl waits for a status that is of the present spec.
    const observed = { observedGeneration: 1 };
    const status = {
      ...observed,
      conditions,
      tokens: '3/4',
      pending: 1,
      refused: { Expired: 2 },
      lastError: '',
    };
    // Not by kubectl, which knows `--subresource` from 1.24 on only.
    const client = await planeClient(plane);
    const key = { resource: CLUSTER_PROPAGATIONS, name: 'c-2' };
    await client.client.patch(key, { status }, { subresource: 'status' });
    await client.close();
    await run('wait', '--for=condition=Synced', 'cprop/c-2', '--timeout=10s');
    expect(await run('get', 'cprop', 'c-2')).toMatch(/^c-2 +True +True +3\/4 +1 +InSync /m);
    expect((await getJson('cprop', 'c-2')).status).toEqual(status);
  });

  test.each([
    ['hash.algorithm', { hash: { algorithm: 'md5' } }],
    ['gc.maxDeletePercent', { gc: { maxDeletePercent: 101 } }],
    ['gc.minDeletes', { gc: { minDeletes: -1 } }],
    ['suspend', { suspend: 'yes' }],
  ])('a ClusterPropagation with a wrong %s is rejected', async (field, spec) => {
    const wrong = { ...PROPAGATION, metadata: { name: 'wrong' }, spec };
    const creation = create('/apis/ace-operator.io/v1alpha1/clusterpropagations', wrong);
    await expect(creation).rejects.toThrow(`spec.${field}`);
  });

  test('kubectl explains the fields', async (context) => {
    await eventually(() => run('explain', 'cprop.spec.hash')).toContain('How the hashes of tokens are made');
    const openApiV3 = await run('get', '--raw', '/openapi/v3').catch(() => undefined);
    context.skip(!openApiV3, 'OpenAPI v2 has nothing of a schema that keeps unknown fields');
    await eventually(() => run('explain', 'tokens.management.cattle.io')).toContain('Token is a credential');
  });
});

// An API server for each: a newer one takes its time, now and then minutes, until it serves definitions that were deleted and made anew.
describe('over the definitions that Rancher made', { timeout: 300_000 }, () => {
  const stored = { userId: 'u-1', enabled: null, groupPrincipals: null, ttl: 0, unknown: [{ deep: null }] };

  beforeEach(async () => {
    const own = await startControlPlane({ name: 'crds-of-rancher' });
    plane = own;
    const file = join(plane.dir, 'rancher.json');
    await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: rancherDefinitions }));
    await run('create', '--field-manager=rancher', '-f', file);
    await established();
    await create(TOKENS, { ...TOKEN, metadata: { name: 'kubeconfig-u-1' }, ...stored });
    return () => own.stop();
  });

  test.each([
    ['client-side', [[]]],
    ['server-side with --force-conflicts', [['--server-side', '--force-conflicts'], ['--server-side']]],
    ['client-side, then server-side', [[], ['--server-side']]],
  ])('an apply takes nothing away: %s', async (_, applies) => {
    for (const how of applies) await run('apply', ...how, '-f', CRDS);
    // Schema and columns come into force together.
    await eventually(() => run('get', 'tokens.management.cattle.io')).toMatch(/^NAME +USER /);

    for (const { metadata, spec } of rancherDefinitions) {
      const now: Definition = await getJson('crd', metadata.name);
      expect(now).toMatchObject({ metadata, spec: { ...spec, versions: [{ name: 'v3', served: true }] } });
      expect(now.spec.versions.map((v) => v.subresources)).toEqual(spec.versions.map((v) => v.subresources));
    }
    await run('label', 'mtoken', 'kubeconfig-u-1', 'written=afterwards');
    expect(await getJson('mtoken', 'kubeconfig-u-1')).toMatchObject({ ...TOKEN, ...stored });
  });

  test('a server-side apply without force meets one conflict, .spec.versions, and changes nothing', async () => {
    const before = await getJson('crd', 'tokens.management.cattle.io');
    const attempt = run('apply', '--server-side', '-f', join(CRDS, 'management.cattle.io_tokens.yaml'));
    await expect(attempt).rejects.toThrow(/1 conflict: conflict with "rancher" .*: \.spec\.versions\n/);
    expect(await getJson('crd', 'tokens.management.cattle.io')).toEqual(before);
  });
});

const string = { type: 'string' };
const loose = { 'x-kubernetes-preserve-unknown-fields': true };
const condition = { type: 'object', properties: { status: string, type: string } };
const user = {
  ...{ username: string, enabled: { type: 'boolean' }, principalIds: { type: 'array', items: string } },
  status: { type: 'object', properties: { conditions: { type: 'array', items: condition } } },
};
const clusters = { spec: loose, status: loose };
const rancherSchemas: Record<string, object> = { users: user, clusters, settings: { value: string } };
const rancherDefinitions = definitions.flatMap(({ metadata: { name }, spec: { group, scope, names } }) => {
  const { plural, kind } = names;
  const properties = rancherSchemas[plural];
  const openAPIV3Schema = { type: 'object', ...(properties ? { properties } : loose) };
  const subresources = plural === 'clusters' ? { subresources: { status: {} } } : {};
  const version = { name: 'v3', served: true, storage: true, schema: { openAPIV3Schema }, ...subresources };
  const metadata = { name, labels: { madeBy: 'rancher' }, annotations: { madeBy: 'rancher' } };
  const identity = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata };
  if (group === 'ace-operator.io') return [];
  return [{ ...identity, spec: { group, scope, names: { plural, kind }, versions: [version] } }];
});

function withoutDescription(schema: Schema, at: string): string[] {
  const { description, items, properties = {}, additionalProperties } = schema;
  const children = Object.entries({ ...properties, '[]': items, '{}': additionalProperties });
  const below = children.flatMap(([name, child]) =>
    child ? withoutDescription(child, `${at}.${name}`) : [],
  );
  return description ? below : [at, ...below];
}
