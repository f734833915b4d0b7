import { isObjectName } from '../api/names.ts';
import { ConfigError } from '../errors.ts';
import { splitAddress } from '../telemetry/address.ts';
import { isWholeBearer, requireName, wholeBearerError } from './whole-bearer.ts';

/** One flag: its name, what it means, its default, and whether it takes a value, several, or none. */
export interface Flag {
  readonly flag: string;
  /** What `--help` shows for the value; a flag without one is a switch. */
  readonly placeholder?: string;
  readonly help: string;
  readonly fallback: string;
  /** May be given several times; the values are joined by commas, or by {@link separator}. */
  readonly repeatable?: boolean;
  readonly separator?: string;
  /** One letter, for `-n`. */
  readonly short?: string;
  /** The values that are taken, for shell completion. */
  readonly choices?: readonly string[];
  /** Has no environment variable: what cannot be undone has to be said each time. */
  readonly typedOnly?: boolean;
  /**
   * Has none either, and one that is set is an error: it would have said where something is taken away, or whether at
   * all, and to leave it out would take away something else.
   */
  readonly refusesVariable?: boolean;
  /** A value of nothing means something; elsewhere it is a shell variable that was not set. */
  readonly mayBeEmpty?: boolean;
}

/** Flag values by flag name, as typed. */
export type Given = Readonly<Record<string, string | undefined>>;
export type Environment = Readonly<Record<string, string | undefined>>;

/** Environment variable of a flag: `--log-level` is `ACE_LOG_LEVEL`. */
export function environmentName(flag: string): string {
  return `ACE_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/**
 * Reads flags as text: what was given, else the environment, else the default.
 *
 * @throws {ConfigError} for a flag that was given and is empty, and for a variable that may not choose
 */
export function flagReader(flags: readonly Flag[], given: Given, env: Environment): (flag: string) => string {
  for (const flag of flags) requireMeant(flag, given, env);
  return (flag) => {
    const known = flags.find((candidate) => candidate.flag === flag);
    const isTyped = known?.typedOnly || known?.refusesVariable;
    const fromEnvironment = isTyped ? undefined : env[environmentName(flag)];
    return given[flag] ?? fromEnvironment ?? known?.fallback ?? '';
  };
}

function requireMeant(known: Flag, given: Given, env: Environment): void {
  const { flag, fallback, refusesVariable, mayBeEmpty } = known;
  const value = given[flag];
  requireNoBearer(known, `--${flag}`, value);
  requireNoBearer(known, environmentName(flag), env[environmentName(flag)]);
  if (value !== undefined) {
    // Where nothing is no default, the value is looked at anyhow.
    if (mayBeEmpty || fallback !== '' || value.trim() !== '') return;
    throw new ConfigError(
      `--${flag}: it is empty; leave it out, or check the variable that it was to come from`,
    );
  }
  const name = environmentName(flag);
  if (!refusesVariable || !env[name]) return;
  throw new ConfigError(
    `${name} is set, and no variable decides what is taken away: unset it, or type --${flag}`,
  );
}

const NAMES: ReadonlySet<string | undefined> = new Set(['NAME', 'NAMES', 'ID']);

/** Before anything is said of what is wrong with it. Contexts have colons in their names. */
function requireNoBearer({ flag, placeholder }: Flag, where: string, value: string | undefined): void {
  if (value === undefined) return;
  if (isWholeBearer(value)) throw wholeBearerError(where);
  if (NAMES.has(placeholder) && !flag.endsWith('context')) requireName(where, value);
}

/** Of a command that takes something away a variable may set only how long it waits, and how the answer looks. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...['request-timeout', 'output', 'no-headers', 'wait', 'timeout', 'verbosity'],
]);

/** Flags of a command that takes something away. Those that have no variable anyhow stay as they are. */
export function flagsOfRemoval(flags: readonly Flag[]): readonly Flag[] {
  return flags.map((flag) =>
    flag.typedOnly || HARMLESS.has(flag.flag) ? flag : { ...flag, refusesVariable: true },
  );
}

/** @throws {ConfigError} naming the flag, what was wanted and what was given */
export function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new ConfigError(`--${flag}: wanted ${allowed.join(', ')}; got '${value}'`);
  return found;
}

/** @throws {ConfigError} */
export function namespaceName(flag: string, value: string): string {
  if (!isObjectName(value)) throw new ConfigError(`--${flag}: '${value}' cannot be the name of a namespace`);
  return value;
}

/** @throws {ConfigError} when it is no `host:port`, `[host]:port` or `:port` */
export function address(flag: string, value: string): string {
  try {
    splitAddress(value);
    return value;
  } catch {
    throw new ConfigError(`--${flag}: wanted host:port; got '${value}'`);
  }
}

/** @throws {ConfigError} */
export function switchValue(flag: string, value: string): boolean {
  return oneOf(flag, value, ['true', 'false'] as const) === 'true';
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `5m`, `1h`, `7d`. @returns milliseconds @throws {ConfigError} */
export function duration(flag: string, value: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(value);
  if (!match) throw new ConfigError(`--${flag}: wanted a duration such as 90s, 5m or 1h; got '${value}'`);
  return Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? 0);
}

/** Timers of Node that are set for longer than 2^31-1 ms end at once, and a request may take twice what it is told. */
const LONGEST_WAIT = { ms: 7 * 86_400_000, text: '7d' };

/**
 * A length of time that is waited for: some, and no more than a week.
 *
 * @param mayBeNone - 0 means something
 * @returns milliseconds
 * @throws {ConfigError}
 */
export function waitingTime(flag: string, value: string, mayBeNone = false): number {
  const ms = duration(flag, value);
  if (ms === 0 && !mayBeNone) throw new ConfigError(`--${flag}: wanted some time, such as 90s; got none`);
  if (ms > LONGEST_WAIT.ms)
    throw new ConfigError(
      `--${flag}: nobody waits for longer than ${LONGEST_WAIT.text} here; got '${value}'`,
    );
  return ms;
}

/** Values of a comma-separated list. */
export function list(value: string): readonly string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Whether nobody but this machine (or this Pod) can connect there. */
export function isLoopback(listen: string): boolean {
  const { host } = splitAddress(listen);
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Of both programs. */
export const DIAGNOSTICS_FLAG: Flag = {
  flag: 'diagnostics-listen',
  placeholder: 'ADDRESS',
  help: 'WARNING: for a search alone: hand out CPU and heap profiles here to everybody on this loopback, such as 127.0.0.1:6060; default off',
  fallback: '',
};

/** @throws {ConfigError} for anything but loopback */
export function diagnosticsAddress(text: (flag: string) => string): string | undefined {
  const value = text('diagnostics-listen');
  if (value === '') return undefined;
  if (isLoopback(address('diagnostics-listen', value))) return value;
  throw new ConfigError(
    `--diagnostics-listen: ${value} is not loopback, and profiles are for nobody else; kubectl port-forward reaches 127.0.0.1 of a Pod`,
  );
}

/** What both programs are told about logging. */
export const LOG_FLAGS: readonly Flag[] = [
  { flag: 'log-level', placeholder: 'LEVEL', help: 'error, warn, info or debug', fallback: 'info' },
  { flag: 'log-format', placeholder: 'FORMAT', help: 'json, or text for people', fallback: 'json' },
];
