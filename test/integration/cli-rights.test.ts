import { mkdtempSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_PROPAGATIONS,
  CLUSTER_USER_ATTRIBUTES,
  CONFIG_MAPS,
  NAMESPACES,
  PODS,
  REFRESH_DEBOUNCE,
  type Resource,
  SECRETS,
  SETTINGS,
} from '../../src/api/names.ts';
import { runProgram } from '../../src/cli/program/program.ts';
import { isAlreadyExists } from '../../src/errors.ts';
import * as sha3 from '../../src/hash/sha3-512.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { applyManifests } from '../support/manifests.ts';
import {
  bindings,
  grantedBy,
  grants,
  isGranted,
  type Right,
  rightsOfCommands,
  rightText,
} from '../support/rights.ts';
import { aRuntime } from '../support/runtime.ts';
import { rawCat, rawHashSecret } from '../support/webhook-rig.ts';
import { NAMESPACE, OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

/** How a row of the table is tried, and what it needs to be there. */
interface Trial {
  readonly args: (name: string) => readonly string[];
  readonly prepare?: (name: string) => Promise<unknown>;
  /** Takes `--downstream-kubeconfig` in place of the operator's credentials. */
  readonly takesFile?: boolean;
  /** Where it asks a cluster by that cluster's kubeconfig alone. */
  readonly isDownstream?: boolean;
  /** 0 without it. */
  readonly code?: number;
}

const CLUSTER = 'c-one';
let world: World;
const dumps = mkdtempSync(join(tmpdir(), 'ace-rights-'));

const aToken = (name: string): Promise<unknown> => world.createToken(name, CLUSTER, 'u-ada');
const patchPropagation = (patch: object): Promise<unknown> =>
  world.management.patch(CLUSTER_PROPAGATIONS, CLUSTER, patch);

const TRIALS: Readonly<Record<string, Trial>> = {
  status: { args: () => ['status'] },
  'status --management-only': { args: () => ['status', '--management-only'] },
  'status CLUSTER': { args: () => ['status', CLUSTER], takesFile: true },
  // No authenticator is there: 1 is what everybody is told.
  'explain TOKEN': { args: () => ['explain', 't-0'], code: 1, takesFile: true },
  'wait TOKEN': { args: () => ['wait', 't-0', '--for=propagated', '--timeout', '0s'], takesFile: true },
  // What it asks with has not the operator's own rights, and is told so.
  'preflight CLUSTER': { args: () => ['preflight', CLUSTER], code: 1 },
  'token list': { args: () => ['token', 'list'] },
  'token create': {
    args: () => ['token', 'create', '--user', 'u-ada', '--cluster', CLUSTER, '--output-file', '-'],
  },
  'kubeconfig CLUSTER --create-token': {
    args: () => ['kubeconfig', CLUSTER, '--user', 'u-ada', '--create-token', '--output-file', '-'],
  },
  'token disable': { args: (name) => ['token', 'disable', name], prepare: aToken },
  'token enable': {
    args: (name) => ['token', 'enable', name],
    prepare: (name) => world.createToken(name, CLUSTER, 'u-ada', { enabled: false }),
  },
  'token delete': { args: (name) => ['token', 'delete', name], prepare: aToken },
  'token delete --wait': {
    args: (name) => ['token', 'delete', name, '--wait', '--timeout', '1s'],
    prepare: aToken,
    takesFile: true,
  },
  'token revoke --user': {
    args: () => ['token', 'revoke', '--user', 'u-leaver'],
    prepare: (name) => world.createToken(name, CLUSTER, 'u-leaver'),
  },
  'token revoke --user --wait': {
    args: () => ['token', 'revoke', '--user', 'u-leaver', '--wait', '--timeout', '5s'],
    prepare: (name) => world.createToken(name, CLUSTER, 'u-leaver'),
  },
  'gc CLUSTER': { args: () => ['gc', CLUSTER], takesFile: true },
  'gc --apply CLUSTER': { args: () => ['gc', '--apply', CLUSTER], prepare: leftover, takesFile: true },
  'gc --allow CLUSTER': {
    args: () => ['gc', '--allow', '--objects', '5', CLUSTER],
    prepare: async () => {
      await patchPropagation({ metadata: { annotations: { 'ace-operator.io/allow-gc': null } } });
      await condition('GCBlocked');
    },
  },
  'adoption CLUSTER': { args: () => ['adoption', CLUSTER], takesFile: true },
  // With a kubeconfig it takes one that may say whose cluster it is of: test/unit/cli/adoption.test.ts.
  'adoption CLUSTER --remove-leftovers': {
    args: () => ['adoption', CLUSTER, '--remove-leftovers', '--yes'],
    prepare: rancherLeftover,
  },
  'drain CLUSTER': {
    args: () => ['drain', CLUSTER],
    prepare: () => patchPropagation({ spec: { drain: false } }),
  },
  'drain CLUSTER --undo': {
    args: () => ['drain', CLUSTER, '--undo'],
    prepare: () => patchPropagation({ spec: { drain: true } }),
  },
  // Objects of ours are there, for no operator runs: 1 is what was seen.
  'drain CLUSTER --wait': {
    args: () => ['drain', CLUSTER, '--wait', '--timeout', '1s'],
    prepare: async () => {
      await patchPropagation({ spec: { drain: false } });
      await condition('Drained');
    },
    code: 1,
    takesFile: true,
  },
  version: { args: () => ['version'] },
  // No kubelet is there, so that logs and metrics cannot be had by anybody: 3 is what everybody is told.
  'sysdump CLUSTER': {
    args: (name) => ['sysdump', CLUSTER, '--output-file', join(dumps, `${name}.tar.gz`)],
    takesFile: true,
    code: 3,
  },
  cleanup: { args: () => ['cleanup', '--yes'], prepare: leftover, isDownstream: true },
};

/** Of any generation, as far as anybody may say. */
const condition = (type: string): Promise<unknown> => {
  const about = { reason: 'Test', message: 'as the test wants it', observedGeneration: 99 };
  const conditions = [{ type, status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z', ...about }];
  const key = { resource: CLUSTER_PROPAGATIONS, name: CLUSTER };
  return world.management.client.patch(key, { status: { conditions } }, { subresource: 'status' });
};

/** One object of each kind that we write, whose source is gone. */
async function leftover(name: string): Promise<void> {
  const labels = { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': CLUSTER };
  const metadata = { name, namespace: NAMESPACE, labels };
  const { create } = world.cluster(CLUSTER);
  const apiVersion = 'cluster.cattle.io/v3';
  await create(CLUSTER_AUTH_TOKENS, { apiVersion, kind: 'ClusterAuthToken', metadata, userName: name });
  await create(CLUSTER_USER_ATTRIBUTES, { apiVersion, kind: 'ClusterUserAttribute', metadata });
  await create(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata });
  // There is one, and it may be there already.
  const setting = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, name: REFRESH_DEBOUNCE } };
  await create(CONFIG_MAPS, setting).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
}

/** A pair of Rancher's without a Token. */
async function rancherLeftover(name: string): Promise<void> {
  const { create } = world.cluster(CLUSTER);
  await create(SECRETS, rawHashSecret(name, sha3.hash(`not-a-real-secret-of-${name}`)));
  await create(CLUSTER_AUTH_TOKENS, rawCat(name, {}, { labels: { 'cattle.io/creator': 'norman' } }));
}

const SERVICE_ACCOUNTS: Resource = {
  ...{ group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true },
};

/** One of ours, which no node runs. */
async function aPod(
  client: KubeClient,
  namespace: string,
  app: string,
  args: readonly string[] = [],
): Promise<void> {
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } };
  await client.create(SERVICE_ACCOUNTS, account).catch(() => undefined); // somebody made it already
  await client.create(PODS, {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { name: `${app}-1`, namespace, labels: { 'app.kubernetes.io/name': app } },
    spec: { automountServiceAccountToken: false, containers: [{ name: app, image: app, args }] },
  });
}

const ROWS = rightsOfCommands();

/** Somebody who may do what a row says, but for one thing. */
interface Person {
  readonly name: string;
  readonly lacks: Right | undefined;
  readonly management: readonly Right[];
  readonly cluster: readonly Right[];
}

const without = (rights: readonly Right[], lacks: Right): readonly Right[] =>
  rights.filter((right) => right !== lacks);

const PEOPLE: ReadonlyMap<string, readonly Person[]> = new Map(
  ROWS.map(({ command, management, cluster }, row) => [
    command,
    [
      { name: `p-${row}`, lacks: undefined, management, cluster },
      ...[...management, ...cluster].map((lacks, index) => ({
        ...{ name: `p-${row}-${index}`, lacks },
        management: without(management, lacks),
        cluster: without(cluster, lacks),
      })),
    ],
  ]),
);

beforeAll(async () => {
  world = await startWorld({ clusters: [CLUSTER] });
  const { management } = world;
  await world.register(CLUSTER);
  for (const user of ['u-ada', 'u-leaver']) await world.createUser(user, {}, ['group://a']);
  await world.createToken('t-0', CLUSTER, 'u-ada');
  for (const [name, value] of [['server-url', 'https://rancher.example.com']])
    await management.create(SETTINGS, {
      ...{ apiVersion: 'management.cattle.io/v3', kind: 'Setting', metadata: { name }, value },
    });
  await management.create(NAMESPACES, {
    ...{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'cattle-tokens' } },
  });
  const { adminKubeconfig } = world.cluster(CLUSTER).plane;
  await world.cluster(CLUSTER).create(NAMESPACES, {
    ...{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
  });
  await aPod(management.client, OWN_NAMESPACE, 'ace-operator');
  await aPod(world.cluster(CLUSTER).client, NAMESPACE, 'ace-authenticator', [
    '--metrics-listen=0.0.0.0:9465',
  ]);
  for (const directory of ['roles/management', 'roles/rancher'])
    await applyManifests(management.plane.adminKubeconfig, directory);
  await applyManifests(adminKubeconfig, 'roles/downstream');
  for (const { name, above, cluster } of ROLES) {
    for (const one of bindings(name, name, above)) await management.client.create(...one);
    for (const one of bindings(name, name, cluster)) await world.cluster(CLUSTER).client.create(...one);
  }
  await world.startOperator();
  await world.waitSynced(CLUSTER, '1/1');
  await world.stopOperator();
  for (const { name, management: above, cluster } of [...PEOPLE.values()].flat()) {
    await Promise.all([
      ...grants(name, above).map((grant) => management.client.create(...grant)),
      ...grants(name, cluster).map((grant) => world.cluster(CLUSTER).client.create(...grant)),
    ]);
  }
  // RBAC is told of roles by a watch: the last that were made are known last.
  const mayLast = (file: string, ...right: readonly string[]) =>
    eventually(() => kubectl(file, 'auth', 'can-i', ...right));
  const last = `--as=p-${ROWS.length - 1}`;
  await mayLast(adminKubeconfig, 'delete', 'configmaps', `-n=${NAMESPACE}`, last);
  const lastAbove = `--as=p-${ROWS.length - 2}`;
  await mayLast(management.plane.adminKubeconfig, 'patch', 'cprop', lastAbove);
}, 300_000);
afterAll(async () => {
  await world?.close();
  await rm(dumps, { recursive: true, force: true });
});

/** The roles for people, from the one that may least. */
const ROLES = ['ace-view', 'ace-support', 'ace-admin'].map((name) => ({
  name,
  above: grantedBy(name, [
    ...['management/view.yaml', 'management/support.yaml', 'management/admin.yaml'],
    'rancher/admin.yaml',
  ]),
  cluster: grantedBy(name, ['downstream/support.yaml', 'downstream/admin.yaml']),
}));

let runs = 0;

async function runAs(
  { name }: Pick<Person, 'name'>,
  trial: Trial,
  withFile = false,
): Promise<{ code: number; said: string }> {
  runs += 1;
  const object = `x-${runs}`;
  await trial.prepare?.(object);
  const downstream = await world.cluster(CLUSTER).plane.kubeconfigFor(name);
  await world.setCredentials(CLUSTER, { kubeconfig: await readFile(downstream, 'utf8') });
  const file = trial.isDownstream ? downstream : await world.management.plane.kubeconfigFor(name);
  const more = withFile ? ['--downstream-kubeconfig', downstream] : [];
  const { runtime, told } = aRuntime();
  const code = await runProgram([...trial.args(object), '--kubeconfig', file, ...more], runtime);
  return { code, said: `${told.out}${told.err}` };
}

const NOT_ALLOWED = /forbidden|not allowed|may not/i;

test('the table of docs/cli.md has every command that asks an API server, and no other', () => {
  expect(ROWS.map(({ command }) => command).sort()).toEqual(Object.keys(TRIALS).sort());
});

describe.each(ROWS)('$command', ({ command, management, cluster, role }) => {
  const trial = TRIALS[command] as Trial;
  const [allowed, ...others] = PEOPLE.get(command) as readonly [Person, ...Person[]];

  test('works with the rights of its row', async () => {
    const { code, said } = await runAs(allowed, trial);
    expect(said).not.toMatch(NOT_ALLOWED);
    expect(code, said).toBe(trial.code ?? 0);
  });

  const withoutSecrets = others.find(
    ({ lacks }) => lacks?.resource === 'secrets' && lacks.namespace === 'ace-operator',
  );
  if (trial.takesFile)
    test('works without the credentials, with a kubeconfig of the cluster', async () => {
      const { code, said } = await runAs(withoutSecrets as Person, trial, true);
      expect(said).not.toMatch(NOT_ALLOWED);
      expect(code, said).toBe(trial.code ?? 0);
    });

  test.each(others.map((person) => [rightText(person.lacks as Right), person] as const))(
    'says so without: %s',
    async (_right, person) => {
      const { code, said } = await runAs(person, trial);
      expect(said, `exit code ${code}`).toMatch(NOT_ALLOWED);
    },
  );

  const withFile = trial.takesFile ?? false;
  const isOfFile = ({ resource, namespace }: Right): boolean =>
    withFile && resource === 'secrets' && namespace === 'ace-operator';
  const works = ROLES.filter(
    ({ above, cluster: below }) =>
      management.every((right) => isOfFile(right) || isGranted(right, above)) &&
      cluster.every((right) => isGranted(right, below)),
  ).map(({ name }) => name);

  test('works in the role that the table names, and in those that may more', () => {
    const names = ROLES.map(({ name }) => name);
    expect(works).toEqual(names.slice(names.indexOf(role)));
  });

  test.each(ROLES.map(({ name }) => name))('as %s works, or says why not', async (name) => {
    const { code, said } = await runAs({ name }, trial, withFile);
    if (!works.includes(name)) {
      expect(said, `exit code ${code}`).toMatch(NOT_ALLOWED);
      return;
    }
    expect(said).not.toMatch(NOT_ALLOWED);
    expect(code, said).toBe(trial.code ?? 0);
  });
});

test.each(ROLES.filter(({ name }) => name !== 'ace-admin'))('$name reads no Secret', ({ above, cluster }) => {
  expect([...above, ...cluster].filter(({ resources }) => resources.includes('secrets'))).toEqual([]);
});
