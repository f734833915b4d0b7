import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseClusterAuthToken, parseClusterUserAttribute } from '../../../src/api/parse-downstream.ts';
import type { KubeObject } from '../../../src/api/types.ts';
import { WriteBack } from '../../../src/authenticator/write-back.ts';
import { HOUR, NOW, SECOND, timeText } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeApi, type FakeRequest, status } from '../../support/fake-api.ts';
import { rawCat, rawCua, rawDebounce, type StateRig, startStateRig } from '../../support/webhook-rig.ts';

const MINUTE = 60 * SECOND;
const TICK = 5 * SECOND;

/** The authenticator's half: state, collector, timer and clock. The API server's half: `api`. */
let rig: StateRig;
let api: FakeApi;
let writeBack: WriteBack;
let errors: unknown[];
let requests: (FakeRequest & { atMs: number })[];
/** Events that a watch has not told yet; undefined: it tells at once. */
let held: KubeObject[] | undefined;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  rig = await startStateRig();
  api = new FakeApi();
  errors = [];
  requests = [];
  held = undefined;
  api.onEvent = ({ object }) => (held ? void held.push(object) : tell(object));
  api.fault = (request) => {
    requests.push({ ...request, atMs: rig.clock.nowMs });
    return undefined;
  };
  writeBack = aWriteBack();
});
afterEach(async () => {
  vi.useRealTimers();
  await rig.close();
});

function aWriteBack(random: () => number = () => 0.5): WriteBack {
  const onError = (error: unknown): void => void errors.push(error);
  const state = rig.state;
  return new WriteBack({
    state,
    writer: api,
    namespace: 'cattle-system',
    now: () => rig.clock.nowMs,
    monotonic: () => rig.clock.nowMs - rig.clock.setByMs,
    onError,
    random,
  });
}

function tell(object: KubeObject): void {
  if (object.kind === 'ClusterAuthToken') rig.state.tokens.put(parseClusterAuthToken(object));
  else rig.state.users.put(parseClusterUserAttribute(object));
}

/** The watch tells what it kept back, and goes on. */
function catchUp(): void {
  for (const object of held ?? []) tell(object);
  held = undefined;
}

/** An accepted review of a token. */
function use(name: string, by: WriteBack = writeBack): void {
  const { token, user } = rig.state.held(name);
  if (!token || !user) throw new Error(`${name} is not held`);
  by.accepted({ token, user, hash: 'h' });
}

async function settle(): Promise<void> {
  for (let turns = 0; turns < 30; turns += 1) await new Promise((resolve) => setImmediate(resolve));
}

const STEP = TICK / 2;

/** Lets time pass, step by step. */
async function pass(ms: number, eachStep: () => void = () => {}): Promise<void> {
  for (let left = ms; left > 0; left -= STEP) {
    rig.clock.nowMs += STEP;
    vi.advanceTimersByTime(STEP);
    await settle();
    eachStep();
  }
}

const lastUsedAt = (name: string): unknown => api.find('ClusterAuthToken', name)?.['lastUsedAt'];
const patchesOf = (name: string): readonly (FakeRequest & { atMs: number })[] =>
  requests.filter((request) => request.name === name && request.verb === 'patch');

describe('lastUsedAt', () => {
  beforeEach(() => {
    api.put(rawCua('u-1'));
    api.put(rawCat('token-1'));
    writeBack.start();
  });

  test('is written in whole seconds, soon after the first use, and by a patch of that field alone', async () => {
    rig.clock.nowMs = NOW + 999;
    use('token-1');
    expect(api.requests).toBe(0);
    await pass(15 * SECOND);
    expect(lastUsedAt('token-1')).toBe(timeText(NOW));
    expect(patchesOf('token-1')).toHaveLength(1);
    expect(api.find('ClusterAuthToken', 'token-1')).toMatchObject({ userName: 'u-1', enabled: true });
    expect(writeBack.pending).toBe(0);
  });

  test('a thousand uses are one patch, of the last of them', async () => {
    for (let count = 0; count < 1_000; count += 1) {
      rig.clock.nowMs += 1;
      use('token-1');
    }
    await pass(15 * SECOND);
    expect(patchesOf('token-1')).toHaveLength(1);
    expect(lastUsedAt('token-1')).toBe(timeText(NOW + SECOND));
  });

  test('nothing used, nothing written', async () => {
    await pass(20 * MINUTE);
    expect(api.requests).toBe(0);
  });

  test('a token in constant use is patched once in five minutes', async () => {
    use('token-1');
    await pass(30 * MINUTE, () => use('token-1'));
    const times = patchesOf('token-1').map(({ atMs }) => atMs);
    for (const [index, time] of times.slice(1).entries()) {
      expect(time - (times[index] ?? 0)).toBeGreaterThanOrEqual(5 * MINUTE);
    }
    expect(times.length).toBeGreaterThanOrEqual(5);
    expect(times.length).toBeLessThanOrEqual(6);
  });

  test('also when it is used while its patch is under way, and the watch tells late', async () => {
    held = [];
    api.fault = (request) => {
      requests.push({ ...request, atMs: rig.clock.nowMs });
      use('token-1');
      return undefined;
    };
    use('token-1');
    let steps = 0;
    await pass(30 * MINUTE, () => {
      steps += 1;
      use('token-1');
      if (steps % 24 !== 0) return;
      catchUp();
      held = [];
    });
    expect(patchesOf('token-1').length).toBeLessThanOrEqual(6);
  });

  test('two authenticators in constant use together patch little more than one', async () => {
    const other = aWriteBack(() => 0.9);
    await pass(STEP);
    other.start();
    use('token-1');
    use('token-1', other);
    await pass(30 * MINUTE, () => {
      use('token-1');
      use('token-1', other);
    });
    expect(patchesOf('token-1').length).toBeLessThanOrEqual(7);
  });

  test('is never moved back', async () => {
    use('token-1');
    api.edit('ClusterAuthToken', 'token-1', { lastUsedAt: timeText(NOW + 10 * SECOND) });
    await pass(10 * MINUTE);
    await writeBack.stop();
    expect(lastUsedAt('token-1')).toBe(timeText(NOW + 10 * SECOND));
    expect(api.requests).toBe(0);
  });

  test('one that is no time is written over', async () => {
    api.edit('ClusterAuthToken', 'token-1', { lastUsedAt: 'yesterday' });
    use('token-1');
    await pass(15 * SECOND);
    expect(lastUsedAt('token-1')).toBe(timeText(NOW));
  });

  test('of a token that is gone is dropped, and that of a new one of its name is not written from the old', async () => {
    use('token-1');
    api.drop('ClusterAuthToken', 'token-1');
    await pass(15 * SECOND);
    expect(errors).toEqual([]);
    expect(writeBack.pending).toBe(0);
  });

  test('of a token that was replaced meanwhile: refused by UID, tried again from fresh state', async () => {
    held = [];
    use('token-1');
    api.drop('ClusterAuthToken', 'token-1');
    api.put(rawCat('token-1', {}, { uid: 'uid-new' }));
    await pass(15 * SECOND);
    expect(lastUsedAt('token-1')).toBeUndefined();
    expect(errors).toEqual([]);
    catchUp();
    await pass(15 * SECOND);
    expect(lastUsedAt('token-1')).toBe(timeText(NOW));
  });

  test('a conflict is tried again, quietly; another failure is told and tried again', async () => {
    const faults = [status(409, 'Conflict'), 'unreachable', status(500, 'InternalError')] as const;
    let next = 0;
    api.fault = (request) => {
      requests.push({ ...request, atMs: rig.clock.nowMs });
      return faults[next++];
    };
    use('token-1');
    await pass(MINUTE);
    expect(lastUsedAt('token-1')).toBe(timeText(NOW));
    expect(patchesOf('token-1')).toHaveLength(4);
    expect(errors).toHaveLength(2);
  });

  test('what is forbidden is not asked for every five seconds, and is made up for when it is allowed', async () => {
    api.fault = (request) => {
      requests.push({ ...request, atMs: rig.clock.nowMs });
      return status(403, 'Forbidden');
    };
    for (const name of ['token-1', 'token-2']) {
      if (!rig.state.tokens.get(name)) api.put(rawCat(name));
      use(name);
    }
    await pass(30 * MINUTE);
    expect(requests.length).toBeLessThanOrEqual(4);
    expect(errors.length).toBe(requests.length);
    api.fault = () => undefined;
    await pass(60 * MINUTE);
    expect(lastUsedAt('token-1')).toBe(timeText(NOW));
  });

  test('a failure does not lose a later use', async () => {
    api.fault = () => 'unreachable';
    use('token-1');
    await pass(30 * SECOND);
    use('token-1');
    const usedAtMs = rig.clock.nowMs;
    await pass(30 * SECOND);
    api.fault = () => undefined;
    await pass(30 * SECOND);
    expect(lastUsedAt('token-1')).toBe(timeText(usedAtMs));
  });

  test('waits for no clock that was ahead: neither its turn nor a right that was missing', async () => {
    const setBy = (ms: number): void => {
      rig.clock.nowMs += ms;
      rig.clock.setByMs += ms;
    };
    setBy(HOUR);
    api.fault = () => status(403, 'Forbidden');
    use('token-1');
    await pass(15 * SECOND);
    setBy(-HOUR);
    api.fault = () => undefined;
    use('token-1');
    const usedAtMs = rig.clock.nowMs;
    await pass(6 * MINUTE);
    expect(lastUsedAt('token-1')).toBe(timeText(usedAtMs));
  });

  test('is what it is by the clock of now, also where one was written, or noted, by a clock that was ahead', async () => {
    const setBy = (ms: number): void => {
      rig.clock.nowMs += ms;
      rig.clock.setByMs += ms;
    };
    setBy(HOUR);
    use('token-1');
    await pass(15 * SECOND);
    expect(lastUsedAt('token-1')).toBeDefined();
    use('token-1');
    setBy(-HOUR);
    await pass(6 * MINUTE);
    expect(Date.parse(String(lastUsedAt('token-1')))).toBeLessThanOrEqual(rig.clock.nowMs);
    use('token-1');
    const usedAtMs = rig.clock.nowMs;
    await pass(6 * MINUTE);
    expect(lastUsedAt('token-1')).toBe(timeText(usedAtMs));
  });

  test('while the API server is away each tick costs a try or none, not a flood', async () => {
    api.fault = (request) => {
      requests.push({ ...request, atMs: rig.clock.nowMs });
      return 'unreachable';
    };
    use('token-1');
    await pass(5 * MINUTE);
    expect(requests.length).toBeLessThanOrEqual(61);
  });
});

describe('many tokens', () => {
  const names = Array.from({ length: 600 }, (_, index) => `token-${index}`);
  beforeEach(() => {
    api.put(rawCua('u-1'));
    for (const name of names) api.put(rawCat(name));
    writeBack = aWriteBack(Math.random);
    writeBack.start();
    for (const name of names) use(name);
  });

  test('cost 120 writes a minute and no more, and all get their turn', async () => {
    await pass(MINUTE);
    expect(requests.length).toBeLessThanOrEqual(120 + 12);
    const first = requests.length;
    await pass(MINUTE);
    expect(requests.length - first).toBeLessThanOrEqual(120);
    await pass(5 * MINUTE);
    expect(names.filter((name) => lastUsedAt(name) === undefined)).toEqual([]);
    expect(requests).toHaveLength(600);
  });

  test('nothing is lost on stop, whatever the budget', async () => {
    await writeBack.stop();
    expect(names.filter((name) => lastUsedAt(name) !== timeText(NOW))).toEqual([]);
    expect(writeBack.pending).toBe(0);
  });
});

describe('stop', () => {
  beforeEach(() => {
    api.put(rawCua('u-1'));
    api.put(rawCat('token-1'));
    writeBack.start();
  });

  test('writes a use of a moment ago, although its turn has not come', async () => {
    use('token-1');
    await pass(15 * SECOND);
    use('token-1');
    const usedAtMs = rig.clock.nowMs;
    await writeBack.stop();
    expect(lastUsedAt('token-1')).toBe(timeText(usedAtMs));
  });

  test('tries a conflict again', async () => {
    let tries = 0;
    api.fault = () => {
      tries += 1;
      return tries <= 2 ? status(409, 'Conflict') : undefined;
    };
    use('token-1');
    await writeBack.stop();
    expect(lastUsedAt('token-1')).toBe(timeText(NOW));
  });

  test('ends when the API server is away', async () => {
    api.fault = () => 'unreachable';
    use('token-1');
    await writeBack.stop();
    expect(errors.length).toBeGreaterThan(0);
  });

  test('without anything to write asks nothing', async () => {
    await writeBack.stop();
    expect(api.requests).toBe(0);
  });
});

describe('needsRefresh', () => {
  const LAST = timeText(NOW - MINUTE);
  const needsRefresh = (): unknown => api.find('ClusterUserAttribute', 'u-1')?.['needsRefresh'];

  async function start(
    setting: string | undefined,
    fields: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    if (setting !== undefined) rig.put(rawDebounce(setting));
    rig.state.start();
    await rig.state.synced();
    if (setting !== undefined && /^\d+$/.test(setting)) {
      await eventually(() => expect(rig.state.refreshAfterSeconds).toBe(Number(setting)));
    }
    api.put(rawCua('u-1', fields));
    // Used a moment ago, so that only users are written here.
    api.put(rawCat('token-1', { lastUsedAt: timeText(NOW + 5 * MINUTE) }));
    writeBack.start();
  }

  // Rules of kube-api-auth (rancher.md 4.7, side effect 2).
  const cases: Readonly<
    Record<string, { setting?: string; fields: Record<string, unknown>; asks: boolean }>
  > = {
    'is set when the last refresh is older than the setting says': {
      setting: '30',
      fields: { lastRefresh: LAST },
      asks: true,
    },
    'is set at once where the setting is 0': { setting: '0', fields: { lastRefresh: LAST }, asks: true },
    'is not set while the last refresh is younger': {
      setting: '300',
      fields: { lastRefresh: LAST },
      asks: false,
    },
    'is not set when the age is just the setting’s': {
      setting: '60',
      fields: { lastRefresh: LAST },
      asks: false,
    },
    'is not set without the setting': { fields: { lastRefresh: LAST }, asks: false },
    'is not set where the setting is negative': { setting: '-1', fields: { lastRefresh: LAST }, asks: false },
    'is not set where the setting is no number': {
      setting: 'soon',
      fields: { lastRefresh: LAST },
      asks: false,
    },
    'is not set when there was no refresh yet': { setting: '30', fields: { lastRefresh: '' }, asks: false },
    'is not set when the last refresh is no time': {
      setting: '30',
      fields: { lastRefresh: 'yesterday' },
      asks: false,
    },
    'is not set when it is set': {
      setting: '30',
      fields: { lastRefresh: LAST, needsRefresh: true },
      asks: false,
    },
  };
  for (const [title, { setting, fields, asks }] of Object.entries(cases)) {
    test(title, async () => {
      await start(setting, fields);
      use('token-1');
      await pass(15 * SECOND);
      expect(requests.map(({ verb, kind, name }) => `${verb} ${kind} ${name}`)).toEqual(
        asks ? ['patch ClusterUserAttribute u-1'] : [],
      );
      expect(needsRefresh()).toBe(asks ? true : (fields['needsRefresh'] ?? false));
    });
  }

  test('is asked for once, however often the user comes, until a newer refresh grew old', async () => {
    await start('30', { lastRefresh: LAST });
    await pass(10 * MINUTE, () => use('token-1'));
    expect(patchesOf('u-1')).toHaveLength(1);
    api.edit('ClusterUserAttribute', 'u-1', { needsRefresh: false, lastRefresh: timeText(rig.clock.nowMs) });
    await pass(20 * SECOND, () => use('token-1'));
    expect(patchesOf('u-1')).toHaveLength(1);
    await pass(30 * SECOND, () => use('token-1'));
    expect(patchesOf('u-1')).toHaveLength(2);
  });

  test('a conflict is tried again at the next tick, not in a loop', async () => {
    await start('30', { lastRefresh: LAST });
    api.fault = (request) => {
      requests.push({ ...request, atMs: rig.clock.nowMs });
      return requests.length <= 2 ? status(409, 'Conflict') : undefined;
    };
    use('token-1');
    await pass(TICK);
    expect(requests).toHaveLength(1);
    await pass(2 * TICK);
    expect(requests).toHaveLength(3);
    expect(needsRefresh()).toBe(true);
  });

  test('is not lost on stop', async () => {
    await start('30', { lastRefresh: LAST });
    use('token-1');
    await writeBack.stop();
    expect(needsRefresh()).toBe(true);
  });
});
