import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_PROPAGATIONS,
  CUSTOM_RESOURCE_DEFINITIONS,
  SECRETS,
  TOKENS,
} from '../../src/api/names.ts';
import { aCli, type Cli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { expectGolden } from '../support/golden.ts';
import { kubectl } from '../support/kubectl.ts';
import type { Any } from '../support/plane-client.ts';
import { type Downstream, NAMESPACE, startWorld, type World } from '../support/world.ts';

/** The order of the tests is that of a story: a cluster is swept, blocked, allowed, drained and cleaned. */
let world: World;
let one: Downstream;
let cli: Cli;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ace-cli-'));
  world = await startWorld({ clusters: ['c-one'], downstream: { audit: true } });
  one = world.cluster('c-one');
  await world.register('c-one');
  for (const user of ['u-ada', 'u-bob', 'u-eve']) await world.createUser(user);
  await world.createTokens('a', 40, 'c-one', 'u-ada');
  await world.createToken('b-0', 'c-one', 'u-bob');
  await world.createToken('b-1', 'c-one', 'u-bob');
  await world.createToken('e-0', 'c-one', 'u-eve');
  await world.startOperator();
  await world.waitSynced('c-one', '43/43');
  // What another has written there must outlive everything here.
  await one.create(CLUSTER_AUTH_TOKENS, {
    apiVersion: 'cluster.cattle.io/v3',
    kind: 'ClusterAuthToken',
    metadata: { name: 'theirs', namespace: NAMESPACE },
    userName: 'u-ada',
    enabled: true,
  });
  await one.create(SECRETS, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'theirs', namespace: NAMESPACE },
    data: { hash: '' },
  });
  await world.stopOperator();
  cli = aCli({ KUBECONFIG: world.management.plane.adminKubeconfig });
  for (const name of ['b-0', 'b-1', 'e-0']) {
    cli.hide(`not-a-real-secret-of-${name}`);
    const { data } = await one.hashSecret(name);
    cli.hide(Buffer.from(data.hash, 'base64').toString());
  }
});
afterAll(async () => {
  await world?.close();
  await rm(dir, { recursive: true, force: true });
});

const gc = (...args: readonly string[]) => cli.run('gc', ...args);
const planned = async (): Promise<readonly string[]> =>
  (await gc('--plan', '-o', 'name')).stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '');
const theirs = async (): Promise<boolean> =>
  Boolean((await one.clusterAuthToken('theirs')) && (await one.hashSecret('theirs')));

describe('gc', () => {
  test('has nothing to say where all is as it should be', async () => {
    expect(await gc('--plan')).toEqual({ code: 0, stdout: 'Nothing is to be taken away.\n', stderr: '' });
    expect(await gc('--plan', 'c-none')).toMatchObject({ code: 1, stdout: '' });
  });

  test('plans what the operator would do, counted, and object by object', async () => {
    await world.patchToken('b-0', { enabled: false });
    await world.patchToken('b-1', { expiresAt: '2020-01-01T00:00:00Z' });
    await world.deleteToken('e-0');
    const before = await one.ours();
    expectGolden('gc/plan', (await gc()).stdout);
    expectGolden('gc/plan-wide', (await gc('--plan', 'c-one', '-o', 'wide')).stdout);
    const { items } = JSON.parse((await gc('-o', 'json')).stdout);
    expect(items).toHaveLength(8);
    expect(items[0]).toMatchObject({
      kind: 'Removal',
      cluster: 'c-one',
      object: { kind: 'ClusterAuthToken', namespace: NAMESPACE, name: 'b-0' },
      reason: 'Disabled',
      heldBack: false,
    });
    expect(await one.ours()).toEqual(before);
  });

  test('applies it in the order of removal, and leaves the rest', async () => {
    const before = await one.ours();
    const names = await planned();
    const { code, stdout, stderr } = await gc('--apply', 'c-one');
    // The plan is told before it is carried out.
    expect(stderr).toMatch(/^cluster c-one: 8 objects: [^\n]*Disabled 2[^\n]*\n8 of 8 objects deleted\n$/);
    expect(code).toBe(0);
    expect(stdout.trim().split('\n').sort()).toEqual(names.map((name) => `c-one: ${name} deleted`).sort());
    const short = { clusterauthtoken: 'cat', secret: 'secret', clusteruserattribute: 'cua' } as Any;
    const gone = new Set(names.map((name) => name.replace(/^\w+/, (kind) => short[kind])));
    expect(await one.ours()).toEqual(before.filter((name) => !gone.has(name)));
    const deletions = await eventually(async () => {
      const lines = (await one.plane.auditLines()).filter(({ userAgent }) =>
        userAgent.startsWith('kubectl-ace'),
      );
      const resources = lines.filter(({ verb }) => verb === 'delete').map(({ resource }) => resource);
      expect(resources).toHaveLength(8);
      return resources;
    });
    expect(deletions).toEqual([...deletions].sort((a, b) => rank(a) - rank(b)));
    expect(await planned()).toEqual([]);
    expect(await theirs()).toBe(true);
  });

  const rank = (resource: string): number =>
    ['clusterauthtokens', 'secrets', 'clusteruserattributes'].indexOf(resource);

  test('holds back what the brake holds, and says how to let it', async () => {
    await Promise.all(
      Array.from({ length: 30 }, (_, index) => world.management.remove(TOKENS, `a-${index}`)),
    );
    const plan = await gc();
    expectGolden('gc/blocked', `${plan.stdout}${plan.stderr}`);
    const before = await one.ours();
    const applied = await gc('--apply');
    expect(applied).toMatchObject({ code: 0, stdout: '' });
    expect(applied.stderr).toContain('the brake holds 60 objects without a source (limit 20)');
    expect(await one.ours()).toEqual(before);
  });

  test('allows nothing that nobody stopped', async () => {
    const result = await gc('--allow', 'c-one');
    expect(result).toEqual({
      code: 1,
      stdout: '',
      stderr: 'ace-operator: nothing is blocked in cluster c-one; nothing was changed\n',
    });
    expect((await world.propagation('c-one')).metadata.annotations).toBeUndefined();
  });

  test('lets the sweep of a running operator pass, once', async () => {
    await world.startOperator();
    await world.waitCondition('c-one', 'GCBlocked', { status: 'True' });
    const early = await gc('--allow', 'c-one', '--objects', '59');
    expect(early).toMatchObject({ code: 1, stdout: '' });
    expect(early.stderr).toContain('60 objects are held by now, and 59 were looked at');
    expect((await world.propagation('c-one')).metadata.annotations).toBeUndefined();
    const allowed = await gc('--allow', 'c-one');
    expect(allowed).toMatchObject({ code: 0, stdout: 'clusterpropagation/c-one allowed\n' });
    expect(allowed.stderr).toContain('up to 60 objects');
    await world.waitCondition('c-one', 'GCBlocked', { status: 'False' });
    await world.waitSynced('c-one', '10/10');
    expect(await gc('--allow', 'c-one')).toMatchObject({ code: 1 });
  });

  test('passes the brake itself when that was allowed and no operator runs, and uses the allowance up', async () => {
    await world.createTokens('z', 30, 'c-one', 'u-ada');
    await world.waitSynced('c-one', '40/40');
    await world.stopOperator();
    await Promise.all(
      Array.from({ length: 30 }, (_, index) => world.management.remove(TOKENS, `z-${index}`)),
    );
    const annotations = { 'ace-operator.io/allow-gc': 'true' };
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { metadata: { annotations } });
    expect((await gc('--apply')).stderr).toContain('60 of 60 objects deleted');
    expect((await world.propagation('c-one')).metadata.annotations ?? {}).toEqual({});
    expect(await one.tokenNames()).toHaveLength(11);
  });

  test('does nothing on what it cannot read', async () => {
    const stranger = await world.management.plane.kubeconfigFor('stranger');
    const blind = await gc('--apply', '--kubeconfig', stranger);
    expect(blind).toMatchObject({ code: 3, stdout: '' });
    await world.setCredentials('c-one', { server: 'https://127.0.0.1:1' });
    const away = await gc('--plan').finally(() => world.setCredentials('c-one', {}));
    expect(away.code).toBe(3);
    expect(away.stderr).toMatch(/cluster c-one: Unreachable: https:\S+ GET .*no answer \(ECONNREFUSED\)/);
    await world.setCredentials('c-one', {});
  });
});

describe('drain', () => {
  const drain = (...args: readonly string[]) => cli.run('drain', 'c-one', ...args);

  test('tries without storing, and knows the clusters there are', async () => {
    for (const [mode, said] of [
      ['client', 'dry run'],
      ['server', 'server dry run'],
    ])
      expect(await drain(`--dry-run=${mode}`)).toEqual({
        code: 0,
        stdout: `clusterpropagation/c-one draining (${said})\n`,
        stderr: '',
      });
    expect((await world.propagation('c-one')).spec.drain).toBeUndefined();
    expect((await drain('--dry-run=client', '--wait')).code).toBe(2);
    expect(await drain('--undo')).toMatchObject({ code: 0, stdout: 'clusterpropagation/c-one unchanged\n' });
    expect((await cli.run('drain', 'c-none')).stderr).toContain('there is no Cluster c-none; see ');
  });

  test('says when nobody drains it, whatever an earlier status said; gc does it then', async () => {
    const result = await drain('--wait', '--timeout', '1s');
    expect(result).toMatchObject({ code: 1, stdout: 'clusterpropagation/c-one draining\n' });
    expect(result.stderr).toContain('not drained after 1s');
    expect(result.stderr).toContain('without an operator: ace-operator gc --apply c-one');
    const plan = JSON.parse((await gc('--plan', 'c-one', '-o', 'json')).stdout);
    expect(new Set(plan.items.map(({ reason }: Any) => reason))).toEqual(new Set(['DrainRequested']));
    expect((await gc('--apply', 'c-one')).stderr).toContain('21 of 21 objects deleted');
    expect(await one.ours()).toEqual([]);
    expect(await drain('--undo')).toMatchObject({ stdout: 'clusterpropagation/c-one undrained\n' });
  });

  test('waits until the operator has, looks for itself, and keeps it out', async () => {
    await world.startOperator();
    await world.waitSynced('c-one', '10/10');
    const result = await drain('--wait', '--timeout', '1m');
    expect(result).toEqual({
      code: 0,
      stdout: 'clusterpropagation/c-one draining\nclusterpropagation/c-one drained\n',
      stderr: 'nothing of ours is left in cluster c-one\n',
    });
    expect(await one.ours()).toEqual([]);
    expect(await theirs()).toBe(true);
    expect(await drain('--wait')).toMatchObject({
      code: 0,
      stdout: 'clusterpropagation/c-one unchanged\nclusterpropagation/c-one drained\n',
    });
  });

  test('puts everything back when it is undone', async () => {
    expect((await drain('--undo')).code).toBe(0);
    await world.waitSynced('c-one', '10/10');
    expect(await one.ours()).toHaveLength(21);
  });
});

describe('cleanup', () => {
  const cleanup = (...args: readonly string[]) =>
    cli.run('cleanup', '--kubeconfig', one.plane.adminKubeconfig, ...args);

  beforeAll(async () => {
    await world.stopOperator();
  });

  test('goes to the cluster that was named, and to no other', async () => {
    expect(await cli.run('cleanup', '--yes')).toMatchObject({
      code: 2,
      stderr: 'ace-operator: --kubeconfig: name the kubeconfig of the downstream cluster\n',
    });
    const env = { ACE_KUBECONFIG: one.plane.adminKubeconfig };
    expect((await cli.with({ args: ['cleanup', '--yes'], env })).code).toBe(2);
  });

  test('asks, and does nothing where nobody can answer', async () => {
    const before = await one.ours();
    const result = await cleanup();
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toMatch(
      /Delete 10 ClusterAuthTokens, 10 Secrets, 1 ClusterUserAttribute, written for c-one, in https:\S+\? Nobody can answer here; say so by --yes/,
    );
    for (const mode of ['client', 'server']) {
      const dry = await cleanup(`--dry-run=${mode}`);
      expect(dry.code).toBe(0);
      expect(dry.stdout.trim().split('\n')).toHaveLength(21);
    }
    expect(await one.ours()).toEqual(before);
  });

  test('asks which, where two installations have written', async () => {
    await one.create(CLUSTER_AUTH_TOKENS, {
      apiVersion: 'cluster.cattle.io/v3',
      kind: 'ClusterAuthToken',
      metadata: {
        name: 'second',
        namespace: NAMESPACE,
        labels: {
          'app.kubernetes.io/managed-by': 'ace-operator',
          'ace-operator.io/cluster': 'c-second',
        },
      },
      userName: 'u-ada',
      enabled: true,
    });
    const result = await cleanup('--yes');
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain('objects are there for c-one and c-second; say by --cluster which');
  });

  test('takes what is ours, without the management plane, and leaves the rest', async () => {
    const result = await cleanup('--yes', '--cluster', 'c-one');
    expect(result.code).toBe(0);
    expect(result.stdout.split('\n').filter((line) => line.endsWith(' deleted'))).toHaveLength(21);
    expect(result.stderr).toBe(
      '21 of 21 objects deleted\nLeft as they are: what is ours for c-second, 1 ClusterAuthToken or ClusterUserAttribute that is not ours, the definitions, the namespace.\n',
    );
    expect(await one.ours()).toEqual([]);
    expect(await one.tokenNames()).toEqual(['second', 'theirs']);
    expect(await theirs()).toBe(true);
    const name = 'clusterauthtokens.cluster.cattle.io';
    expect(await one.get(CUSTOM_RESOURCE_DEFINITIONS, name)).toBeDefined();
    expect(await kubectl(one.plane.adminKubeconfig, 'get', 'ns', NAMESPACE, '-o', 'name')).toBe(
      `namespace/${NAMESPACE}\n`,
    );
  });

  test('has nothing to do a second time', async () => {
    const result = await cleanup('--yes', '--cluster', 'c-one');
    expect(result).toMatchObject({ code: 0, stdout: '' });
    expect(result.stderr).toMatch(
      /^Nothing of ours for c-one is in https:\S+ Left as they are: what is ours for c-second, /,
    );
  });
});
