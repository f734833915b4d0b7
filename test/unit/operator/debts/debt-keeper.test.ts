import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { KubeObject } from '../../../../src/api/types.ts';
import { ApiError } from '../../../../src/errors.ts';
import type { Reader } from '../../../../src/kube/client.ts';
import { Refusals } from '../../../../src/kube/refusals.ts';
import { DebtKeeper } from '../../../../src/operator/debts/debt-keeper.ts';
import type { Debt, DebtRecord } from '../../../../src/operator/debts/debt-record.ts';
import { DebtRecords } from '../../../../src/operator/debts/debt-records.ts';
import { EarlierDeletions } from '../../../../src/operator/debts/earlier-deletions.ts';
import { deletedBefore, type Plane } from '../../../../src/operator/debts/plane.ts';
import { DeletionEvidence } from '../../../../src/operator/upstream/deletions.ts';
import { EXT_TOKENS_WATCH, Management } from '../../../../src/operator/upstream/management.ts';
import type { Log } from '../../../../src/telemetry/log.ts';
import { aToken, aUser } from '../../../support/builders.ts';

const LOG = { error() {}, warn() {}, info() {}, debug() {} } as unknown as Log;
const PLANE = 'kube-system/tokens/users';

const refusal = (code: number, statusReason: string): ApiError =>
  new ApiError(statusReason, { code, statusReason, objectMissing: code === 404, retryAfterMs: undefined });

/** ConfigMaps of a management plane, in memory; answers after 5 ms. */
class ConfigMaps {
  readonly objects = new Map<string, KubeObject>();
  writes = 0;
  isAway = false;
  isRefusing = false;
  #version = 100;

  async list() {
    if (this.isRefusing) throw refusal(403, 'Forbidden');
    return { items: [...this.objects.values()], resourceVersion: String(this.#version), continue: '' };
  }
  async create(_resource: unknown, object: KubeObject) {
    await this.#answer();
    if (this.objects.has(object.metadata.name)) throw refusal(409, 'AlreadyExists');
    return this.#store(object);
  }
  async patch({ name }: { name: string }, patch: object) {
    await this.#answer();
    const before = this.objects.get(name);
    if (!before) throw refusal(404, 'NotFound');
    return this.#store({ ...before, ...patch, metadata: before.metadata } as KubeObject);
  }
  async delete({ name }: { name: string }) {
    await this.#answer();
    this.objects.delete(name);
    return undefined;
  }
  async #answer(): Promise<void> {
    this.writes += 1;
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (this.isAway) throw refusal(500, 'InternalError');
  }
  #store(object: KubeObject): KubeObject {
    this.#version += 1;
    const resourceVersion = String(this.#version);
    const stored = {
      ...object,
      metadata: { ...object.metadata, uid: `uid-${object.metadata.name}`, resourceVersion },
    };
    this.objects.set(object.metadata.name, stored);
    return stored;
  }
}

const NAMED_BY = ['kube-system', 'tokens.management.cattle.io', 'users.management.cattle.io'];

/** What answers the question who the plane is, unless it is refused. */
const planeThatIs = ({ identity, resourceVersion }: Plane): Reader => ({
  get: async ({ name }) => {
    if (isUntold) throw refusal(403, 'Forbidden');
    return { metadata: { uid: identity.split('/')[NAMED_BY.indexOf(name)] ?? '' } };
  },
  list: async () => ({ items: [], resourceVersion, continue: '' }),
});

/** One process: it ends without a word. */
interface Process {
  readonly keeper: DebtKeeper;
  readonly records: DebtRecords;
  readonly owed: Map<string, Debt>;
  readonly deletions: DeletionEvidence;
  /** Sweeps that were asked for. */
  readonly swept: readonly string[];
  readonly earlier: EarlierDeletions;
  /** Keys whose changes concern the cluster. */
  readonly concerning: ReadonlySet<string>;
  /** Asks the plane who it is, for as long as it takes. */
  ask(): Promise<void>;
}

let maps: ConfigMaps;
let management: Management;
let isAway: boolean;
/** Who the plane is may not be asked. */
let isUntold: boolean;
let running: Process[];

async function start(plane = PLANE): Promise<Process> {
  // Of its own world: what is under way when it ends must not land in the next one.
  const own = maps;
  const records = new DebtRecords({ client: own, writerFor: () => own } as never, 'ace-operator', LOG);
  await records.load().catch(async () => {
    await pass(30_000);
    await records.load();
  });
  const owed = new Map<string, Debt>();
  const deletions = new DeletionEvidence();
  const seen = { management, deletions };
  const here = { identity: plane, resourceVersion: '999' };
  const swept: string[] = [];
  const earlier = new EarlierDeletions({
    ...{ records, seen, now: Date.now, log: LOG, refusals: new Refusals() },
    clusters: () => [{ name: 'c-1', debts: keeper, rulesChanged: () => swept.push('c-1') }],
  });
  const ask = (): Promise<void> =>
    earlier.read(planeThatIs(here)).catch(async () => {
      await pass(30_000);
      await earlier.read(planeThatIs(here));
    });
  await ask();
  const concerning = new Set<string>();
  const keeper: DebtKeeper = new DebtKeeper({
    ...{ records, earlier, seen, log: LOG },
    cluster: { name: 'c-1', isAway: () => isAway, keyKnown: (key) => void concerning.add(key) },
    now: Date.now,
    ledger: {
      owe: (key, debt) => {
        if (owed.has(key)) return;
        owed.set(key, debt);
        keeper.debtChanged(key, debt);
      },
      debtOf: (key) => owed.get(key),
    },
  });
  keeper.restore();
  const process = { keeper, records, owed, deletions, swept, earlier, concerning, ask };
  running.push(process);
  return process;
}

function kill({ keeper }: Process): void {
  void keeper.stop();
}
function revoke({ keeper, owed }: Process, name: string): void {
  management.tokens.remove(aToken({}, { name, uid: `uid-${name}` }));
  keeper.deletionTold();
  owe({ keeper, owed }, `token/${name}`, { sinceMs: Date.now(), cause: 'token' });
}
function owe({ keeper, owed }: Pick<Process, 'keeper' | 'owed'>, key: string, debt: Debt): void {
  owed.set(key, debt);
  keeper.debtChanged(key, debt);
}
function pay({ keeper, owed }: Process, name: string): void {
  owed.delete(`token/${name}`);
  keeper.debtChanged(`token/${name}`, undefined);
  keeper.settled(`token/${name}`, undefined);
}
function give({ keeper }: Process, name: string): void {
  management.users.put(aUser());
  management.tokens.put(aToken({}, { name, uid: `uid-${name}` }));
  keeper.settled(`token/${name}`, { state: 'synced' });
}
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
/** gzip runs on a thread: its answer is no timer. */
const written = async (count: number): Promise<void> => {
  await vi.waitFor(
    async () => {
      await pass(50);
      expect(maps.writes).toBeGreaterThanOrEqual(count);
    },
    { timeout: 10_000 },
  );
  await pass(50);
};

const writtenDown = async ({ keeper }: Process): Promise<void> => {
  let isDone = false;
  void keeper.writeDown().then(() => {
    isDone = true;
  });
  await vi.waitFor(
    async () => {
      await pass(50);
      expect(isDone).toBe(true);
    },
    { timeout: 10_000 },
  );
};

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'],
    shouldAdvanceTime: false,
  });
  [maps, management, isAway, running] = [new ConfigMaps(), new Management(['ace-operator']), false, []];
  isUntold = false;
});
afterEach(() => {
  for (const process of running) kill(process);
  vi.useRealTimers();
});

describe('the record of what is owed', () => {
  test('keeps lost groups of an active user, and of an enabled one nothing else', async () => {
    isAway = true;
    management.users.put(aUser());
    const process = await start();
    for (const [key, isOfGroups] of [
      ['user/u-1', true],
      ['user/u-2', false],
    ] as const) {
      owe(process, key, { sinceMs: 7, cause: 'user', isOfGroups });
    }
    management.users.put(aUser({}, { name: 'u-2', uid: 'uid-u-2' }));
    await written(1);
    kill(process);
    const { owed } = await start();
    expect([...owed]).toEqual([['user/u-1', { sinceMs: 7, cause: 'user', isOfGroups: true }]]);
  });

  test('keeps a token known that is refused, and yet let in by what is there of it', async () => {
    const { keeper } = await start();
    give({ keeper } as Process, 't-1');
    keeper.settled('token/t-1', { state: 'refused', reason: 'Conflict', letsIn: true });
    expect(keeper.has('token/t-1')).toBe(true);
    keeper.settled('token/t-1', { state: 'refused', reason: 'Conflict' });
    expect(keeper.has('token/t-1')).toBe(false);
  });

  test('is written again when groups are lost of a user who was owed already, and when only those are paid', async () => {
    isAway = true;
    management.users.put(aUser({ enabled: false }));
    const process = await start();
    owe(process, 'user/u-1', { sinceMs: 7, cause: 'user' });
    await written(1);
    owe(process, 'user/u-1', { sinceMs: 7, cause: 'user', isOfGroups: true });
    await written(2);
    const stored = async (): Promise<Debt | undefined> => {
      const records = new DebtRecords({ client: maps, writerFor: () => maps } as never, 'ace-operator', LOG);
      await records.load();
      return records.foundOf('c-1')?.owed.get('user/u-1');
    };
    expect(await stored()).toEqual({ sinceMs: 7, cause: 'user', isOfGroups: true });
    process.keeper.debtChanged('user/u-1', undefined);
    owe(process, 'user/u-1', { sinceMs: 9, cause: 'user' });
    await pass(5_000);
    await written(3);
    expect(await stored()).toEqual({ sinceMs: 9, cause: 'user' });
  });

  test('is not forgotten while another one is being written', async () => {
    isAway = true;
    const process = await start();
    owe(process, 'user/u-1', { sinceMs: 7, cause: 'user' });
    // It packs, or waits for the answer, by now.
    await pass(0);
    owe(process, 'user/u-1', { sinceMs: 7, cause: 'user', isOfGroups: true });
    await written(2);
    kill(process);
    management.users.put(aUser());
    expect((await start()).owed.get('user/u-1')?.isOfGroups).toBe(true);
  });

  test('is not written for revocations that the cluster takes at once', async () => {
    const process = await start();
    for (let index = 0; index < 50; index += 1) {
      revoke(process, `t-${index}`);
      await pass(100);
      pay(process, `t-${index}`);
      await pass(100);
    }
    await pass(5_000);
    expect(maps.writes).toBe(0);
  });

  test('is written when one has not arrived within a second, and is gone soon after it did', async () => {
    const process = await start();
    revoke(process, 't-1');
    await pass(900);
    expect(maps.writes).toBe(0);
    await pass(200);
    await written(1);
    expect((await start()).owed.get('token/t-1')?.cause).toBe('token');
    pay(process, 't-1');
    await pass(2_500);
    await written(2);
    expect(maps.objects.size).toBe(0);
  });

  test('is written at once while the cluster is away; a thousand make a few writes', async () => {
    isAway = true;
    const process = await start();
    for (let index = 0; index < 1_000; index += 1) {
      revoke(process, `t-${index}`);
      if (index % 100 === 0) await pass(20);
    }
    await written(1);
    await vi.waitFor(async () => {
      await pass(300);
      expect((await start()).owed.size).toBe(1_000);
    });
    expect(maps.writes).toBeLessThan(20);
  });

  test('is written before the process ends where something is not, also what came while it was being written', async () => {
    vi.useRealTimers();
    const process = await start();
    give(process, 't-1');
    const first = process.keeper.writeDown();
    await vi.waitFor(() => expect(maps.writes).toBe(1), { interval: 1 });
    give(process, 't-2');
    await Promise.all([first, process.keeper.writeDown()]);
    await process.keeper.writeDown();
    expect(maps.writes).toBe(2);
    await process.keeper.stop();

    const next = await start();
    expect(next.keeper.keys()).toEqual(['token/t-1', 'token/t-2']);
    await next.keeper.writeDown();
    expect(maps.writes).toBe(2);
  });

  test('makes nothing that is merely absent a revocation: what one process leaves to the brake, the next ones do, too', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `t-${index}`);
    const first = await start();
    for (const name of names) give(first, name);
    await writtenDown(first);
    kill(first);

    // Nobody looked, and most are not there: a restore, or a wrong plane.
    for (const name of names.slice(4)) management.tokens.remove(aToken({}, { name, uid: `uid-${name}` }));
    const second = await start();
    expect([second.owed.size, second.deletions.has('token/t-9')]).toEqual([0, false]);
    // So many more that the absent ones are the smaller part of what is known.
    for (let index = 0; index < 60; index += 1) give(second, `new-${index}`);
    await writtenDown(second);
    kill(second);

    const third = await start();
    expect([third.owed.size, third.deletions.has('token/t-9')]).toEqual([0, false]);
    expect(third.keeper.has('token/t-9')).toBe(false);
  });

  test('does not know any more what a plane that was put back to before it has lost', async () => {
    const process = await start();
    for (const name of ['t-1', 't-2', 't-3', 't-4']) give(process, name);
    await writtenDown(process);
    process.keeper.unlearn('token/t-1');
    await writtenDown(process);
    kill(process);
    management.tokens.remove(aToken({}, { name: 't-1', uid: 'uid-t-1' }));
    const next = await start();
    expect([next.owed.size, next.deletions.has('token/t-1')]).toEqual([0, false]);
  });

  test('is not written over by a process that was not let read it: that reads it before it writes', async () => {
    isAway = true;
    const first = await start();
    revoke(first, 't-1');
    give(first, 't-2');
    await written(1);
    kill(first);

    maps.isRefusing = true;
    const second = await start();
    expect([second.owed.size, second.keeper.keys()]).toEqual([0, []]);
    revoke(second, 't-3');
    await pass(5_000);
    maps.isRefusing = false;
    await written(2);
    expect([...second.owed.keys()].sort()).toEqual(['token/t-1', 'token/t-3']);
    // What the record says to be deleted is evidence, and the cluster is swept by it.
    expect([second.deletions.has('token/t-1'), second.swept]).toEqual([true, ['c-1']]);
    // Or nobody would hear of it that one of them is deleted now.
    expect(second.concerning.has('token/t-2')).toBe(true);
    kill(second);

    const third = await start();
    expect([...third.owed.keys()].sort()).toEqual(['token/t-1', 'token/t-3']);
    expect(third.keeper.has('token/t-2')).toBe(true);
  });

  test('is evidence when the cluster is reached, though so much was deleted meanwhile that nobody else remembers', async () => {
    isAway = true;
    const process = await start();
    revoke(process, 't-1');
    process.deletions.add('token/t-1');
    for (let index = 0; index < 200_000; index += 1) process.deletions.add(`token/other-${index}`);
    expect(process.deletions.has('token/t-1')).toBe(false);
    process.keeper.connectionChanged();
    expect(process.deletions.has('token/t-1')).toBe(true);
  });

  test('is read as soon as that is allowed, though nothing is to be written', async () => {
    isAway = true;
    const first = await start();
    revoke(first, 't-1');
    await written(1);
    kill(first);
    maps.isRefusing = true;
    const second = await start();
    await pass(60_000);
    maps.isRefusing = false;
    await vi.waitFor(async () => {
      await pass(1_000);
      expect([...second.owed.keys()]).toEqual(['token/t-1']);
    });
    expect(second.deletions.has('token/t-1')).toBe(true);
  });

  test('takes no token of ext.cattle.io for gone as long as those cannot be read, and judges it when they were', async () => {
    management = new Management(['ace-operator'], { extTokens: true });
    const { tokenSources } = management;
    const ext = (name: string) => ({ ...aToken({}, { name, uid: `uid-${name}` }), api: 'ext' as const });
    const first = await start();
    management.users.put(aUser());
    for (const name of ['e-1', 'e-2', 'e-3']) {
      tokenSources?.ext.put(ext(name));
      first.keeper.settled(`token/${name}`, { state: 'synced' });
    }
    tokenSources?.v3.put(aToken({}, { name: 't-1', uid: 'uid-t-1' }));
    first.keeper.settled('token/t-1', { state: 'synced' });
    await writtenDown(first);
    kill(first);

    for (const name of ['e-1', 'e-2', 'e-3']) tokenSources?.ext.remove(ext(name));
    management.unread.set(EXT_TOKENS_WATCH, 'forbidden');
    const second = await start();
    expect([second.owed.size, second.deletions.has('token/ext/e-1')]).toEqual([0, false]);
    expect(second.keeper.has('token/e-1')).toBe(true);

    // One of them was deleted while nobody looked.
    for (const name of ['e-2', 'e-3']) tokenSources?.ext.put(ext(name));
    management.unread.delete(EXT_TOKENS_WATCH);
    second.earlier.readAtLast();
    expect([...second.owed.keys()]).toEqual(['token/e-1']);
    expect([second.deletions.has('token/ext/e-1'), second.swept]).toEqual([true, ['c-1']]);
  });

  test('is written whole again when it went back with the management plane', async () => {
    isAway = true;
    const process = await start();
    for (const name of ['t-1', 't-2', 't-3']) give(process, name);
    await writtenDown(process);
    const backup = new Map(maps.objects);
    for (const name of ['t-1', 't-2', 't-3']) revoke(process, name);
    await writtenDown(process);
    for (const [name, object] of backup) maps.objects.set(name, object);
    await writtenDown(process);
    expect((await start()).owed.size).toBe(0);
    process.keeper.writeAnew();
    await writtenDown(process);
    expect((await start()).owed.size).toBe(3);
  });

  test('that is gone with its namespace is written again, also where something happens all the time', async () => {
    isAway = true;
    const process = await start();
    give(process, 't-1');
    revoke(process, 't-2');
    await writtenDown(process);
    maps.objects.clear();
    process.keeper.writeAnew();
    await vi.waitFor(async () => {
      process.keeper.settled('token/t-1', { state: 'synced' });
      await pass(500);
      expect(maps.objects.size).toBe(1);
    });
    const next = await start();
    expect([[...next.owed.keys()], next.keeper.has('token/t-1')]).toEqual([['token/t-2'], true]);
  });

  test('is written in time, whoever sets the clock back', async () => {
    isAway = true;
    const process = await start();
    revoke(process, 't-1');
    await written(1);
    vi.setSystemTime(Date.now() - 3_600_000);
    revoke(process, 't-2');
    await written(2);
    expect((await start()).owed.size).toBe(2);
  });

  test('is written when the plane answers again', async () => {
    isAway = true;
    maps.isAway = true;
    const process = await start();
    revoke(process, 't-1');
    await written(2);
    maps.isAway = false;
    await vi.waitFor(async () => {
      await pass(5_000);
      expect(maps.objects.size).toBe(1);
    });
    expect((await start()).owed.size).toBe(1);
  });

  test('of another plane tells nothing, and is written anew', async () => {
    isAway = true;
    const first = await start();
    give(first, 't-1');
    revoke(first, 't-2');
    await written(1);
    kill(first);
    const other = await start('other/tokens/users');
    expect([other.owed.size, other.keeper.keys()]).toEqual([0, []]);
  });

  test('that somebody spoilt costs only itself', async () => {
    isAway = true;
    const first = await start();
    revoke(first, 't-1');
    await written(1);
    kill(first);
    const [name, object] = [...maps.objects][0] ?? ['', undefined];
    maps.objects.set(name, { ...object, binaryData: { record: 'AAAA' } } as unknown as KubeObject);
    const second = await start();
    expect(second.owed.size).toBe(0);
    revoke(second, 't-2');
    await written(2);
    expect([...(await start()).owed.keys()]).toEqual(['token/t-2']);
  });

  test('a user who is active again is owed no more; one who was disabled while nobody looked is', async () => {
    isAway = true;
    const first = await start();
    for (const name of ['u-1', 'u-2']) {
      management.users.put(aUser({}, { name, uid: `uid-${name}` }));
      first.keeper.settled(`user/${name}`, { state: 'synced' });
    }
    owe(first, 'user/u-1', { sinceMs: Date.now(), cause: 'user' });
    await written(1);
    kill(first);
    management.users.put(aUser({ enabled: false }, { name: 'u-2', uid: 'uid-u-2', resourceVersion: '9' }));
    expect([...(await start()).owed.keys()]).toEqual(['user/u-2']);
  });
});

describe('where the plane does not say who it is, the record', () => {
  const names = Array.from({ length: 40 }, (_, index) => `t-${index}`);
  const keys = (some: readonly string[]): string[] => some.map((name) => `token/${name}`).sort();
  const lose = (some: readonly string[]): void => {
    for (const name of some) management.tokens.remove(aToken({}, { name, uid: `uid-${name}` }));
  };
  const stored = async (): Promise<DebtRecord | undefined> => {
    const records = new DebtRecords({ client: maps, writerFor: () => maps } as never, 'ace-operator', LOG);
    await records.load();
    return records.foundOf('c-1');
  };
  const told = async ({ earlier }: Process, identity: string): Promise<void> => {
    const asked = planeThatIs({ identity, resourceVersion: '999' });
    const isTold = earlier.untilTold(asked, new AbortController().signal);
    await pass(2_000);
    await isTold;
  };
  beforeEach(async () => {
    isAway = true;
    const first = await start();
    for (const name of names) give(first, name);
    await writtenDown(first);
    kill(first);
    isUntold = true;
  });

  test('of a cluster that is away stays, and tells the next process what was deleted since', async () => {
    const second = await start();
    await pass(10_000);
    await writtenDown(second);
    expect([second.owed.size, maps.objects.size]).toEqual([0, 1]);
    expect([...second.concerning].sort()).toEqual(keys(names));
    kill(second);
    isUntold = false;
    lose(names.slice(0, 15));
    const third = await start();
    expect([...third.owed.keys()].sort()).toEqual(keys(names.slice(0, 15)));
    expect(third.deletions.has('token/t-0')).toBe(true);
  });

  test('keeps what is absent, and what was told in the meantime, for a process that can judge it', async () => {
    lose(names.slice(0, 15));
    const second = await start();
    expect([second.owed.size, second.deletions.has('token/t-0')]).toEqual([0, false]);
    revoke(second, 't-20');
    await writtenDown(second);
    kill(second);
    isUntold = false;
    const third = await start();
    expect([...third.owed.keys()].sort()).toEqual(keys([...names.slice(0, 15), 't-20']));
  });

  test('keeps what is told in the meantime, also where it turns out to be another plane', async () => {
    const second = await start();
    revoke(second, 't-20');
    await writtenDown(second);
    kill(second);
    isUntold = false;
    lose(names.slice(0, 15));
    const third = await start('another/tokens/users');
    // What was known in the plane before that is nobody's business here.
    expect([...third.owed.keys()]).toEqual(['token/t-20']);
    expect([...third.concerning]).not.toContain('token/t-0');
  });

  test('makes nothing that is merely absent a revocation, however much is new since then', async () => {
    lose(names.slice(4));
    const second = await start();
    for (let index = 0; index < 60; index += 1) give(second, `new-${index}`);
    for (let index = 0; index < 3; index += 1) second.keeper.deletionTold();
    second.keeper.writeAnew();
    await writtenDown(second);
    kill(second);
    isUntold = false;
    const third = await start();
    expect([third.owed.size, third.deletions.has('token/t-9')]).toEqual([0, false]);
  });

  test('says of what it knows when that was there, and not when it was written last', async () => {
    const before = (await stored())?.atMs;
    const second = await start();
    revoke(second, 't-1');
    await writtenDown(second);
    const after = await stored();
    expect([after?.owed.size, after?.atMs]).toEqual([1, before]);
  });

  test('does not say so either while tokens of ext.cattle.io cannot be read', async () => {
    isUntold = false;
    const before = (await stored())?.atMs;
    management.unread.set(EXT_TOKENS_WATCH, 'forbidden');
    const second = await start();
    revoke(second, 't-1');
    await writtenDown(second);
    expect((await stored())?.atMs).toBe(before);
    management.unread.delete(EXT_TOKENS_WATCH);
    revoke(second, 't-2');
    await writtenDown(second);
    expect((await stored())?.atMs).toBeGreaterThan(before ?? Number.POSITIVE_INFINITY);
  });

  test('is judged by the same process once it does', async () => {
    lose(names.slice(0, 15));
    const second = await start();
    give(second, 'new');
    expect(second.keeper.has('token/new')).toBe(false);
    isUntold = false;
    await told(second, PLANE);
    expect([...second.owed.keys()].sort()).toEqual(keys(names.slice(0, 15)));
    expect(second.swept).toEqual(['c-1']);
    give(second, 'new');
    expect(second.keeper.has('token/new')).toBe(true);
  });

  test('tells nothing once it is another plane that says so', async () => {
    lose(names.slice(0, 15));
    const second = await start();
    isUntold = false;
    await told(second, 'other/tokens/users');
    expect([second.owed.size, second.keeper.keys()]).toEqual([0, []]);
  });

  test('tells nothing of what is absent when the plane was put back meanwhile', async () => {
    lose(names.slice(0, 15));
    const second = await start();
    second.earlier.putBack();
    await writtenDown(second);
    kill(second);
    isUntold = false;
    const third = await start();
    expect([third.owed.size, third.deletions.has('token/t-0')]).toEqual([0, false]);
  });

  test('is kept so also by a process that read it late', async () => {
    lose(names.slice(4));
    maps.isRefusing = true;
    const second = await start();
    for (let index = 0; index < 60; index += 1) give(second, `new-${index}`);
    maps.isRefusing = false;
    await written(maps.writes + 1);
    expect(second.keeper.has('token/t-9')).toBe(true);
    kill(second);
    isUntold = false;
    const third = await start();
    expect([third.owed.size, third.deletions.has('token/t-9')]).toEqual([0, false]);
  });

  test('goes on as that of the plane that said so earlier in the same term', async () => {
    isUntold = false;
    const second = await start();
    isUntold = true;
    await second.ask();
    expect(second.earlier.plane).toBe(PLANE);
    const writes = maps.writes;
    await pass(10_000);
    await writtenDown(second);
    expect(maps.writes).toBe(writes);
  });
});

/** What happens to a cluster that is away, or there, with processes that end at any moment. */
const STEP = fc.record({
  what: fc.constantFrom('give', 'revoke', 'revoke unseen', 'pay', 'wait', 'kill', 'away', 'back'),
  name: fc.constantFrom('t-0', 't-1', 't-2', 't-3', 't-4', 't-5'),
});

test('after any history, whatever was revoked and is still there is owed, as soon as a second was left to write it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { maxLength: 25 }), async (steps) => {
      [maps, management, isAway, running] = [new ConfigMaps(), new Management(['ace-operator']), false, []];
      // Others in the same plane, so that it is not empty.
      const there = new Set<string>();
      let process = await start();
      for (let index = 0; index < 20; index += 1) give(process, `other-${index}`);
      await settle(process);
      for (const { what, name } of steps) {
        const exists = management.tokens.get(name) !== undefined;
        if (what === 'give' && !there.has(name)) {
          give(process, name);
          there.add(name);
          await settle(process);
        } else if (what === 'revoke' && exists) revoke(process, name);
        else if (what === 'pay' && there.has(name) && !exists && !isAway) {
          pay(process, name);
          there.delete(name);
        } else if (what === 'wait') await settle(process);
        else if (what === 'away' || what === 'back') {
          isAway = what === 'away';
          process.keeper.connectionChanged();
        } else if (what === 'kill') {
          await settle(process);
          kill(process);
          process = await start();
        } else if (what === 'revoke unseen' && exists) {
          await settle(process);
          kill(process);
          management.tokens.remove(aToken({}, { name, uid: `uid-${name}` }));
          process = await start();
        }
      }
      await settle(process);
      kill(process);
      const last = await start();
      const owed = [...there].filter((name) => management.tokens.get(name) === undefined).sort();
      expect([...last.owed.keys()].sort()).toEqual(owed.map((name) => `token/${name}`));
      const plane = { identity: PLANE, resourceVersion: '99999' };
      const evidence = deletedBefore(last.records.found, plane, management, Date.now());
      expect([...evidence.keys()].sort()).toEqual([...last.owed.keys()].sort());
    }),
    { numRuns: 25 },
  );
});

/** Until all that the process knows is written. gzip runs on a thread, which no false clock moves. */
async function settle({ keeper }: Process): Promise<void> {
  for (;;) {
    await pass(130_000);
    await new Promise((resolve) => setImmediate(resolve));
    const stored = new DebtRecords({ client: maps, writerFor: () => maps } as never, 'ace-operator', LOG);
    await stored.load();
    const record = stored.foundOf('c-1');
    const keys = new Set([...(record?.known ?? []), ...(record?.owed.keys() ?? [])]);
    if ([...keys].sort().join() === [...new Set(keeper.keys())].sort().join()) return;
  }
}
