import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CLUSTERS, NODES, SETTINGS, TOKENS } from '../../src/api/names.ts';
import {
  type AuthenticatorProcess,
  startAuthenticator,
  webhookKubeconfig,
} from '../support/authenticator-process.ts';
import { aCli, type Cli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { expectGolden } from '../support/golden.ts';
import { apply, kubectl } from '../support/kubectl.ts';
import { openDefinition } from '../support/open-definition.ts';
import type { Any } from '../support/plane-client.ts';
import { startWorld, type World } from '../support/world.ts';

const NODE_CRD = openDefinition('Node', 'nodes', 'Namespaced');

let world: World;
let cli: Cli;
let dir: string;
let authenticator: AuthenticatorProcess;
let ca: string;
let admin: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ace-cli-'));
  const webhook = await webhookKubeconfig();
  world = await startWorld({
    clusters: ['c-one'],
    downstream: () => ({ tokenWebhook: { kubeconfig: webhook.path, cacheTtl: '1s' } }),
  });
  admin = world.management.plane.adminKubeconfig;
  await world.register('c-one');
  await world.createUser('u-ada', {}, ['devs']);
  await world.startOperator();
  await world.waitSynced('c-one');
  const { plane } = world.cluster('c-one');
  authenticator = await startAuthenticator(plane.adminKubeconfig, webhook.port);
  await kubectl(
    plane.adminKubeconfig,
    ...['create', 'clusterrolebinding', 'ada', '--clusterrole=cluster-admin', '--user=u-ada'],
  );
  ca = await readFile(join(plane.dir, 'ca.crt'), 'utf8');
  await patchAce({ fqdn: new URL(plane.url).host, caCerts: ca });
  cli = aCli({ KUBECONFIG: admin });
});
afterAll(async () => {
  await authenticator?.stop();
  await world?.close();
  await rm(dir, { recursive: true, force: true });
});

const patchAce = (fields: object): Promise<Any> =>
  world.management.patch(CLUSTERS, 'c-one', {
    spec: { displayName: 'berlin', localClusterAuthEndpoint: fields },
  });
const tokenCount = async (): Promise<number> => (await world.management.list(TOKENS)).length;
const kubeconfig = (...args: readonly string[]) => cli.run('kubeconfig', 'c-one', ...args);

/** As `kubectl config view` takes it, that is: kubectl can read the file. */
async function viewed(file: string): Promise<Any> {
  return JSON.parse(await kubectl(file, 'config', 'view', '--raw', '-o', 'json'));
}

async function setSetting(name: string, value: string): Promise<void> {
  await world.management.create(SETTINGS, {
    apiVersion: 'management.cattle.io/v3',
    kind: 'Setting',
    metadata: { name },
    value,
  });
}

describe('kubeconfig, where nobody but the cluster itself is asked', () => {
  const file = (): string => join(dir, 'ada.kubeconfig');

  test('is good for kubectl at the real API server, with a new token', async () => {
    const made = await kubeconfig(
      '--user',
      'u-ada',
      '--create-token',
      '--ttl',
      '1h',
      '--output-file',
      file(),
    );
    expect(made).toMatchObject({ code: 0, stdout: '' });
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    const config = await viewed(file());
    const [name = '', secret = ''] = config.users[0].user.token.split(':');
    cli.hide(secret);
    expect(name).toMatch(/^kubeconfig-u-ada[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    const token = await world.management.get(TOKENS, name);
    expect(token).toMatchObject({ clusterName: 'c-one', ttl: 3_600_000, description: 'Kubeconfig token' });
    expect(token.metadata.labels['authn.management.cattle.io/kind']).toBe('kubeconfig');
    expectGolden('kubeconfig/stored', (await readFile(file(), 'utf8')).replace(secret, 'SECRET'), {
      [name]: 'TOKEN',
      [config.clusters[0].cluster['certificate-authority-data']]: 'CA',
    });

    const namespaces = await eventually(() => kubectl(file(), 'get', 'namespaces', '-o', 'name'), {
      timeoutMs: 30_000,
    });
    expect(namespaces).toContain('namespace/cattle-system');
  });

  test('is not written over, and no token is made for nothing', async () => {
    const before = await tokenCount();
    const text = await readFile(file(), 'utf8');
    const again = await kubeconfig('--user', 'u-ada', '--create-token', '--output-file', file());
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('the file exists; --force replaces it');
    expect(await tokenCount()).toBe(before);
    expect(await readFile(file(), 'utf8')).toBe(text);
  });

  test('without a token creates none, has no credential, and says so', async () => {
    const before = await tokenCount();
    const { code, stdout, stderr } = await kubeconfig('--user', 'u-ada');
    expect(code).toBe(0);
    expect(parse(stdout).users).toEqual([{ name: 'berlin', user: {} }]);
    expect(stderr).toBe(
      'the file has no credential: see --create-token, --token-file and --token-name; user u-ada has 1 tokens for cluster c-one\n',
    );
    expect(await tokenCount()).toBe(before);
  });

  test('takes the bearer that a person has, from a file or from stdin', async () => {
    const [user] = (await viewed(file())).users;
    await writeFile(join(dir, 'bearer'), `${user.user.token}\n`);
    const args = ['--token-file', join(dir, 'bearer'), '--user', 'u-ada', '--output-file'];
    expect((await kubeconfig(...args, join(dir, 'two'))).code).toBe(0);
    expect(await kubectl(join(dir, 'two'), 'get', 'namespaces', '-o', 'name')).toContain('default');

    const stdin = `${user.user.token}\n`;
    const piped = ['kubeconfig', 'c-one', '--token-file', '-', '--output-file', join(dir, 'three')];
    expect((await cli.with({ args: piped, stdin })).code).toBe(0);
    expect((await viewed(join(dir, 'three'))).users[0].user.token).toBe(user.user.token);
  });

  test('takes a token that is stored plain by its name, when somebody asks for it by name', async () => {
    cli.hide((await world.createToken('k-plain', 'c-one', 'u-ada')).token);
    const out = join(dir, 'plain');
    expect((await kubeconfig('--token-name', 'k-plain', '--output-file', out)).code).toBe(0);
    expect((await viewed(out)).users[0].user.token).toBe('k-plain:not-a-real-secret-of-k-plain');
    expect(await kubeconfig('--token-name', 'k-plain')).toMatchObject({ code: 2, stdout: '' });
  });

  test('refuses what would not work, and says why', async () => {
    cli.hide((await world.createToken('k-other', 'c-two', 'u-ada')).token);
    cli.hide((await world.createToken('k-off', 'c-one', 'u-ada', { enabled: false })).token);
    const [hashed = ''] = await world.createTokens('k-hash', 1, 'c-one', 'u-ada');
    const wrong = 'k-plain:not-the-secret-of-it';
    await writeFile(join(dir, 'wrong'), wrong);
    await writeFile(join(dir, 'nonsense'), 'nonsense-without-colon');
    cli.hide(wrong, 'nonsense-without-colon');
    const cases: readonly [readonly string[], number, RegExp][] = [
      [['--token-name', 'k-other'], 1, /token k-other is scoped to c-two, this is c-one; issue one for it/],
      [['--token-name', 'k-off'], 1, /would be refused: Disabled/],
      [['--token-name', hashed], 1, /stored as a hash: its secret cannot be read back/],
      [['--token-name', 'k-none'], 1, /there is no token k-none/],
      [['--token-name', 'k-plain', '--user', 'u-eve'], 1, /is user u-ada's, not u-eve's/],
      [['--token-file', join(dir, 'wrong')], 1, /the bearer is not the one of token k-plain/],
      [['--token-file', join(dir, 'nonsense')], 2, /holds no bearer \(name:secret\)/],
      [['--token-file', join(dir, 'no-such')], 2, /no such file/],
      [['--ttl', '1h'], 2, /for a new token: --create-token/],
      [['--create-token'], 2, /whose token is it to be/],
    ];
    for (const [args, code, message] of cases) {
      const result = await kubeconfig(...args, '--output-file', join(dir, 'never'));
      expect(result.stderr).toMatch(message);
      expect(result).toMatchObject({ code, stdout: '' });
    }
    await expect(stat(join(dir, 'never'))).rejects.toThrow('ENOENT');
  });

  test('takes the endpoint as people type it, and refuses what cannot work', async () => {
    const { host } = new URL(world.cluster('c-one').plane.url);
    for (const fqdn of [`https://${host}/`, ` ${host} `]) {
      await patchAce({ fqdn });
      const result = await kubeconfig();
      expect(result, result.stderr).toMatchObject({ code: 0 });
      expect(result.stdout).toContain(`server: "https://${host}"\n`);
    }
    await patchAce({ fqdn: 'kube.example' });
    expect((await kubeconfig()).stderr).toContain('https://kube.example has no port and goes to 443');
    for (const [fqdn, reason] of [
      ['http://kube.example', 'begins with http://'],
      ['kube.example/path', 'has a path'],
    ] as const) {
      await patchAce({ fqdn });
      const result = await kubeconfig();
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr).toContain(`spec.localClusterAuthEndpoint.fqdn '${fqdn}' ${reason}`);
    }
    await patchAce({ fqdn: host });
  });

  test('refuses CA data that nobody could trust by', async () => {
    await patchAce({ caCerts: 'not a certificate' });
    const result = await kubeconfig();
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain('spec.localClusterAuthEndpoint.caCerts holds no PEM certificate');
    await patchAce({ caCerts: Buffer.from(ca).toString('base64') });
    expect((await kubeconfig()).code).toBe(0);
  });
});

describe('kubeconfig beside Rancher', () => {
  beforeAll(async () => {
    await setSetting('server-url', 'https://rancher.example.com');
    await setSetting('cacerts', ca);
    await patchAce({ fqdn: null, caCerts: null });
    await apply(admin, NODE_CRD);
    await kubectl(admin, 'create', 'namespace', 'c-one');
    await world.management.client.patch(
      { resource: CLUSTERS, name: 'c-one' },
      { status: { caCert: Buffer.from(ca).toString('base64') } },
      { subresource: 'status' },
    );
  });

  const node = (name: string, hostname: string, address: string): Promise<Any> =>
    world.management.create(NODES, {
      apiVersion: 'management.cattle.io/v3',
      kind: 'Node',
      metadata: { name, namespace: 'c-one' },
      spec: { controlPlane: true, requestedHostname: hostname },
      status: {
        internalNodeStatus: {
          addresses: [{ type: 'InternalIP', address }],
          conditions: [{ type: 'Ready', status: 'True' }],
        },
      },
    });

  const contexts = async (...args: readonly string[]): Promise<{ names: string[]; current: string }> => {
    const out = join(dir, 'rancher');
    const { code } = await kubeconfig(...args, '--output-file', out, '--force');
    expect(code).toBe(0);
    const config = await viewed(out);
    for (const { cluster } of config.clusters)
      expect(Buffer.from(cluster['certificate-authority-data'], 'base64').toString().trim()).toBe(ca.trim());
    return { names: config.contexts.map(({ name }: Any) => name), current: config['current-context'] };
  };

  test('has the proxy alone, and says so, while no node is known', async () => {
    expect(await contexts()).toEqual({ names: ['berlin'], current: 'berlin' });
    const minified = await kubeconfig('--minify');
    expect(minified).toMatchObject({ code: 1, stdout: '' });
    expect(minified.stderr).toContain('there is nothing to point a kubeconfig at');
  });

  test('has a context for each control-plane node, under names that kubectl can tell apart', async () => {
    await node('m-1', 'berlin-cp-a', '192.0.2.1');
    await node('m-2', 'cp-b', '192.0.2.2');
    await node('m-3', 'cp-b', '2001:db8::3');
    const names = ['berlin', 'berlin-cp-a', 'berlin-cp-b-m-2', 'berlin-cp-b-m-3'];
    expect(await contexts()).toEqual({ names, current: 'berlin-cp-a' });
    expect(await contexts('--minify')).toEqual({ names: names.slice(1), current: 'berlin-cp-a' });
  });

  test('asks the command line of Rancher for a token where the plane wants that', async () => {
    await setSetting('kubeconfig-generate-token', 'False');
    const { stdout } = await kubeconfig();
    expect(parse(stdout).users[0].user.exec.args).toEqual([
      'token',
      '--server=rancher.example.com',
      '--user=berlin',
      '--cluster=c-one',
    ]);
  });

  test('is of no use without ACE and without a proxy', async () => {
    await world.setAce('c-one', false);
    expect(await contexts()).toEqual({ names: ['berlin'], current: 'berlin' });
    await world.management.remove(SETTINGS, 'server-url');
    const result = await kubeconfig();
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(
      'cluster c-one has no ACE, and the management plane has no Setting server-url',
    );
  });
});
