import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AuthPlane, authBearer, startAuthPlane } from '../support/auth-plane.ts';
import { type AuthenticatorProcess, freePort, startAuthenticator } from '../support/authenticator-process.ts';
import { eventually } from '../support/eventually.ts';
import { createAuthority } from '../support/pki.ts';
import { startService } from '../support/service-process.ts';
import { reviewBody } from '../support/webhook-rig.ts';

/** Idle connections of the flood; each costs a file on both sides, so that more would take a raised limit of files. */
const IDLE = Number(process.env['ACE_IDLE_CONNECTIONS'] ?? 2_000);
const FLOOD_MS = 10_000;
const TOKENS = ['token-1', 'token-2', 'token-3'];

let plane: AuthPlane;
let dir: string;
let port: number;
let tlsPort: number;
let authenticator: AuthenticatorProcess;
let withTls: AuthenticatorProcess;

beforeAll(async () => {
  plane = await startAuthPlane();
  for (const name of TOKENS) await plane.addToken(name);
  dir = await mkdtemp(join(tmpdir(), 'ace-limits-'));
  const pair = createAuthority('authenticators').issueServer('authenticator', ['127.0.0.1']);
  await writeFile(join(dir, 'tls.crt'), pair.cert);
  await writeFile(join(dir, 'tls.key'), pair.key, { mode: 0o600 });
  [port, tlsPort] = [await freePort(), await freePort()];
  authenticator = await startAuthenticator(plane.plane.adminKubeconfig, port);
  const tls = ['--tls-cert-file', join(dir, 'tls.crt'), '--tls-key-file', join(dir, 'tls.key')];
  withTls = await startService({
    args: [
      ...['authenticator', '--kubeconfig', plane.plane.adminKubeconfig],
      ...['--listen', `127.0.0.1:${tlsPort}`, ...tls],
    ],
    announcement: 'authenticator listens',
    startedPath: '/readyz',
    probe: handshake,
  });
}, 180_000);
afterAll(async () => {
  await authenticator?.stop();
  await withTls?.stop();
  await plane?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** 200 when a TLS handshake comes about. */
function handshake(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port: Number(address.split(':').at(-1)), rejectUnauthorized: false }, () => {
      socket.destroy();
      resolve(200);
    });
    socket.on('error', reject);
  });
}

/** A connection, what it was told, and whether the other side has ended it. */
function dial(at: number, sent: string): { socket: Socket; isEnded: () => boolean } {
  let ended = false;
  const socket = connect(at, '127.0.0.1', () => socket.write(sent));
  socket.on('error', () => undefined);
  for (const event of ['end', 'close']) socket.on(event, () => (ended = true));
  socket.resume();
  return { socket, isEnded: () => ended };
}

/** Good tokens, one after the other over connections that are kept, until it is ended. */
function goodTokens(at = port): { end(): Promise<{ ms: number[]; wrong: string[] }> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const [ms, wrong]: [number[], string[]] = [[], []];
  let isEnded = false;
  const asking = TOKENS.map(async (name) => {
    while (!isEnded) {
      const startedMs = performance.now();
      const answer = await post(agent, at, reviewBody(authBearer(name))).catch(String);
      ms.push(performance.now() - startedMs);
      if (!answer.includes('"authenticated":true')) wrong.push(answer);
      await delay(20);
    }
  });
  return {
    async end() {
      isEnded = true;
      await Promise.all(asking);
      agent.destroy();
      return { ms: ms.sort((a, b) => a - b), wrong };
    },
  };
}

function post(agent: Agent, at: number, body: string): Promise<string> {
  const options = { agent, host: '127.0.0.1', port: at, method: 'POST', path: '/v1/authenticate' };
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text)).on('error', reject);
    });
    sent.on('error', reject).end(body);
  });
}

const HEAD = 'POST /v1/authenticate HTTP/1.1\r\nhost: 127.0.0.1\r\n';

describe('a peer that takes its time', () => {
  test('is cut off: headers 10 s, body 30 s, a TLS handshake 10 s; good tokens are answered meanwhile', async () => {
    const good = goodTokens();
    const slow = {
      headers: dial(port, HEAD),
      nothing: dial(port, ''),
      body: dial(port, `${HEAD}content-length: 1000\r\n\r\n{`),
      handshake: dial(tlsPort, ''),
    };
    const dribble = setInterval(() => {
      slow.headers.socket.write('x-more: 1\r\n');
      slow.body.socket.write(' ');
    }, 1_000);
    const startedMs = performance.now();
    const endedMs: Record<string, number> = {};
    const cutOff = async (what: keyof typeof slow, limitMs: number): Promise<void> => {
      await eventually(() => expect(slow[what].isEnded()).toBe(true), {
        timeoutMs: limitMs,
        intervalMs: 20,
        what,
      });
      endedMs[what] = Math.round(performance.now() - startedMs);
    };
    try {
      // The limits, and what a busy machine takes: without a look at them each second, they were 30 and 60 s.
      await Promise.all([
        cutOff('headers', 20_000),
        cutOff('nothing', 20_000),
        cutOff('handshake', 20_000),
        cutOff('body', 45_000),
      ]);
    } finally {
      clearInterval(dribble);
      for (const { socket } of Object.values(slow)) socket.destroy();
    }
    const { ms, wrong } = await good.end();
    console.info(`cut off after ${JSON.stringify(endedMs)} ms; ${ms.length} good tokens meanwhile`);
    expect(wrong).toEqual([]);
  }, 90_000);
});

/** A program of this folder's neighbour, and the first thing that it says. */
async function started(
  program: string,
  ...args: readonly string[]
): Promise<{ said: string; end(): Promise<void> }> {
  const file = fileURLToPath(new URL(`../support/${program}.ts`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const said = await Promise.race([
    once(child.stdout, 'data').then(([chunk]) => String(chunk).trim()),
    exited.then(([code]) => Promise.reject(new Error(`${program} ended with ${code}`))),
  ]);
  return {
    said,
    async end() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Good tokens at a server of that port while it is flooded; milliseconds. */
async function whileFlooded(at: number): Promise<{ p99: number; count: number; wrong: readonly string[] }> {
  const flood = await started('flood-process', String(at), String(IDLE));
  const good = goodTokens(at);
  await delay(FLOOD_MS);
  const { ms, wrong } = await good.end();
  await flood.end();
  return { p99: Math.round(ms[Math.floor(ms.length * 0.99)] ?? Infinity), count: ms.length, wrong };
}

describe('a flood of connections', () => {
  test(`${IDLE} idle ones, slow, pipelined and giant requests: every good token is let in`, async () => {
    const bare = await started('bare-webhook-process');
    const ours = await whileFlooded(port);
    const yardstick = await whileFlooded(Number(bare.said));
    await bare.end();
    console.info(
      `${IDLE} idle connections and a flood: ${ours.count} good tokens, ${ours.wrong.length} refused, p99 ${ours.p99} ms; a bare node:http server ${yardstick.p99} ms (${yardstick.count})`,
    );
    expect(ours.wrong).toEqual([]);
    expect(ours.count).toBeGreaterThan(10);
  }, 180_000);
});

describe('SIGUSR1', () => {
  test('opens no debugger, as it does in a program of Node that does nothing about it', async () => {
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6); console.log("up")'], {
      env: { ...process.env, NODE_OPTIONS: '--inspect-port=0' },
    });
    let said = '';
    other.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
    try {
      await once(other.stdout, 'data');
      authenticator.kill('SIGUSR1');
      other.kill('SIGUSR1');
      await eventually(() => expect(said).toContain('Debugger listening'));
      expect((await authenticator.http('/livez')).status).toBe(200);
      expect(authenticator.output()).not.toMatch(/debugger|inspector/i);
    } finally {
      other.kill('SIGKILL');
      await once(other, 'exit');
    }
  });
});
