import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type OperatorProcess, startOperator } from '../support/operator-process.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { proxiedKubeconfig, startWorld, type World } from '../support/world.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/ace-operator.js', import.meta.url));
const SHUTDOWN_LIMIT_MS = 5_000;

let world: World;
let proxy: TcpProxy;

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one', 'c-dead'] });
  const { plane } = world.cluster('c-dead');
  proxy = await startTcpProxy(plane.url);
  await world.register('c-one');
  await world.register('c-dead', { server: proxy.url(plane.url) });
  await world.createUser('u-ada');
  await world.createTokens('dead', 20, 'c-dead', 'u-ada');
});
afterAll(async () => {
  await world.close();
  await proxy.close();
});

describe('a running operator', () => {
  let operator: OperatorProcess;

  beforeAll(async () => {
    operator = await start();
  });
  afterAll(() => operator.stop());

  test('answers whether it lives, whether it is ready and why, and what it counted', async () => {
    expect(await operator.http('/livez')).toMatchObject({ status: 200, body: 'ok' });
    // It may just have been elected, and is not at work yet.
    await eventually(async () =>
      expect(await operator.http('/readyz')).toMatchObject({ status: 200, body: 'ok' }),
    );
    await eventually(async () =>
      expect((await operator.http('/readyz?verbose')).body.split('\n')).toEqual([
        '[+] management-synced ok',
        '[+] management-is-the-same ok',
        '[+] management-accepts-us ok',
        '[+] working-or-standing-by ok',
        '[+] installation-key-usable ok',
        '[+] everything-read ok',
      ]),
    );
    await eventually(async () => {
      const { status, body } = await operator.http('/metrics');
      const line = body
        .split('\n')
        .find((text) => text.startsWith('ace_cluster_connected{ace_cluster="c-one"}'));
      expect({ status, line }).toEqual({ status: 200, line: 'ace_cluster_connected{ace_cluster="c-one"} 1' });
    });
    expect(await operator.http('/elsewhere')).toMatchObject({ status: 404 });
  });
});

describe('a signal', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} ends it with 0 within 5 s, with a cluster in a black hole and hashes in the making`, async () => {
      await proxy.heal();
      const operator = await start();
      await eventually(
        async () => expect(await operator.metric('ace_cluster_connected{ace_cluster="c-dead"}')).toBe(1),
        { timeoutMs: 60_000 },
      );
      const hashing = world.createTokens(`slow-${signal.toLowerCase()}`, 300, 'c-one', 'u-ada', {
        token: 'not-a-real-secret',
      });
      await eventually(async () => expect(await operator.metric('ace_hashes_pending')).toBeGreaterThan(0), {
        timeoutMs: 60_000,
        intervalMs: 20,
      });
      proxy.blackhole();
      // Requests that will never be answered are under way, too.
      await world.createTokens(signal.toLowerCase(), 20, 'c-dead', 'u-ada');
      await eventually(
        async () => {
          const pending = await operator.metric('ace_tokens{ace_cluster="c-dead",state="pending"}');
          // Those that no worker has looked at yet wait in the queue.
          const waiting = await operator.metric('ace_workqueue_depth{ace_cluster="c-dead"}');
          expect(pending + waiting).toBeGreaterThan(0);
        },
        { timeoutMs: 60_000 },
      );

      const startMs = performance.now();
      operator.kill(signal);
      expect(await operator.exited).toBe(0);
      const tookMs = performance.now() - startMs;
      console.log(`lifecycle: ${signal} to exit: ${Math.round(tookMs)} ms`);
      expect(tookMs).toBeLessThan(SHUTDOWN_LIMIT_MS);
      expect(operator.logs()).toContainEqual(expect.objectContaining({ message: 'stopped' }));
      await hashing;
    });
  }

  test('ends it within 5 s even when something hangs', async () => {
    const operator = await start({ env: preload(HANGING_SHUTDOWN) });
    const startMs = performance.now();
    operator.kill('SIGTERM');

    expect(await operator.exited).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(SHUTDOWN_LIMIT_MS);
    // Otherwise nothing hung, and this test shows nothing.
    expectLog(operator, 'stopped while something was still open');
  });

  test('that comes a second time ends it at once', async () => {
    const operator = await start({ env: preload(HANGING_SHUTDOWN) });
    operator.kill('SIGTERM');
    await eventually(() => expectLog(operator, 'shutting down'));

    const startMs = performance.now();
    operator.kill('SIGINT');
    expect(await operator.exited).toBe(130);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });
});

describe('a fault that nobody caught', () => {
  const faults = {
    'uncaught exception': `throw new Error('from-the-test')`,
    'unhandled rejection': `Promise.reject(new Error('from-the-test'))`,
  };
  for (const [kind, statement] of Object.entries(faults)) {
    test(`${kind}: is logged and ends it with 1`, async () => {
      const operator = await start({ env: preload(`process.on('SIGUSR2',()=>{${statement}})`) });
      operator.kill('SIGUSR2');

      expect(await operator.exited).toBe(1);
      expect(operator.logs().at(-1)).toMatchObject({
        level: 'error',
        message: kind,
        error: 'Error: from-the-test',
      });
    });
  }
});

describe('a start', () => {
  test('does not care about a KUBECONFIG that names no file', async () => {
    const operator = await start({ env: { KUBECONFIG: '/nowhere/at-all' } });
    expect(await operator.stop()).toBe(0);
  });

  test('with a kubeconfig that cannot be read is refused in one line', async () => {
    expect(await run('operator', '--kubeconfig', '/nowhere/at-all')).toEqual({
      code: 2,
      lines: [expect.stringContaining('/nowhere/at-all')],
    });
  });

  test('with a kubeconfig that is none is refused in one line, which does not quote it', async () => {
    const path = join(world.management.plane.dir, 'no.kubeconfig');
    await writeFile(path, 'token: [not-a-real-secret');
    const { code, lines } = await run('operator', '--kubeconfig', path);

    expect({ code, count: lines.length }).toEqual({ code: 2, count: 1 });
    expect(lines[0]).toContain(path);
    expect(lines[0]).not.toContain('not-a-real-secret');
  });

  const misuses = {
    'an unknown flag': ['operator', '--no-such-flag'],
    'a value that is not of the choices': ['operator', '--hash-algorithm', 'md5'],
    'an unknown command': ['no-such-command'],
  };
  for (const [what, args] of Object.entries(misuses)) {
    test(`with ${what} is refused in one line that names it`, async () => {
      expect(await run(...args)).toEqual({ code: 2, lines: [expect.stringContaining(args.at(-1) ?? '')] });
    });
  }

  test('waits for a management plane that does not answer yet, alive and not ready', async () => {
    const { plane } = world.management;
    const gate = await startTcpProxy(plane.url);
    await gate.refuse();
    const operator = await startOperator(await proxiedKubeconfig(plane, gate), [], { untilReady: false });
    await eventually(() => expectLog(operator, 'management plane does not answer'));
    expect((await operator.http('/readyz')).status).toBe(503);
    expect((await operator.http('/livez')).status).toBe(200);

    await gate.heal();
    await eventually(async () => expect((await operator.http('/readyz')).status).toBe(200), {
      timeoutMs: 30_000,
    });
    expect(await operator.stop()).toBe(0);
    await gate.close();
  });
});

/** A module loaded before the program, in the program's process only. */
function preload(code: string): Readonly<Record<string, string>> {
  const module = `if(process.argv.includes('operator')){${code}}`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(module)}` };
}

/** The health server never says that it is closed. */
const HANGING_SHUTDOWN = `process.getBuiltinModule('node:net').Server.prototype.close=()=>{}`;

function start(options: Parameters<typeof startOperator>[2] = {}): Promise<OperatorProcess> {
  return startOperator(world.management.plane.adminKubeconfig, [], options);
}

function expectLog(operator: OperatorProcess, message: string): void {
  expect(operator.logs()).toContainEqual(expect.objectContaining({ message }));
}

/** Runs the program to its end. @returns what it printed, by lines, and its exit code */
async function run(...args: readonly string[]): Promise<{ code: number | null; lines: readonly string[] }> {
  const child = spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { code, lines: `${stdout}${stderr}`.split('\n').filter((line) => line !== '') };
}
