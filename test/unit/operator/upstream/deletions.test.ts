import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ResourceEventType } from '../../../../src/kube/operator-base.ts';
import { tokenKey, userKey } from '../../../../src/operator/keys.ts';
import { DeletionEvidence } from '../../../../src/operator/upstream/deletions.ts';
import { Management } from '../../../../src/operator/upstream/management.ts';
import { Watches } from '../../../../src/operator/upstream/watches.ts';
import { aToken, aUser, HOUR, NOW } from '../../../support/builders.ts';

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
  beforeEach(() => {
    management = new Management(['ace-operator']);
    evidence = new DeletionEvidence();
    watches = new Watches(management, evidence, {
      propagators: () => [],
      concerned: () => [],
      enqueueCluster: () => {},
      installationKeyChanged: () => {},
    });
  });

  const kinds = {
    token: {
      key: tokenKey('t-1'),
      put: () => management.tokens.put(aToken()),
      remove: () => management.tokens.remove(aToken()),
      tell: (type: ResourceEventType) => watches.onToken('t-1', type),
    },
    user: {
      key: userKey('u-1'),
      put: () => management.users.put(aUser()),
      remove: () => management.users.remove(aUser()),
      tell: (type: ResourceEventType) => watches.onUser('u-1', type),
    },
  };
  for (const [kind, { key, put, remove, tell }] of Object.entries(kinds)) {
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

    test(`the deletion of an earlier ${kind} is no evidence against the one that has its name now`, () => {
      evidence.add(key);
      put();
      tell(ResourceEventType.Deleted);
      expect(evidence.has(key)).toBe(false);
    });
  }
});
