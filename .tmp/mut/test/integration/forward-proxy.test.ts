import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aCli, type CliResult } from '../support/cli.ts';
import { type ConnectProxy, startConnectProxy } from '../support/connect-proxy.ts';
import { kubectl } from '../support/kubectl.ts';
import type { Any } from '../support/plane-client.ts';
import { startWorld, type World } from '../support/world.ts';

/** A name in the API servers' certificates that no resolver knows: only a proxy gets there. */
const HOST = 'kubernetes';

let world: World;
let proxy: ConnectProxy;
let directory: string;
/** Kubeconfigs of the management plane. */
let byProxyUrl: string;
let plain: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ace-forward-proxy-'));
  proxy = await startConnectProxy();
  world = await startWorld({ clusters: ['c-one', 'c-two'] });
  const { plane } = world.management;
  byProxyUrl = await file('proxy-url', behind(plane.kubeconfigYaml(), proxy.url));
  plain = await file('plain', behind(plane.kubeconfigYaml()));
  await world.createUser('u-ada', {}, ['group://a']);
  await world.register('c-one', { credentials: false });
  await world.setCredentials('c-one', {
    kubeconfig: behind(world.cluster('c-one').plane.kubeconfigYaml(), proxy.url),
  });
  await world.createToken('token-one', 'c-one', 'u-ada');
});
afterAll(async () => {
  await world.close();
  proxy.close();
  await rm(directory, { recursive: true, force: true });
});

test('proxy-url: the operator reaches the management plane and a cluster by it', async () => {
  await world.startOperator(['--kubeconfig', byProxyUrl, '--hash-algorithm', 'sha3-512']);
  await world.waitSynced('c-one', '1/1');
  const asked = new Set(proxy.tunnels);
  expect(asked).toContain(hostOf(world.management.plane.url));
  expect(asked).toContain(hostOf(world.cluster('c-one').plane.url));
});

describe('HTTPS_PROXY and NO_PROXY', () => {
  test('the operator goes by the proxy that its environment names', async () => {
    await world.stopOperator();
    await world.startOperator(['--kubeconfig', plain, '--hash-algorithm', 'sha3-512'], {
      HTTPS_PROXY: proxy.url,
    });
    await world.register('c-two', { credentials: false });
    await world.setCredentials('c-two', {
      kubeconfig: behind(world.cluster('c-two').plane.kubeconfigYaml()),
    });
    await world.createToken('token-two', 'c-two', 'u-ada');
    await world.waitSynced('c-two', '1/1');
    expect(proxy.tunnels).toContain(hostOf(world.cluster('c-two').plane.url));
  });

  test('and by none to what the exceptions name', async () => {
    const before = proxy.tunnels.length;
    const result = await run({ HTTPS_PROXY: proxy.url, NO_PROXY: HOST }, plain, 'token', 'list');
    expect(result.code).toBe(3);
    expect(result.stderr + result.stdout).toContain('no answer');
    expect(proxy.tunnels).toHaveLength(before);
  });
});

describe('every command that asks a plane', () => {
  /** Downstream ones look into c-one, whose own kubeconfig has a proxy-url, too. */
  const commands: readonly (readonly string[])[] = [
    ['explain', 'token-one'],
    ['preflight', 'c-one'],
    ['status'],
    ['status', 'c-one'],
    ['wait', 'token-one', '--for=propagated', '--timeout=20s'],
    ['token', 'list'],
    ['gc', 'c-one'],
    ['drain', 'c-one', '--dry-run', 'client'],
    ['kubeconfig', 'c-one', '--minify'],
  ];
  for (const command of commands) {
    test(`${command.join(' ')}: by proxy-url, and by HTTPS_PROXY`, async () => {
      const ways: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
        [byProxyUrl, {}],
        [plain, { HTTPS_PROXY: proxy.url }],
      ];
      for (const [kubeconfig, env] of ways) {
        const before = proxy.tunnels.length;
        const result = await run(env, kubeconfig, ...command);
        expect([2, 3], result.stderr).not.toContain(result.code);
        expect(result.stderr + result.stdout).not.toContain('no answer');
        expect(proxy.tunnels.length).toBeGreaterThan(before);
      }
    });
  }

  test('a kubeconfig that is explained is tried as it says', async () => {
    const mine = await file('mine', bearer(await kubeconfigOf('c-one', proxy.url)));
    const result = await run({}, byProxyUrl, 'explain', '-f', mine);
    expect(result.stdout).toContain(`https://${hostOf(world.cluster('c-one').plane.url)}`);
    expect(result.stdout).not.toContain('Unreachable');
  });
});

describe('as and as-groups', () => {
  test('a command has the rights of the groups that it acts as, and no more', async () => {
    const { adminKubeconfig } = world.management.plane;
    await kubectl(
      adminKubeconfig,
      ...['create', 'clusterrole', 'token-readers', '--verb=get,list'],
      '--resource=tokens.management.cattle.io,users.management.cattle.io,clusters.management.cattle.io',
    );
    await kubectl(
      adminKubeconfig,
      ...['create', 'clusterrolebinding', 'token-readers', '--clusterrole=token-readers', '--group=readers'],
    );
    const acting = async (groups: readonly string[]): Promise<CliResult> => {
      const config = JSON.parse(behind(world.management.plane.kubeconfigYaml(), proxy.url));
      Object.assign(config.users[0].user, { as: 'u-eve', 'as-groups': groups });
      return run({}, await file(`as-${groups.join('-')}`, JSON.stringify(config)), 'token', 'list');
    };
    const allowed = await acting(['readers']);
    expect(allowed.stdout).toContain('token-one');
    const refused = await acting(['others']);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain('u-eve');
  });

  test('the operator, too, by the kubeconfig of a cluster', async () => {
    const config = JSON.parse(await kubeconfigOf('c-one', proxy.url));
    Object.assign(config.users[0].user, { as: 'u-nobody', 'as-groups': ['nobody'] });
    await world.setCredentials('c-one', { kubeconfig: JSON.stringify(config) });
    await world.waitCondition('c-one', 'Connected', { status: 'False', reason: 'Forbidden' });
    Object.assign(config.users[0].user, { as: 'u-somebody', 'as-groups': ['system:masters'] });
    await world.setCredentials('c-one', { kubeconfig: JSON.stringify(config) });
    await world.waitCondition('c-one', 'Connected', { status: 'True' });
  });
});

async function kubeconfigOf(id: string, proxyUrl?: string): Promise<string> {
  return behind(world.cluster(id).plane.kubeconfigYaml(), proxyUrl);
}

/** The same kubeconfig for someone who does not get at the address himself. */
function behind(text: string, proxyUrl?: string): string {
  const config = JSON.parse(text) as Any;
  const { cluster } = config.clusters[0];
  cluster.server = `https://${hostOf(cluster.server)}`;
  if (proxyUrl) cluster['proxy-url'] = proxyUrl;
  return JSON.stringify(config);
}

function bearer(text: string): string {
  const config = JSON.parse(text) as Any;
  config.users[0].user = { token: 'token-one:not-a-real-secret-of-token-one' };
  return JSON.stringify(config);
}

const hostOf = (url: string): string => `${HOST}:${new URL(url).port}`;

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

function run(
  env: Readonly<Record<string, string>>,
  kubeconfig: string,
  ...args: readonly string[]
): Promise<CliResult> {
  const stdin = 'token-one:not-a-real-secret-of-token-one\n';
  return aCli(env).with({ args: [...args, '--kubeconfig', kubeconfig], stdin });
}
