import type { Row } from './scenario.ts';

type Bar = NonNullable<Row['bar']>;

/** A figure that is to be small. @param unit - as it is said in the text */
export function atMost(value: number, limit: number, unit: string): { readonly bar: Bar } {
  return { bar: { text: `≤ ${limit} ${unit}`.trim(), met: value <= limit } };
}

/** A figure that is to be at most so many times another; both are shown. */
export function atMostTimes(value: number, factor: number, yardstick: NonNullable<Row['yardstick']>) {
  return { yardstick, bar: { text: `≤ ${factor} ×`, met: value <= factor * yardstick.value } };
}

/** A figure that is to be at least so many times another; both are shown. */
export function atLeastTimes(value: number, factor: number, yardstick: NonNullable<Row['yardstick']>) {
  return { yardstick, bar: { text: `≥ ${factor} ×`, met: value >= factor * yardstick.value } };
}
