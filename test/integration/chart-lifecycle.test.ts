import { execFile } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS, CLUSTERS, NAMESPACES, SECRETS, TOKENS } from '../../src/api/names.ts';
import { findKubectl } from '../support/binaries.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { type Chart, chartDirectory, findHelms, type Helm, settings } from '../support/helm.ts';
import { kubectl, kubectlSays } from '../support/kubectl.ts';
import { kubernetesMinor, lacks } from '../support/kubernetes-version.ts';
import type { Any } from '../support/plane-client.ts';
import { NAMESPACE, OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

/** The life of a release on real API servers, with each Helm after the other on what the one before has left. */

const helms = findHelms();
// Why is printed; a file without any test would be a failure.
if (helms.length === 0) test.skip('there is no Helm', () => {});
let world: World;

beforeAll(async () => {
  if (helms.length === 0) return;
  world = await startWorld({ clusters: ['c-one'], empty: true });
}, 600_000);
afterAll(() => world?.close());

const admin = (): string => world.management.plane.adminKubeconfig;
const cluster = (): string => world.cluster('c-one').plane.adminKubeconfig;
const json = async (kubeconfig: string, ...args: readonly string[]): Promise<Any> =>
  JSON.parse(await kubectl(kubeconfig, 'get', ...args, '-o', 'json'));
const named = async (kubeconfig: string, ...args: readonly string[]): Promise<readonly string[]> =>
  (await kubectl(kubeconfig, 'get', ...args, '-o', 'name'))
    .split('\n')
    .filter((line) => line !== '')
    .sort();

function release(helm: Helm, chart: Chart, kubeconfig: string, namespace: string) {
  const at = ['--namespace', namespace];
  const change = (verb: string, values: Readonly<Record<string, string>>, ...more: readonly string[]) =>
    helm.run([verb, chart, chartDirectory(chart), ...at, ...settings(values), ...more], kubeconfig);
  return {
    install: (values: Readonly<Record<string, string>>) => change('install', values, '--create-namespace'),
    upgrade: (values: Readonly<Record<string, string>>) => change('upgrade', values, '--reset-values'),
    rollback: (revision: number) => helm.run(['rollback', chart, String(revision), ...at], kubeconfig),
    uninstall: () => helm.run(['uninstall', chart, ...at], kubeconfig),
  };
}

describe.each(helms)('a release of ace-operator by Helm $major', (helm) => {
  const operator = () => release(helm, 'ace-operator', admin(), OWN_NAMESPACE);
  const deployment = (): Promise<Any> => json(admin(), 'deployment', 'ace-operator', '-n', OWN_NAMESPACE);
  const policiesAndServices = () => named(admin(), 'networkpolicy,service', '-n', OWN_NAMESPACE);
  const argsOf = ({ spec }: Any): readonly string[] => spec.template.spec.containers[0].args;
  const user = `u-helm-${helm.major}`;
  const token = `t-helm-${helm.major}`;
  let notes: string;

  test('is installed into an empty cluster with all that it needs', async () => {
    notes = await operator().install({ 'crds.rancher': 'true' });
    await kubectl(admin(), 'wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s');
    expect(await named(admin(), 'crd')).toHaveLength(6);
    expect((await deployment()).spec.replicas).toBe(2);
    expect(notes).not.toContain('nothing to carry yet');
  });

  test('has an operator that carries a token by the rights of the release, set up by the lines of the notes', async () => {
    const { management } = world;
    await world.createUser(user, {}, ['group://a']);
    if (await management.get(CLUSTERS, 'c-one')) await world.setAce('c-one', false);
    else await world.register('c-one', { ace: false, credentials: false });
    await world.createToken(token, 'c-one', user);
    const account = `system:serviceaccount:${OWN_NAMESPACE}:ace-operator`;
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${OWN_NAMESPACE}`];
    const [, ...flags] = argsOf(await deployment()).filter((arg) => !arg.startsWith('--listen='));
    await world.startOperator([
      ...['--kubeconfig', await management.plane.kubeconfigFor(account, groups)],
      ...['--leader-elect=true', ...flags],
    ]);
    await copyFile(cluster(), join(management.plane.dir, 'downstream.yaml'));
    for (const line of commandsOf(notes)) await shell(line.replaceAll('CLUSTER', 'c-one'));
    await eventually(async () => expect(await world.cluster('c-one').clusterAuthToken(token)).toBeDefined());
  });

  test('is upgraded to other values', async () => {
    await operator().upgrade({
      ...{ replicas: '3', 'flags.hash-algorithm': 'sha3-512', 'networkPolicy.enabled': 'false' },
      ...{ 'crds.rancher': 'true', 'monitoring.service': 'true' },
    });
    const changed = await deployment();
    expect(changed.spec.replicas).toBe(3);
    expect(argsOf(changed)).toContain('--hash-algorithm=sha3-512');
    expect(await policiesAndServices()).toEqual(['service/ace-operator-metrics']);
  });

  test('is rolled back to what it was', async () => {
    await operator().rollback(1);
    const back = await deployment();
    expect(back.spec.replicas).toBe(2);
    expect(argsOf(back)).toEqual(['operator', '--listen=:9464']);
    expect(await policiesAndServices()).toEqual(['networkpolicy.networking.k8s.io/ace-operator']);
  });

  test('keeps definitions that are switched off, with their objects, and takes them back', async () => {
    await operator().upgrade({ 'crds.install': 'false' });
    expect(await named(admin(), 'crd')).toHaveLength(6);
    expect(await world.management.get(TOKENS, token)).toBeDefined();
    await operator().upgrade({ 'crds.rancher': 'true' });
    expect(await named(admin(), 'crd')).toHaveLength(6);
  });

  test('is uninstalled, and leaves definitions, their objects and what the operator made', async () => {
    await world.stopOperator();
    await operator().uninstall();
    const kinds = 'deployment,role,rolebinding,serviceaccount,networkpolicy,poddisruptionbudget,configmap';
    const byHelm = ['-l', 'app.kubernetes.io/managed-by=Helm'];
    expect(await named(admin(), kinds, '-A', ...byHelm)).toEqual([]);
    expect(await named(admin(), 'clusterrole,clusterrolebinding,priorityclass', ...byHelm)).toEqual([]);
    expect(await named(admin(), 'crd', ...byHelm)).toHaveLength(6);
    expect(await world.management.get(TOKENS, token)).toBeDefined();
    expect(await world.management.get(CLUSTER_PROPAGATIONS, 'c-one')).toBeDefined();
    expect(await world.management.get(NAMESPACES, OWN_NAMESPACE)).toBeDefined();
    const secrets = await world.management.list(SECRETS, OWN_NAMESPACE);
    expect(secrets.map(({ metadata }) => metadata.name)).toContain('c-one');
    await world.management.remove(SECRETS, 'c-one', OWN_NAMESPACE);
  });
});

describe.each(helms)('a release of ace-authenticator by Helm $major', (helm) => {
  const authenticator = () => release(helm, 'ace-authenticator', cluster(), NAMESPACE);
  const daemonSets = () => named(cluster(), 'daemonset', '-n', NAMESPACE);

  test('is installed, upgraded to a pair, rolled back and uninstalled', async () => {
    const notes = await authenticator().install({ 'operatorAccess.enabled': 'true' });
    expect(notes).toContain('server: http://127.0.0.1:6440/v1/authenticate');
    expect(await daemonSets()).toEqual(['daemonset.apps/ace-authenticator']);
    await authenticator().upgrade({
      'pair.enabled': 'true',
      'keptState.enabled': 'true',
      'flags.audit-log': 'refused',
    });
    expect(await daemonSets()).toHaveLength(2);
    const { spec } = await json(cluster(), 'daemonset', 'ace-authenticator-2', '-n', NAMESPACE);
    expect(spec.template.spec.containers[0].args).toContain('--audit-log=refused');
    expect(await named(cluster(), 'rolebinding', '-n', NAMESPACE)).toEqual([
      'rolebinding.rbac.authorization.k8s.io/ace-authenticator',
    ]);
    await authenticator().rollback(1);
    expect(await daemonSets()).toEqual(['daemonset.apps/ace-authenticator']);
    await authenticator().uninstall();
    expect(await daemonSets()).toEqual([]);
    expect(await world.cluster('c-one').get(NAMESPACES, NAMESPACE)).toBeDefined();
  });

  test('installs no operator where the definitions are not its own, and nothing in part', async () => {
    const rancher = release(helm, 'ace-operator', cluster(), OWN_NAMESPACE);
    await kubectl(
      cluster(),
      'apply',
      '-f',
      join(import.meta.dirname, '../../crds/management.cattle.io_tokens.yaml'),
    );
    await expect(rancher.install({ 'crds.rancher': 'true' })).rejects.toThrow(
      /tokens\.management\.cattle\.io.* invalid ownership metadata/s,
    );
    expect(await named(cluster(), 'clusterrole', '-l', 'app.kubernetes.io/managed-by=Helm')).toEqual([]);
  });

  test.skipIf(lacks(30, 'ValidatingAdmissionPolicy'))('switches the guard on and off again', async () => {
    await authenticator().install({ 'operatorAccess.enabled': 'true', 'guard.enabled': 'true' });
    expect(await named(cluster(), 'validatingadmissionpolicybinding')).toHaveLength(2);
    await authenticator().upgrade({ 'operatorAccess.enabled': 'true', 'guard.account': 'true' });
    expect(await named(cluster(), 'validatingadmissionpolicybinding')).toEqual([]);
    expect(await named(cluster(), 'serviceaccount', '-n', 'ace-operator-downstream')).toContain(
      'serviceaccount/ace-operator',
    );
    await authenticator().uninstall();
    await finalize('ace-operator-downstream');
  });

  test.skipIf(kubernetesMinor() >= 25)('refuses what this Kubernetes does not have', async () => {
    await expect(authenticator().install({ 'surge.enabled': 'true' })).rejects.toThrow(
      'surge.enabled needs Kubernetes 1.25 or newer',
    );
  });
});

/** What the controller of namespaces does, which does not run here: an empty namespace that is deleted goes. */
async function finalize(namespace: string): Promise<void> {
  const object = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
    spec: { finalizers: [] },
  };
  const path = `/api/v1/namespaces/${namespace}/finalize`;
  await kubectlSays(cluster(), ['replace', '--raw', path, '-f', '-'], JSON.stringify(object));
}

/** The lines of the notes that are to be typed: three for a cluster, and two that look for an earlier drain and take it back. */
function commandsOf(notes: string): readonly string[] {
  const lines = notes.split('\n').filter((line) => /^ {3}\S/.test(line));
  expect(lines).toHaveLength(5);
  return lines.map((line) => line.trim());
}

/** As a person types it, in the directory of the management plane. */
function shell(line: string): Promise<void> {
  const { dir }: ControlPlane = world.management.plane;
  const env = {
    ...process.env,
    PATH: `${dirname(findKubectl())}:${process.env['PATH']}`,
    KUBECONFIG: admin(),
    HOME: dir,
  };
  return new Promise((resolve, reject) => {
    execFile('bash', ['-c', line], { env, cwd: dir }, (error, _, stderr) =>
      error ? reject(new Error(`${line}: ${stderr}`)) : resolve(),
    );
  });
}
