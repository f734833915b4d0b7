import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HOUR, type Json, NOW, SECOND, timeText } from '../../../support/builders.ts';
import { ReconcileWorld } from '../../../support/reconcile-world.ts';

let world: ReconcileWorld;
beforeEach(() => {
  world = new ReconcileWorld();
});
afterEach(async () => {
  await world.close();
});

/** One token in sync; what it took to get there is not looked at. */
async function inSync(fields: Json = {}): Promise<void> {
  world.putUser();
  world.putAttribute();
  world.putToken(fields);
  await world.settle();
  world.lags.length = 0;
}

/** The cluster is gone, something happens, time passes, and it is back. */
async function away(happens: () => void, ms = HOUR): Promise<void> {
  world.isAway = true;
  happens();
  world.nowMs += ms;
  world.isAway = false;
  world.sweep();
  await world.settle();
}

const owed = (): number => world.lag.oldestOwedSeconds;

describe('propagation lag', () => {
  test('is counted once for a new token, from the event until the watch has told it', async () => {
    world.putUser();
    world.putAttribute();
    world.putToken();
    world.nowMs += 2 * SECOND;
    await world.settle();
    expect(world.lags.filter(({ seconds }) => seconds !== 2)).toEqual([]);
    expect(world.lags.map(({ what }) => what)).toContain('propagated');
  });

  test('does not end with the answer to the write, but with its echo', async () => {
    await inSync();
    world.putAttribute({ GroupPrincipals: {} });
    await world.workOne();
    expect([world.lags, world.lag.pending.changes]).toEqual([[], 1]);
    world.nowMs += SECOND;
    await world.settle();
    expect(world.lags).toEqual([{ what: 'propagated', seconds: 1 }]);
  });

  test('is not counted for a change that nothing follows from', async () => {
    await inSync();
    world.putToken({ description: 'another' });
    await world.settle();
    expect([world.lags, world.lag.pending]).toEqual([[], { changes: 0, revocations: 0 }]);
  });

  test('counts from the first of several changes', async () => {
    await inSync();
    world.putAttribute({ GroupPrincipals: {} });
    world.nowMs += SECOND;
    world.putAttribute();
    world.nowMs += SECOND;
    world.putAttribute({ GroupPrincipals: {} });
    await world.settle();
    expect(world.lags).toEqual([{ what: 'propagated', seconds: 2 }]);
  });

  test('holds the time that the cluster was away', async () => {
    await inSync();
    await away(() => world.putAttribute({ GroupPrincipals: {} }));
    expect(world.lags).toEqual([{ what: 'propagated', seconds: HOUR / SECOND }]);
  });

  test('is that of a repair, too, from the queueing of its key', async () => {
    await inSync();
    world.downstream.drop('ClusterAuthToken', 't-1');
    await world.settle();
    expect(world.lags).toEqual([{ what: 'propagated', seconds: 0 }]);
  });

  test('is not counted for a token that is refused', async () => {
    world.putUser();
    world.putToken({ token: undefined, enabled: false });
    await world.settle();
    expect([world.lags, world.lag.pending]).toEqual([[], { changes: 0, revocations: 0 }]);
  });

  test('of a suspended cluster ends without being counted', async () => {
    await inSync();
    world.spec = { ...world.spec, suspend: true };
    world.putAttribute({ GroupPrincipals: { local: { Items: [{ metadata: { name: 'more' } }] } } });
    await world.settle();
    expect(world.lags).toEqual([]);
    expect(world.lag.pending.changes).toBe(0);
  });
});

describe('revocation lag', () => {
  const ways: Readonly<Record<string, { revoke: () => void; want: string }>> = {
    'a deleted token': { revoke: () => world.deleteToken(), want: 'revoked token' },
    'a disabled token': { revoke: () => void world.putToken({ enabled: false }), want: 'revoked token' },
    'a deleted user': { revoke: () => world.deleteUser(), want: 'revoked user' },
    'a disabled user': { revoke: () => world.putUser({ enabled: false }), want: 'revoked user' },
  };
  for (const [title, { revoke, want }] of Object.entries(ways)) {
    test(`of ${title} runs from the event until the cluster's watch has told it`, async () => {
      await inSync();
      revoke();
      world.nowMs += 3 * SECOND;
      expect(owed()).toBe(3);
      await world.settle();
      expect(world.lags).toContainEqual({ what: want, seconds: 3 });
      expect([owed(), world.lag.pending.revocations]).toEqual([0, 0]);
    });

    test(`of ${title} holds the time that the cluster was away`, async () => {
      await inSync();
      await away(() => {
        revoke();
        world.nowMs += HOUR;
        expect(owed()).toBe(HOUR / SECOND);
      });
      expect(world.lags).toContainEqual({ what: want, seconds: (2 * HOUR) / SECOND });
      expect([owed(), world.lag.pending.revocations]).toEqual([0, 0]);
    });
  }

  test('is owed as long as the cluster does not take it', async () => {
    await inSync();
    world.downstream.fault = () => 'unreachable';
    world.deleteToken();
    await world.workOne();
    world.downstream.fault = () => undefined;
    world.nowMs += 5 * SECOND;
    expect([world.lags, owed()]).toEqual([[], 5]);
    await world.settle();
    expect(world.lags).toEqual([{ what: 'revoked token', seconds: 5 }]);
  });

  test('of what a sweep finds after a restart runs from the moment that it is about to be taken away', async () => {
    await inSync();
    world.deleteToken('t-1', { told: false });
    // As a process that was not there: nobody told it.
    world.lag.clear();
    world.approved.add('token/t-1');
    world.sweep();
    await world.settle();
    expect(world.lags).toEqual([{ what: 'revoked token', seconds: 0 }]);
  });

  test('of a deletion that was told before the cluster was ever reached runs from then', async () => {
    await inSync();
    world.lag.clear();
    world.management.tokens.remove(world.putToken());
    world.lag.clear();
    world.evidence.add('token/t-1', world.nowMs - 7 * SECOND);
    world.sweep();
    await world.settle();
    expect(world.lags).toEqual([{ what: 'revoked token', seconds: 7 }]);
  });

  test('of an expired token runs from the time that stands in it, and is not owed meanwhile', async () => {
    await inSync({ expiresAt: timeText(NOW + HOUR) });
    world.isAway = true;
    world.nowMs = NOW + HOUR + 4 * SECOND;
    expect(owed()).toBe(0);
    world.isAway = false;
    world.sweep();
    await world.settle();
    expect(world.lags).toEqual([{ what: 'revoked expiry', seconds: 4 }]);
  });

  test('is not owed for the deletion of a token that had expired', async () => {
    await inSync({ expiresAt: timeText(NOW + HOUR) });
    world.isAway = true;
    world.nowMs = NOW + 2 * HOUR;
    world.deleteToken();
    world.nowMs += HOUR;
    expect([owed(), world.lag.pending.revocations]).toEqual([0, 0]);
  });

  test('is not owed again for a token that was taken away before the cluster went', async () => {
    await inSync();
    world.putToken({ enabled: false });
    await world.settle();
    world.isAway = true;
    world.deleteToken();
    world.nowMs += HOUR;
    expect(owed()).toBe(0);
  });

  test('of a token that never was there comes to nothing', async () => {
    world.putUser();
    world.putToken({ enabled: false });
    await world.settle();
    world.deleteToken();
    await world.settle();
    expect([world.lags, world.lag.pending.revocations]).toEqual([[], 0]);
  });

  test('of a user who is enabled again before the cluster is back comes to nothing', async () => {
    await inSync();
    await away(() => {
      world.putUser({ enabled: false });
      world.putUser({ enabled: true });
    });
    expect([world.lags, world.lag.pending.revocations]).toEqual([[], 0]);
  });

  test('of a lost group stays owed, whatever is given besides, until the cluster has told', async () => {
    await inSync();
    const key = 'user/u-1';
    const told = (isGroupLost: boolean): void =>
      world.lag.changed({
        ...{ key, isRevocation: isGroupLost, isGroupLost, isAway: true },
        outcome: world.outcomes.get(key),
      });
    await away(() => {
      told(true);
      world.nowMs += SECOND;
      told(false);
      expect(owed()).toBe(1);
      world.putUser({ enabled: false });
      world.putUser({ enabled: true });
      expect([owed(), world.lag.debtOf(key)?.isOfGroups]).toEqual([1, true]);
    });
    expect([owed(), world.lag.pending.revocations]).toEqual([0, 0]);
  });

  test('of a group that a disabled user lost is owed still when the user is enabled again', async () => {
    await inSync();
    await away(() => {
      world.putUser({ enabled: false });
      world.lag.changed({
        ...{ key: 'user/u-1', isRevocation: true, isGroupLost: true, isAway: true, outcome: undefined },
      });
      world.putUser({ enabled: true });
      expect(world.lag.pending.revocations).toBe(1);
    });
    expect(world.lag.pending.revocations).toBe(0);
  });

  test('is told of again when more is owed than before, and not when it is the same', async () => {
    await inSync();
    world.debts.length = 0;
    await away(() => {
      const lost = { key: 'user/u-1', isRevocation: true, isAway: true, outcome: undefined };
      world.lag.changed(lost);
      world.lag.changed(lost);
      world.lag.changed({ ...lost, isGroupLost: true });
      world.lag.changed({ ...lost, isGroupLost: true });
      world.lag.changed(lost);
      expect(world.debts).toEqual(['user/u-1 user', 'user/u-1 groups']);
    });
    expect(world.debts.slice(2)).toEqual(['user/u-1 paid']);
  });

  test('of a token that had expired, was given more time, and was deleted then, is that of a deletion', async () => {
    await inSync();
    world.debts.length = 0;
    world.lag.owe('token/t-1', { sinceMs: world.nowMs - HOUR, cause: 'expiry' });
    expect([owed(), world.debts]).toEqual([0, []]);
    world.isAway = true;
    world.deleteToken();
    world.nowMs += SECOND;
    expect([owed(), world.debts]).toEqual([1, ['token/t-1 token']]);
    world.isAway = false;
    world.sweep();
    await world.settle();
    expect(world.lags).toEqual([{ what: 'revoked token', seconds: 1 }]);
  });

  test('of a token that was replaced by another of its name is counted', async () => {
    await inSync();
    world.putToken({ token: 'secret-2' }, { uid: 'uid-other' });
    world.nowMs += SECOND;
    await world.settle();
    expect(world.lags).toContainEqual({ what: 'revoked token', seconds: 1 });
    expect(world.lag.pending).toEqual({ changes: 0, revocations: 0 });
  });

  test('of a disabled user arrives in a suspended cluster, too', async () => {
    await inSync();
    world.spec = { ...world.spec, suspend: true };
    world.putAttribute({ GroupPrincipals: { local: { Items: [{ metadata: { name: 'more' } }] } } });
    world.putUser({ enabled: false });
    world.nowMs += SECOND;
    await world.settle();
    expect(world.lags).toEqual([{ what: 'revoked user', seconds: 1 }]);
    expect(owed()).toBe(0);
  });

  test('of a replaced token arrives in a suspended cluster, too', async () => {
    await inSync();
    world.spec = { ...world.spec, suspend: true };
    world.putToken({ token: 'secret-2' }, { uid: 'uid-other' });
    // One that is there again takes the evidence of its deletion back.
    world.evidence.remove('token/t-1');
    world.nowMs += SECOND;
    await world.settle();
    expect(world.lags).toEqual([{ what: 'revoked token', seconds: 1 }]);
    expect(owed()).toBe(0);
  });

  test('is not that of a drain: ACE was switched off for all', async () => {
    await inSync();
    world.mode = 'drain';
    world.sweep();
    await world.settle();
    expect([world.lags, world.lag.pending.revocations]).toEqual([[], 0]);
  });

  test('does not go below zero when the clock is set back', async () => {
    await inSync();
    world.deleteToken();
    world.nowMs -= HOUR;
    expect(owed()).toBe(0);
    await world.settle();
    expect(world.lags).toEqual([{ what: 'revoked token', seconds: 0 }]);
  });
});
