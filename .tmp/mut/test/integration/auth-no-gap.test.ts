import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS, SECRETS } from '../../src/api/names.ts';
import { hash as bcrypt, newSalt } from '../../src/hash/bcrypt.ts';
import { type AuthPlane, authBearer, startAuthPlane } from '../support/auth-plane.ts';
import {
  type AuthenticatorProcess,
  startAuthenticator,
  webhookKubeconfig,
} from '../support/authenticator-process.ts';
import { eventually } from '../support/eventually.ts';
import { rawCat, rawHashSecret } from '../support/webhook-rig.ts';

/** A real API server that asks the authenticator; what its clients see is all that counts here. */
let plane: AuthPlane;
let port: number;
let dir: string;
let agent: Agent;
const started: AuthenticatorProcess[] = [];

const PEOPLE = Array.from({ length: 10 }, (_, index) => `person-${index}`);
/** Each is used once, so that the API server has none of them in its cache. */
const COLD = Array.from({ length: 600 }, (_, index) => `cold-${index}`);
const BCRYPT_SECRET = 'not-a-real-secret-of-many';
const KNOWN = Array.from({ length: 600 }, (_, index) => `known-${index}`);

beforeAll(async () => {
  const webhook = await webhookKubeconfig();
  port = webhook.port;
  plane = await startAuthPlane({
    audit: true,
    tokenWebhook: { kubeconfig: webhook.path, cacheTtl: '1s' },
    extraArgs: ['--max-requests-inflight=4000'],
  });
  await inTens([...PEOPLE, ...COLD], (name) => plane.addToken(name));
  // Those that are verified beforehand cost less, so that the test does not last; the others what they always cost.
  const [cheap, usual] = [bcrypt(BCRYPT_SECRET, newSalt(7)), bcrypt(BCRYPT_SECRET)];
  await inTens([...KNOWN, 'victim', 'bystander'], async (name) => {
    const hash = name.startsWith('known') ? cheap : usual;
    await plane.create(SECRETS, rawHashSecret(name, hash));
    await plane.create(CLUSTER_AUTH_TOKENS, rawCat(name));
  });
  dir = await mkdtemp(join(tmpdir(), 'ace-no-gap-'));
  await writeFile(join(dir, 'key'), 'a key of sixteen bytes or more', { mode: 0o600 });
  agent = new Agent({ keepAlive: true, maxSockets: 1_000, rejectUnauthorized: false });
}, 300_000);
afterEach(async () => {
  // One that a failed test left would take its share of the next one's questions.
  for (const authenticator of started.splice(0)) {
    authenticator.kill('SIGKILL');
    await authenticator.exited;
  }
});
afterAll(async () => {
  agent?.destroy();
  await plane?.stop();
  await rm(dir, { recursive: true, force: true });
});

async function inTens(names: readonly string[], make: (name: string) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < names.length; at += 10) await Promise.all(names.slice(at, at + 10).map(make));
}

/** One with a snapshot of its own, as each of a pair has. */
async function start(which: string, flags: readonly string[] = []): Promise<AuthenticatorProcess> {
  const files = ['--snapshot-file', join(dir, which), '--snapshot-key-file', join(dir, 'key')];
  const authenticator = await startAuthenticator(plane.plane.adminKubeconfig, port, [...files, ...flags]);
  started.push(authenticator);
  await eventually(() => expect(authenticator.output()).toContain('stores filled'));
  return authenticator;
}

interface Asked {
  readonly status: number;
  readonly ms: number;
}

/** What the API server answers: 401 is refused, 403 and 200 are let in, 0 is no answer. */
function ask(bearer: string): Promise<Asked> {
  const startedMs = performance.now();
  const { hostname, port: at } = new URL(plane.plane.url);
  const headers = { authorization: `Bearer ${bearer}` };
  return new Promise((resolve) => {
    const end = (status: number): void => resolve({ status, ms: performance.now() - startedMs });
    const sent = request({ agent, hostname, port: at, path: '/version', headers }, (response) => {
      response.resume().on('end', () => end(response.statusCode ?? 0));
    });
    sent.on('error', () => end(0)).end();
  });
}

const isRefused = ({ status }: Asked): boolean => status === 401 || status === 0;

/** Ten people who ask all the time, and tokens that are used for the first time all the while, until it is ended. */
function load(cold: readonly string[]): { end(): Promise<{ asked: number; refused: number }> } {
  let ended = false;
  const answers: Asked[] = [];
  const people = PEOPLE.map(async (name) => {
    while (!ended) {
      answers.push(await ask(authBearer(name)));
      await delay(50);
    }
  });
  const fresh = (async () => {
    const pending: Promise<unknown>[] = [];
    for (const name of cold) {
      if (ended) break;
      pending.push(ask(authBearer(name)).then((answer) => answers.push(answer)));
      await delay(40);
    }
    await Promise.all(pending);
  })();
  return {
    async end() {
      ended = true;
      await Promise.all([...people, fresh]);
      return { asked: answers.length, refused: answers.filter(isRefused).length };
    },
  };
}

const percentile = (values: readonly number[], part: number): number =>
  Math.round([...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? 0);

describe('two authenticators on one port', () => {
  test('nobody is refused when one is replaced, and when one is killed', async () => {
    let [one, two] = [await start('one'), await start('two')];
    const replaced = load(COLD.slice(0, 200));
    await delay(1_000);
    const next = await start('three');
    const stoppingMs = performance.now();
    expect(await one.stop()).toBe(0);
    const stoppedMs = Math.round(performance.now() - stoppingMs);
    await delay(1_500);
    const afterReplacing = await replaced.end();
    one = next;

    const killed = load(COLD.slice(200, 400));
    await delay(1_500);
    two.kill('SIGKILL');
    await two.exited;
    await delay(500);
    two = await start('two');
    await delay(1_500);
    const afterKilling = await killed.end();
    console.info(
      `replaced: ${afterReplacing.refused} of ${afterReplacing.asked} refused, stopped in ${stoppedMs} ms; killed: ${afterKilling.refused} of ${afterKilling.asked} refused`,
    );
    expect(afterReplacing.refused).toBe(0);
    expect(afterKilling.refused).toBe(0);
    expect(stoppedMs).toBeLessThan(3_000);
    await Promise.all([one.stop(), two.stop()]);
  }, 120_000);
});

describe('one authenticator', () => {
  test('restarted: 600 bcrypt tokens that were known are let in at once, none is refused', async () => {
    const before = await start('storm');
    const bearers = KNOWN.map((name) => `${name}:${BCRYPT_SECRET}`);
    for (let at = 0; at < bearers.length; at += 20) {
      const answers = await Promise.all(bearers.slice(at, at + 20).map(ask));
      expect(answers.filter(isRefused)).toEqual([]);
    }
    // What was found right is written at once, but after the answer.
    await eventually(async () => {
      const kept = await readFile(join(dir, 'storm.verified'), 'utf8');
      expect(KNOWN.filter((name) => !kept.includes(`"${name}"`))).toEqual([]);
    });
    // The API server forgets them, so that it has to ask again.
    before.kill('SIGKILL');
    await before.exited;
    await delay(12_000);
    const after = await start('storm');
    const answers = await Promise.all(bearers.map(ask));
    const ms = answers.map((answer) => answer.ms);
    const [within, all] = [
      await after.metric('ace_tokenreview_duration_seconds_bucket{le="0.1"}'),
      await after.metric('ace_tokenreview_duration_seconds_count'),
    ];
    console.info(
      `600 known tokens at once after a restart: ${answers.filter(isRefused).length} refused, median ${percentile(ms, 0.5)} ms, p99 ${percentile(ms, 0.99)} ms, through the API server; the authenticator answered ${within} of ${all} within 100 ms`,
    );
    expect(answers.filter(isRefused)).toEqual([]);
    expect(within / all).toBeGreaterThanOrEqual(0.99);
    expect(await after.metric('ace_verified_lookups_total{result="miss"}')).toBe(0);
    await after.stop();
  }, 180_000);

  test('300 who guess at a name without pause do not keep its owner out, who comes for the first time', async () => {
    const authenticator = await start('guessed');
    let ended = false;
    let guesses = 0;
    const guessers = Array.from({ length: 300 }, async (_, guesser) => {
      for (let count = 0; !ended; count += 1) {
        guesses += 1;
        await ask(`victim:guess-${guesser}-${count}`);
      }
    });
    await delay(5_000);
    const owner = await ask(`victim:${BCRYPT_SECRET}`);
    const bystander = await ask(`bystander:${BCRYPT_SECRET}`);
    console.info(
      `300 guessing connections, ${guesses} guesses: owner ${owner.status} after ${Math.round(owner.ms)} ms, bystander ${bystander.status} after ${Math.round(bystander.ms)} ms`,
    );
    ended = true;
    expect([owner, bystander].filter(isRefused)).toEqual([]);
    await authenticator.stop();
    agent.destroy();
    agent = new Agent({ keepAlive: true, maxSockets: 1_000, rejectUnauthorized: false });
    await Promise.all(guessers);
  }, 120_000);

  test('the API server’s audit log, and our own, name the token and hold no secret', async () => {
    const authenticator = await start('audit', ['--audit-log', 'all']);
    expect(isRefused(await ask(authBearer('cold-500')))).toBe(false);
    expect(isRefused(await ask('cold-501:not-the-secret-of-it'))).toBe(true);
    await eventually(async () => {
      const text = await readFile(join(plane.plane.dir, 'audit.log'), 'utf8');
      expect(text).toContain(
        '"authentication.kubernetes.io/credential-id":["ace-operator.io/token=cold-500"]',
      );
      expect(text).not.toContain('not-a-real-secret');
    });
    await eventually(() => {
      const lines = authenticator.logs().filter((line) => line['audit'] === 'TokenReview');
      expect(lines).toEqual([
        expect.objectContaining({ verdict: 'accepted', token: 'cold-500', user: 'u-1' }),
        expect.objectContaining({
          verdict: 'refused',
          reason: 'WrongSecret',
          final: true,
          token: 'cold-501',
        }),
      ]);
    });
    expect(authenticator.output()).not.toMatch(/not-a-real-secret|not-the-secret/);
    await authenticator.stop();
  }, 60_000);
});
