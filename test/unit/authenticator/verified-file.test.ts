import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VerifiedSecrets } from '../../../src/authenticator/verified.ts';
import { VerifiedFile, verifiedKey } from '../../../src/authenticator/verified-file.ts';
import { CANARY } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';

const KEY = Buffer.from('a key of sixteen bytes or more');
const HASH = `hash of ${CANARY}`;

let dir: string;
let file: string;
let errors: string[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ace-verified-'));
  file = join(dir, 'state.verified');
  errors = [];
});
afterEach(() => rm(dir, { recursive: true }));

/** One process: what it remembers, the checks that it had to make, and its file. */
async function aProcess(
  options: { key?: Buffer; cluster?: string[]; held?: (name: string) => boolean } = {},
): Promise<{ verified: VerifiedSecrets; checks: string[]; kept: VerifiedFile; end(): Promise<void> }> {
  const { key = KEY, cluster = ['ca:one'], held = () => true } = options;
  const onError = (action: string): void => void errors.push(action);
  const marks = { current: async () => [...cluster] };
  const kept = new VerifiedFile({ file, key, marks, isHeld: held, onError });
  const checks: string[] = [];
  const verified = new VerifiedSecrets({
    maxEntries: 5_000,
    concurrency: 2,
    key: verifiedKey(key),
    isSlow: () => true,
    verify: async (secret, hash) => {
      checks.push(secret);
      return hash === `hash of ${secret}`;
    },
    onRight: (right) => kept.add(right),
  });
  await kept.restore(verified);
  return { verified, checks, kept, end: () => kept.stop() };
}

describe('VerifiedFile', () => {
  test('spares a successor every check of a secret that was right, and none of another', async () => {
    const first = await aProcess();
    const names = Array.from({ length: 1_200 }, (_, index) => `token-${index}`);
    for (const name of names) await first.verified.matches(name, CANARY, HASH);
    await first.end();
    const second = await aProcess();
    for (const name of names) expect(await second.verified.matches(name, CANARY, HASH)).toBe(true);
    expect(second.checks).toEqual([]);
    expect(await second.verified.matches('token-1', 'rotated', 'hash of rotated')).toBe(true);
    expect(second.checks).toEqual(['rotated']);
    await second.end();
    expect(errors).toEqual([]);
  });

  test('survives a process that is killed, and what came after the first save', async () => {
    const killed = await aProcess();
    await killed.verified.matches('token-1', CANARY, HASH);
    await eventually(() => stat(file));
    await killed.verified.matches('token-2', CANARY, HASH);
    await eventually(async () => expect(await readFile(file, 'utf8')).toContain('token-2'));
    const next = await aProcess();
    for (const name of ['token-1', 'token-2']) await next.verified.matches(name, CANARY, HASH);
    expect(next.checks).toEqual([]);
    await Promise.all([killed.end(), next.end()]);
  });

  test('holds no secret and no hash, and is readable by its owner only', async () => {
    const first = await aProcess();
    await first.verified.matches('token-1', CANARY, HASH);
    await first.end();
    expect(await readFile(file, 'utf8')).not.toContain(CANARY);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('is for the successor of a cluster that is known by something else by then, also what an earlier process left', async () => {
    const first = await aProcess();
    await first.verified.matches('token-1', CANARY, HASH);
    await first.end();
    const cluster = ['ca:one'];
    const second = await aProcess({ cluster });
    cluster.splice(0, 1, 'ca:two');
    second.kept.renew();
    await second.end();
    const third = await aProcess({ cluster: ['ca:two'] });
    await third.verified.matches('token-1', CANARY, HASH);
    expect([third.checks, errors]).toEqual([[], []]);
    await third.end();
  });

  test('forgets tokens that are no more', async () => {
    const first = await aProcess();
    await first.verified.matches('token-gone', CANARY, HASH);
    await first.end();
    const second = await aProcess({ held: (name) => name !== 'token-gone' });
    await second.verified.matches('token-1', CANARY, HASH);
    await second.end();
    expect(await readFile(file, 'utf8')).not.toContain('token-gone');
  });

  test.each([
    [
      'altered',
      async () => writeFile(file, (await readFile(file, 'utf8')).replace('token-1', 'token-2')),
      {},
    ],
    ['of another key', async () => {}, { key: Buffer.from('another key of some length') }],
    ['of another cluster', async () => {}, { cluster: ['ca:two'] }],
  ])('one that is %s is not used, and told', async (_what, damage, options) => {
    const first = await aProcess();
    await first.verified.matches('token-1', CANARY, HASH);
    await first.end();
    await damage();
    const second = await aProcess(options);
    await second.verified.matches('token-1', CANARY, HASH);
    expect(second.checks).toEqual([CANARY]);
    expect(errors).toEqual(['verified secrets not used']);
    await second.end();
  });
});
