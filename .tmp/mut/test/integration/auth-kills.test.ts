import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS } from '../../src/api/names.ts';
import { type AuthPlane, authBearer, startAuthPlane } from '../support/auth-plane.ts';
import { type AuthenticatorProcess, freePort, startAuthenticator } from '../support/authenticator-process.ts';
import { eventually } from '../support/eventually.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { RIG_NAMESPACE, rawCat, reviewBody } from '../support/webhook-rig.ts';
import { proxiedKubeconfig } from '../support/world.ts';

/** Kills in this run; `ACE_KILLS=200` for a long one. */
const KILLS = Number(process.env['ACE_KILLS'] ?? 8);
/** What was so for this long must be so after a kill. */
const SETTLED_MS = 1_000;
const TOKENS = ['token-a', 'token-b', 'token-c', 'token-d', 'token-e', 'token-f'];

let plane: AuthPlane;
let proxy: TcpProxy;
let kubeconfig: string;
let dir: string;
let port: number;
let flags: string[];
let current: AuthenticatorProcess | undefined;

beforeAll(async () => {
  plane = await startAuthPlane();
  for (const name of TOKENS) await plane.addToken(name);
  proxy = await startTcpProxy(plane.plane.url);
  kubeconfig = await proxiedKubeconfig(plane.plane, proxy);
  dir = await mkdtemp(join(tmpdir(), 'ace-kills-'));
  await writeFile(join(dir, 'key'), 'a key of sixteen bytes or more', { mode: 0o600 });
  flags = ['--snapshot-file', join(dir, 'state'), '--snapshot-key-file', join(dir, 'key')];
  port = await freePort();
}, 180_000);
afterAll(async () => {
  await current?.stop();
  await proxy?.close();
  await plane?.stop();
  await rm(dir, { recursive: true, force: true });
});

async function isAccepted(bearer: string): Promise<boolean | undefined> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/authenticate`, {
    method: 'POST',
    body: reviewBody(bearer),
  }).catch(() => undefined);
  if (response?.status !== 200) return undefined;
  return ((await response.json()) as { status: { authenticated?: boolean } }).status.authenticated === true;
}

/** What was answered last for each token, and since when it has been that answer. */
type Seen = Map<string, { readonly accepted: boolean; readonly sinceMs: number }>;

async function look(seen: Seen): Promise<void> {
  for (const name of TOKENS) {
    const accepted = await isAccepted(authBearer(name));
    if (accepted === undefined || seen.get(name)?.accepted === accepted) continue;
    seen.set(name, { accepted, sinceMs: performance.now() });
  }
}

const anyOf = (names: readonly string[]): string => names[Math.floor(Math.random() * names.length)] ?? '';

/** One change of one token: disabled, enabled, deleted, or made again. */
async function change(changedMs: Map<string, number>): Promise<void> {
  const name = anyOf(TOKENS);
  const token = await plane.token(name);
  changedMs.set(name, performance.now());
  if (!token) await plane.create(CLUSTER_AUTH_TOKENS, rawCat(name));
  else if (Math.random() < 0.3) await plane.remove(CLUSTER_AUTH_TOKENS, name, RIG_NAMESPACE);
  else await plane.patchToken(name, { enabled: !token.enabled });
}

/** Changes and looks for a while, until the process is killed; @returns the verdicts that had stood for long enough. */
async function liveAndBeKilled(authenticator: AuthenticatorProcess): Promise<Map<string, boolean>> {
  const seen: Seen = new Map();
  const changedMs = new Map<string, number>();
  const endMs = performance.now() + 500 + Math.random() * 2_500;
  while (performance.now() < endMs) {
    await look(seen);
    if (Math.random() < 0.3) await change(changedMs);
    await delay(Math.random() * 60);
  }
  authenticator.kill('SIGKILL');
  const killedMs = performance.now();
  await authenticator.exited;
  const settled = [...seen].filter(
    ([name, { sinceMs }]) => killedMs - Math.max(sinceMs, changedMs.get(name) ?? 0) >= SETTLED_MS,
  );
  return new Map(settled.map(([name, { accepted }]) => [name, accepted]));
}

describe('killed at any moment, and started again with its API server away', () => {
  test(
    `${KILLS} times: nobody who had been let in is kept out, nobody who had been kept out is let in`,
    async () => {
      const wrong: string[] = [];
      let judged = 0;
      for (let kill = 0; kill < KILLS; kill += 1) {
        await proxy.heal();
        current = await startAuthenticator(kubeconfig, port, flags);
        await eventually(() => expect(current?.output()).toContain('stores filled'));
        const settled = await liveAndBeKilled(current);
        await proxy.refuse();
        current = await startAuthenticator(kubeconfig, port, flags);
        for (const [name, accepted] of settled) {
          judged += 1;
          const now = await isAccepted(authBearer(name));
          // Who was kept out may be put off, too, when it is not known any more.
          if ((now ?? false) !== accepted) wrong.push(`kill ${kill}: ${name} was ${accepted}, is ${now}`);
        }
        current.kill('SIGKILL');
        await current.exited;
      }
      console.info(
        `killed ${KILLS} times: ${judged} verdicts that had stood for ${SETTLED_MS} ms, ${wrong.length} wrong`,
      );
      expect(wrong).toEqual([]);
      expect(judged).toBeGreaterThan(KILLS / 2);
    },
    KILLS * 60_000,
  );

  test('it answers from its snapshot at once', async () => {
    await proxy.refuse();
    const times: number[] = [];
    for (let start = 0; start < 5; start += 1) {
      current = await startAuthenticator(kubeconfig, port, flags);
      const atMs = (message: string): number =>
        Date.parse(String(current?.logs().find((line) => line['message'] === message)?.['timestamp']));
      times.push(atMs('authenticator listens') - atMs('ace-authenticator starting'));
      current.kill('SIGKILL');
      await current.exited;
    }
    console.info(`from the start to listening, from a snapshot: ${times.join(', ')} ms`);
    // It had to wait for three seconds once, whatever it knew.
    expect(Math.min(...times)).toBeLessThan(1_500);
  });
});
