import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { splitAddress } from '../../../src/telemetry/address.ts';
import { type Check, HealthServer } from '../../../src/telemetry/health.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';

let metrics: Metrics;
let server: HealthServer;
let address: string;
const state = { listed: true, leading: true };
const CHECKS: readonly Check[] = [
  { name: 'informers', ok: () => state.listed },
  { name: 'leader', ok: () => state.leading },
];

async function start(checks: readonly Check[] = CHECKS): Promise<void> {
  metrics = new Metrics();
  metrics.connected.set({ cluster: 'c-1' }, 1);
  server = new HealthServer(metrics, checks);
  address = await server.listen('127.0.0.1:0');
}
beforeEach(async () => {
  state.listed = true;
  state.leading = true;
  await start();
});
afterEach(() => server.close());

/** The path is sent as it is: `fetch` would tidy it up. */
function get(path: string): Promise<{ status: number; body: string; type: string }> {
  const [host = '', port = ''] = address.split(':');
  return new Promise((resolve, reject) => {
    const asked = request({ host, port, path, timeout: 2_000 }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body, type: response.headers['content-type'] ?? '' }),
      );
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer')));
    asked.on('error', reject);
    asked.end();
  });
}

describe('HealthServer', () => {
  test('livez is fine while the event loop turns, ready or not', async () => {
    state.listed = false;
    expect(await get('/livez')).toMatchObject({ status: 200, body: 'ok' });
  });

  test('readyz is fine when every check is', async () => {
    expect(await get('/readyz')).toMatchObject({ status: 200, body: 'ok' });
  });

  test('readyz is fine in spite of what only costs a part of the work, and says so when asked', async () => {
    await server.close();
    await start([
      { name: 'informers', ok: () => true },
      { name: 'everything-read', ok: () => false, isAdvice: true, detail: () => 'secrets of a: forbidden' },
    ]);
    expect(await get('/readyz')).toMatchObject({ status: 200, body: 'ok' });
    const lines = '[+] informers ok\n[!] everything-read failed: secrets of a: forbidden';
    expect(await get('/readyz?verbose')).toMatchObject({ status: 200, body: lines });
  });

  test('readyz says which check is not', async () => {
    state.leading = false;
    expect(await get('/readyz')).toMatchObject({ status: 503, body: '[+] informers ok\n[-] leader failed' });
    state.leading = true;
    expect(await get('/readyz')).toMatchObject({ status: 200 });
  });

  test('readyz lists the checks when asked', async () => {
    expect(await get('/readyz?verbose')).toMatchObject({
      status: 200,
      body: '[+] informers ok\n[+] leader ok',
    });
  });

  test('metrics are in the text format', async () => {
    const answer = await get('/metrics');
    expect(answer).toMatchObject({ status: 200, type: expect.stringContaining('text/plain') });
    expect(answer.body).toContain('ace_cluster_connected{ace_cluster="c-1"} 1');
  });

  for (const path of ['/', '/healthz', '/metrics/', '/../etc/passwd', '/%2e%2e/']) {
    test(`there is nothing at ${path}`, async () => {
      expect((await get(path)).status).toBe(404);
    });
  }

  // An unhandled rejection ends the process: one request of anyone's must not be able to.
  for (const path of ['//', 'http://[', '/%', '//[']) {
    test(`a path that is no URL is answered too: ${path}`, async () => {
      expect((await get(path)).status).toBeGreaterThanOrEqual(400);
    });
  }

  test('a check that throws is one that failed', async () => {
    await server.close();
    const throwing = (): boolean => {
      throw new Error('broken');
    };
    await start([{ name: 'broken', ok: throwing }]);
    expect(await get('/readyz')).toMatchObject({ status: 503, body: '[-] broken failed' });
  });

  test('an address that is taken is an error', async () => {
    const second = new HealthServer(metrics, []);
    await expect(second.listen(address)).rejects.toThrow('EADDRINUSE');
  });
});

test.runIf(
  Object.values(networkInterfaces())
    .flat()
    .some((one) => one?.address === '::1'),
)('an address without a host is one of both families', async () => {
  const server = new HealthServer(new Metrics(), []);
  const bound = await server.listen(':0');
  expect(bound).toMatch(/^:\d+$/);
  for (const host of ['127.0.0.1', '[::1]'])
    expect((await fetch(`http://${host}${bound}/livez`)).status, host).toBe(200);
  await server.close();
});

describe('splitAddress', () => {
  const cases = {
    '127.0.0.1:9464': { host: '127.0.0.1', port: 9464 },
    ':9464': { host: '', port: 9464 },
    '[10.0.0.5]:9465': { host: '10.0.0.5', port: 9465 },
    '[fd00::5]:9465': { host: 'fd00::5', port: 9465 },
    'localhost:0': { host: 'localhost', port: 0 },
    '[::1]:9464': { host: '::1', port: 9464 },
    '[::]:65535': { host: '::', port: 65_535 },
  };
  for (const [address, want] of Object.entries(cases)) {
    test(`${address} is one`, () => {
      expect(splitAddress(address)).toEqual(want);
    });
  }

  for (const address of [
    '',
    '9464',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '::1:9464',
    'a:b',
    'a:-1',
    '[x]:1',
    'a:1\n',
  ]) {
    test(`${JSON.stringify(address)} is none`, () => {
      expect(() => splitAddress(address)).toThrow(RangeError);
    });
  }
});
