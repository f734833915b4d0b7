import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import {
  type AuthenticatorProcess,
  startAuthenticator,
  webhookKubeconfig,
} from '../support/authenticator-process.ts';
import { bearerKubeconfig } from '../support/bearer-kubeconfig.ts';
import { aCli, type Cli, type CliResult } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { createAuthority } from '../support/pki.ts';
import { startWorld, type World } from '../support/world.ts';

/** What stands before an API server that anonymous users may ask which APIs it has, and what `explain` says of a bearer that goes there. */

/** What becomes of the bearer. `rancher`: the management plane's proxy, which asks the cluster in the name of the user. */
type Way = 'pass' | 'drop' | 'replace' | 'rancher';

let world: World;
let cli: Cli;
let authenticator: AuthenticatorProcess;
let server: Server;
let way: Way = 'pass';
const authority = createAuthority('a balancer');

const data = (text: string): Buffer => Buffer.from(text, 'base64');

function passOn(incoming: IncomingMessage, response: ServerResponse): void {
  const { plane } = world.cluster('c-one');
  const { clusters, users } = parse(plane.kubeconfigYaml());
  const { authorization, host: _, ...headers } = incoming.headers;
  const { 'client-certificate-data': cert, 'client-key-data': key } = users[0].user;
  const isOwn = way === 'replace' || way === 'rancher';
  const outgoing = request(`${plane.url}${(incoming.url ?? '').replace(/^\/k8s\/clusters\/[^/]+/, '')}`, {
    method: incoming.method ?? 'GET',
    ca: data(clusters[0].cluster['certificate-authority-data']),
    ...(isOwn ? { cert: data(cert), key: data(key) } : {}),
    headers: {
      ...headers,
      ...(way === 'pass' ? { authorization } : {}),
      ...(way === 'rancher'
        ? { 'impersonate-user': 'u-ada', 'impersonate-group': 'system:authenticated' }
        : {}),
    },
    agent: false,
  });
  outgoing.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  outgoing.on('error', () => response.destroy());
  incoming.pipe(outgoing);
}

/** A person's kubeconfig that leads to what stands before the API server. */
async function throughIt(token: string, path = ''): Promise<string> {
  const { plane } = world.cluster('c-one');
  const config = parse(plane.kubeconfigYaml());
  config.clusters[0].cluster.server = `https://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  config.clusters[0].cluster['certificate-authority-data'] = Buffer.from(authority.cert).toString('base64');
  config.users[0].user = { token: `${token}:not-a-real-secret-of-${token}` };
  const file = join(plane.dir, `balancer-${randomUUID()}.yaml`);
  await writeFile(file, stringify(config), { mode: 0o600 });
  return file;
}

async function explained(file: string, ...more: readonly string[]): Promise<CliResult> {
  const result = await cli.run(
    'explain',
    '--request-timeout',
    '60s',
    '-f',
    file,
    '--cluster',
    'c-one',
    ...more,
  );
  expect(result.stderr).toBe('');
  return result;
}

beforeAll(async () => {
  const webhook = await webhookKubeconfig();
  world = await startWorld({
    clusters: ['c-one'],
    downstream: () => ({ tokenWebhook: { kubeconfig: webhook.path, cacheTtl: '1s' } }),
  });
  const { adminKubeconfig } = world.cluster('c-one').plane;
  cli = aCli({ KUBECONFIG: world.management.plane.adminKubeconfig });
  await world.register('c-one');
  for (const user of ['u-ada', 'u-root']) await world.createUser(user, {}, []);
  await world.createToken('good', 'c-one', 'u-ada');
  await world.createToken('root', 'c-one', 'u-root');
  await world.createToken('unscoped', '', 'u-ada');
  cli.hide('not-a-real-secret-of-good', 'not-a-real-secret-of-root', 'not-a-real-secret-of-unscoped');
  await world.startOperator();
  await world.waitSynced('c-one', '2/2');
  authenticator = await startAuthenticator(adminKubeconfig, webhook.port);
  const bind = ['create', 'clusterrolebinding'];
  await kubectl(
    adminKubeconfig,
    ...bind,
    'all',
    '--clusterrole=system:discovery',
    '--group=system:unauthenticated',
  );
  await kubectl(adminKubeconfig, ...bind, 'root', '--clusterrole=cluster-admin', '--user=u-root');
  await eventually(() => kubectl(adminKubeconfig, 'auth', 'can-i', '--as=u-root', 'create', 'pods'));
  server = createServer(authority.issueServer('balancer', ['127.0.0.1']), passOn);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}, 240_000);
afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await authenticator?.stop();
  await world?.close();
});

test('an API server says as whom it lets a bearer in: whoever may little, and whoever may everything', async () => {
  for (const [token, user] of [
    ['good', 'u-ada'],
    ['root', 'u-root'],
  ] as const) {
    const file = await bearerKubeconfig(
      world.cluster('c-one').plane,
      `${token}:not-a-real-secret-of-${token}`,
    );
    const { code, stdout } = await explained(file);
    expect(stdout.split('\n')[0]).toContain(`it is let in as ${user}`);
    expect(code).toBe(0);
  }
  const { adminKubeconfig } = world.cluster('c-one').plane;
  // Who asked for a certificate only to be named has left nothing there.
  expect(await kubectl(adminKubeconfig, 'get', 'certificatesigningrequests', '-o', 'name')).toBe('');
}, 240_000);

describe('a balancer', () => {
  test.each<[way: Way, code: number, said: string]>([
    ['pass', 0, 'it is let in as u-ada'],
    ['drop', 1, 'BearerDropped'],
    ['replace', 1, 'LetInAsAnother'],
  ])(
    'that would %s the bearer',
    async (how, code, said) => {
      way = how;
      const result = await explained(await throughIt('good'));
      expect(result.stdout.split('\n')[0]).toContain(said);
      expect(result.code).toBe(code);
    },
    240_000,
  );
});

describe("the management plane's proxy", () => {
  test('lets in a token without a scope, and that is said, with what it is not', async () => {
    way = 'rancher';
    const { code, stdout } = await explained(await throughIt('unscoped', '/k8s/clusters/c-one'));
    expect(stdout.split('\n')[0]).toContain('it is let in as u-ada');
    expect(stdout).not.toContain('NotScoped');
    expect(stdout).toContain('NotAnAce');
    expect(code).toBe(0);
  }, 240_000);
});
