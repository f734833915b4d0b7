import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseExtToken } from '../../../../src/api/parse-ext-token.ts';
import type { Outcome } from '../../../../src/operator/decide/plan.ts';
import { SyncBack } from '../../../../src/operator/report/sync-back.ts';
import type { Log } from '../../../../src/telemetry/log.ts';
import { HOUR, NOW, rawExtToken, rawToken, SECOND, timeText } from '../../../support/builders.ts';
import { FakeApi } from '../../../support/fake-api.ts';
import { ReconcileWorld } from '../../../support/reconcile-world.ts';

const MINUTE = 60 * SECOND;
const DONE = { kind: 'done' };

let world: ReconcileWorld;
/** The management plane's API server. */
let upstream: FakeApi;
let syncBack: SyncBack;
let warnings: string[];
beforeEach(async () => {
  world = new ReconcileWorld();
  upstream = new FakeApi();
  warnings = [];
  syncBack = new SyncBack(() => upstream, {
    warn: (message: string) => warnings.push(message),
  } as unknown as Log);
  world.putUser();
  world.putAttribute();
  world.putToken();
  upstream.put(rawToken());
  await world.settle();
});
afterEach(async () => {
  await world.close();
});

/** An authenticator reports a use. */
async function used(atMs: number, name = 't-1'): Promise<void> {
  world.downstream.edit('ClusterAuthToken', name, { lastUsedAt: timeText(atMs) });
  await world.settle();
}
const lastUsed = (name = 't-1'): ReturnType<SyncBack['lastUsed']> => syncBack.lastUsed(name, world.context);
const carried = (name = 't-1'): unknown => upstream.find('Token', name)?.['lastUsedAt'];

describe('lastUsedAt', () => {
  test('is carried back, by a patch of that field alone', async () => {
    await used(NOW - MINUTE);
    expect(await lastUsed()).toEqual(DONE);
    expect(carried()).toBe(timeText(NOW - MINUTE));
    expect(upstream.find('Token', 't-1')).toMatchObject(rawToken({}, { resourceVersion: expect.anything() }));
  });

  test('goes to the Secret of a token of ext.cattle.io, and to none that took its name', async () => {
    await used(NOW - MINUTE);
    world.management.tokens.replace([{ ...parseExtToken(rawExtToken()), uid: 'uid-t-1' }]);
    upstream.put(rawExtToken({}, { uid: 'uid-t-1' }));
    expect(await lastUsed()).toEqual(DONE);
    const { data } = upstream.find('Secret', 't-1') as { data?: Record<string, string> };
    expect(Buffer.from(data?.['last-used-at'] ?? '', 'base64').toString()).toBe(timeText(NOW - MINUTE));
    expect(Object.keys(data ?? {})).toContain('hash');
    expect(carried()).toBeUndefined();
  });

  test('of the future is written as now: a clock that is ahead must not pin it', async () => {
    await used(NOW + 100 * 24 * HOUR);
    expect(await lastUsed()).toEqual(DONE);
    expect(carried()).toBe(timeText(NOW));
  });

  test('waits for no clock that was ahead when the one before was written', async () => {
    world.nowMs = NOW + HOUR;
    await used(NOW);
    expect(await lastUsed()).toEqual(DONE);
    world.nowMs = NOW + MINUTE;
    await used(NOW + MINUTE);
    expect(await lastUsed()).toEqual(DONE);
    expect(carried()).toBe(timeText(NOW + MINUTE));
  });

  test('waits for no time that the operator wrote by a clock that was ahead', async () => {
    world.putToken({ lastUsedAt: timeText(NOW + HOUR) });
    await used(NOW - MINUTE);
    expect(await lastUsed()).toEqual(DONE);
    expect(carried()).toBe(timeText(NOW - MINUTE));
  });

  test('costs one patch per token in five minutes, and comes back when they are over', async () => {
    await used(NOW - MINUTE);
    await lastUsed();
    world.nowMs = NOW + MINUTE;
    await used(NOW + MINUTE);
    expect(await lastUsed()).toMatchObject({ kind: 'requeueAfter', delayMs: 4 * MINUTE });
    world.nowMs = NOW + 5 * MINUTE - 1;
    expect(await lastUsed()).toMatchObject({ kind: 'requeueAfter', delayMs: 1 });
    expect([upstream.writes, carried()]).toEqual([1, timeText(NOW - MINUTE)]);
    world.nowMs = NOW + 5 * MINUTE;
    expect(await lastUsed()).toEqual(DONE);
    expect([upstream.writes, carried()]).toEqual([2, timeText(NOW + MINUTE)]);
  });

  test('of one token does not wait for another’s five minutes', async () => {
    world.putToken({ token: 'secret-2' }, { name: 't-2', uid: 'uid-t-2' });
    upstream.put(rawToken({}, { name: 't-2', uid: 'uid-t-2' }));
    await world.settle();
    await used(NOW - MINUTE);
    await used(NOW - MINUTE, 't-2');
    expect([await lastUsed(), await lastUsed('t-2')]).toEqual([DONE, DONE]);
    expect([carried(), carried('t-2')]).toEqual([timeText(NOW - MINUTE), timeText(NOW - MINUTE)]);
  });

  test('is never moved back, nor written again when management has it', async () => {
    world.putToken({ lastUsedAt: timeText(NOW - MINUTE) });
    for (const atMs of [NOW - MINUTE, NOW - HOUR]) {
      await used(atMs);
      expect(await lastUsed()).toEqual(DONE);
    }
    expect(upstream.requests).toBe(0);
  });

  const elsewhere: Record<string, Outcome | undefined> = {
    'is pending': { state: 'pending' },
    failed: { state: 'failed', reason: 'Rejected', message: 'm' },
    'is refused': { state: 'refused', reason: 'Expired' },
    'has no outcome': undefined,
  };
  for (const [title, outcome] of Object.entries(elsewhere)) {
    test(`of a token that ${title} here is not carried back, whatever lies there`, async () => {
      await used(NOW - MINUTE);
      if (outcome) world.outcomes.set('token/t-1', outcome);
      else world.outcomes.delete('token/t-1');
      expect(await lastUsed()).toEqual(DONE);
      expect(upstream.requests).toBe(0);
    });
  }

  test('of a token that was replaced or deleted upstream is dropped, without a word', async () => {
    await used(NOW - MINUTE);
    upstream.drop('Token', 't-1');
    upstream.put(rawToken({}, { uid: 'uid-other' }));
    expect(await lastUsed()).toEqual(DONE);
    expect(carried()).toBeUndefined();
    upstream.drop('Token', 't-1');
    world.nowMs = NOW + HOUR;
    await used(NOW);
    expect(await lastUsed()).toEqual(DONE);
    expect([upstream.writes, warnings]).toEqual([2, []]);
  });

  test('that cannot be written is told and tried again; nothing is thrown', async () => {
    await used(NOW - MINUTE);
    upstream.fault = () => 'unreachable';
    expect(await lastUsed()).toMatchObject({ kind: 'requeueAfter', delayMs: MINUTE });
    expect(warnings).toHaveLength(1);
  });
});

describe('later', () => {
  test('holds up nobody: a write that does not come back delays the next one only', async () => {
    world.putToken({ token: 'secret-2' }, { name: 't-2', uid: 'uid-t-2' });
    upstream.put(rawToken({}, { name: 't-2', uid: 'uid-t-2' }));
    await world.settle();
    await used(NOW - MINUTE);
    await used(NOW - MINUTE, 't-2');
    const gate = Promise.withResolvers<void>();
    const order: string[] = [];
    const done = Promise.withResolvers<void>();
    const slow = new SyncBack(
      () => ({
        create: () => Promise.reject(new Error('not used')),
        delete: () => Promise.reject(new Error('not used')),
        patch: async ({ name }) => {
          order.push(`begins ${name}`);
          if (name === 't-1') await gate.promise;
          order.push(`ends ${name}`);
          if (name === 't-2') done.resolve();
          return {};
        },
      }),
      { warn: (message: string) => warnings.push(message) } as unknown as Log,
    );
    for (const key of ['token/t-1', 'token/t-2', 'token/t-2', 'setting/x', 'user/u-1']) {
      expect(slow.later(key, world.context)).toBeUndefined();
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual(['begins t-1']);
    gate.resolve();
    await done.promise;
    expect(order).toEqual(['begins t-1', 'ends t-1', 'begins t-2', 'ends t-2']);
    expect(warnings).toEqual([]);
  });
});
