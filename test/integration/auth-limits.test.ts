import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AuthPlane, authBearer, startAuthPlane } from '../support/auth-plane.ts';
import { type AuthenticatorProcess, freePort, startAuthenticator } from '../support/authenticator-process.ts';
import { eventually } from '../support/eventually.ts';
import { createAuthority } from '../support/pki.ts';
import { startService } from '../support/service-process.ts';
import { reviewBody } from '../support/webhook-rig.ts';

/** Idle connections of the flood; each costs a file on both sides, so that more would take a raised limit of files. */
const IDLE = Number(process.env['ACE_IDLE_CONNECTIONS'] ?? 2_000);
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
function goodTokens(): { end(): Promise<{ ms: number[]; wrong: string[] }> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const [ms, wrong]: [number[], string[]] = [[], []];
  let isEnded = false;
  const asking = TOKENS.map(async (name) => {
    while (!isEnded) {
      const startedMs = performance.now();
      const answer = await post(agent, reviewBody(authBearer(name))).catch(String);
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

function post(agent: Agent, body: string): Promise<string> {
  const options = { agent, host: '127.0.0.1', port, method: 'POST', path: '/v1/authenticate' };
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

describe('a flood of connections', () => {
  test(`${IDLE} idle ones, slow, pipelined and giant requests: every good token is let in`, async () => {
    const sockets: Socket[] = [];
    const flood = (count: number, sent: string): void => {
      for (let index = 0; index < count; index += 1) sockets.push(dial(port, sent).socket);
    };
    for (let open = 0; open < IDLE; open += 250) {
      // One request each, so that they may stay for as long as an API server's may.
      flood(Math.min(250, IDLE - open), 'GET /healthcheck HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
      await delay(20);
    }
    await eventually(() => expect(sockets.filter(({ bytesRead }) => bytesRead > 0)).toHaveLength(IDLE), {
      timeoutMs: 60_000,
      intervalMs: 200,
    });
    const good = goodTokens();
    for (let round = 0; round < 40; round += 1) {
      flood(5, HEAD);
      flood(2, 'GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'.repeat(1_000));
      flood(5, `${HEAD}x-giant: ${'x'.repeat(200_000)}\r\n\r\n`);
      await delay(100);
    }
    const { ms, wrong } = await good.end();
    for (const socket of sockets) socket.destroy();
    const p99 = Math.round(ms[Math.floor(ms.length * 0.99)] ?? 0);
    console.info(
      `${IDLE} idle connections and a flood: ${ms.length} good tokens, ${wrong.length} refused, p99 ${p99} ms`,
    );
    expect(wrong).toEqual([]);
    expect(ms.length).toBeGreaterThan(10);
  }, 120_000);
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
