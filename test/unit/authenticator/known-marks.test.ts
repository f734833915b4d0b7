import { beforeEach, expect, test } from 'vitest';
import { KnownMarks } from '../../../src/authenticator/known-marks.ts';
import { SECOND } from '../../support/builders.ts';

const MINUTE = 60 * SECOND;

let shown: readonly string[];
let nowMs: number;
let state: { hasSynced: boolean; ageMs: number | undefined };
let changes: number;
let marks: KnownMarks;
beforeEach(() => {
  shown = ['account:a'];
  nowMs = 0;
  state = { hasSynced: true, ageMs: 0 };
  changes = 0;
  marks = new KnownMarks({
    look: async () => [...shown],
    state,
    monotonic: () => nowMs,
    onChange: () => {
      changes += 1;
    },
  });
});

test('another account counts when all was confirmed by watches that were opened with its token', async () => {
  expect(await marks.current()).toEqual(['account:a']);
  shown = ['account:b'];
  nowMs = MINUTE;
  expect(await marks.current()).toEqual(['account:a']);
  // Confirmed at this moment, but perhaps by a watch of before.
  nowMs = 2 * MINUTE;
  expect(await marks.current()).toEqual(['account:a']);
  // Long ago, but not confirmed since.
  [nowMs, state.ageMs] = [60 * MINUTE, 59 * MINUTE];
  expect([await marks.current(), changes]).toEqual([['account:a'], 0]);
  state.ageMs = SECOND;
  expect([await marks.current(), changes]).toEqual([['account:b'], 1]);
  expect([await marks.current(), changes]).toEqual([['account:b'], 1]);
});

test('what was shown for a moment begins anew, and never counts', async () => {
  await marks.current();
  for (let minute = 0; minute < 10; minute += 1) {
    shown = [minute % 2 === 0 ? 'authority:x' : 'account:a'];
    nowMs = minute * MINUTE;
    expect(await marks.current()).toEqual(['account:a']);
  }
  shown = ['account:b'];
  expect(await marks.current()).toEqual(['account:a']);
  shown = ['account:c'];
  nowMs += 3 * MINUTE;
  expect([await marks.current(), changes]).toEqual([['account:a'], 0]);
});

test('until everything was told, what is shown now counts: nothing is held that could be of a cluster before', async () => {
  [state.hasSynced, state.ageMs] = [false, undefined];
  shown = ['authority:x'];
  expect(await marks.current()).toEqual(['authority:x']);
  shown = ['account:a'];
  expect([await marks.current(), changes]).toEqual([['account:a'], 1]);
});
