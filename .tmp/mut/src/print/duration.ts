const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** Two units where the larger alone would say too little, as kubectl has it: `119s`, `9m59s`, `3h`, `3d4h`, `2y10d`. */
const STEPS: readonly { below: number; units: readonly [string, number][] }[] = [
  { below: 2 * MINUTE, units: [['s', SECOND]] },
  {
    below: 10 * MINUTE,
    units: [
      ['m', MINUTE],
      ['s', SECOND],
    ],
  },
  { below: 3 * HOUR, units: [['m', MINUTE]] },
  {
    below: 8 * HOUR,
    units: [
      ['h', HOUR],
      ['m', MINUTE],
    ],
  },
  { below: 2 * DAY, units: [['h', HOUR]] },
  {
    below: 8 * DAY,
    units: [
      ['d', DAY],
      ['h', HOUR],
    ],
  },
  { below: 2 * YEAR, units: [['d', DAY]] },
  {
    below: 8 * YEAR,
    units: [
      ['y', YEAR],
      ['d', DAY],
    ],
  },
  { below: Number.POSITIVE_INFINITY, units: [['y', YEAR]] },
];

/** A length of time for people. Negative lengths are none. @param ms - milliseconds */
export function humanDuration(ms: number): string {
  let left = Math.max(0, ms);
  const { units } = STEPS.find(({ below }) => left < below) ?? { units: [] };
  const parts = units.map(([unit, length]) => {
    const count = Math.floor(left / length);
    left -= count * length;
    return { unit, count };
  });
  const shown = parts.filter(({ count }, index) => index === 0 || count > 0);
  return shown.map(({ unit, count }) => `${count}${unit}`).join('');
}

/** How long ago a moment was; `fallback` when there was none. */
export function age(atMs: number | undefined, nowMs: number, fallback = '<none>'): string {
  return atMs === undefined ? fallback : humanDuration(nowMs - atMs);
}

/** When a moment comes, or came: `3d4h`, or `expired 5m ago` by way of `past`. */
export function until(atMs: number | undefined, nowMs: number, past: (ago: string) => string): string {
  if (atMs === undefined) return 'never';
  return atMs > nowMs ? humanDuration(atMs - nowMs) : past(humanDuration(nowMs - atMs));
}
