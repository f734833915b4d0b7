import { ConfigError, TerminalError } from '../../errors.ts';
import { humanDuration } from '../../print/duration.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** What a token is issued for: each has limits of its own. */
export type Purpose = 'kubeconfig' | 'token';

/** Settings of the management plane that bound a token's life, in the order in which they are asked. */
export const LIMIT_SETTINGS: Readonly<
  Record<Purpose, { readonly max: readonly string[]; readonly fallback: string; readonly fallbackMs: number }>
> = {
  // Before there was a setting of its own, kubeconfig tokens had the limit of all others.
  kubeconfig: {
    max: ['kubeconfig-max-token-ttl-minutes', 'auth-token-max-ttl-minutes'],
    fallback: 'kubeconfig-default-token-ttl-minutes',
    fallbackMs: 30 * DAY_MS,
  },
  token: {
    max: ['auth-token-max-ttl-minutes'],
    fallback: 'auth-token-default-ttl-minutes',
    fallbackMs: 90 * DAY_MS,
  },
};

/** How long a token may live. */
export interface TtlLimits {
  /** Milliseconds; undefined is without limit. */
  readonly maxMs: number | undefined;
  /** The Setting that says so. */
  readonly maxSetting: string;
  /** Milliseconds for a token of which nobody said how long; 0 is for ever. */
  readonly fallbackMs: number;
}

/**
 * The limits that the Settings say.
 *
 * @param values - value of each Setting; undefined where there is none: no limit, and Rancher's present default
 * @throws {TerminalError} when one of them is no number
 */
export function ttlLimits(purpose: Purpose, values: Readonly<Record<string, string | undefined>>): TtlLimits {
  const { max, fallback, fallbackMs } = LIMIT_SETTINGS[purpose];
  const maxSetting = max.find((name) => values[name] !== undefined) ?? max[0] ?? '';
  const maxMs = minutes(maxSetting, values[maxSetting]) || undefined;
  const saidMs = minutes(fallback, values[fallback]);
  // No default of its own: as long as is allowed.
  const wantedMs = saidMs === undefined ? fallbackMs : saidMs || (maxMs ?? 0);
  return {
    maxMs,
    maxSetting,
    fallbackMs: maxMs === undefined ? wantedMs : Math.min(wantedMs || maxMs, maxMs),
  };
}

/**
 * Milliseconds of a Setting's whole number of minutes; 0 for none, or an empty value.
 *
 * @throws {TerminalError} for anything else: nobody knows what limit was meant
 */
function minutes(setting: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d{0,15}$/.test(text)) return Number(text) * MINUTE_MS;
  throw new TerminalError(
    'Malformed',
    `Setting ${setting}: wanted a whole number of minutes, got '${text}'; no token is issued by a limit that cannot be read`,
  );
}

/**
 * How long a new token lives. One that would live longer than is allowed is refused: what was asked for would not be
 * what is got.
 *
 * @param askedMs - milliseconds; 0 is for ever; undefined when nobody said
 * @returns milliseconds; 0 is for ever
 * @throws {ConfigError} when it is more than is allowed
 */
export function resolveTtl(askedMs: number | undefined, limits: TtlLimits): number {
  if (askedMs === undefined) return limits.fallbackMs;
  const { maxMs, maxSetting } = limits;
  if (maxMs !== undefined && (askedMs === 0 || askedMs > maxMs)) {
    throw new ConfigError(
      `--ttl: ${askedMs === 0 ? 'for ever' : humanDuration(askedMs)} is more than the ${humanDuration(maxMs)} that Setting ${maxSetting} allows`,
    );
  }
  return askedMs;
}
