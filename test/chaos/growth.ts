/** What is read of a program from outside, at one moment. */
export interface Sample {
  readonly atMs: number;
  /** What is still in use after its garbage was collected: what is resident follows V8's moods, which are steps of 30 MB. */
  readonly liveMb: number;
  readonly residentMb: number;
  readonly files: number;
  readonly sockets: number;
  readonly resources: number;
  readonly timers: number;
}

export type Measure = Exclude<keyof Sample, 'atMs'>;

export interface Growth {
  readonly measure: Measure;
  readonly least: number;
  readonly most: number;
  /** Of the floor. */
  readonly perHour: number;
  readonly isLeak: boolean;
}

/** What may be added in an hour, by which a leak is told from breathing. Of what is resident the slope says nothing in minutes: it has a limit. */
const MAY_RISE: Readonly<Record<Exclude<Measure, 'residentMb'>, number>> = {
  liveMb: 20,
  files: 10,
  sockets: 10,
  resources: 20,
  timers: 20,
};
const MAX_RESIDENT_MB = 400;
/** Over so long moods even out, and what is outside of V8 (of OpenSSL, say) is seen in nothing else. */
const LONG_MS = 40 * 60_000;
const RESIDENT_MAY_RISE = 60;
const WINDOWS = 10;
/** So many windows at either end are held against each other. */
const ENDS = 3;

/**
 * How each measure grew. The first third is not counted: stores and caches fill.
 *
 * A leak raises the floor: steeply enough, by more than one sample may be off, and so that the last floors are all above the first ones.
 * Connections and timers come and go by dozens, so that a slope alone proves nothing in ten minutes.
 */
export function growthOf(all: readonly Sample[]): readonly Growth[] {
  const counted = all.slice(Math.floor(all.length / 3));
  return [...(Object.keys(MAY_RISE) as (keyof typeof MAY_RISE)[]), 'residentMb' as const].map((measure) => {
    const values = counted.map((one) => one[measure]);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const floors = floorsOf(counted, measure);
    const perHour = slopePerHour(floors, measure);
    if (measure === 'residentMb') {
      const isRising = spanMs(counted) >= LONG_MS && perHour > RESIDENT_MAY_RISE && isParted(floors, measure);
      return { measure, least, most, perHour, isLeak: most > MAX_RESIDENT_MB || isRising };
    }
    const grown = (perHour * spanMs(counted)) / 3_600_000;
    const isSteep = perHour > MAY_RISE[measure] && grown > MAY_RISE[measure] / 2;
    return { measure, least, most, perHour, isLeak: isSteep && isParted(floors, measure) };
  });
}

const spanMs = (all: readonly Sample[]): number => (all.at(-1)?.atMs ?? 0) - (all[0]?.atMs ?? 0);

/** What breathes goes back to its floor, what leaks raises it: the least of each of some windows, one after the other. */
function floorsOf(all: readonly Sample[], measure: Measure): readonly Sample[] {
  const size = Math.max(1, Math.ceil(all.length / WINDOWS));
  const windows = Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );
  return windows.map((some) => some.reduce((least, one) => (one[measure] < least[measure] ? one : least)));
}

function isParted(floors: readonly Sample[], measure: Measure): boolean {
  const [first, last] = [floors.slice(0, ENDS), floors.slice(-ENDS)];
  return Math.min(...last.map((one) => one[measure])) > Math.max(...first.map((one) => one[measure]));
}

/** Least squares. */
function slopePerHour(all: readonly Sample[], measure: Measure): number {
  const meanMs = all.reduce((sum, { atMs }) => sum + atMs, 0) / all.length;
  const mean = all.reduce((sum, one) => sum + one[measure], 0) / all.length;
  const [up, down] = all.reduce(
    ([above, below], one) => [
      above + (one.atMs - meanMs) * (one[measure] - mean),
      below + (one.atMs - meanMs) ** 2,
    ],
    [0, 0],
  );
  return down === 0 ? 0 : (up / down) * 3_600_000;
}
