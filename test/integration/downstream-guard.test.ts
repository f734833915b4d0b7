import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES, NAMESPACES, SECRETS } from '../../src/api/names.ts';
import { hash as sha3 } from '../../src/hash/sha3-512.ts';
import { shutOut } from '../../src/join/guard.ts';
import { personalAccess } from '../../src/kube/kubeconfig.ts';
import { Plane } from '../../src/plane/plane.ts';
import { bearerKubeconfig } from '../support/bearer-kubeconfig.ts';
import { eventually } from '../support/eventually.ts';
import { whyNoGuard } from '../support/guard.ts';
import { apply, kubectl, kubectlSays } from '../support/kubectl.ts';
import { applyManifests } from '../support/manifests.ts';
import { type Any, type PlaneClient, planeClient } from '../support/plane-client.ts';
import { type Downstream, NAMESPACE, startWorld, type World } from '../support/world.ts';

const CRDS = join(import.meta.dirname, '../../crds');
const ACCOUNT_NAMESPACE = 'ace-operator-downstream';
const OWN = { 'app.kubernetes.io/managed-by': 'ace-operator' };
const HASH = sha3('not-a-real-secret');
const REFUSED = /ValidatingAdmissionPolicy 'ace-operator-(identities|hashes)' with binding .* denied request/;

let world: World;
let cluster: Downstream;
/** Why all of this is skipped; undefined where the API server has the kind. */
let reason: string | undefined;
/** Kubeconfigs: whose they are. */
let operator: string;
/** Its Role has no `get`, which kubectl would ask for. */
let authenticator: PlaneClient;
let annsClient: PlaneClient;
let namespaceAdmin: string;
let rancher: string;

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one'], management: { audit: true }, downstream: { audit: true } });
  cluster = world.cluster('c-one');
  const admin = cluster.plane.adminKubeconfig;
  reason = await whyNoGuard(admin);
  if (reason) return;
  const files = ['clusterauthtokens', 'clusteruserattributes'].map((plural) =>
    join(CRDS, `cluster.cattle.io_${plural}.yaml`),
  );
  await kubectl(admin, 'create', 'namespace', NAMESPACE);
  await kubectl(admin, 'apply', ...files.flatMap((file) => ['-f', file]));
  await kubectl(admin, 'wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
  for (const directory of ['downstream-rbac', 'authenticator', 'downstream-guard'])
    await applyManifests(admin, directory);
  await apply(admin, [
    ...fullRights('namespace-admin', { kind: 'User', name: 'ann' }),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'cattle', namespace: NAMESPACE } },
    // As Rancher binds it: everything.
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'cattle-admin-binding' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'cattle', namespace: NAMESPACE }],
    },
  ]);
  operator = await tokenOf(ACCOUNT_NAMESPACE, 'ace-operator');
  const bearer = await tokenOf(NAMESPACE, 'ace-authenticator');
  authenticator = await planeClient({ adminKubeconfig: bearer });
  rancher = await tokenOf(NAMESPACE, 'cattle');
  namespaceAdmin = await cluster.plane.kubeconfigFor('ann');
  annsClient = await planeClient({ adminKubeconfig: namespaceAdmin });
  await inForce();
});
afterAll(async () => {
  await authenticator?.close();
  await annsClient?.close();
  await world?.close();
});
beforeEach((context) => {
  if (reason) context.skip(reason);
});

describe('the guard', () => {
  beforeAll(async () => {
    if (!reason) await apply(operator, [...pair('t-ada'), user('u-ada'), inlineToken('t-inline')]);
  });

  const PATCHES: Record<string, [string, object]> = {
    'another user to a token': ['cat/t-ada', { userName: 'u-admin' }],
    'a later expiry to a token': ['cat/t-ada', { expiresAt: '2099-01-01T00:00:00Z' }],
    'no user to a token': ['cat/t-ada', { userName: null }],
    'a hash to a token': ['cat/t-ada', { hash: HASH }],
    'another hash to an inline token': ['cat/t-inline', { hash: sha3('another') }],
    'a token another enabled': ['cat/t-ada', { enabled: false }],
    'a token a field that it does not have': ['cat/t-ada', { extra: 'x' }],
    'a token another UID': [
      'cat/t-ada',
      { metadata: { annotations: { 'ace-operator.io/token-uid': null } } },
    ],
    'a token other labels': ['cat/t-ada', { metadata: { labels: { a: 'b' } } }],
    'a token a finalizer': ['cat/t-ada', { metadata: { finalizers: ['example.com/held'] } }],
    'a token an owner, for the garbage collector': [
      'cat/t-ada',
      { metadata: { ownerReferences: [owner()] } },
    ],
    'another field beside lastUsedAt': ['cat/t-ada', { lastUsedAt: now(), enabled: false }],
    'a last use that is no text': ['cat/t-ada', { lastUsedAt: { a: 'b' } }],
    'a last use of any length': ['cat/t-ada', { lastUsedAt: 'x'.repeat(65) }],
    'a refresh to a token': ['cat/t-ada', { needsRefresh: true }],
    'groups to a user': ['cua/u-ada', { groups: ['group://a', 'system:masters'] }],
    'a user enabled': ['cua/u-ada', { enabled: false }],
    'a user a newer refresh': ['cua/u-ada', { lastRefresh: now() }],
    'a user extras': ['cua/u-ada', { extraByProvider: { local: { username: ['root'] } } }],
    'a refresh that is no boolean': ['cua/u-ada', { needsRefresh: 'x'.repeat(1_000) }],
    'a use to a user': ['cua/u-ada', { lastUsedAt: now() }],
  };
  for (const [what, [object, patch]] of Object.entries(PATCHES)) {
    test(`lets neither the authenticator nor the namespace's administrator give ${what}`, async () => {
      for (const thief of [authenticator, annsClient]) await deniedPatch(thief, object, patch);
    });
  }

  test('lets no dry run through either, and no other way of writing', async () => {
    const patch = patchOf('cua/u-ada', { groups: ['system:masters'] });
    await refused(namespaceAdmin, [...patch, '--dry-run=server']);
    const wanted = JSON.stringify({ ...user('u-ada'), groups: ['system:masters'] });
    const others = [['replace'], ['apply', '--server-side', '--force-conflicts'], ['apply']];
    for (const how of others) await refused(namespaceAdmin, [...how, '-f', '-'], wanted);
  });

  test.each(
    Object.entries({
      'a token': inlineToken('t-eve'),
      'a token whose name the server makes': {
        ...inlineToken('t-eve'),
        metadata: { generateName: 't-eve-', namespace: NAMESPACE },
      },
      'a user': user('u-eve'),
      'a hash': secret('t-eve', { hash: HASH }),
      'a bcrypt hash': secret('t-eve', { hash: '$2b$10$abcdefghijklmnopqrstuv' }),
      'a scrypt hash of old': secret('t-eve', { hash: '$1:00:15:8:1:abcd' }),
      'a hash of another type of Secret': { ...secret('t-eve', { hash: HASH }), type: 'example.com/any' },
      'a Secret that says it is ours': { ...secret('t-eve', { a: 'b' }, OWN) },
    }),
  )('lets nobody else make %s', async (_, object) => {
    for (const how of [[], ['--dry-run=server']])
      await refused(namespaceAdmin, ['create', ...how, '-f', '-'], JSON.stringify(object));
  });

  test('lets nobody else take anything away, one by one or all at once', async () => {
    for (const what of ['cat/t-ada', 'cua/u-ada', 'secret/t-ada']) {
      await refused(namespaceAdmin, ['delete', what, `-n=${NAMESPACE}`]);
      await refused(namespaceAdmin, ['delete', what, `-n=${NAMESPACE}`, '--cascade=foreground']);
    }
    await refused(namespaceAdmin, ['delete', 'cat', '--all', `-n=${NAMESPACE}`]);
    const path = `/apis/cluster.cattle.io/v3/namespaces/${NAMESPACE}/clusterauthtokens`;
    await refused(namespaceAdmin, ['delete', `--raw=${path}`]);
    expect(await cluster.tokenNames()).toEqual(['t-ada', 't-inline']);
  });

  test.each(
    Object.entries({
      'another hash': { stringData: { hash: sha3('another') } },
      'no hash': { data: { hash: null } },
      'a key beside it': { stringData: { other: 'x' } },
      'another label': { metadata: { labels: { 'app.kubernetes.io/managed-by': 'someone' } } },
      'no mark': { metadata: { annotations: { 'ace-operator.io/token-uid': null } } },
      'no change ever again': { immutable: true },
      'an owner': { metadata: { ownerReferences: [owner()] } },
    }),
  )('lets nobody else give a hash Secret %s', async (_, patch) => {
    await refused(namespaceAdmin, patchOf('secret/t-ada', patch));
  });

  test.each(
    Object.entries({
      'by a label': { metadata: { labels: OWN } },
      'by an annotation': { metadata: { annotations: { 'ace-operator.io/token-uid': 'uid' } } },
      'by a hash': { stringData: { hash: HASH } },
    }),
  )('lets nobody turn a Secret of his own into one, %s', async (_, patch) => {
    await cluster.remove(SECRETS, 'mine', NAMESPACE);
    await apply(namespaceAdmin, secret('mine', { a: 'b' }));
    await refused(namespaceAdmin, patchOf('secret/mine', patch));
  });

  test("leaves other people's Secrets alone, from beginning to end", async () => {
    const others = [
      secret('others', { hash: '5eb63bbbe01eeed093cb22bb8f5acdc3', password: 'x' }),
      secret('labelled', { a: 'b' }, { 'app.kubernetes.io/managed-by': 'Helm' }),
      secret('empty', {}),
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'binary', namespace: NAMESPACE },
        data: { hash: '/w==' },
      },
    ];
    await apply(namespaceAdmin, others);
    for (const { metadata } of others as Any[]) {
      await kubectl(namespaceAdmin, ...patchOf(`secret/${metadata.name}`, { stringData: { a: 'c' } }));
      await kubectl(namespaceAdmin, 'delete', 'secret', metadata.name, `-n=${NAMESPACE}`);
    }
  });

  test('leaves what an authenticator reports open to it', async () => {
    const uid = (await cluster.clusterAuthToken('t-ada')).metadata.uid;
    const lastUsedAt = now();
    await patchBy(authenticator, 'cat/t-ada', { lastUsedAt, metadata: { uid } });
    await patchBy(authenticator, 'cua/u-ada', { needsRefresh: true });
    expect(await cluster.clusterAuthToken('t-ada')).toMatchObject({ lastUsedAt, enabled: true });
    expect(await cluster.clusterUserAttribute('u-ada')).toMatchObject({ needsRefresh: true });
  });

  test('lets a write through that changes nothing, as a migration of the storage makes it', async () => {
    for (const [resource, name] of [
      [CLUSTER_AUTH_TOKENS, 't-ada'],
      [CLUSTER_USER_ATTRIBUTES, 'u-ada'],
      [SECRETS, 't-ada'],
    ] as const) {
      const stored = await annsClient.get(resource, name, NAMESPACE);
      const written = (await annsClient.client.update(resource, stored)) as Any;
      expect(written.metadata.uid).toBe(stored.metadata.uid);
    }
  });

  test('counts a user of thousands of groups, and lets the authenticator report', async () => {
    const groups = Array.from({ length: 10_000 }, (_, index) => `github_team://organisation/${index}`);
    await kubectlSays(operator, ['create', '-f', '-'], JSON.stringify({ ...user('u-many'), groups }));
    await patchBy(authenticator, 'cua/u-many', { needsRefresh: true });
    await deniedPatch(authenticator, 'cua/u-many', { groups: ['system:masters'] });
  });

  test('lets a finalizer be taken off, which holds up what is gone', async () => {
    await apply(operator, inlineToken('t-held', { finalizers: ['example.com/held'] }));
    await kubectl(operator, 'delete', 'cat', 't-held', `-n=${NAMESPACE}`, '--wait=false');
    await refused(namespaceAdmin, patchOf('cat/t-held', { enabled: true, hash: sha3('another') }));
    await kubectl(namespaceAdmin, ...patchOf('cat/t-held', { metadata: { finalizers: null } }));
    expect(await cluster.clusterAuthToken('t-held')).toBeUndefined();
  });

  test('cannot be got round by the account of the same name in cattle-system, whoever takes its place', async () => {
    await refused(
      await tokenOf(NAMESPACE, 'ace-operator'),
      patchOf('cua/u-ada', { groups: ['system:masters'] }),
    );
    const patch = patchOf('cua/u-ada', { groups: ['system:masters'] });
    await refused(namespaceAdmin, [...patch, `--as=system:serviceaccount:${NAMESPACE}:ace-operator`]);
    const guarded = [...patch, `--as=system:serviceaccount:${ACCOUNT_NAMESPACE}:ace-operator`];
    await expect(kubectl(namespaceAdmin, ...guarded)).rejects.toThrow(/cannot impersonate/);
    await expect(
      kubectl(namespaceAdmin, 'create', 'token', 'ace-operator', `-n=${ACCOUNT_NAMESPACE}`),
    ).rejects.toThrow(/forbidden/);
  });

  test('is seen by join, whose account it keeps out', async () => {
    const access = await personalAccess({
      files: [cluster.plane.adminKubeconfig],
      required: true,
      context: undefined,
    });
    const plane = new Plane(access, { timeoutMs: 10_000, userAgent: 'test' });
    try {
      for (const [namespace, value] of [
        [NAMESPACE, 'in force'],
        [ACCOUNT_NAMESPACE, 'no'],
      ] as const)
        expect(await shutOut(plane, { namespace, name: 'ace-operator' })).toEqual({ ok: true, value });
    } finally {
      await plane.close();
    }
  });

  test('cannot be widened by whoever is not an administrator of the cluster', async () => {
    const grant = ['--clusterrole=ace-operator-downstream-guard', '--user=ann'];
    for (const args of [
      ['create', 'clusterrolebinding', 'mine', ...grant],
      ['delete', 'validatingadmissionpolicybinding', 'ace-operator-identities'],
    ])
      await expect(kubectl(namespaceAdmin, ...args), args.join(' ')).rejects.toThrow(/forbidden/i);
    // Who may everything in a namespace may write the namespace, too; but this label is the API server's.
    const label = 'kubernetes.io/metadata.name';
    await kubectl(namespaceAdmin, 'label', 'namespace', NAMESPACE, `${label}=other`, '--overwrite');
    expect((await cluster.get(NAMESPACES, NAMESPACE)).metadata.labels[label]).toBe(NAMESPACE);
    // In his own namespace he may grant what he has there; the guard asks for the whole cluster.
    await kubectl(namespaceAdmin, 'create', 'rolebinding', 'mine', `-n=${NAMESPACE}`, ...grant);
    await refused(namespaceAdmin, patchOf('cua/u-ada', { groups: ['system:masters'] }));
  });

  test("says who may, and shows nobody's hash", async () => {
    const attempt = kubectl(namespaceAdmin, ...patchOf('cat/t-inline', { hash: sha3('another') }));
    // The harness quotes what was asked before it.
    const message = (await attempt.catch((error: Error) => error.message)).split('exit code').at(-1);
    expect(message).toContain(
      'by ClusterRoleBinding ace-operator-downstream-guard ann may not update what decides who is let in, ' +
        'except lastUsedAt',
    );
    expect(message).not.toContain('$3:');
  });

  test("lets Rancher's own controller and administrators through, and whoever is named", async () => {
    for (const writer of [rancher, cluster.plane.adminKubeconfig]) {
      await kubectlSays(writer, ['create', '-f', '-'], JSON.stringify(list([...pair('t-r'), user('u-r')])));
      await kubectl(writer, ...patchOf('cua/u-r', { groups: ['group://r'] }));
      await kubectl(writer, 'delete', 'cat/t-r', 'secret/t-r', 'cua/u-r', `-n=${NAMESPACE}`);
    }
    const admin = cluster.plane.adminKubeconfig;
    await apply(admin, fullRights('other-controller', { kind: 'User', name: 'controller' }));
    const controller = await cluster.plane.kubeconfigFor('controller');
    await refused(controller, patchOf('cua/u-ada', { groups: ['group://c'] }));
    const grant = ['--clusterrole=ace-operator-downstream-guard', '--user=controller'];
    await kubectl(admin, 'create', 'clusterrolebinding', 'other-controller', ...grant);
    await eventually(() => kubectl(controller, ...patchOf('cua/u-ada', { groups: ['group://a'] })));
  });
});

test('the operator does its whole work under the guard, by a token of the account, and is refused nothing', async () => {
  const admin = cluster.plane.adminKubeconfig;
  await kubectl(admin, 'delete', 'cat,cua,secret', '--all', `-n=${NAMESPACE}`);
  await world.register('c-one', { credentials: false });
  // First by the account that the guard does not let in: the log says who decides that, and nothing is given up.
  const outsider = await tokenOf(NAMESPACE, 'ace-operator');
  await world.setCredentials('c-one', { kubeconfig: await readFile(outsider, 'utf8') });
  await world.startOperator();
  await world.createUser('u-ada', {}, ['group://a']);
  await world.createTokens('t', 3, 'c-one', 'u-ada');
  await eventually(async () =>
    expect(JSON.stringify(world.operator?.logs())).toMatch(
      /by ClusterRoleBinding ace-operator-downstream-guard system:serviceaccount:cattle-system:ace-operator may not create/,
    ),
  );
  await world.setCredentials('c-one', { kubeconfig: await readFile(operator, 'utf8') });
  await world.waitSynced('c-one', '3/3');
  const before = (await refusals()).length;
  await patchBy(authenticator, 'cat/t-1', { lastUsedAt: now() });
  await world.setGroups('u-ada', ['group://b']);
  await eventually(async () =>
    expect(await cluster.clusterUserAttribute('u-ada')).toMatchObject({ groups: ['group://b'] }),
  );
  await world.deleteToken('t-0');
  await eventually(async () => expect(await cluster.tokenNames()).toEqual(['t-1', 't-2']));
  await world.setAce('c-one', false);
  await world.waitCondition('c-one', 'Drained', { status: 'True' });
  expect(await cluster.ours()).toEqual([]);
  expect((await refusals()).length).toBe(before);
  await world.stopOperator();
});

/** What the operator asked of the cluster and was refused. */
async function refusals(): Promise<readonly unknown[]> {
  const lines = await cluster.plane.auditLines();
  const ours = lines.filter(({ userAgent }) => userAgent.startsWith('ace-operator/'));
  expect(ours.some(({ verb, code }) => verb === 'create' && code === 201)).toBe(true);
  return ours.filter(({ code }) => code === 403 || code === 422);
}

test('on trial the guard refuses nothing and warns', async () => {
  await applyManifests(cluster.plane.adminKubeconfig, 'downstream-guard-audit');
  await eventually(async () => {
    const object = JSON.stringify(user('u-trial'));
    const { stderr } = await kubectlSays(namespaceAdmin, ['create', '--dry-run=server', '-f', '-'], object);
    expect(stderr).toMatch(
      /Warning: Validation failed for ValidatingAdmissionPolicy 'ace-operator-identities'/,
    );
  });
  const allowed = ['create', '--dry-run=server', '-f', '-'];
  const { stderr } = await kubectlSays(operator, allowed, JSON.stringify(user('u-trial')));
  expect(stderr).toBe('');
});

test('lets a namespace that is being deleted be emptied, and nothing else', async () => {
  const admin = cluster.plane.adminKubeconfig;
  await applyManifests(admin, 'downstream-guard');
  await inForce();
  await apply(operator, [...pair('t-last'), user('u-last')]);
  // Nobody finalizes namespaces here: it stays as it is.
  await kubectl(admin, 'delete', 'namespace', NAMESPACE, '--wait=false');
  await eventually(() => kubectl(namespaceAdmin, 'delete', 'cat', 't-last', `-n=${NAMESPACE}`));
  await refused(namespaceAdmin, patchOf('cua/u-last', { groups: ['system:masters'] }));
  await refused(namespaceAdmin, patchOf('secret/t-last', { stringData: { hash: sha3('another') } }));
  const again = kubectlSays(namespaceAdmin, ['create', '-f', '-'], JSON.stringify(inlineToken('t-last')));
  await expect(again).rejects.toThrow(/being terminated|denied request/);
  await kubectl(namespaceAdmin, 'delete', 'secret/t-last', 'cua/u-last', `-n=${NAMESPACE}`);
});

/** The API server learns of a policy by a watch. */
async function inForce(): Promise<void> {
  const attempt = ['create', '--dry-run=server', '-f', '-'];
  await eventually(async () => {
    await refused(namespaceAdmin, attempt, JSON.stringify(user('u-probe')));
    await refused(namespaceAdmin, attempt, JSON.stringify(secret('probe', { hash: HASH })));
  });
}

async function refused(kubeconfig: string, args: readonly string[], input = ''): Promise<void> {
  await expect(kubectlSays(kubeconfig, args, input), args.join(' ')).rejects.toThrow(REFUSED);
}

async function tokenOf(namespace: string, account: string): Promise<string> {
  const admin = cluster.plane.adminKubeconfig;
  const bearer = await kubectl(admin, 'create', 'token', account, `-n=${namespace}`);
  return bearerKubeconfig(cluster.plane, bearer.trim());
}

function patchOf(object: string, patch: object): readonly string[] {
  return ['patch', object, `-n=${NAMESPACE}`, '--type=merge', '--patch', JSON.stringify(patch)];
}

/** 403, and not by RBAC, of which our client quotes what is missing. */
async function deniedPatch(who: PlaneClient, object: string, patch: object): Promise<void> {
  await expect(patchBy(who, object, patch)).rejects.toMatchObject({
    code: 403,
    message: expect.not.stringContaining('cannot patch'),
  });
}

function patchBy(who: PlaneClient, object: string, patch: object): Promise<Any> {
  const [kind, name = ''] = object.split('/');
  return who.patch(kind === 'cat' ? CLUSTER_AUTH_TOKENS : CLUSTER_USER_ATTRIBUTES, name, patch, NAMESPACE);
}

function fullRights(name: string, subject: object): readonly object[] {
  const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
  const metadata = { name, namespace: NAMESPACE };
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const everything = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] };
  return [
    { apiVersion, kind: 'Role', metadata, rules: [everything] },
    { apiVersion, kind: 'RoleBinding', metadata, roleRef: role, subjects: [{ ...subject }] },
  ];
}

function derived(kind: string, name: string, fields: object, metadata: object = {}): object {
  return {
    apiVersion: 'cluster.cattle.io/v3',
    kind,
    metadata: { name, namespace: NAMESPACE, labels: OWN, ...metadata },
    ...fields,
  };
}

function pair(name: string): readonly object[] {
  const mark = { 'ace-operator.io/token-uid': 'uid' };
  return [
    { ...secret(name, { hash: HASH }, OWN, mark) },
    derived('ClusterAuthToken', name, { userName: 'u-ada', enabled: true }, { annotations: mark }),
  ];
}

function inlineToken(name: string, metadata: object = {}): object {
  return derived('ClusterAuthToken', name, { userName: 'u-ada', enabled: true, hash: HASH }, metadata);
}

function user(name: string): object {
  return derived('ClusterUserAttribute', name, { enabled: true, groups: ['group://a'], lastRefresh: '' });
}

function secret(name: string, stringData: object, labels: object = {}, annotations: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: NAMESPACE, labels, annotations },
    stringData,
  };
}

function list(items: readonly object[]): object {
  return { apiVersion: 'v1', kind: 'List', items };
}

function owner(): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: '00000000-0000-0000-0000-000000000000' };
}

function now(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}
