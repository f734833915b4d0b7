import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTERS,
  CUSTOM_RESOURCE_DEFINITIONS,
  DAEMON_SETS,
  LEASE,
  LEASES,
} from '../../src/api/names.ts';
import { neededRights } from '../../src/explain/rights.ts';
import {
  type AuthenticatorProcess,
  startAuthenticator,
  webhookKubeconfig,
} from '../support/authenticator-process.ts';
import { timeText } from '../support/builders.ts';
import { aCli, type Cli, type CliResult } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { expectGolden } from '../support/golden.ts';
import { apply, kubectl } from '../support/kubectl.ts';
import { rawCat } from '../support/webhook-rig.ts';
import { NAMESPACE, OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

/** `c-one` has all that it takes; `c-two` is reached by a user of few rights; `c-bare` has no credentials. */

const PROGRAM = fileURLToPath(new URL('../../bin/ace-operator.js', import.meta.url));
const RIGHTS = fileURLToPath(new URL('../../manifests/downstream-rbac/', import.meta.url));
const HOUR = 3_600_000;

let world: World;
let cli: Cli;
let authenticator: AuthenticatorProcess;

/** What the least credential of c-two may not see; `status` of all says so. */
const NOT_LOOKED_AT =
  /^not looked at, for the operator's credential may not and need not: authenticator of c-two; [^\n]+\n/;

const ask = async (golden: string, code: number, ...args: readonly string[]): Promise<CliResult> => {
  const result = await cli.run(...args);
  expect(result.code, result.stdout + result.stderr).toBe(code);
  expect(result.stderr.replace(NOT_LOOKED_AT, '')).toBe('');
  expectGolden(golden, result.stdout);
  return result;
};

async function token(name: string, user = 'u-ada', fields: object = {}): Promise<void> {
  cli.hide(`not-a-real-secret-of-${name}`);
  await world.createToken(name, 'c-one', user, fields);
}

beforeAll(async () => {
  const webhook = await webhookKubeconfig();
  world = await startWorld({
    clusters: ['c-one', 'c-two'],
    downstream: (id) =>
      id === 'c-one' ? { tokenWebhook: { kubeconfig: webhook.path, cacheTtl: '1s' } } : {},
  });
  cli = aCli({ KUBECONFIG: world.management.plane.adminKubeconfig });
  const two = world.cluster('c-two').plane;
  await kubectl(two.adminKubeconfig, 'create', 'namespace', NAMESPACE);
  await kubectl(two.adminKubeconfig, 'apply', '-k', RIGHTS);
  await world.register('c-one');
  await world.register('c-two', { credentials: false });
  await world.setCredentials('c-two', {
    kubeconfig: await readFile(
      await two.kubeconfigFor(`system:serviceaccount:${NAMESPACE}:ace-operator`),
      'utf8',
    ),
  });
  await world.register('c-bare', { credentials: false });
  await world.register('c-off', { ace: false, credentials: false });
  await world.createUser('u-ada', {}, ['group://devs']);
  await world.createUser('u-off', { enabled: false }, []);
  await token('good', 'u-ada', { expiresAt: timeText(Date.now() + 100 * HOUR) });
  await token('of-off', 'u-off');
  await token('off', 'u-ada', { enabled: false });
  await token('ended', 'u-ada', { ttl: -1 });
  await world.startOperator();
  await world.waitSynced('c-one', '1/1');
  await world.waitSynced('c-two', '0/0');
  await world.waitCondition('c-bare', 'Connected', { status: 'False' });
  authenticator = await startAuthenticator(world.cluster('c-one').plane.adminKubeconfig, webhook.port);
  const hash = await world.cluster('c-one').hashSecret('good');
  cli.hide(Buffer.from(hash?.data.hash, 'base64').toString());
}, 180_000);
afterAll(async () => {
  await authenticator?.stop();
  await world?.close();
});

describe('status', () => {
  test('has one line a cluster: ready or why not, refused by reason, and who answers for it', async () => {
    await ask('status/clusters', 0, 'status');
    await ask('status/clusters-wide', 0, 'status', '-o', 'wide', '--no-headers');
    const { stdout } = await cli.run('status', '-o', 'json');
    const { items } = JSON.parse(stdout);
    expect(items).toHaveLength(3);
    expect(items[1]).toMatchObject({
      name: 'c-one',
      ready: 'True',
      refused: { Disabled: 1, Expired: 1, UserDisabled: 1 },
      lagSeconds: 0,
    });
    const names = await cli.run('status', '-o', 'name', '--management-only');
    expect(names.stdout).toBe(
      ['c-bare', 'c-one', 'c-two'].map((name) => `cluster.management.cattle.io/${name}\n`).join(''),
    );
  });

  test('of a cluster has one line a token, and what is there without one', async () => {
    await world.cluster('c-one').create(CLUSTER_AUTH_TOKENS, rawCat('stray', { userName: 'u-gone' }));
    await ask('status/tokens', 0, 'status', 'c-one');
    await world.cluster('c-one').remove(CLUSTER_AUTH_TOKENS, 'stray', NAMESPACE);
    const { stdout } = await cli.run('status', 'c-one', '-o', 'yaml');
    expect(stdout).toContain('state: "propagated"');
  });

  test('of a cluster that cannot be asked says so, beside what management knows', async () => {
    const { code, stdout, stderr } = await cli.run('status', 'c-bare');
    expect({ code, stdout }).toEqual({ code: 3, stdout: 'no token is scoped to c-bare\n' });
    expect(stderr).toMatch(/^ace-operator: cluster c-bare could not be asked: NoCredentials: [^\n]+\n$/);
    expect(await cli.run('status', 'c-none')).toMatchObject({ code: 1, stdout: '' });
  });

  test('shows the DaemonSets of the authenticators, with version and readiness', async () => {
    const one = world.cluster('c-one');
    await one.create(
      DAEMON_SETS,
      daemonSet('ace-authenticator', 'registry.example:5000/ace-operator:v0.1.0'),
    );
    await one.client.patch(
      { resource: DAEMON_SETS, name: 'ace-authenticator', namespace: NAMESPACE },
      { status: { desiredNumberScheduled: 3, numberReady: 2 } },
      { subresource: 'status' },
    );
    expect((await cli.run('status')).stdout).toContain('ace-authenticator v0.1.0: 2 of 3 ready');
  });

  test('says that no operator works, when nobody holds the Lease any more', async () => {
    const lease = (holderIdentity: string, renewedAtMs: number) => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: LEASE, namespace: OWN_NAMESPACE },
      spec: {
        holderIdentity,
        leaseDurationSeconds: 15,
        renewTime: new Date(renewedAtMs).toISOString().replace('Z', '000Z'),
      },
    });
    const told = async (holder: string, renewedAtMs: number): Promise<string> => {
      await world.management.create(LEASES, lease(holder, renewedAtMs));
      const { code, stderr } = await cli.run('status', '--management-only');
      await world.management.remove(LEASES, LEASE, OWN_NAMESPACE);
      expect(code).toBe(0);
      return stderr;
    };
    expect(await told('a', Date.now())).toBe('');
    const note = /^no operator works: nobody has held Lease ace-operator\/ace-operator for 3h0?m?; [^\n]+\n$/;
    expect(await told('a', Date.now() - 3 * HOUR)).toMatch(note);
    expect(await told('', Date.now() - 3 * HOUR)).toMatch(note);
  });

  test('prints anew with --watch, until it is interrupted', async () => {
    const env = { ...process.env, KUBECONFIG: world.management.plane.adminKubeconfig };
    const child = spawn(PROGRAM, ['status', '-w', '--interval', '1s', '--management-only'], { env });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk;
    });
    await eventually(() => expect(out.split('CLUSTER').length).toBeGreaterThan(3), { timeoutMs: 30_000 });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(out).not.toContain('\u001b');
  });
});

describe('on a terminal', () => {
  test.each([
    ['there is colour', {}, true],
    ['but not with NO_COLOR', { NO_COLOR: '1' }, false],
  ])('%s', async (_title, more, isColoured) => {
    const env = {
      ...process.env,
      NO_COLOR: '',
      TERM: 'xterm',
      KUBECONFIG: world.management.plane.adminKubeconfig,
      ...more,
    };
    const child = spawn('script', ['-qec', `${PROGRAM} status --management-only`, '/dev/null'], { env });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk;
    });
    await new Promise((resolve) => child.once('close', resolve));
    expect(out).toContain('AllSynced');
    expect(out.includes('\u001b[32mTrue\u001b[39m')).toBe(isColoured);
    expect(out.includes('\u001b[')).toBe(isColoured);
  });
});

describe('wait', () => {
  test('ends when a token that is being issued is usable', async () => {
    const waiting = cli.run('wait', 'fresh', '--for=propagated', '--timeout', '30s');
    await token('fresh');
    expect(await waiting).toEqual({
      code: 0,
      stdout: 'token.management.cattle.io/fresh propagated in c-one\n',
      stderr: '',
    });
    expect(await world.cluster('c-one').clusterAuthToken('fresh')).toBeDefined();
  });

  test('ends when a token is gone from the cluster', async () => {
    const waiting = cli.run(
      'wait',
      'fresh',
      '--for=revoked',
      '--cluster',
      'c-one',
      // It may be gone from both before the command has started.
      '--ignore-not-found',
      '--timeout',
      '30s',
      '-o',
      'json',
    );
    await world.deleteToken('fresh');
    const { code, stdout } = await waiting;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      apiVersion: 'cli.ace-operator.io/v1alpha1',
      kind: 'WaitResult',
      token: 'fresh',
      cluster: 'c-one',
      state: 'revoked',
    });
    expect(await world.cluster('c-one').clusterAuthToken('fresh')).toBeUndefined();
  });

  test.each([
    [['off', '--for=propagated'], 1, /off is not propagated in c-one after 1s; Disabled: /],
    [
      ['good', '--for=revoked'],
      1,
      /good is not revoked in c-one after 1s; its ClusterAuthToken is still there/,
    ],
    [['nobody', '--for=revoked'], 3, /nobody is not revoked in its cluster after 1s; ClusterUnknown: /],
    [
      ['nobody', '--for=revoked', '--cluster', 'c-bare'],
      3,
      /not revoked in c-bare after 1s; NoCredentials: /,
    ],
    [['nobody', '--for=revoked', '--cluster', 'c-one'], 1, /no token nobody was seen, neither/],
    [['good', '--for=revoked', '--cluster', 'c-bare'], 2, /token good is scoped to c-one/],
    [['a:b'], 2, /an argument: that is a whole bearer/],
    [['good', '--for=ever'], 2, /--for: wanted propagated, revoked; got 'ever'/],
    [['good', '--timeout', 'soon'], 2, /--timeout: wanted a duration/],
    [[], 2, /missing required argument/],
  ] as const)('%j ends with %d and says why', async (args, code, message) => {
    const result = await cli.run('wait', '--timeout', '1s', ...args);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: '' });
    expect(result.stderr).toMatch(message);
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

test('a person who may not read is told so, with exit code 3', async () => {
  const kubeconfig = await world.management.plane.kubeconfigFor('nobody');
  for (const args of [['wait', 'good', '--timeout', '1s'], ['preflight'], ['status'], ['token', 'list']]) {
    const { code, stderr } = await cli.run(...args, '--kubeconfig', kubeconfig);
    expect(code, args[0]).toBe(3);
    expect(stderr, args[0]).toMatch(/\bForbidden: GET [^\n]+\n$/);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  }
});

test('a server that does not answer is named, by every command alike', async () => {
  const path = join(world.management.plane.dir, 'dead.kubeconfig');
  await writeFile(path, world.management.plane.kubeconfigYaml({ server: 'https://127.0.0.1:1' }));
  for (const args of [['status'], ['token', 'list'], ['gc'], ['drain', 'c-one'], ['kubeconfig', 'c-one']]) {
    const { code, stderr } = await cli.run(...args, '--kubeconfig', path);
    expect(code, args[0]).toBe(3);
    expect(stderr, args[0]).toMatch(/^ace-operator: Unreachable: https:\/\/127\.0\.0\.1:1: [^\n]+\n$/);
  }
});

test('a cluster that does not exist is said so alike, and a display name is taken for what it is', async () => {
  await world.management.patch(CLUSTERS, 'c-off', { spec: { displayName: 'off-by-name' } });
  const commands = [['status'], ['preflight'], ['gc'], ['drain'], ['kubeconfig']];
  for (const args of commands) {
    const none = await cli.run(...args, 'c-none');
    expect(none.code, args[0]).toBe(1);
    expect(none.stderr, args[0]).toBe(
      'ace-operator: there is no Cluster c-none; see kubectl get clusters.management.cattle.io\n',
    );
    const named = await cli.run(...args, 'off-by-name');
    expect(named.stderr, args[0]).toBe(
      'ace-operator: there is no Cluster off-by-name; that is the display name of c-off\n',
    );
  }
});

describe('preflight', () => {
  test('of a cluster that has all that it takes, but for an administrator’s credential', async () => {
    const one = world.cluster('c-one');
    await one.client.patch(
      { resource: DAEMON_SETS, name: 'ace-authenticator', namespace: NAMESPACE },
      { status: { desiredNumberScheduled: 3, numberReady: 3 } },
      { subresource: 'status' },
    );
    await apiServerPod(one.plane.adminKubeconfig, ['--authentication-token-webhook-cache-ttl=10s']);
    await ask('preflight/good', 0, 'preflight', 'c-one');
    const strict = await cli.run('preflight', 'c-one', '--strict', '-o', 'json');
    expect(strict.code).toBe(1);
    expect(JSON.parse(strict.stdout).items[1]).toMatchObject({
      name: 'c-one',
      verdict: 'broken',
      checks: expect.arrayContaining([expect.objectContaining({ id: 'excess', reason: 'RightsExcessive' })]),
    });
  });

  test('of a cluster with both authenticators, and a long memory', async () => {
    const one = world.cluster('c-one');
    await one.create(DAEMON_SETS, daemonSet('kube-api-auth', 'rancher/kube-api-auth:v0.2.4'));
    await kubectl(
      one.plane.adminKubeconfig,
      '-n',
      'kube-system',
      'delete',
      'pod',
      'kube-apiserver-node',
      '--force',
      '--grace-period=0',
    );
    await apiServerPod(one.plane.adminKubeconfig, []);
    await ask('preflight/warnings', 0, 'preflight', 'c-one', '-o', 'wide');
  });

  test('of a cluster with kube-api-auth alone, which knows no bcrypt', async () => {
    const one = world.cluster('c-one');
    await one.remove(DAEMON_SETS, 'ace-authenticator', NAMESPACE);
    await authenticator.stop();
    await ask('preflight/cannot-verify', 1, 'preflight', 'c-one');
    await one.remove(DAEMON_SETS, 'kube-api-auth', NAMESPACE);
  });

  test('of a credential of exactly the rights that are needed: what it may not see is not known', async () => {
    const least = await cli.run('preflight', 'c-two');
    expect(least.stderr).toMatch(/^not looked at, [^\n]+: authenticator and webhook of c-two; [^\n]+\n$/);
    expect(least.code).toBe(0);
    expectGolden('preflight/few-rights', least.stdout);
    expect((await cli.run('preflight', 'c-two', '--strict')).code).toBe(3);
    const { adminKubeconfig } = world.cluster('c-two').plane;
    await ask(
      'preflight/few-rights-and-admin',
      1,
      'preflight',
      'c-two',
      '--downstream-kubeconfig',
      adminKubeconfig,
    );
  });

  test('of a credential of fewer rights, and of definitions that drop fields or are not there', async () => {
    const { adminKubeconfig } = world.cluster('c-two').plane;
    await world.stopOperator();
    const withoutSecrets = {
      rules: [{ apiGroups: ['cluster.cattle.io'], resources: ['clusterauthtokens'], verbs: ['get', 'list'] }],
    };
    await kubectl(
      adminKubeconfig,
      '-n',
      NAMESPACE,
      'patch',
      'role',
      'ace-operator',
      '--type=merge',
      '-p',
      JSON.stringify(withoutSecrets),
    );
    await world
      .cluster('c-two')
      .remove(CUSTOM_RESOURCE_DEFINITIONS, 'clusteruserattributes.cluster.cattle.io');
    await ask('preflight/rights-missing', 1, 'preflight', 'c-two');
    const strictSchema = {
      type: 'object',
      properties: { userName: { type: 'string' }, enabled: { type: 'boolean' } },
    };
    const patch = [{ op: 'replace', path: '/spec/versions/0/schema/openAPIV3Schema', value: strictSchema }];
    await kubectl(
      world.cluster('c-one').plane.adminKubeconfig,
      'patch',
      'crd',
      'clusterauthtokens.cluster.cattle.io',
      '--type=json',
      '-p',
      JSON.stringify(patch),
    );
    const { stdout, code } = await cli.run('preflight', 'c-one');
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /DefinitionOutdated: clusterauthtokens\.cluster\.cattle\.io drops expiresAt, hash, lastUsedAt/,
    );
  });

  test('of all clusters, and of none that is known', async () => {
    const { code, stdout } = await cli.run('preflight', '-o', 'name');
    expect({ code, lines: stdout.trimEnd().split('\n') }).toEqual({
      code: 1,
      lines: ['ok/management', 'broken/c-bare', 'broken/c-one', 'broken/c-two'],
    });
    expect(await cli.run('preflight', 'c-none')).toMatchObject({ code: 1, stdout: '' });
  });

  test('what it looks for is what the shipped manifests grant', async () => {
    const granted: string[] = [];
    for (const file of ['role.yaml', 'clusterrole.yaml']) {
      for (const document of parseAllDocuments(await readFile(`${RIGHTS}${file}`, 'utf8'))) {
        const { rules = [], metadata } = document.toJS();
        for (const { apiGroups, resources, resourceNames = [''], verbs } of rules)
          for (const resource of resources)
            for (const name of resourceNames)
              for (const verb of verbs)
                granted.push([apiGroups[0], resource, name, verb, metadata.namespace ?? ''].join());
      }
    }
    const wanted = neededRights(NAMESPACE).map(({ group, resource, name, verb, namespace }) =>
      [group, resource, name, verb, namespace].join(),
    );
    expect(wanted.sort()).toEqual(granted.sort());
  });
});

describe('with no management plane', () => {
  test('status and preflight end with 3, in one line', async () => {
    await world.management.plane.stopApiServer();
    const status = await cli.run('status', '--request-timeout', '2s');
    expect(status).toMatchObject({ code: 3, stdout: '' });
    expect(status.stderr).toMatch(
      /^ace-operator: Unreachable: https:\/\/127\.0\.0\.1:\d+: GET [^\n]+ECONNREFUSED\)\n$/,
    );
    const preflight = await cli.run('preflight', '--request-timeout', '2s');
    expect(preflight.code).toBe(3);
    expect(preflight.stdout).toMatch(/\? Management plane +Unreachable: /);
    expect((await cli.run('status', '--context', 'nowhere')).code).toBe(2);
  });
});

function daemonSet(name: string, image: string): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image }] } },
    },
  };
}

/** A control-plane node's API server as kubeadm shows it; no kubelet runs here, so it is only shown. */
async function apiServerPod(adminKubeconfig: string, flags: readonly string[]): Promise<void> {
  const metadata = { namespace: 'kube-system' };
  await apply(adminKubeconfig, [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { ...metadata, name: 'default' } },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, name: 'kube-apiserver-node', labels: { component: 'kube-apiserver' } },
      spec: {
        automountServiceAccountToken: false,
        containers: [
          { name: 'kube-apiserver', image: 'kube-apiserver', command: ['kube-apiserver', ...flags] },
        ],
      },
    },
  ]);
}
