import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AuthPlane, authBearer, startAuthPlane } from '../support/auth-plane.ts';
import { freePort, startAuthenticator } from '../support/authenticator-process.ts';
import { bearerClient } from '../support/bearer-client.ts';
import { eventually } from '../support/eventually.ts';
import { createAuthority, type KeyPair } from '../support/pki.ts';
import { type ServiceProcess, startService } from '../support/service-process.ts';
import { reviewBody } from '../support/webhook-rig.ts';

const HOSTS = ['127.0.0.1', '::1', 'localhost'];
const servers = createAuthority('authenticators');
const callers = createAuthority('API servers');
const strangers = createAuthority('strangers');
const apiServer = callers.issueClient('kube-apiserver', []);

let dir: string;
let plane: AuthPlane;
const started: ServiceProcess[] = [];

const file = (name: string): string => join(dir, name);
async function install(pair: KeyPair): Promise<void> {
  await writeFile(file('tls.crt'), pair.cert);
  await writeFile(file('tls.key'), pair.key, { mode: 0o600 });
}
const tlsFlags = (): string[] => ['--tls-cert-file', file('tls.crt'), '--tls-key-file', file('tls.key')];
const clientFlags = (): string[] => ['--client-ca-file', file('callers.crt')];

interface Asked {
  readonly status: number;
  readonly text: string;
  /** Serial number of the certificate that was shown. */
  readonly serial: string;
}

function ask(
  address: string,
  path: string,
  options: { client?: KeyPair; body?: string } = {},
): Promise<Asked> {
  const { client, body } = options;
  const tls = {
    ca: servers.cert,
    agent: false as const,
    ...(client ? { cert: client.cert, key: client.key } : {}),
  };
  return new Promise((resolve, reject) => {
    const asking = body === undefined ? get : request;
    const sent = asking(
      `https://${address}${path}`,
      { ...tls, method: body === undefined ? 'GET' : 'POST' },
      (response) => {
        const { serialNumber } = (response.socket as TLSSocket).getPeerCertificate();
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text, serial: serialNumber }));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

async function start(
  addresses: readonly string[],
  flags: readonly string[],
  client?: KeyPair,
): Promise<ServiceProcess> {
  const listen = addresses.flatMap((address) => ['--listen', address]);
  const authenticator = await startService({
    args: ['authenticator', '--kubeconfig', plane.plane.adminKubeconfig, ...listen, ...flags],
    announcement: 'authenticator listens',
    startedPath: '/readyz',
    probe: async (address, path) => (await ask(address, path, client ? { client } : {})).status,
  });
  started.push(authenticator);
  return authenticator;
}

let address: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ace-auth-tls-'));
  await install(servers.issueServer('authenticator', HOSTS));
  await writeFile(file('callers.crt'), callers.cert);
  address = `127.0.0.1:${await freePort()}`;
  const webhook = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'ace',
        cluster: {
          server: `https://${address}/v1/authenticate`,
          'certificate-authority-data': Buffer.from(servers.cert).toString('base64'),
        },
      },
    ],
    users: [
      {
        name: 'kube-apiserver',
        user: {
          'client-certificate-data': Buffer.from(apiServer.cert).toString('base64'),
          'client-key-data': Buffer.from(apiServer.key).toString('base64'),
        },
      },
    ],
    contexts: [{ name: 'webhook', context: { cluster: 'ace', user: 'kube-apiserver' } }],
    'current-context': 'webhook',
  };
  await writeFile(file('webhook.yaml'), JSON.stringify(webhook));
  plane = await startAuthPlane({ tokenWebhook: { kubeconfig: file('webhook.yaml') } });
  await plane.addToken('token-1');
}, 180_000);
afterAll(async () => {
  await Promise.all(started.map((authenticator) => authenticator.stop()));
  await plane?.stop();
  await rm(dir, { recursive: true, force: true });
});

describe('over HTTPS with a client certificate demanded', () => {
  let authenticator: ServiceProcess;
  beforeAll(async () => {
    authenticator = await start(
      [address],
      [...tlsFlags(), ...clientFlags(), '--metrics-listen=127.0.0.1:0'],
      apiServer,
    );
  });
  afterAll(async () => {
    await authenticator.stop();
  });

  test('a real API server that shows its certificate has tokens reviewed', async () => {
    const good = await bearerClient(plane.plane, authBearer('token-1'));
    const bad = await bearerClient(plane.plane, 'token-1:wrong');
    expect(await good.status()).toBe(403); // let in; nobody gave the group a right
    expect(await bad.status()).toBe(401);
    await good.close();
    await bad.close();
  });

  test('who shows none, or one of another authority, learns nothing, not even of probes', async () => {
    const body = reviewBody(authBearer('token-1'));
    for (const path of ['/v1/authenticate', '/metrics', '/healthcheck']) {
      await expect(ask(address, path, { body })).rejects.toThrow();
      await expect(
        ask(address, path, { body, client: strangers.issueClient('kube-apiserver', []) }),
      ).rejects.toThrow();
    }
    expect((await ask(address, '/v1/authenticate', { body, client: apiServer })).text).toContain(
      '"authenticated":true',
    );
  });

  test('beside it metrics and probes may be had without a certificate, and reviews may not', async () => {
    const listener = authenticator.logs().find(({ message }) => message === 'metrics and probes');
    const url = `http://${listener?.['address']}`;
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('ace_ready 1');
    const review = { method: 'POST', body: reviewBody(authBearer('token-1')) };
    expect((await fetch(`${url}/v1/authenticate`, review)).status).toBe(404);
  });

  test('plain HTTP is not spoken', async () => {
    await expect(fetch(`http://${address}/healthcheck`)).rejects.toThrow();
  });

  test('a changed certificate is taken up without a restart, a broken one is not; the client authority, too', async () => {
    const first = await ask(address, '/livez', { client: apiServer });
    await writeFile(file('tls.crt'), 'half a certificate');
    await eventually(() => expect(authenticator.output()).toContain('the old one stays'), {
      timeoutMs: 20_000,
      intervalMs: 100,
    });
    expect((await ask(address, '/livez', { client: apiServer })).serial).toBe(first.serial);

    await install(servers.issueServer('authenticator', HOSTS));
    await eventually(
      async () => {
        const { serial, status } = await ask(address, '/livez', { client: apiServer });
        expect(status).toBe(200);
        expect(serial).not.toBe(first.serial);
      },
      { timeoutMs: 20_000, intervalMs: 100 },
    );
    expect(authenticator.output()).toContain('certificate read again');
    await expect(ask(address, '/livez')).rejects.toThrow();

    await writeFile(file('callers.crt'), `${callers.cert}${strangers.cert}`);
    const newcomer = strangers.issueClient('kube-apiserver', []);
    await eventually(
      async () => expect((await ask(address, '/livez', { client: newcomer })).status).toBe(200),
      {
        timeoutMs: 20_000,
        intervalMs: 100,
      },
    );
    expect((await ask(address, '/livez', { client: apiServer })).status).toBe(200);
    const good = await bearerClient(plane.plane, authBearer('token-1'));
    expect(await good.status()).toBe(403);
    await good.close();
  });
});

describe('on several addresses', () => {
  test('HTTPS on IPv4 and IPv6 loopback and on all interfaces at once', async () => {
    const [one, two, three] = [await freePort(), await freePort(), await freePort()];
    const addresses = [`127.0.0.1:${one}`, `[::1]:${two}`, `0.0.0.0:${three}`];
    const authenticator = await start(addresses, tlsFlags());
    expect(authenticator.logs().filter(({ message }) => message === 'authenticator listens')).toHaveLength(3);
    const body = reviewBody(authBearer('token-1'));
    for (const target of [addresses[0], addresses[1], `127.0.0.1:${three}`]) {
      const { status, text } = await ask(target ?? '', '/v1/authenticate', { body });
      expect(status, target).toBe(200);
      expect(text).toContain('"authenticated":true');
    }
    expect(await authenticator.stop()).toBe(0);
  });

  test('plain HTTP on IPv6 loopback, by the environment', async () => {
    const port = await freePort();
    const authenticator = await startService({
      args: ['authenticator', '--kubeconfig', plane.plane.adminKubeconfig],
      env: { ACE_LISTEN: `[::1]:${port}` },
      announcement: 'authenticator listens',
      startedPath: '/readyz',
    });
    started.push(authenticator);
    const { body } = await authenticator.http('/v1/authenticate', {
      method: 'POST',
      body: reviewBody(authBearer('token-1')),
    });
    expect(body).toContain('"authenticated":true');
    expect(await authenticator.stop()).toBe(0);
  });
});

describe('refuses to start', () => {
  test('without TLS on anything but loopback, unless told that this is meant', async () => {
    const port = await freePort();
    const flags = ['--listen', `0.0.0.0:${port}`];
    await expect(startAuthenticator(plane.plane.adminKubeconfig, await freePort(), flags)).rejects.toThrow(
      /is not loopback.*--insecure-listen/s,
    );
    const meant = await startAuthenticator(plane.plane.adminKubeconfig, await freePort(), [
      ...flags,
      '--insecure-listen',
    ]);
    expect((await fetch(`http://127.0.0.1:${port}/healthcheck`)).status).toBe(200);
    expect(await meant.stop()).toBe(0);
  });

  test('with a certificate that is not there or does not fit its key', async () => {
    const missing = ['--tls-cert-file', file('missing.crt'), '--tls-key-file', file('tls.key')];
    await expect(startAuthenticator(plane.plane.adminKubeconfig, await freePort(), missing)).rejects.toThrow(
      /ended with [12]:[\s\S]*ENOENT/,
    );
    await writeFile(file('other.key'), servers.issueServer('x', HOSTS).key);
    const unfit = ['--tls-cert-file', file('tls.crt'), '--tls-key-file', file('other.key')];
    await expect(startAuthenticator(plane.plane.adminKubeconfig, await freePort(), unfit)).rejects.toThrow(
      /ended with [12]:[\s\S]*mismatch/,
    );
  });
});
