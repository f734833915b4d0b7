import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import {
  ANNOTATION_TOKEN_HASHED,
  CLUSTER_AUTH_TOKENS,
  CLUSTER_PROPAGATIONS,
  CLUSTER_USER_ATTRIBUTES,
  CLUSTERS,
  DAEMON_SETS,
  SECRETS,
  TOKENS,
} from '../../src/api/names.ts';
import {
  type AuthenticatorProcess,
  startAuthenticator,
  webhookKubeconfig,
} from '../support/authenticator-process.ts';
import { bearerKubeconfig } from '../support/bearer-kubeconfig.ts';
import { timeText } from '../support/builders.ts';
import { aCli, type Cli, type CliResult } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { expectGolden } from '../support/golden.ts';
import { apply, kubectl } from '../support/kubectl.ts';
import { rawCat, rawHashSecret } from '../support/webhook-rig.ts';
import { NAMESPACE, startWorld, type World } from '../support/world.ts';

/**
 * Every way in which a token can be refused, made on real API servers, and what `explain` says of it. `c-one` has all
 * that it takes, `c-two` an API server that asks no webhook. Each output is compared with a file of test/golden/explain.
 */

const HOUR = 3_600_000;

let world: World;
let cli: Cli;
let authenticator: AuthenticatorProcess;
let webhookPort: number;
/** A user with the rights of manifests/downstream-rbac and no others. */
let limited: string;

const secretOf = (name: string): string => `not-a-real-secret-of-${name}`;
const bearerOf = (name: string): string => `${name}:${secretOf(name)}`;

/** A person's kubeconfig of that cluster. */
const kubeconfigOf = (id: string, bearer: string): Promise<string> =>
  bearerKubeconfig(world.cluster(id).plane, bearer);

async function editedKubeconfig(
  id: string,
  edit: (config: ReturnType<typeof parse>) => void,
): Promise<string> {
  const { plane } = world.cluster(id);
  const config = parse(plane.kubeconfigYaml());
  edit(config);
  const path = join(plane.dir, `edited-${randomUUID()}.yaml`);
  await writeFile(path, stringify(config), { mode: 0o600 });
  return path;
}

/** Runs explain, and compares what it prints with its golden file. */
async function explained(
  golden: string,
  args: readonly string[],
  want: { code: number; reason?: string },
  env: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  const result = await cli.with({ args: ['explain', '--request-timeout', '20s', ...args], env });
  expect(result.stderr).toBe('');
  expect(result.code, result.stdout).toBe(want.code);
  const [headline = ''] = result.stdout.split('\n');
  if (want.reason !== undefined) expect(headline).toMatch(new RegExp(` - ${want.reason}: `));
  expectGolden(`explain/${golden}`, result.stdout);
  return result;
}

/** A token that management has and no cluster is to get; its plain secret must be shown nowhere. */
async function token(name: string, cluster: string, user = 'u-ada', fields: object = {}): Promise<void> {
  cli.hide(secretOf(name));
  await world.createToken(name, cluster, user, fields);
}

const propagated = (name: string, id = 'c-one'): Promise<void> =>
  eventually(async () => expect(await world.cluster(id).clusterAuthToken(name)).toBeDefined(), {
    timeoutMs: 30_000,
  });

async function aCluster(id: string, credentials: object | undefined): Promise<void> {
  await world.management.create(CLUSTERS, {
    apiVersion: 'management.cattle.io/v3',
    kind: 'Cluster',
    metadata: { name: id },
    spec: { displayName: id, localClusterAuthEndpoint: { enabled: true } },
  });
  if (credentials) await world.setCredentials(id, { kubeconfig: stringify(credentials) });
}

beforeAll(async () => {
  const webhook = await webhookKubeconfig();
  webhookPort = webhook.port;
  world = await startWorld({
    clusters: ['c-one', 'c-two'],
    downstream: (id) =>
      id === 'c-one' ? { tokenWebhook: { kubeconfig: webhook.path, cacheTtl: '1s' } } : {},
  });
  const { plane } = world.cluster('c-one');
  cli = aCli({ KUBECONFIG: world.management.plane.adminKubeconfig });
  for (const id of ['c-one', 'c-two']) await world.register(id);
  await world.register('c-off', { ace: false, credentials: false });
  await world.createUser('u-ada', {}, ['group://devs', 'group://ops']);
  await world.createUser('u-new');
  await world.createUser('u-off', { enabled: false }, []);
  await kubectl(
    plane.adminKubeconfig,
    'create',
    'clusterrole',
    'reader',
    '--verb=get,list',
    '--resource=pods',
  );
  await kubectl(
    plane.adminKubeconfig,
    'create',
    'clusterrolebinding',
    'devs',
    '--clusterrole=reader',
    '--group=group://devs',
  );
  await token('good', 'c-one');
  await world.startOperator();
  await world.waitSynced('c-one', '1/1');
  authenticator = await startAuthenticator(plane.adminKubeconfig, webhookPort);
  limited = await plane.kubeconfigFor('limited');
  const hash = await world.cluster('c-one').hashSecret('good');
  cli.hide(Buffer.from(hash?.data.hash, 'base64').toString());
}, 180_000);
afterAll(async () => {
  await authenticator?.stop();
  await world?.close();
});

describe('a token that is let in', () => {
  test('by name, with nothing but the management plane’s kubeconfig', async () => {
    await explained('accepted-by-name', ['good'], { code: 4 });
  });

  test('by kubeconfig: its secret is checked, and the API server asked about it', async () => {
    const file = await kubeconfigOf('c-one', bearerOf('good'));
    await explained('accepted-by-kubeconfig', ['-f', file, '--can-i', 'list pods'], { code: 0 });
    const { stdout, code } = await cli.with({ args: ['explain', '-f', file, '-o', 'json'] });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'Explanation',
      verdict: 'accepted',
      token: 'good',
      cluster: 'c-one',
      user: 'u-ada',
    });
  });

  test('from standard input, as `ext/` too', async () => {
    const config = parse(world.cluster('c-one').plane.kubeconfigYaml());
    config.users[0].user = { token: `ext/${bearerOf('good')}` };
    const result = await cli.with({ args: ['explain', '-f', '-', '-o', 'name'], stdin: stringify(config) });
    expect(result).toEqual({ code: 0, stdout: 'accepted\n', stderr: '' });
  });

  test('has no right: it is the role binding, not the token', async () => {
    const file = await kubeconfigOf('c-one', bearerOf('good'));
    await explained('not-allowed', ['-f', file, '--can-i', 'delete nodes'], {
      code: 1,
      reason: 'NotAllowed',
    });
    const asked = ['--can-i', 'create deployments.apps/scale', '--can-i-namespace', 'shop'];
    await explained('not-allowed-by-name', ['good', ...asked], { code: 1, reason: 'NotAllowed' });
    expect((await cli.run('explain', 'good', '--can-i', 'get /healthz', '-o', 'name')).stdout).toBe(
      'expected\n',
    );
  });

  test('and its user has no UserAttribute yet: it works without groups', async () => {
    await token('groupless', 'c-one', 'u-new');
    await propagated('groupless');
    const { stdout } = await explained('groups-unknown', ['groupless'], { code: 4 });
    expect(stdout).toContain('GroupsUnknown');
  });
});

describe('what was handed over', () => {
  test('is no name', async () => {
    await explained('malformed-name', ['Kubeconfig_U'], { code: 1, reason: 'MalformedName' });
  });

  test('is a whole bearer: refused without repeating it', async () => {
    const result = await cli.run('explain', bearerOf('good'));
    expect(result).toMatchObject({ code: 2, stdout: '' });
  });

  test('is a kubeconfig with a certificate, or an exec plugin', async () => {
    const { adminKubeconfig } = world.cluster('c-one').plane;
    await explained('no-bearer-certificate', ['-f', adminKubeconfig], { code: 1, reason: 'NoBearer' });
    const exec = await editedKubeconfig('c-one', (config) => {
      config.users[0].user = { exec: { command: 'rancher', args: ['token'] } };
    });
    await explained('no-bearer-exec', ['-f', exec], { code: 1, reason: 'NoBearer' });
  });

  test('is a kubeconfig with a token of another issuer', async () => {
    const jwt = `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.e30.c2lnbmF0dXJl`;
    cli.hide(jwt);
    await explained('foreign-bearer', ['-f', await kubeconfigOf('c-one', jwt)], {
      code: 1,
      reason: 'ForeignBearer',
    });
  });

  test('is a kubeconfig with another cluster’s authority: certificate signed by unknown authority', async () => {
    const file = await editedKubeconfig('c-one', (config) => {
      const other = parse(world.cluster('c-two').plane.kubeconfigYaml());
      config.users[0].user = { token: bearerOf('good') };
      config.clusters[0].cluster['certificate-authority-data'] =
        other.clusters[0].cluster['certificate-authority-data'];
    });
    await explained('endpoint-certificate', ['-f', file], { code: 1, reason: 'CertificateInvalid' });
  });

  test('is a kubeconfig that asks for a name which the certificate does not have', async () => {
    const file = await editedKubeconfig('c-one', (config) => {
      config.users[0].user = { token: bearerOf('good') };
      config.clusters[0].cluster['tls-server-name'] = 'vip.example.org';
    });
    await explained('endpoint-certificate-name', ['-f', file], { code: 1, reason: 'CertificateName' });
  });

  test('is a kubeconfig with an http:// address, or a bearer that no client sends', async () => {
    const plain = await editedKubeconfig('c-one', (config) => {
      config.users[0].user = { token: bearerOf('good') };
      config.clusters[0].cluster.server = config.clusters[0].cluster.server.replace('https:', 'http:');
    });
    await explained('endpoint-plain-http', ['-f', plain], { code: 1, reason: 'PlainHttp' });
    const broken = await kubeconfigOf('c-one', `${bearerOf('good')}\n`);
    await explained('bearer-line-break', ['-f', broken], { code: 1, reason: 'MalformedBearer' });
    const led = await kubeconfigOf('c-one', ` ${bearerOf('good')}`);
    await explained('bearer-blank-before', ['-f', led], { code: 1, reason: 'MalformedBearer' });
    const followed = await kubeconfigOf('c-one', `${bearerOf('good')} `);
    expect(await cli.run('explain', '-f', followed)).toMatchObject({ code: 0 });
  });

  test('is a kubeconfig that kubectl cannot load either: exit 2, file, context and field named', async () => {
    const ca = parse(world.cluster('c-one').plane.kubeconfigYaml()).clusters[0].cluster[
      'certificate-authority-data'
    ];
    const cases = [
      [{ 'certificate-authority-data': 'no base64!' }, /certificate-authority-data is no base64$/m],
      [{ 'certificate-authority-data': 'bm9uZQ==' }, /certificate-authority-data holds no PEM certificate$/m],
      [{ 'certificate-authority-data': ca.slice(0, 401) }, /certificate-authority-data is no whole base64/],
      [{ 'certificate-authority': '/nonexistent' }, /and certificate-authority-data are both there/m],
      [{ 'proxy-url': 'proxy.example' }, /proxy-url is no URL that begins with/],
    ] as const;
    for (const [fields, message] of cases) {
      const file = await editedKubeconfig('c-one', (config) => {
        config.users[0].user = { token: bearerOf('good') };
        Object.assign(config.clusters[0].cluster, fields);
      });
      // The other two read files by one and the same way.
      const isFirst = fields === cases[0][0];
      const others = isFirst ? ['--kubeconfig', '--downstream-kubeconfig'] : [];
      for (const option of ['-f', ...others]) {
        const { code, stdout, stderr } = await cli.run(
          'explain',
          ...(option === '-f' ? [] : ['good']),
          option,
          file,
        );
        expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
        expect(stderr).toMatch(message);
        expect(stderr).toMatch(new RegExp(`${file}(:|,) context \\S+: `));
        expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      }
      await expect(kubectl(file, 'get', '--raw', '/api')).rejects.toThrow();
    }
  });

  test('is a kubeconfig of an address where nobody answers', async () => {
    const file = await editedKubeconfig('c-one', (config) => {
      config.users[0].user = { token: bearerOf('good') };
      config.clusters[0].cluster.server = 'https://127.0.0.1:9';
    });
    await explained('endpoint-unreachable', ['-f', file], { code: 3, reason: 'Unreachable' });
  });

  test('is a kubeconfig whose context goes through the management plane', async () => {
    const file = await editedKubeconfig('c-one', (config) => {
      config.users[0].user = { token: bearerOf('good') };
      config.clusters[0].cluster.server = 'https://127.0.0.1:9/k8s/clusters/c-two';
    });
    // Nobody answers there, and whether it would be refused is for the management plane to say.
    await explained('proxied-other-cluster', ['-f', file], { code: 3, reason: 'OtherCluster' });
  });

  test('cannot be read: exit 2, one line', async () => {
    const bad = [
      [['-f', '/nonexistent/file'], /--kubeconfig-file \/nonexistent\/file: no such file or directory$/m],
      [['-f', '-'], /standard input is no kubeconfig/],
      [['good', '-f', 'x'], /wanted the name of a token, or --kubeconfig-file FILE, and not both/],
      [['good', '--can-i', 'pods'], /--can-i: wanted a verb and a resource/],
      [['good', '--context', 'x'], /there is no context x/],
    ] as const;
    for (const [args, message] of bad) {
      const { code, stdout, stderr } = await cli.with({ args: ['explain', ...args], stdin: '{' });
      expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(message);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    }
  });
});

describe('the Token, upstream', () => {
  test('does not exist', async () => {
    await explained('token-not-found', ['nobody', '--cluster', 'c-one'], {
      code: 1,
      reason: 'TokenNotFound',
    });
  });

  test('is malformed, or has no secret', async () => {
    await token('no-user', 'c-one', '');
    await explained('malformed', ['no-user'], { code: 1, reason: 'Malformed' });
    await token('no-secret', 'c-one', 'u-ada', { token: '' });
    await explained('hash-pending', ['no-secret'], { code: 1, reason: 'HashPending' });
  });

  test('has expired, by expiresAt or by its ttl alone', async () => {
    await token('ended', 'c-one', 'u-ada', { expiresAt: timeText(Date.now() - HOUR) });
    await explained('expired', ['ended'], { code: 1, reason: 'Expired' });
    await token('short', 'c-one', 'u-ada', { ttl: -1 });
    await explained('expired-by-ttl', ['short'], { code: 1, reason: 'Expired' });
  });

  test('is disabled, or being deleted', async () => {
    await token('off', 'c-one', 'u-ada', { enabled: false });
    await explained('disabled', ['off'], { code: 1, reason: 'Disabled' });
    await token('held', 'c-one');
    await world.management.patch(TOKENS, 'held', { metadata: { finalizers: ['example.org/hold'] } });
    await world.deleteToken('held');
    await eventually(async () =>
      expect(await world.cluster('c-one').clusterAuthToken('held')).toBeUndefined(),
    );
    await explained('deleting', ['held'], { code: 1, reason: 'Deleting' });
  });

  test('has no user, or one that is disabled', async () => {
    await token('userless', 'c-one', 'u-gone');
    await explained('user-not-found', ['userless'], { code: 1, reason: 'UserNotFound' });
    await token('of-off', 'c-one', 'u-off');
    await propagated('of-off');
    const file = await kubeconfigOf('c-one', bearerOf('of-off'));
    await explained('user-disabled', ['-f', file], { code: 1, reason: 'UserDisabled' });
  });

  test('is not scoped, or to another cluster: the kubeconfig of one used against the other', async () => {
    await token('unscoped', '');
    await explained('not-scoped', ['unscoped', '--cluster', 'c-one'], { code: 1, reason: 'NotScoped' });
    await explained('other-cluster', ['good', '--cluster', 'c-two'], { code: 1, reason: 'OtherCluster' });
    const { stdout } = await explained(
      'other-cluster-by-kubeconfig',
      ['-f', await kubeconfigOf('c-two', bearerOf('good'))],
      { code: 1, reason: 'OtherCluster' },
    );
    expect(stdout).toContain('token is scoped to c-one, this is c-two');
  });
});

describe('the Cluster, upstream', () => {
  test('does not exist, or is not known', async () => {
    await token('lost', 'c-nowhere');
    await explained('cluster-not-found', ['lost'], { code: 1, reason: 'ClusterNotFound' });
  });

  test('has no ACE', async () => {
    await token('aceless', 'c-off');
    await explained('ace-disabled', ['aceless'], { code: 3, reason: 'AceDisabled' });
  });

  test('is being deleted', async () => {
    await aCluster('c-leaving', undefined);
    await world.management.patch(CLUSTERS, 'c-leaving', { metadata: { finalizers: ['example.org/hold'] } });
    await world.management.remove(CLUSTERS, 'c-leaving');
    await token('leaving', 'c-leaving');
    await explained('cluster-deleted', ['leaving'], { code: 3, reason: 'ClusterDeleted' });
  });

  test('has no credentials, or some that cannot be used, are refused, or do not fit the server', async () => {
    const two = parse(world.cluster('c-two').plane.kubeconfigYaml());
    const one = parse(world.cluster('c-one').plane.kubeconfigYaml());
    const withUser = (user: object) => ({ ...two, users: [{ ...two.users[0], user }] });
    const foreignAuthority = {
      ...two,
      clusters: [
        {
          ...two.clusters[0],
          cluster: {
            ...two.clusters[0].cluster,
            'certificate-authority-data': one.clusters[0].cluster['certificate-authority-data'],
          },
        },
      ],
    };
    const nobody = {
      ...two,
      clusters: [
        { ...two.clusters[0], cluster: { ...two.clusters[0].cluster, server: 'https://127.0.0.1:9' } },
      ],
    };
    cli.hide('a-credential-that-is-refused');
    const cases = [
      ['c-bare', undefined, 'NoCredentials'],
      ['c-exec', withUser({ exec: { command: 'aws' } }), 'CredentialsInvalid'],
      ['c-stale', withUser({ token: 'a-credential-that-is-refused' }), 'CredentialsRejected'],
      ['c-alien', foreignAuthority, 'CertificateInvalid'],
      ['c-dead', nobody, 'Unreachable'],
    ] as const;
    for (const [id, credentials] of cases) {
      await aCluster(id, credentials);
      await token(`of-${id}`, id);
    }
    for (const [id, , reason] of cases) {
      await world.waitCondition(id, 'Connected', { status: 'False', reason });
      await explained(`connection-${id}`, [`of-${id}`], { code: 3, reason });
    }
  });
});

describe('what the operator refuses', () => {
  test('a hash that no authenticator verifies', async () => {
    cli.hide('no-hash-of-any-format');
    await world.createToken(
      'odd-hash',
      'c-one',
      'u-ada',
      { token: 'no-hash-of-any-format' },
      { [ANNOTATION_TOKEN_HASHED]: 'true' },
    );
    await explained('unsupported-hash-upstream', ['odd-hash'], { code: 1, reason: 'UnsupportedHash' });
  });

  test('a secret that is longer than the algorithm takes', async () => {
    const long = 'x'.repeat(73);
    cli.hide(long);
    await token('long', 'c-one', 'u-ada', { token: long });
    await explained('secret-too-long', ['long'], { code: 1, reason: 'SecretTooLong' });
  });

  test('a Secret of that name which is someone else’s', async () => {
    await world.cluster('c-one').create(SECRETS, rawHashSecret('taken', 'their-hash-is-none-of-ours'));
    await token('taken', 'c-one');
    await explained('conflict-secret', ['taken'], { code: 1, reason: 'Conflict' });
  });

  test('everything, once the cluster is asked to be drained', async () => {
    await token('drained', 'c-two');
    await propagated('drained', 'c-two');
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-two', { spec: { drain: true } });
    await world.waitCondition('c-two', 'Drained', { status: 'True' });
    await explained('drain-requested', ['drained'], { code: 1, reason: 'DrainRequested' });
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-two', { spec: { drain: false } });
    await world.waitCondition('c-two', 'Synced', { status: 'True' });
  });

  test('anything new, while the cluster is suspended', async () => {
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-two', { spec: { suspend: true } });
    await world.waitCondition('c-two', 'Ready', { reason: 'Suspended' });
    await token('suspended', 'c-two');
    await explained('suspended', ['suspended'], { code: 1, reason: 'Suspended' });
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-two', { spec: { suspend: false } });
    await world.waitCondition('c-two', 'Synced', { status: 'True' });
  });
});

describe('the API server downstream', () => {
  test('asks no webhook', async () => {
    await token('unasked', 'c-two');
    await propagated('unasked', 'c-two');
    await explained('webhook-not-consulted', ['unasked'], { code: 1, reason: 'WebhookNotConsulted' });
    const file = await kubeconfigOf('c-two', bearerOf('unasked'));
    await explained('webhook-not-consulted-by-kubeconfig', ['-f', file], {
      code: 1,
      reason: 'WebhookNotConsulted',
    });
  });

  test('has only an authenticator that cannot verify the hash', async () => {
    const stock = daemonSet('kube-api-auth', 'rancher/kube-api-auth:v0.2.4');
    await world.cluster('c-two').create(DAEMON_SETS, stock);
    await explained('cannot-verify', ['unasked'], { code: 1, reason: 'CannotVerify' });
    await world.cluster('c-two').remove(DAEMON_SETS, 'kube-api-auth', NAMESPACE);
  });

  test('has an authenticator that is not ready', async () => {
    await world.cluster('c-two').create(DAEMON_SETS, daemonSet('ace-authenticator', 'ace-operator:v0.1.0'));
    await world
      .cluster('c-two')
      .client.patch(
        { resource: DAEMON_SETS, name: 'ace-authenticator', namespace: NAMESPACE },
        { status: { desiredNumberScheduled: 3, numberReady: 0 } },
        { subresource: 'status' },
      );
    await explained('authenticator-not-ready', ['unasked'], { code: 1, reason: 'AuthenticatorNotReady' });
    await world.cluster('c-two').remove(DAEMON_SETS, 'ace-authenticator', NAMESPACE);
  });

  test('gets no answer from its webhook', async () => {
    await authenticator.stop();
    await explained('webhook-unreachable', ['good'], { code: 1, reason: 'WebhookUnreachable' });
    authenticator = await startAuthenticator(world.cluster('c-one').plane.adminKubeconfig, webhookPort);
  });

  test('refuses the bearer: its secret is not the one', async () => {
    const file = await kubeconfigOf('c-one', 'good:a-secret-that-was-mistyped');
    cli.hide('a-secret-that-was-mistyped');
    await explained('wrong-secret', ['-f', file], { code: 1, reason: 'WrongSecret' });
  });
});

describe('with the operator away', () => {
  beforeAll(async () => {
    for (const name of ['late', 'changed', 'switched', 'dated', 'bare', 'garbled', 'unhashed'])
      await token(name, 'c-one');
    await world.createUser('u-bob', {}, ['group://devs']);
    await world.createUser('u-eve', {}, ['group://devs']);
    await world.createUser('u-kim', {}, ['group://devs']);
    await token('of-bob', 'c-one', 'u-bob');
    await token('of-eve', 'c-one', 'u-eve');
    await token('of-kim', 'c-one', 'u-kim');
    for (const name of [
      'late',
      'changed',
      'switched',
      'dated',
      'bare',
      'garbled',
      'unhashed',
      'of-bob',
      'of-eve',
      'of-kim',
    ])
      await propagated(name);
    // What its status says last is then what it says for good.
    await world.waitSynced('c-one');
    await world.stopOperator();
  });

  test('a new token is not propagated', async () => {
    await token('waiting', 'c-one');
    await explained('not-propagated', ['waiting'], { code: 1, reason: 'NotPropagated' });
  });

  test('a token that was disabled is still let in: not revoked', async () => {
    await world.patchToken('late', { enabled: false });
    const { stdout } = await explained('not-revoked', ['late'], { code: 1, reason: 'Disabled' });
    expect(stdout).toContain('NotRevoked');
    const file = await kubeconfigOf('c-one', bearerOf('late'));
    await explained('still-let-in', ['-f', file], { code: 1, reason: 'Disabled' });
  });

  const edits: readonly [title: string, name: string, reason: string, edit: () => Promise<unknown>][] = [
    [
      'a ClusterAuthToken that is not what the Token says',
      'changed',
      'Outdated',
      () =>
        world
          .cluster('c-one')
          .patch(CLUSTER_AUTH_TOKENS, 'changed', { expiresAt: timeText(Date.now() + HOUR) }, NAMESPACE),
    ],
    [
      'a ClusterAuthToken that was disabled by hand',
      'switched',
      'Outdated',
      () => world.cluster('c-one').patch(CLUSTER_AUTH_TOKENS, 'switched', { enabled: false }, NAMESPACE),
    ],
    [
      'a ClusterAuthToken with an expiry that is none',
      'dated',
      'Outdated',
      () => world.cluster('c-one').patch(CLUSTER_AUTH_TOKENS, 'dated', { expiresAt: 'tomorrow' }, NAMESPACE),
    ],
    [
      'a hash Secret that is gone',
      'bare',
      'HashMissing',
      () => world.cluster('c-one').remove(SECRETS, 'bare', NAMESPACE),
    ],
    [
      'a hash that is none',
      'garbled',
      'UnsupportedHash',
      () => world.cluster('c-one').patch(SECRETS, 'garbled', { data: { hash: 'bm8gaGFzaA==' } }, NAMESPACE),
    ],
    [
      'a hash of another secret',
      'unhashed',
      'Outdated',
      async () => world.patchToken('unhashed', { token: 'a-secret-that-was-renewed' }),
    ],
    [
      'a ClusterUserAttribute that is gone',
      'of-bob',
      'UnknownUser',
      () => world.cluster('c-one').remove(CLUSTER_USER_ATTRIBUTES, 'u-bob', NAMESPACE),
    ],
    [
      'a ClusterUserAttribute that says the user is disabled',
      'of-eve',
      'Outdated',
      () => world.cluster('c-one').patch(CLUSTER_USER_ATTRIBUTES, 'u-eve', { enabled: false }, NAMESPACE),
    ],
    [
      'a ClusterUserAttribute of groups that the user has left',
      'of-kim',
      'Outdated',
      () => world.setGroups('u-kim', ['group://ops']),
    ],
  ];
  for (const [title, name, reason, edit] of edits) {
    test(title, async () => {
      await edit();
      await explained(`objects-${name}`, [name], { code: 1, reason });
    });
  }

  test('an object of that name was written by someone else', async () => {
    await token('theirs', 'c-one');
    const one = world.cluster('c-one');
    await one.create(SECRETS, rawHashSecret('theirs', 'their-hash-is-none-of-ours'));
    await one.create(CLUSTER_AUTH_TOKENS, rawCat('theirs', { userName: 'u-ada', enabled: true }));
    const { stdout } = await explained('conflict', ['theirs'], { code: 1, reason: 'UnsupportedHash' });
    expect(stdout).toContain('Conflict: there, enabled, current; written by someone else');
  });

  test('a hash that management stores is compared as it is', async () => {
    const { hash } = (await world.cluster('c-one').hashSecret('good'))?.data ?? {};
    const stored = Buffer.from(hash, 'base64').toString();
    await world.management.patch(TOKENS, 'good', {
      token: stored,
      metadata: { annotations: { [ANNOTATION_TOKEN_HASHED]: 'true' } },
    });
    await explained('accepted-hashed-upstream', ['-f', await kubeconfigOf('c-one', bearerOf('good'))], {
      code: 0,
    });
  });
});

describe('with one side only', () => {
  test('a credential of few rights says what it may not see', async () => {
    await apply(world.cluster('c-one').plane.adminKubeconfig, downstreamRights('limited'));
    await explained('few-rights', ['good', '--downstream-kubeconfig', limited], {
      code: 3,
      reason: 'Forbidden',
    });
  });

  test('the bearer itself tells, where the management plane does not answer', async () => {
    await world.management.plane.stopApiServer();
    const file = await kubeconfigOf('c-one', bearerOf('good'));
    await explained('management-down-bearer-only', ['-f', file], { code: 0 });
    const { adminKubeconfig } = world.cluster('c-one').plane;
    await explained('management-down', ['-f', file, '--downstream-kubeconfig', adminKubeconfig], { code: 0 });
    await explained('management-down-unknown-token', ['nobody', '--downstream-kubeconfig', adminKubeconfig], {
      code: 1,
      reason: 'UnknownToken',
    });
    await explained('nothing-reached', ['good'], { code: 3, reason: 'Unreachable' });
  });

  test('no kubeconfig of the management plane at all', async () => {
    const { adminKubeconfig } = world.cluster('c-one').plane;
    const args = ['good', '--downstream-kubeconfig', adminKubeconfig];
    await explained('no-management-kubeconfig', args, { code: 4 }, { KUBECONFIG: '' });
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

/** What manifests/downstream-rbac grants, to a user instead of the service account. */
function downstreamRights(user: string): readonly object[] {
  const metadata = { name: 'limited', namespace: NAMESPACE };
  const verbs = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
  return [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata,
      rules: [
        {
          apiGroups: ['cluster.cattle.io'],
          resources: ['clusterauthtokens', 'clusteruserattributes'],
          verbs,
        },
        { apiGroups: [''], resources: ['secrets'], verbs },
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'limited' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    },
  ];
}
