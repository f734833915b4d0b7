import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TOKENS, USERS } from '../../../../src/api/names.ts';
import { ResourceEventType } from '../../../../src/kube/operator-base.ts';
import type { Gone } from '../../../../src/kube/store.ts';
import { type Lane, tokenKey, userKey } from '../../../../src/operator/keys.ts';
import { DeletionEvidence } from '../../../../src/operator/upstream/deletions.ts';
import { Management } from '../../../../src/operator/upstream/management.ts';
import { Watches } from '../../../../src/operator/upstream/watches.ts';
import { aToken, aUser, HOUR, NOW, SECOND } from '../../../support/builders.ts';

describe('DeletionEvidence', () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  test('does not age: a cluster that was away for a month still learns what was revoked', () => {
    // `performance` stays the one that a cache took hold of when it was loaded.
    vi.useFakeTimers({ now: NOW, toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval'] });
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1_000);
    const evidence = new DeletionEvidence();
    evidence.add('token/t-1');
    const month = 30 * 24 * HOUR;
    clock.mockReturnValue(1_000 + month);
    vi.advanceTimersByTime(month);
    expect(evidence.has('token/t-1')).toBe(true);
  });

  test.each([
    ['ahead', HOUR],
    ['behind', -HOUR],
  ])('is judged by the clock of the plane where ours is %s and alone says when', (_title, skewMs) => {
    const evidence = new DeletionEvidence({ now: () => NOW + skewMs, planeNow: () => NOW });
    evidence.add('token/t-1', NOW + skewMs - 10 * SECOND);
    evidence.trustSince(TOKENS, NOW - 11 * SECOND);
    expect(evidence.has('token/t-1')).toBe(true);
    evidence.trustSince(TOKENS, NOW - 9 * SECOND);
    expect(evidence.has('token/t-1')).toBe(false);
  });

  test('is of that key alone, and can be taken back', () => {
    const evidence = new DeletionEvidence();
    evidence.add('token/t-1');
    evidence.add('user/t-1');
    evidence.remove('token/t-1');
    evidence.remove('token/never-told');
    expect([evidence.has('token/t-1'), evidence.has('user/t-1'), evidence.has('token/t-2')]).toEqual([
      false,
      true,
      false,
    ]);
  });
});

describe('Watches', () => {
  let management: Management;
  let evidence: DeletionEvidence;
  let watches: Watches;
  let planeMs: number;
  let lanes: [Lane, boolean][];
  beforeEach(() => {
    lanes = [];
    management = new Management(['ace-operator']);
    planeMs = NOW;
    evidence = new DeletionEvidence({ now: () => NOW + HOUR, planeNow: () => planeMs });
    watches = new Watches(management, evidence, {
      propagators: () => [],
      concerned: () => [
        {
          name: 'c-1',
          noteChange: (_key, lane, { isPutBack } = {}) => lanes.push([lane, isPutBack ?? false]),
          enqueue: () => {},
        },
      ],
      enqueueCluster: () => {},
      installationKeyChanged: () => {},
      readAtLast: () => {},
      putBack: () => {},
    });
  });

  const kinds = {
    token: {
      key: tokenKey('t-1'),
      put: () => management.tokens.put(aToken()),
      resource: TOKENS,
      remove: (how?: Gone) => management.tokens.remove(aToken(), how),
      tell: (type: ResourceEventType) => watches.onToken('t-1', type),
    },
    user: {
      key: userKey('u-1'),
      put: () => management.users.put(aUser()),
      resource: USERS,
      remove: (how?: Gone) => management.users.remove(aUser(), how),
      tell: (type: ResourceEventType) => watches.onUser('u-1', type),
    },
  };
  for (const [kind, { key, put, remove, resource, tell }] of Object.entries(kinds)) {
    test(`a ${kind} whose deletion was told is evidence; one that is merely absent is none`, () => {
      tell(ResourceEventType.Modified);
      expect(evidence.has(key)).toBe(false);
      put();
      remove();
      tell(ResourceEventType.Deleted);
      expect(evidence.has(key)).toBe(true);
    });

    test(`a ${kind} that is there again takes its evidence back`, () => {
      put();
      remove();
      tell(ResourceEventType.Deleted);
      put();
      tell(ResourceEventType.Added);
      expect(evidence.has(key)).toBe(false);
      // Absence from now on is mere absence, until a deletion is told again.
      remove();
      expect(evidence.has(key)).toBe(false);
    });

    test(`a ${kind} that a plane lost by being put back is no evidence, nor is it a revocation`, () => {
      put();
      remove('put-back');
      tell(ResourceEventType.Deleted);
      expect([evidence.has(key), lanes]).toEqual([false, [['normal', true]]]);
      lanes.length = 0;
      put();
      remove();
      tell(ResourceEventType.Deleted);
      expect([evidence.has(key), lanes]).toEqual([true, [['revocation', false]]]);
    });

    test(`a ${kind} that a list misses was there until the plane told of its kind last: not since its definition was made anew`, () => {
      put();
      watches.heard(resource);
      planeMs += 30 * SECOND;
      remove('missing');
      tell(ResourceEventType.Deleted);
      expect(evidence.has(key)).toBe(true);
      evidence.trustSince(resource, NOW + SECOND);
      expect(evidence.has(key)).toBe(false);
    });

    test(`a ${kind} that a watch told to be deleted is judged by the clock of the plane, whatever ours says`, () => {
      put();
      remove();
      tell(ResourceEventType.Deleted);
      evidence.trustSince(resource, NOW);
      expect(evidence.has(key)).toBe(true);
      evidence.trustSince(resource, NOW + SECOND);
      expect(evidence.has(key)).toBe(false);
    });

    test(`the deletion of an earlier ${kind} is no evidence against the one that has its name now`, () => {
      evidence.add(key);
      put();
      tell(ResourceEventType.Deleted);
      expect(evidence.has(key)).toBe(false);
    });
  }
});
