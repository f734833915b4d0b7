import { request } from 'node:http';
import inspector from 'node:inspector';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DiagnosticsServer } from '../../../src/telemetry/diagnostics-server.ts';

const SECRET = `a-secret-in-memory-${process.pid}-${Date.now()}`;
const told: string[] = [];
const server = new DiagnosticsServer((kind, seconds) => told.push(`${kind} ${seconds}`));
let address: string;

beforeAll(async () => {
  address = await server.listen('127.0.0.1:0');
});
afterAll(() => server.close());

function ask(
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<{ status: number; type: string; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(`http://${address}${path}`, { headers, method }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, type: answer.headers['content-type'] ?? '', body }),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** What was given back is not in a profile of what is held. */
const held: string[][] = [];

/** Work by a function whose name is to be found again. */
function allocateAndCompute(): number {
  const kept = Array.from({ length: 20_000 }, (_, index) => `${SECRET}-${index}`);
  if (held.length < 20) held.push(kept);
  return kept.reduce((sum, text) => sum + text.length, 0);
}

async function busy(whole: Promise<unknown>): Promise<void> {
  let isOver = false;
  void whole.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    allocateAndCompute();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('profiles', () => {
  test('of the CPU name the functions that took time', async () => {
    const asked = ask('/debug/cpu?seconds=1');
    await busy(asked);
    const { status, type, body } = await asked;
    expect([status, type]).toEqual([200, 'application/json']);
    const names = JSON.parse(body).nodes.map(
      ({ callFrame }: { callFrame: { functionName: string } }) => callFrame.functionName,
    );
    expect(names).toContain('allocateAndCompute');
    expect(told).toContain('cpu 1');
  });

  test('of the heap name functions, and hold no text that was in memory', async () => {
    held.length = 0;
    const asked = ask('/debug/heap?seconds=1');
    await busy(asked);
    const { status, body } = await asked;
    expect(status).toBe(200);
    expect(JSON.parse(body).head).toMatchObject({ callFrame: {} });
    expect(body).toContain('allocateAndCompute');
    expect(body).not.toContain(SECRET);
  });

  test('are taken one at a time, and one that nobody waits for ends', async () => {
    const first = request(`http://${address}/debug/cpu?seconds=60`);
    first.on('error', () => undefined);
    first.end();
    await expect.poll(async () => (await ask('/debug/cpu?seconds=1')).status, { timeout: 5_000 }).toBe(409);
    first.destroy();
    await expect.poll(async () => (await ask('/debug/heap?seconds=1')).status, { timeout: 10_000 }).toBe(200);
  });

  test('need no open port of the inspector', async () => {
    await ask('/debug/cpu?seconds=1');
    expect(inspector.url()).toBeUndefined();
  });
});

test.each([
  ['/debug/cpu?seconds=0', {}, 'GET', 400],
  ['/debug/cpu?seconds=61', {}, 'GET', 400],
  ['/debug/cpu?seconds=x', {}, 'GET', 400],
  ['/debug/snapshot', {}, 'GET', 404],
  ['/', {}, 'GET', 404],
  ['/debug/cpu', {}, 'POST', 405],
  ['/debug/cpu', { host: 'evil.example.com' }, 'GET', 403],
  ['/debug/cpu', { host: '127.0.0.1.evil.example.com' }, 'GET', 403],
  ['/debug/cpu', { origin: 'http://localhost' }, 'GET', 403],
])('%s with %j by %s is answered %i', async (path, headers, method, want) => {
  expect((await ask(path, headers as Record<string, string>, method)).status).toBe(want);
});
