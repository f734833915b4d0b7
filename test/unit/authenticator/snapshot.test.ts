import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { judgeHeld } from '../../../src/authenticator/judge.ts';
import { Snapshot, SnapshotError } from '../../../src/authenticator/snapshot.ts';
import * as sha3 from '../../../src/hash/sha3-512.ts';
import { CANARY, HOUR, NOW, timeText } from '../../support/builders.ts';
import { rawCat, rawCua, rawHashSecret, type StateRig, startStateRig } from '../../support/webhook-rig.ts';

const KEY = Buffer.from('a key of sixteen bytes or more');
const HASH = sha3.hash(CANARY);

let dir: string;
let file: string;
const rigs: StateRig[] = [];
let errors: unknown[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ace-snapshot-'));
  file = join(dir, 'state.json');
  errors = [];
});
afterEach(async () => {
  await Promise.all(rigs.splice(0).map((rig) => rig.close()));
  await rm(dir, { recursive: true });
});

async function aRig(): Promise<StateRig> {
  const rig = await startStateRig();
  rigs.push(rig);
  return rig;
}

function snapshotOf(rig: StateRig, key: Uint8Array = KEY): Snapshot {
  const onError = (_action: string, error: unknown): void => void errors.push(error);
  return new Snapshot({ file, key, state: rig.state, now: () => rig.clock.nowMs, onError });
}

/** Saves a cluster with one good token, one that ends in an hour, one that is disabled. */
async function save(): Promise<StateRig> {
  const rig = await aRig();
  const snapshot = snapshotOf(rig);
  rig.put(rawCua('u-1', { lastRefresh: timeText(NOW), extraByProvider: { local: { username: ['ada'] } } }));
  rig.put(rawHashSecret('token-good', HASH), rawCat('token-good', { lastUsedAt: timeText(NOW) }));
  rig.put(rawCat('token-ends', { hash: HASH, expiresAt: timeText(NOW + HOUR) }));
  rig.put(
    rawCat('token-disabled', { hash: HASH, enabled: false }),
    rawCat('token-bad', { expiresAt: 'x', hash: HASH }),
  );
  // Others' Secrets of the namespace, one with a key of our name.
  rig.put(
    {
      ...rawHashSecret('registry', ''),
      data: { password: Buffer.from('registry-password').toString('base64') },
    },
    rawHashSecret('somebody-elses', 'somebody-elses-plain-password'),
  );
  rig.state.start();
  await rig.state.synced();
  await rig.settled();
  await snapshot.stop();
  expect(errors).toEqual([]);
  return rig;
}

const reasonIn = (rig: StateRig, name: string, nowMs = NOW): string => {
  const judgement = judgeHeld(rig.state.held(name), nowMs);
  return judgement.kind === 'refused' ? judgement.reason : 'candidate';
};

describe('Snapshot', () => {
  test('brings back all that decides about a token, and refuses what expired since', async () => {
    const before = await save();
    const after = await aRig();
    await snapshotOf(after).restore();
    for (const name of ['token-good', 'token-ends', 'token-disabled', 'token-bad']) {
      expect(after.state.held(name)).toEqual(before.state.held(name));
      expect(reasonIn(after, name)).toBe(reasonIn(before, name));
    }
    expect(reasonIn(after, 'token-good')).toBe('candidate');
    expect(reasonIn(after, 'token-ends')).toBe('candidate');
    expect(reasonIn(after, 'token-ends', NOW + HOUR)).toBe('Expired');
    expect(reasonIn(after, 'token-bad')).toBe('MalformedExpiry');
    expect(after.state.confirmedAtMs).toBe(NOW);
    expect(after.server.requests).toEqual([]);
  });

  test('is readable by its owner only, also over a file that was not', async () => {
    await writeFile(file, 'old', { mode: 0o644 });
    await writeFile(`${file}.new`, 'a leftover', { mode: 0o666 });
    await save();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(dir)).toEqual(['state.json']);
  });

  test('holds hashes of tokens, and nothing of other Secrets', async () => {
    await save();
    const text = await readFile(file, 'utf8');
    expect(text).toContain(HASH);
    expect(text).not.toContain(CANARY);
    expect(text).not.toMatch(/registry/);
    expect(text).not.toContain('somebody-elses');
  });

  const damage: Readonly<Record<string, (text: string) => string>> = {
    'a token let in that was not': (text) => text.replace('"enabled\\":false', '"enabled\\":true'),
    'a hash exchanged': (text) => text.replaceAll(HASH, sha3.hash('mine')),
    'a later time': (text) => text.replace(/"savedAtMs":\d+/, `"savedAtMs":${NOW + HOUR}`),
    'one bit of the code': (text) =>
      text.replace(/"mac":"(.)/, (_all, first: string) => `"mac":"${first === 'A' ? 'B' : 'A'}`),
    'no code': (text) => text.replace(/"mac":"[^"]*"/, '"mac":""'),
    'a code of another kind': (text) => text.replace(/"mac":"[^"]*"/, '"mac":null'),
    'half of it': (text) => text.slice(0, text.length / 2),
    'nothing in it': () => '',
    'another version': (text) => text.replace('"version":1', '"version":2'),
    'something else': () => '{"hello":"world"}',
  };
  test.each(Object.keys(damage))('a file with %s is refused, and nothing of it is used', async (title) => {
    await save();
    const text = await readFile(file, 'utf8');
    const damaged = damage[title]?.(text) ?? '';
    expect(damaged).not.toBe(text);
    await writeFile(file, damaged);
    const after = await aRig();
    const error: unknown = await snapshotOf(after)
      .restore()
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(SnapshotError);
    expect(String(error)).not.toMatch(/\$3|token-/);
    expect(after.state.isFilled).toBe(false);
    expect(after.state.tokens.size).toBe(0);
  });

  test('a file of another key is refused', async () => {
    await save();
    const after = await aRig();
    await expect(snapshotOf(after, Buffer.from('another key of some length')).restore()).rejects.toThrow(
      SnapshotError,
    );
    expect(after.state.isFilled).toBe(false);
  });

  test('no file is an error of the system, and no state', async () => {
    const rig = await aRig();
    await expect(snapshotOf(rig).restore()).rejects.toThrow('ENOENT');
    expect(rig.state.isFilled).toBe(false);
  });

  test('what was restored and never confirmed is not saved over what was', async () => {
    await save();
    const before = await readFile(file, 'utf8');
    const after = await aRig();
    const snapshot = snapshotOf(after);
    await snapshot.restore();
    after.clock.nowMs = NOW + HOUR;
    await snapshot.stop();
    expect(await readFile(file, 'utf8')).toBe(before);
  });

  test('a save that fails is told, and made up for', async () => {
    const rig = await aRig();
    file = join(dir, 'missing', 'state.json');
    const snapshot = snapshotOf(rig);
    rig.put(rawCat('token-1'));
    rig.state.start();
    await rig.state.synced();
    await snapshot.stop();
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: 'ENOENT' });
  });
});
