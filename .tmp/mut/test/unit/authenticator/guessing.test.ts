import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as bcrypt from '../../../src/hash/bcrypt.ts';
import * as scrypt from '../../../src/hash/scrypt.ts';
import * as sha3 from '../../../src/hash/sha3-512.ts';
import { CANARY } from '../../support/builders.ts';
import {
  type Reply,
  rawCat,
  rawCua,
  rawHashSecret,
  startWebhookRig,
  type WebhookRig,
} from '../../support/webhook-rig.ts';

/** As an API server does: asks again when it is told to come back, a few times. */
async function patiently(rig: WebhookRig, bearer: string, tries = 6): Promise<Reply> {
  for (let left = tries; ; left -= 1) {
    const reply = await rig.review(bearer);
    if (reply.status !== 503 || left === 1) return reply;
    await delay(300);
  }
}

const isAccepted = ({ json }: Reply): boolean => json?.status.authenticated === true;

describe('many reviews of one token at once', () => {
  let rig: WebhookRig;
  beforeAll(async () => {
    rig = await startWebhookRig();
    rig.put(rawCua('u-1'));
    rig.put(rawHashSecret('token-bcrypt', bcrypt.hash(CANARY)), rawCat('token-bcrypt'));
    rig.put(rawHashSecret('token-scrypt', scrypt.hash(CANARY)), rawCat('token-scrypt'));
    rig.put(rawHashSecret('token-unused', bcrypt.hash(CANARY)), rawCat('token-unused'));
    await rig.settled();
  });
  afterAll(() => rig.close());

  test.each(['bcrypt', 'scrypt'])('500 cold ones of %s: all accepted, by one check', async (format) => {
    const before = rig.checks.count;
    const replies = await Promise.all(
      Array.from({ length: 500 }, () => rig.review(`token-${format}:${CANARY}`)),
    );
    expect(replies.filter(isAccepted)).toHaveLength(500);
    expect(rig.checks.count - before).toBe(1);
  });

  test('500 warm ones: all accepted, without a check', async () => {
    const before = rig.checks.count;
    const replies = await Promise.all(
      Array.from({ length: 500 }, () => rig.review(`ext/token-bcrypt:${CANARY}`)),
    );
    expect(replies.filter(isAccepted)).toHaveLength(500);
    expect(rig.checks.count).toBe(before);
    expect(rig.accepted.filter(({ token }) => token.name === 'token-bcrypt')).toHaveLength(1_000);
  });

  test('the same wrong secret over and over costs one check, and none when the right one is known', async () => {
    const before = rig.checks.count;
    for (let count = 0; count < 50; count += 1) await rig.review('token-unused:the same wrong one');
    expect(rig.checks.count - before).toBe(1);
    for (let count = 0; count < 50; count += 1) await rig.review('token-bcrypt:the same wrong one');
    expect(rig.checks.count - before).toBe(1);
  });
});

describe('guessing', () => {
  let rig: WebhookRig;
  const MAX_VERIFIED = 100;
  beforeAll(async () => {
    rig = await startWebhookRig({ maxVerified: MAX_VERIFIED });
    rig.put(rawCua('u-1'));
    rig.put(rawHashSecret('token-sha3', sha3.hash(CANARY)), rawCat('token-sha3'));
    for (const name of ['flooded', 'bystander']) {
      rig.put(rawHashSecret(`token-${name}`, bcrypt.hash(CANARY)), rawCat(`token-${name}`));
    }
    // Cheaper ones, where hundreds are worked off.
    for (const name of ['warm', 'cold']) {
      rig.put(
        rawHashSecret(`token-${name}`, bcrypt.hash(CANARY, bcrypt.newSalt(6))),
        rawCat(`token-${name}`),
      );
    }
    await rig.settled();
  });
  afterAll(() => rig.close());

  test('never pushes the right secret out of memory, however many wrong ones there are', async () => {
    await rig.review(`token-sha3:${CANARY}`);
    await rig.review(`token-warm:${CANARY}`);
    const guesses = Array.from({ length: 10 * MAX_VERIFIED }, (_, index) => `token-sha3:guess-${index}`);
    for (let at = 0; at < guesses.length; at += 50) {
      await Promise.all(guesses.slice(at, at + 50).map((guess) => rig.review(guess)));
    }
    const before = rig.checks.count;
    expect(isAccepted(await rig.review(`token-sha3:${CANARY}`))).toBe(true);
    expect(isAccepted(await rig.review(`token-warm:${CANARY}`))).toBe(true);
    expect(rig.checks.count).toBe(before);
    expect(rig.verified.size).toBeLessThanOrEqual(2 * MAX_VERIFIED);
  });

  test('at one bcrypt name whose right secret is known costs no check at all', async () => {
    await rig.review(`token-warm:${CANARY}`);
    const before = rig.checks.count;
    const guesses = Promise.all(
      Array.from({ length: 300 }, (_, index) => rig.review(`token-warm:burst-${index}`)),
    );
    expect(isAccepted(await rig.review(`token-warm:${CANARY}`))).toBe(true);
    for (const { json } of await guesses) expect(json.status.error).toBe('WrongSecret');
    expect(rig.checks.count).toBe(before);
  });

  test('at one bcrypt name in a burst does not lock out its right secret, nobody having used that yet', async () => {
    const guesses = Promise.all(
      Array.from({ length: 300 }, (_, index) => rig.review(`token-cold:burst-${index}`)),
    );
    expect(isAccepted(await patiently(rig, `token-cold:${CANARY}`))).toBe(true);
    rig.verified.release();
    await guesses;
  });
});

describe('guessing without pause', () => {
  let rig: WebhookRig;
  beforeAll(async () => {
    // As long as it is: one who guesses at a name is answered when an API server is about to give up.
    rig = await startWebhookRig({ holdMs: 28_000 });
    rig.put(rawCua('u-1'));
    for (const name of ['flooded', 'bystander']) {
      rig.put(rawHashSecret(`token-${name}`, bcrypt.hash(CANARY)), rawCat(`token-${name}`));
    }
    await rig.settled();
  });
  afterAll(() => rig.close());

  test('by 300 at one bcrypt name: its owner, at first use, and others go before nearly all of the guesses', async () => {
    let ended = false;
    let made = 0;
    const guess = async (): Promise<void> => {
      while (!ended) {
        made += 1;
        await rig.review(`token-flooded:flood-${made}`).catch(() => undefined);
      }
    };
    const guessers = Array.from({ length: 300 }, guess);
    while (rig.checks.count < 15) await delay(20);
    const before = rig.checks.count;
    const [bystander, owner] = await Promise.all([
      rig.review(`token-bystander:${CANARY}`),
      rig.review(`token-flooded:${CANARY}`),
    ]);
    expect([bystander, owner].map(isAccepted)).toEqual([true, true]);
    expect(rig.checks.count - before).toBeLessThan(20);
    ended = true;
    rig.verified.release();
    await Promise.all(guessers);
  }, 60_000);
});

describe('names that do not exist', () => {
  let rig: WebhookRig;
  beforeAll(async () => {
    rig = await startWebhookRig();
    rig.put(rawCua('u-1'), rawHashSecret('token-slow', bcrypt.hash(CANARY)), rawCat('token-slow'));
    await rig.settled();
    await rig.review('token-slow:wake the threads');
  });
  afterAll(() => rig.close());

  test('take about as long as a wrong secret, where slow hashes are in use', async () => {
    const timeOf = async (bearer: string): Promise<number> => {
      const startedMs = performance.now();
      await rig.review(bearer);
      return performance.now() - startedMs;
    };
    const wrong = await timeOf('token-slow:a wrong one');
    const unknown = await timeOf('token-none:a wrong one');
    expect(unknown).toBeGreaterThan(wrong / 4);
    expect(unknown).toBeLessThan(wrong * 4 + 100);
  });

  test('in a flood are refused without hashing, and leave the threads to real work', async () => {
    const startedMs = performance.now();
    const flood = await Promise.all(
      Array.from({ length: 500 }, (_, index) => rig.review(`token-no-${index}:x`)),
    );
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    for (const { json } of flood) expect(json.status.error).toBe('UnknownToken: may be on its way');
    expect(isAccepted(await rig.review(`token-slow:${CANARY}`))).toBe(true);
  });
});
