import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { MonitorServer } from '../../../src/telemetry/monitor-server.ts';
import { registryText, SharedScrape } from '../../../src/telemetry/shared-scrape.ts';

const BIG = Buffer.alloc(8 * 1024 * 1024, 'x');

let server: MonitorServer;
let port: number;
let asked = 0;
let peers: Socket[] = [];

beforeEach(async () => {
  asked = 0;
  server = new MonitorServer(({ path }) => {
    asked += 1;
    return path === '/big' ? { status: 200, body: BIG } : { status: 200, body: 'ok' };
  });
  port = Number((await server.listen('127.0.0.1:0')).split(':').at(-1));
});
afterEach(async () => {
  for (const peer of peers) peer.destroy();
  peers = [];
  await server.close();
});

function peer(text = ''): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  if (text !== '') socket.write(text);
  peers.push(socket);
  return socket;
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

/** All that comes until the connection ends. */
function answer(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  return new Promise((resolve) => void socket.once('close', () => resolve(text)));
}

describe('a server for probes and scrapes', () => {
  test('answers one request, and ends the connection', async () => {
    const text = await answer(peer(get('/livez')));
    expect(text).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(text).toMatch(/connection: close/i);
    expect(text).toMatch(/ok$/);
  });

  test('cuts off who asks the next before the answer to the last was there, having made one answer at most', async () => {
    const text = await answer(peer(get('/big').repeat(1_000)));
    expect(text.match(/HTTP\/1\.1/g) ?? []).toHaveLength(0);
    expect(asked).toBeLessThanOrEqual(1);
  });

  test('takes a request in pieces, answers HEAD without a body, and nothing that is none', async () => {
    const socket = peer('GET /livez HT');
    const whole = answer(socket);
    await delay(20);
    socket.write('TP/1.1\r\nHost: x\r\n\r\n');
    expect(await whole).toMatch(/content-length: 2\r\n.*ok$/is);
    expect(await answer(peer('HEAD /livez HTTP/1.0\r\n\r\n'))).toMatch(/content-length: 2\r\n\r\n$/i);
    expect(await answer(peer(`GET /${'x'.repeat(9_000)}`))).toBe('');
    expect(await answer(peer('\u0016\u0003\u0001 TLS\r\n\r\n'))).toBe('');
  });

  test('is there for a probe, whatever number of connections do nothing, ask slowly or do not read', async () => {
    const greedy = Array.from({ length: 400 }, (_, index) => {
      const socket = peer(['', 'GET / HT', get('/big')][index % 3]);
      socket.pause();
      return socket;
    });
    await delay(200);
    expect(await answer(peer(get('/livez')))).toMatch(/ok$/);
    await expect.poll(() => greedy.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(400);
  });
});

describe('a scrape', () => {
  test('is made once for all who ask meanwhile, and anew for who asks later', async () => {
    let made = 0;
    const shared = new SharedScrape(async () => {
      made += 1;
      await delay(1);
      return `text ${made}`;
    });
    const texts = await Promise.all(Array.from({ length: 50 }, () => shared.text()));
    expect(new Set(texts).size).toBe(1);
    expect((await shared.text()).toString()).toBe('text 2');
  });

  test('takes a twentieth of the time at most, however often it is asked for', async () => {
    let nowMs = 0;
    let made = 0;
    const shared = new SharedScrape(
      async () => {
        made += 1;
        nowMs += 100;
        return '';
      },
      () => nowMs,
    );
    while (nowMs < 100_000) {
      await shared.text();
      nowMs += 10;
    }
    expect(made * 100).toBeLessThan(100_000 * 0.05 + 1_000);
    expect(made * 100).toBeGreaterThan(100_000 * 0.04);
  });

  test('that failed is no answer for the next', async () => {
    let fails = true;
    const shared = new SharedScrape(
      async () => {
        if (fails) throw new Error('no');
        return 'yes';
      },
      () => 0,
    );
    await expect(shared.text()).rejects.toThrow('no');
    fails = false;
    expect((await shared.text()).toString()).toBe('yes');
  });

  test('is what the registry itself would write, and lets others have their turn', async () => {
    const metrics = new Metrics();
    metrics.connected.set({ cluster: 'c-1' }, 1);
    const own = (text: string): string =>
      text
        .split('\n')
        .filter((line) => line.startsWith('ace_'))
        .join('\n');
    expect(own(await registryText(metrics.registry))).toBe(own(await metrics.registry.metrics()));
    let turns = 0;
    const timer = setImmediate(function count() {
      turns += 1;
      if (turns < 1_000) setImmediate(count);
    });
    await metrics.scrape();
    clearImmediate(timer);
    expect(turns).toBeGreaterThan(10);
  });
});
