import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PlaneClock } from '../../../src/kube/plane-clock.ts';

const HOUR = 3_600_000;
const PLANE = Date.parse('2026-01-01T00:00:00Z');

beforeEach(() => {
  vi.useFakeTimers({ now: PLANE + HOUR });
});
afterEach(() => {
  vi.useRealTimers();
});

test('is our own clock until the plane has said something that can be read', () => {
  const clock = new PlaneClock(Date.now);
  clock.told(undefined);
  clock.told('soon');
  expect(clock.now()).toBe(PLANE + HOUR);
});

test('is what the plane said last, and goes on whatever is done to our own', () => {
  const clock = new PlaneClock(Date.now);
  clock.told('Thu, 01 Jan 2026 00:00:00 GMT');
  vi.advanceTimersByTime(1_500);
  expect(clock.now()).toBe(PLANE + 1_500);
  vi.setSystemTime(PLANE + 24 * HOUR);
  expect(clock.now()).toBe(PLANE + 1_500);
  clock.told('Thu, 01 Jan 2026 00:00:02 GMT');
  expect(clock.now()).toBe(PLANE + 2_000);
});
