import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SECRETS, TOKENS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { apply, kubectl } from '../support/kubectl.ts';
import { type PlaneClient, planeClient } from '../support/plane-client.ts';
import { NAMESPACE, startWorld, type World } from '../support/world.ts';

/** Together far more than the operator's heap holds. */
const [LARGE, LARGE_BYTES] = [80, 1_400_000];
const HEAP_MB = 96;
/** Each takes some 50 ms of bcrypt. */
const FLOOD = 400;
const PATIENCE = { timeoutMs: 120_000, intervalMs: 250 };
const FORGED =
  'time="x" level=info msg="forged"\n{"level":"error","message":"forged"}\r\n\u001b[31mforged\u2028';

let world: World;
/** As somebody who may create Tokens, and nothing else. */
let mallory: PlaneClient;
let kubeconfig: string;

/** A Token of hers, with whatever she likes in it. */
function create(name: string, fields: object, metadata: object = {}): Promise<unknown> {
  return mallory.create(TOKENS, {
    ...{ apiVersion: 'management.cattle.io/v3', kind: 'Token', metadata: { name, ...metadata } },
    ...{ userId: 'u-mallory', clusterName: 'c-one', ttl: 0, ...fields },
  });
}

async function inTurn(count: number, step: (index: number) => Promise<unknown>, atOnce = 10): Promise<void> {
  for (let from = 0; from < count; from += atOnce)
    await Promise.all(
      Array.from({ length: Math.min(atOnce, count - from) }, (_, index) => step(from + index)),
    );
}

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one', 'c-two'] });
  const { plane } = world.management;
  await apply(plane.adminKubeconfig, [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'token-writer' },
      rules: [{ apiGroups: ['management.cattle.io'], resources: ['tokens'], verbs: ['create'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'token-writer' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'token-writer' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'mallory' }],
    },
  ]);
  kubeconfig = await plane.kubeconfigFor('mallory');
  mallory = await planeClient({ adminKubeconfig: kubeconfig });
  for (const id of ['c-one', 'c-two']) await world.register(id);
  for (const user of ['u-ada', 'u-mallory']) await world.createUser(user, {}, [`group://${user}`]);
  await world.createTokens('ada', 3, 'c-one', 'u-ada');
  await world.startOperator([], { NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` });
  await world.waitSynced('c-one', '3/3');
});
afterAll(async () => {
  await mallory.close();
  await world.close();
});

describe('somebody who may create Tokens in the management plane and nothing else', () => {
  test('may read nothing there, and change nothing else', async () => {
    const { adminKubeconfig } = world.management.plane;
    const may = await kubectl(adminKubeconfig, 'auth', 'can-i', '--list', '--as=mallory', '--no-headers');
    const ours = may.split('\n').filter((line) => /cattle\.io|secrets|configmaps|leases|^\*/.test(line));
    expect(ours.map((line) => line.replace(/\s+/g, ' ').trim())).toEqual([
      'tokens.management.cattle.io [] [] [create]',
    ]);
    await expect(mallory.get(TOKENS, 'ada-0')).rejects.toMatchObject({ code: 403 });
  });

  test('changes and reads nothing by the names that she chooses', async () => {
    const cluster = world.cluster('c-one');
    const foreign = {
      ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'somebodys', namespace: NAMESPACE } },
      data: { hash: 'bm9uZQ==' },
    };
    const { metadata: was } = await cluster.create(SECRETS, foreign);
    const before = await cluster.ours();
    await create('somebodys', { token: 'not-a-real-secret' });
    await create('elsewhere', { token: 'not-a-real-secret', clusterName: '../c-two' });
    await create('path', { token: 'not-a-real-secret', userId: '../secrets/somebodys' });
    // Groups come from the UserAttribute alone, and marks of ours from nobody but us.
    const marks = {
      labels: { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': 'c-two' },
      annotations: { 'ace-operator.io/token-uid': 'x', 'ace-operator.io/fingerprint': 'x' },
    };
    const groups = {
      groupPrincipals: [{ metadata: { name: 'system:masters' } }],
      groups: ['system:masters'],
    };
    await create('marked', { token: 'not-a-real-secret', ...groups }, marks);
    await eventually(async () => expect(await cluster.hashSecret('marked')).toBeDefined(), PATIENCE);
    await eventually(async () =>
      expect((await world.propagation('c-one')).status.refused).toMatchObject({ Malformed: 1 }),
    );

    expect((await cluster.hashSecret('somebodys')).metadata.resourceVersion).toBe(was.resourceVersion);
    expect((await cluster.clusterUserAttribute('u-mallory')).groups).toEqual(['group://u-mallory']);
    expect((await cluster.clusterAuthToken('marked')).metadata.annotations).not.toMatchObject(
      marks.annotations,
    );
    expect(await world.cluster('c-two').ours()).toEqual([]);
    const added = (await cluster.ours()).filter((name) => !before.includes(name));
    expect(added).toEqual(['cat/marked', 'cua/u-mallory', 'secret/marked']);
  });

  test('writes no line of log of her own', async () => {
    const fields = {
      userId: FORGED,
      clusterName: FORGED,
      token: FORGED,
      expiresAt: FORGED,
      description: FORGED,
    };
    for (const [index, name] of Object.keys(fields).entries()) {
      const one = { token: 'not-a-real-secret', [name]: Object.values(fields)[index] };
      await create(`forged-${index}`, one, { annotations: { 'example.com/note': FORGED } });
    }
    await eventually(async () =>
      expect((await world.propagation('c-one')).status.refused).toMatchObject({ Malformed: 3 }),
    );
    const lines = (world.operator?.output() ?? '').split('\n').filter((line) => line !== '');
    expect(lines.filter((line) => !isLogLine(line))).toEqual([]);
    expect(lines.filter((line) => line.includes('forged"') || line.includes('\u001b'))).toEqual([]);
  });

  test('does not keep the token of somebody else waiting for the hashes of hers', async () => {
    const cluster = world.cluster('c-one');
    await inTurn(FLOOD, (index) => create(`flood-${index}`, { token: `not-a-real-secret-${index}` }));
    await world.createToken('of-ada', 'c-one', 'u-ada');
    await eventually(async () => expect(await cluster.clusterAuthToken('of-ada')).toBeDefined(), PATIENCE);
    const made = (await cluster.tokenNames()).filter((name) => name.startsWith('flood-')).length;
    console.log(
      `hostile-token-writer: ${made} of ${FLOOD} of hers were there when the one of somebody else was`,
    );
    expect(FLOOD - made).toBeGreaterThan(FLOOD / 4);

    await world.deleteToken('ada-0');
    await eventually(async () => expect(await cluster.clusterAuthToken('ada-0')).toBeUndefined(), PATIENCE);
  });

  test('does not fill the memory of the operator, however large her Tokens are', async () => {
    const large = 'x'.repeat(LARGE_BYTES / 2);
    await inTurn(
      LARGE,
      (index) => create(`large-${index}`, { token: large, [index % 2 ? 'clusterName' : 'userId']: large }),
      2,
    );
    await world.createToken('after-all', 'c-one', 'u-ada');
    const cluster = world.cluster('c-one');
    await eventually(async () => expect(await cluster.clusterAuthToken('after-all')).toBeDefined(), PATIENCE);
    // Reads them all once more, in a list.
    await world.stopOperator();
    const operator = await world.startOperator([], { NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` });
    await world.deleteToken('after-all');
    await eventually(
      async () => expect(await cluster.clusterAuthToken('after-all')).toBeUndefined(),
      PATIENCE,
    );
    const [, peak = ''] =
      /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${operator.pid}/status`, 'utf8')) ?? [];
    console.log(
      `hostile-token-writer: ${Math.round(Number(peak) / 1_024)} MB at most with ${LARGE} large Tokens`,
    );
  });
});

/** One line is one whole object, whose message is one of ours. */
function isLogLine(line: string): boolean {
  try {
    const { level, message } = JSON.parse(line);
    return /^(info|warn|error|debug)$/.test(level) && !message.includes('forged');
  } catch {
    return false;
  }
}
