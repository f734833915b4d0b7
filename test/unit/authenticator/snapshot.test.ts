import { lstat, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { judgeHeld } from '../../../src/authenticator/judge.ts';
import { Persistence } from '../../../src/authenticator/persistence.ts';
import { Snapshot, SnapshotError } from '../../../src/authenticator/snapshot.ts';
import { VerifiedSecrets } from '../../../src/authenticator/verified.ts';
import { verifiedKey } from '../../../src/authenticator/verified-file.ts';
import * as sha3 from '../../../src/hash/sha3-512.ts';
import { CANARY, HOUR, NOW, timeText } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
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

function snapshotOf(rig: StateRig, key: Uint8Array = KEY, cluster = ['ca:one']): Snapshot {
  const onError = (_action: string, error: unknown): void => void errors.push(error);
  const marks = { current: async () => cluster };
  return new Snapshot({ file, key, marks, state: rig.state, onError });
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

  test('brings back a time that it cannot be before: a clock that is behind at the start makes nothing good again', async () => {
    await save();
    const after = await aRig();
    after.clock.nowMs = Date.parse('1970-01-01T00:00:10Z');
    await snapshotOf(after).restore();
    expect(after.state.nowMs).toBe(NOW);
    expect(after.state.confirmedAtMs).toBe(NOW);
    after.clock.nowMs += HOUR;
    expect(after.state.nowMs).toBe(NOW + HOUR);
    expect(reasonIn(after, 'token-ends', after.state.nowMs)).toBe('Expired');
    // Set to what it is: the clock alone counts from then on.
    const setByMs = NOW + 3 * HOUR - after.clock.nowMs;
    after.clock.nowMs += setByMs;
    after.clock.setByMs += setByMs;
    expect(after.state.nowMs).toBe(NOW + 3 * HOUR);
  });

  test('does not hold on to a clock that was ahead when it was brought back', async () => {
    await save();
    const after = await aRig();
    after.clock.nowMs = NOW + 9 * HOUR;
    await snapshotOf(after).restore();
    after.clock.nowMs = NOW;
    after.clock.setByMs = -9 * HOUR;
    expect(after.state.nowMs).toBe(NOW);
  });

  test('is no clock any more once the API server has told everything', async () => {
    await save();
    const after = await aRig();
    after.clock.nowMs = NOW - HOUR;
    await snapshotOf(after).restore();
    expect(after.state.nowMs).toBe(NOW);
    after.state.start();
    await after.state.synced();
    expect(after.state.nowMs).toBe(NOW - HOUR);
  });

  test('is readable by its owner only, also over a file that was not', async () => {
    await writeFile(file, 'old', { mode: 0o644 });
    await writeFile(`${file}.0123456789ab.new`, 'what a killed process left', { mode: 0o666 });
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
    'a token let in that was not': (text) => text.replace('"enabled":false', '"enabled":true'),
    'a hash exchanged': (text) => text.replaceAll(HASH, sha3.hash('mine')),
    'a later time': (text) => text.replace(/"confirmedAtMs":\d+/, `"confirmedAtMs":${NOW + HOUR}`),
    'one bit of a code': (text) => (text[0] === 'A' ? 'B' : 'A') + text.slice(1),
    'no code': (text) => text.slice(44),
    'a line less': (text) => text.split('\n').toSpliced(1, 1).join('\n'),
    'a line twice': (text) => text.replace(/\n(.*)\n/, '\n$1\n$1\n'),
    'two lines exchanged': (text) => text.replace(/\n(.*)\n(.*)\n/, '\n$2\n$1\n'),
    'half of it': (text) => text.slice(0, text.length / 2),
    'nothing in it': () => '',
    'something else': () => '{"hello":"world"}\n',
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

  test("another cluster's file is refused, one of an authority in common is taken", async () => {
    await save();
    const other = await aRig();
    await expect(snapshotOf(other, KEY, ['ca:two']).restore()).rejects.toThrow('another cluster');
    expect(other.state.isFilled).toBe(false);
    const renewed = await aRig();
    await snapshotOf(renewed, KEY, ['ca:two', 'ca:one']).restore();
    expect(renewed.state.isFilled).toBe(true);
  });

  test('a link in the place of the file or of a draft is not followed', async () => {
    const precious = join(dir, 'precious');
    await writeFile(precious, 'precious', { mode: 0o644 });
    await symlink(precious, file);
    await symlink(precious, `${file}.new`);
    await save();
    expect(await readFile(precious, 'utf8')).toBe('precious');
    expect((await stat(precious)).mode & 0o777).toBe(0o644);
    expect((await lstat(file)).isSymbolicLink()).toBe(false);
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

describe('a snapshot of a running authenticator', () => {
  let rig: StateRig;
  let snapshot: Snapshot;
  beforeEach(async () => {
    rig = await aRig();
    snapshot = snapshotOf(rig);
    rig.put(rawCua('u-1'), rawHashSecret('token-1', HASH), rawCat('token-1'));
    rig.put(rawHashSecret('token-2', HASH), rawCat('token-2'));
    snapshot.start();
    rig.state.start();
    await rig.state.synced();
  });
  afterEach(() => snapshot.stop());

  /** What a successor would begin with at this moment. */
  async function onDisk(): Promise<StateRig> {
    const after = await aRig();
    await snapshotOf(after).restore();
    return after;
  }

  test('is there as soon as the stores are filled', async () => {
    await eventually(async () => expect(reasonIn(await onDisk(), 'token-1')).toBe('candidate'));
  });

  test('takes every change without an order to save: what is given and what is taken away', async () => {
    await eventually(onDisk);
    rig.put(rawCat('token-1', { enabled: false }), rawHashSecret('token-3', HASH), rawCat('token-3'));
    rig.remove('ClusterAuthToken', 'token-2');
    rig.put(rawCua('u-1', { groups: ['group://one'] }));
    await rig.settled();
    await eventually(async () => {
      const after = await onDisk();
      expect(['token-1', 'token-2', 'token-3'].map((name) => reasonIn(after, name))).toEqual([
        'TokenDisabled',
        'UnknownToken',
        'candidate',
      ]);
      expect(after.state.users.get('u-1')?.groups).toEqual(['group://one']);
      expect(after.state.secrets.get('token-2')).toBeUndefined();
    });
  });

  test('stays right while it is written afresh, many times over', async () => {
    const groups = Array.from(
      { length: 2_000 },
      (_, index) => `group://a-rather-long-name-of-a-group-${index}`,
    );
    let sizeBefore = 0;
    let isRenewed = false;
    for (let turn = 0; turn < 120; turn += 1) {
      rig.put(
        rawCua('u-1', { groups: [...groups, `turn-${turn}`] }),
        rawCat('token-1', { enabled: turn % 2 === 0 }),
      );
      await rig.settled();
      const { size } = await stat(file).catch(() => ({ size: 0 }));
      isRenewed ||= size < sizeBefore;
      sizeBefore = size;
    }
    await eventually(async () => {
      const after = await onDisk();
      expect(after.state.users.get('u-1')?.groups.at(-1)).toBe('turn-119');
      expect(reasonIn(after, 'token-1')).toBe('TokenDisabled');
    });
    expect(isRenewed).toBe(true);
    expect(errors).toEqual([]);
  });

  test('says of when it is by the last confirmation, also when nothing changes', async () => {
    await eventually(onDisk);
    rig.clock.nowMs = NOW + HOUR;
    rig.put(rawCat('token-1', { enabled: false }));
    await rig.settled();
    await eventually(async () => expect(reasonIn(await onDisk(), 'token-1')).toBe('TokenDisabled'));
    expect((await onDisk()).state.confirmedAtMs).toBe(rig.state.confirmedAtMs);
  });

  test('says of when it is by the clock as it was set back, too', async () => {
    await eventually(onDisk);
    rig.clock.nowMs = NOW - HOUR;
    rig.clock.setByMs = -HOUR;
    await eventually(
      async () => {
        const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
        expect(lines.at(-1)).toContain(`{"confirmedAtMs":${NOW - HOUR}}`);
      },
      { what: 'confirmed again, as every few seconds', intervalMs: 50 },
    );
  });

  test('a last line that was being written when the process ended is left out, the rest is used', async () => {
    await eventually(onDisk);
    await snapshot.stop();
    const text = await readFile(file, 'utf8');
    await writeFile(file, `${text}${text.split('\n').at(1)?.slice(0, 60)}`);
    expect(reasonIn(await onDisk(), 'token-1')).toBe('candidate');
  });

  test('of which another authenticator took the place takes it back, so that the one that lives is current', async () => {
    await eventually(onDisk);
    await writeFile(join(dir, 'other'), 'of another');
    await rename(join(dir, 'other'), file);
    rig.put(rawCat('token-1', { enabled: false }));
    await eventually(async () => expect(reasonIn(await onDisk(), 'token-1')).toBe('TokenDisabled'));
  });
});

test('what is kept is for the successor that has the token of a service account that was made anew meanwhile', async () => {
  const rig = await aRig();
  let account = 'account:a';
  const kept = new Persistence({
    ...{ file, key: KEY, state: rig.state },
    marks: async () => [account],
    monotonic: () => rig.clock.nowMs - rig.clock.setByMs,
    onError: (_action, error) => void errors.push(error),
    onRestored: () => {},
  });
  const verified = new VerifiedSecrets({
    ...{ maxEntries: 10, concurrency: 1, isSlow: () => true, key: verifiedKey(KEY) },
    verify: async () => true,
    onRight: (right) => kept.foundRight(right),
  });
  const reasonFor = async (successor: string): Promise<string> => {
    const after = await aRig();
    await snapshotOf(after, KEY, [successor]).restore();
    return reasonIn(after, 'token-1');
  };
  rig.put(rawCua('u-1'), rawHashSecret('token-1', HASH), rawCat('token-1'));
  await kept.start(verified);
  rig.state.start();
  await rig.state.synced();
  await verified.matches('token-1', CANARY, HASH);
  await eventually(async () => expect(await reasonFor('account:a')).toBe('candidate'));
  account = 'account:b';
  rig.put(rawCat('token-1', { enabled: false }));
  await eventually(async () => expect(await reasonFor('account:a')).toBe('TokenDisabled'));
  await expect(reasonFor('account:b')).rejects.toThrow('another cluster');
  // By then each watch was opened with the new token.
  rig.clock.nowMs = NOW + HOUR;
  rig.put(rawCua('u-1', { groups: [] }), rawHashSecret('token-1', sha3.hash('another')), rawCat('token-1'));
  await eventually(async () => expect(await reasonFor('account:b')).toBe('candidate'));
  await eventually(async () => expect(await readFile(`${file}.verified`, 'utf8')).toContain('account:b'));
  await kept.stop();
  expect(errors).toEqual([]);
});
