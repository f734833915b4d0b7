import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseExtToken } from '../../../../src/api/parse-ext-token.ts';
import type { Connection } from '../../../../src/clusters/connection.ts';
import type { PropagatorDeps } from '../../../../src/operator/propagate/propagator-deps.ts';
import { planSweep, type SweepPlan } from '../../../../src/operator/sweep/sweep-plan.ts';
import { Sweeper } from '../../../../src/operator/sweep/sweeper.ts';
import {
  aToken,
  aUser,
  HOUR,
  type Json,
  NOW,
  NOW_TEXT,
  rawExtToken,
  SECOND,
  timeText,
} from '../../../support/builders.ts';
import { ReconcileWorld } from '../../../support/reconcile-world.ts';

let world: ReconcileWorld;
beforeEach(() => {
  world = new ReconcileWorld();
});
afterEach(async () => {
  await world.close();
});

const DELETING = { deletionTimestamp: NOW_TEXT };

/** What was propagated and then changed upstream, while nobody looked at this cluster. */
async function away(tokens: Readonly<Record<string, Json>>, users: readonly string[]): Promise<void> {
  for (const name of users) world.putUser({}, { name, uid: `uid-${name}` });
  for (const [name, fields] of Object.entries(tokens)) {
    world.putToken(fields, { name, uid: `uid-${name}` });
  }
  await world.settle();
  expect([...world.observed.managed().tokens].sort()).toEqual(Object.keys(tokens).sort());
}

function changeToken(name: string, fields: Json, metadata: Json = {}): void {
  world.management.tokens.put(
    aToken(fields, { name, uid: `uid-${name}`, resourceVersion: '900', ...metadata }),
  );
}
function changeUser(name: string, fields: Json, metadata: Json = {}): void {
  world.management.users.put(
    aUser(fields, { name, uid: `uid-${name}`, resourceVersion: '900', ...metadata }),
  );
}
function lose(kind: 'tokens' | 'users', name: string): void {
  const { management } = world;
  if (kind === 'tokens') management.tokens.remove(aToken({}, { name, uid: `uid-${name}` }));
  else management.users.remove(aUser({}, { name, uid: `uid-${name}` }));
}

const plan = (): SweepPlan =>
  planSweep(
    { name: 'c-1', spec: world.spec, nowMs: world.nowMs },
    world.observed,
    world.management,
    world.evidence,
  );

describe('planSweep', () => {
  test('while tokens of ext.cattle.io are not read, the absence of one says nothing', async () => {
    await away({ 't-v3': { userId: 'u-1' } }, ['u-1']);
    const ext = parseExtToken(rawExtToken({}, { name: 't-ext', uid: 'uid-t-ext' }));
    world.management.tokens.put(ext);
    world.queue.add('token/t-ext', 'normal');
    await world.settle();
    lose('tokens', 't-v3');
    world.management.tokens.remove(ext);
    world.management.unread.set('tokens.ext.cattle.io', 'Forbidden');
    expect(plan().orphans).toEqual(['token/t-v3']);
    expect(plan().keys).toContain('token/t-ext');
    world.management.unread.delete('tokens.ext.cattle.io');
    expect([...plan().orphans].sort()).toEqual(['token/t-ext', 'token/t-v3']);
  });

  test('names as revocations the tokens that are wanted no more and the users that are not active', async () => {
    const users = ['u-good', 'u-disabled', 'u-deleting', 'u-gone', 'u-told'];
    await away(
      {
        't-good': { userId: 'u-good' },
        't-later': { userId: 'u-good', expiresAt: timeText(NOW + HOUR) },
        't-gone': { userId: 'u-good' },
        't-told': { userId: 'u-told' },
        't-disabled': { userId: 'u-good' },
        't-deleting': { userId: 'u-good' },
        't-expired': { userId: 'u-good', expiresAt: timeText(NOW + SECOND) },
        't-moved': { userId: 'u-good' },
        't-of-disabled': { userId: 'u-disabled' },
        't-of-deleting': { userId: 'u-deleting' },
        't-of-gone': { userId: 'u-gone' },
      },
      users,
    );
    expect([...plan().revocations]).toEqual([]);
    lose('tokens', 't-gone');
    lose('tokens', 't-told');
    world.evidence.add('token/t-told');
    changeToken('t-disabled', { userId: 'u-good', enabled: false });
    changeToken('t-deleting', { userId: 'u-good' }, DELETING);
    changeToken('t-moved', { userId: 'u-good', clusterName: 'c-2' });
    changeUser('u-disabled', { enabled: false });
    changeUser('u-deleting', {}, DELETING);
    lose('users', 'u-gone');
    lose('users', 'u-told');
    world.evidence.add('user/u-told');
    world.nowMs = NOW + SECOND;
    const { revocations, keys } = plan();
    expect([...revocations].sort()).toEqual([
      'token/t-deleting',
      'token/t-disabled',
      'token/t-expired',
      'token/t-gone',
      'token/t-moved',
      'token/t-of-gone',
      'token/t-told',
      'user/u-deleting',
      'user/u-disabled',
      'user/u-gone',
      'user/u-told',
    ]);
    expect(keys).toEqual(expect.arrayContaining([...revocations, 'token/t-good', 'user/u-good']));
  });

  test('a token that is wanted but not there yet is no revocation', () => {
    world.management.users.put(aUser());
    world.management.tokens.put(aToken());
    const { keys, revocations } = plan();
    expect(keys).toEqual(expect.arrayContaining(['token/t-1', 'user/u-1']));
    expect(revocations.size).toBe(0);
  });
});

describe('Sweeper', () => {
  let sweeper: Sweeper;
  let cluster: { allowance: 'told' | number | undefined; allowedAtMs: number | undefined };
  let allowances: string[];
  let notices: string[];
  let debtKeys: string[];
  beforeEach(() => {
    debtKeys = [];
    const { queue, outcomes, observed } = world;
    allowances = [];
    notices = [];
    // No brake but for what is absent without a word: one object of that kind blocks.
    world.spec = { ...world.spec, minDeletes: 0, maxDeletePercent: 0 };
    cluster = { allowance: undefined, allowedAtMs: undefined };
    const swept = {
      ...{ name: 'c-1', queue, outcomes, connection: { observed } as unknown as Connection },
      settings: { grant: cluster },
      debts: { keys: () => debtKeys },
      otherIds: { isLeftOver: () => false },
      get spec() {
        return world.spec;
      },
    };
    const deps = {
      upstream: { management: world.management, deletions: world.evidence },
      clocks: { now: () => world.nowMs, planeNow: () => world.nowMs },
      defaults: { sweepIntervalMs: HOUR },
      reports: {
        log: { debug: () => {} },
        allowanceUsed: (name: string) => allowances.push(name),
        notifyCluster: (_name: string, { reason }: { reason: string }) => notices.push(reason),
      },
    } as unknown as PropagatorDeps;
    sweeper = new Sweeper(swept, deps, () => {});
  });
  afterEach(() => sweeper.disconnected());

  /** Everything that waits, in the order in which one worker would take it. */
  async function waiting(): Promise<readonly string[]> {
    const keys: string[] = [];
    while (world.queue.size > 0) {
      const key = await world.queue.get();
      if (key === undefined) break;
      keys.push(key);
      world.queue.done(key);
    }
    return keys;
  }

  test('looks again at a key that has an outcome only, or it would be pending for good', async () => {
    // Of an earlier connection; meanwhile the token went upstream, and its objects downstream.
    world.outcomes.set('token/t-vanished', { state: 'pending' });
    sweeper.run();
    expect(await waiting()).toContain('token/t-vanished');
    expect(sweeper.reviewed).toBe(false);
  });

  test('has reviewed a cluster only when such a key, too, has been worked', async () => {
    world.outcomes.set('token/t-vanished', { state: 'pending' });
    sweeper.run();
    const keys = await waiting();
    for (const key of keys) if (key !== 'token/t-vanished') sweeper.worked(key);
    expect(sweeper.reviewed).toBe(false);
    sweeper.worked('token/t-vanished');
    expect(sweeper.reviewed).toBe(true);
  });

  test('lets such a key end: what is nowhere has no outcome any more', async () => {
    world.outcomes.set('token/t-vanished', { state: 'pending' });
    sweeper.run();
    // Not of this world: its reconciler is not under test.
    const keys = await waiting();
    for (const key of keys) if (key.startsWith('token/')) world.queue.add(key, 'normal');
    await world.settle();
    expect(world.outcomes.get('token/t-vanished')).toBeUndefined();
  });

  test('puts revocations in front of all else', async () => {
    await away({ 't-good': {}, 't-off': {}, 't-also-good': {} }, ['u-1']);
    changeToken('t-off', { enabled: false });
    sweeper.run();
    const keys = await waiting();
    expect(keys[0]).toBe('token/t-off');
    expect(keys).toEqual(expect.arrayContaining(['token/t-good', 'token/t-also-good', 'user/u-1']));
  });

  test('an allowance opens one sweep, also when its annotation is still there at the next', async () => {
    await away({ 't-1': {}, 't-2': {} }, ['u-1']);
    lose('tokens', 't-1');
    sweeper.run();
    expect([sweeper.blocked?.objects, sweeper.isApproved('token/t-1'), notices]).toEqual([
      2,
      false,
      ['GCBlocked'],
    ]);
    cluster.allowance = 'told';
    sweeper.run();
    expect([sweeper.blocked, sweeper.isApproved('token/t-1'), allowances]).toEqual([
      undefined,
      true,
      ['c-1'],
    ]);
    // Its removal failed, and now something else is absent.
    lose('tokens', 't-2');
    sweeper.run();
    expect([sweeper.isApproved('token/t-1'), sweeper.isApproved('token/t-2'), allowances]).toEqual([
      false,
      false,
      ['c-1'],
    ]);
    expect(sweeper.blocked).toBeDefined();
    // It went, and a person set it again.
    cluster.allowance = undefined;
    sweeper.configured();
    cluster.allowance = 'told';
    sweeper.configured();
    sweeper.run();
    expect([sweeper.isApproved('token/t-2'), allowances]).toEqual([true, ['c-1', 'c-1']]);
  });

  for (const allowance of ['told', 2] as const) {
    test(`an allowance of the same words, ${allowance}, is looked at each time that it is given`, async () => {
      await away({ 't-1': {} }, ['u-1']);
      cluster.allowance = allowance;
      sweeper.configured();
      sweeper.run();
      // Refused, and taken off; and nothing makes a sweep before it is given again.
      cluster.allowance = undefined;
      sweeper.configured();
      lose('tokens', 't-1');
      cluster.allowance = allowance;
      sweeper.configured();
      sweeper.run();
      expect(allowances).toEqual(['c-1', 'c-1']);
      expect(sweeper.isApproved('token/t-1')).toBe(allowance === 2);
    });
  }

  test('an allowance that no sweep needs is taken off and told, and opens nothing later', async () => {
    await away({ 't-1': {} }, ['u-1']);
    cluster.allowance = 'told';
    sweeper.run();
    expect([allowances, notices]).toEqual([['c-1'], ['AllowanceRefused']]);
    lose('tokens', 't-1');
    sweeper.run();
    expect(sweeper.isApproved('token/t-1')).toBe(false);
  });

  test('a number allows so many objects, and not one more', async () => {
    await away({ 't-1': {}, 't-2': {} }, ['u-1']);
    lose('tokens', 't-1');
    lose('tokens', 't-2');
    cluster.allowance = 3;
    sweeper.run();
    expect([sweeper.blocked?.objects, allowances, notices]).toEqual([
      4,
      ['c-1'],
      ['AllowanceRefused', 'GCBlocked'],
    ]);
    cluster.allowance = 4;
    sweeper.run();
    expect([sweeper.blocked, sweeper.isApproved('token/t-2')]).toEqual([undefined, true]);
  });

  test('an allowance counts for an hour, whatever it says', async () => {
    await away({ 't-1': {} }, ['u-1']);
    lose('tokens', 't-1');
    [cluster.allowance, cluster.allowedAtMs] = [50, world.nowMs - HOUR - 1];
    sweeper.run();
    expect([sweeper.isApproved('token/t-1'), allowances, notices]).toEqual([
      false,
      ['c-1'],
      ['AllowanceRefused', 'GCBlocked'],
    ]);
    [cluster.allowance, cluster.allowedAtMs] = [undefined, undefined];
    sweeper.configured();
    [cluster.allowance, cluster.allowedAtMs] = [50, world.nowMs - HOUR];
    sweeper.run();
    expect([sweeper.isApproved('token/t-1'), sweeper.blocked]).toEqual([true, undefined]);
  });

  test('true that was set before anybody could look allows nothing', async () => {
    await away({ 't-1': {} }, ['u-1']);
    lose('tokens', 't-1');
    cluster.allowance = 'told';
    sweeper.run();
    expect([sweeper.isApproved('token/t-1'), sweeper.blocked?.objects]).toEqual([false, 2]);
  });

  test('looks again at what is written down as owed or known', async () => {
    debtKeys = ['token/t-owed'];
    sweeper.run();
    expect(await waiting()).toContain('token/t-owed');
  });
});
