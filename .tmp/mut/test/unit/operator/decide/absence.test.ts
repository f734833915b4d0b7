import { describe, expect, test } from 'vitest';
import { TOKENS } from '../../../../src/api/names.ts';
import { untilConfirmed } from '../../../../src/operator/decide/absence.ts';
import { type Plan, requeueAfter } from '../../../../src/operator/decide/plan.ts';

const SOURCE = { resource: TOKENS, name: 't-1' };
const ASKS: Plan = { next: { kind: 'ask', question: { about: 'source', ...SOURCE } } };

const plan = (isGone: boolean, ...answers: [string, boolean][]): Plan | undefined =>
  untilConfirmed(SOURCE, isGone, new Map(answers));

describe('what is not in our store', () => {
  test('is read live first, whatever was told and allowed', () => {
    expect(plan(false)).toEqual(ASKS);
    expect(plan(true)).toEqual(ASKS);
  });

  test('is present when it is there live, whatever was told and allowed', () => {
    expect(plan(true, ['source/Token/t-1', true])).toEqual({ next: requeueAfter(1_000, true) });
  });

  test('is gone when that was told or allowed, and it is not there live', () => {
    expect(plan(true, ['source/Token/t-1', false])).toBeUndefined();
  });

  test('asks for a sweep when it is merely not there', () => {
    expect(plan(false, ['source/Token/t-1', false])).toMatchObject({
      outcome: { state: 'pending', reason: 'GCBlocked' },
      wake: ['sweep'],
      next: { kind: 'done' },
    });
  });

  test('is not judged by what was found out about another', () => {
    expect(plan(true, ['source/Token/t-2', false], ['source/User/t-1', false])).toEqual(ASKS);
  });
});
