import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isObjectName } from '../../../src/api/names.ts';
import { type EventBody, EventRecorder, type Regarding } from '../../../src/telemetry/events.ts';

const HOUR = 3_600_000;
const TOKEN: Regarding = { apiVersion: 'management.cattle.io/v3', kind: 'Token', name: 't-1', uid: 'uid-1' };
const PROPAGATED = { reason: 'Propagated', message: 'Token t-1 is usable in cluster c-1', warning: false };

let posted: EventBody[];
let outcomes: string[];
let recorder: EventRecorder;

const aRecorder = (): EventRecorder =>
  new EventRecorder({ post: async (event) => void posted.push(event) }, (outcome) => outcomes.push(outcome));

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  // The cache reads this clock, by a reference that fake timers do not reach.
  vi.spyOn(performance, 'now').mockImplementation(() => Date.now());
  posted = [];
  outcomes = [];
  recorder = aRecorder();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('EventRecorder', () => {
  test('an Event says what happened to which object', () => {
    recorder.record(TOKEN, PROPAGATED);
    expect(posted).toEqual([
      expect.objectContaining({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: expect.stringMatching(/^t-1\.[0-9a-f]{16}$/), namespace: 'default' },
        involvedObject: TOKEN,
        type: 'Normal',
        reason: 'Propagated',
        message: PROPAGATED.message,
        firstTimestamp: '2026-01-01T00:00:00Z',
        count: 1,
      }),
    ]);
  });

  test('a warning is one', () => {
    recorder.record(TOKEN, { ...PROPAGATED, warning: true });
    expect(posted[0]?.['type']).toBe('Warning');
  });

  test('the same is said once an hour', () => {
    for (let i = 0; i < 5; i += 1) recorder.record(TOKEN, PROPAGATED);
    expect([posted.length, outcomes]).toEqual([
      1,
      ['posted', 'repeated', 'repeated', 'repeated', 'repeated'],
    ]);
    vi.advanceTimersByTime(HOUR + 1_000);
    recorder.record(TOKEN, PROPAGATED);
    expect(posted).toHaveLength(2);
  });

  const others: Record<string, { regarding?: Partial<Regarding>; event?: Partial<typeof PROPAGATED> }> = {
    'another reason': { event: { reason: 'Repaired' } },
    'another message': { event: { message: 'in cluster c-2' } },
    'another object': { regarding: { name: 't-2', uid: 'uid-2' } },
    'a recreated object': { regarding: { uid: 'uid-again' } },
  };
  for (const [title, { regarding, event }] of Object.entries(others)) {
    test(`${title} is something else`, () => {
      recorder.record(TOKEN, PROPAGATED);
      recorder.record({ ...TOKEN, ...regarding }, { ...PROPAGATED, ...event });
      expect(posted).toHaveLength(2);
      expect(posted[0]?.metadata.name).not.toBe(posted[1]?.metadata.name);
    });
  }

  test('another process gives the same Event the same name, so that the server refuses it', () => {
    recorder.record(TOKEN, PROPAGATED);
    aRecorder().record(TOKEN, PROPAGATED);
    expect(posted[0]?.metadata.name).toBe(posted[1]?.metadata.name);
  });

  test('what exists already is not said again', () => {
    recorder.record(TOKEN, PROPAGATED);
    const restarted = aRecorder();
    restarted.remember(posted.map(({ metadata }) => metadata.name));
    restarted.record(TOKEN, PROPAGATED);
    expect(posted).toHaveLength(1);
  });

  test('a flood is cut at the budget, which fills up again with time', () => {
    const flood = (count: number, offset: number): void => {
      for (let i = 0; i < count; i += 1) recorder.record({ ...TOKEN, uid: `uid-${offset + i}` }, PROPAGATED);
    };
    flood(1_000, 0);
    expect(posted).toHaveLength(50);
    vi.advanceTimersByTime(1_000);
    flood(1_000, 1_000);
    expect(posted).toHaveLength(60);
    vi.advanceTimersByTime(HOUR / 2);
    flood(1_000, 2_000);
    expect(posted).toHaveLength(110);
  });

  test('what was dropped may be said later', () => {
    for (let i = 0; i < 60; i += 1) recorder.record({ ...TOKEN, uid: `uid-${i}` }, PROPAGATED);
    vi.advanceTimersByTime(10_000);
    recorder.record({ ...TOKEN, uid: 'uid-59' }, PROPAGATED);
    expect(posted).toHaveLength(51);
  });

  test('a repetition costs no budget', () => {
    for (let i = 0; i < 1_000; i += 1) recorder.record(TOKEN, PROPAGATED);
    for (let i = 0; i < 60; i += 1) recorder.record({ ...TOKEN, uid: `other-${i}` }, PROPAGATED);
    expect(posted).toHaveLength(50);
  });

  test('a very long message is cut', () => {
    recorder.record(TOKEN, { ...PROPAGATED, message: 'x'.repeat(5_000) });
    expect(String(posted[0]?.['message']).length).toBe(1_000);
  });

  test('its name is one that the API server takes, however long the object’s is', () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?$/);
    const names = fc
      .array(label, { minLength: 1, maxLength: 40 })
      .map((labels) => labels.join('.'))
      .filter(isObjectName);
    fc.assert(
      fc.property(names, (name) => {
        vi.advanceTimersByTime(10_000);
        posted = [];
        aRecorder().record({ ...TOKEN, name }, PROPAGATED);
        expect(posted.map(({ metadata }) => metadata.name)).toSatisfy((all: string[]) =>
          all.every(isObjectName),
        );
      }),
      { numRuns: 300, examples: [[`${'a'.repeat(199)}.b`], [`${'a'.repeat(199)}-b`]] },
    );
  });
});
