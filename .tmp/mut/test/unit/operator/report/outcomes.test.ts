import { beforeEach, describe, expect, test } from 'vitest';
import type { Outcome } from '../../../../src/operator/decide/plan.ts';
import { Outcomes } from '../../../../src/operator/report/outcomes.ts';

let changes: number;
let outcomes: Outcomes;
beforeEach(() => {
  changes = 0;
  outcomes = new Outcomes(() => {
    changes += 1;
  });
});

const SYNCED: Outcome = { state: 'synced', version: '1' };
const FAILED: Outcome = { state: 'failed', reason: 'Rejected', message: 'no' };

describe('count', () => {
  test('tokens by state, refusals by reason, users apart', () => {
    outcomes.set('token/a', SYNCED);
    outcomes.set('token/b', { state: 'pending' });
    outcomes.set('token/c', FAILED);
    outcomes.set('token/d', { state: 'refused', reason: 'Expired' });
    outcomes.set('token/e', { state: 'refused', reason: 'Expired' });
    outcomes.set('token/f', { state: 'refused', reason: 'Disabled' });
    outcomes.set('user/a', SYNCED);
    outcomes.set('user/b', { state: 'pending' });
    outcomes.set('user/c', { ...FAILED, message: 'user trouble' });
    expect(outcomes.count()).toEqual({
      synced: 1,
      pending: 1,
      failed: 1,
      refused: { Expired: 2, Disabled: 1 },
      usersPending: 1,
      usersFailed: 1,
      groupsUnknown: 0,
      firstFailure: 'token/c: no',
    });
  });

  test('nothing is nothing', () => {
    expect(outcomes.count()).toEqual({
      synced: 0,
      pending: 0,
      failed: 0,
      refused: {},
      usersPending: 0,
      usersFailed: 0,
      groupsUnknown: 0,
      firstFailure: undefined,
    });
  });

  test('a token named like a user is still a token', () => {
    outcomes.set('token/user', SYNCED);
    expect(outcomes.count().synced).toBe(1);
  });
});

describe('change', () => {
  const cases: Record<string, { before?: Outcome; after: Outcome; want: number }> = {
    'a first outcome': { after: SYNCED, want: 1 },
    'another state': { before: SYNCED, after: { state: 'pending' }, want: 1 },
    'another reason': {
      before: { state: 'pending' },
      after: { state: 'pending', reason: 'HashPending' },
      want: 1,
    },
    'the same again': { before: FAILED, after: { ...FAILED }, want: 0 },
    'another version of what is synced': {
      before: SYNCED,
      after: { state: 'synced', version: '2' },
      want: 0,
    },
    // The message is shown as the last error of the cluster.
    'another message of a failure': {
      before: FAILED,
      after: { ...FAILED, message: 'still no, for another reason' },
      want: 1,
    },
  };
  for (const [title, { before, after, want }] of Object.entries(cases)) {
    test(`${title} is ${want === 0 ? 'none' : 'one'}`, () => {
      if (before) outcomes.set('token/a', before);
      changes = 0;
      outcomes.set('token/a', after);
      expect(changes).toBe(want);
      expect(outcomes.get('token/a')).toEqual(after);
    });
  }

  test('a key that goes is one, a key that was not there is none', () => {
    outcomes.set('token/a', SYNCED);
    changes = 0;
    outcomes.delete('token/a');
    outcomes.delete('token/a');
    expect([changes, outcomes.has('token/a')]).toEqual([1, false]);
  });

  test('clearing is one', () => {
    outcomes.set('token/a', SYNCED);
    changes = 0;
    outcomes.clear();
    expect([changes, outcomes.count().synced]).toEqual([1, 0]);
  });
});
