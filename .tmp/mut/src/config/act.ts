import { isObjectName } from '../api/names.ts';
import { ConfigError } from '../errors.ts';
import { duration, type Flag, oneOf, switchValue, waitingTime } from './flags.ts';
import { requireName } from './whole-bearer.ts';

/** Flags and rules that commands which change something share. */

export const DRY_RUNS = ['none', 'client', 'server'] as const;
/** `client`: nothing is sent; `server`: the API server does all but store it. */
export type DryRun = (typeof DRY_RUNS)[number];

export const DRY_RUN_FLAG: Flag = {
  flag: 'dry-run',
  placeholder: 'MODE',
  help: 'none, client (say what would be done) or server (the API server tries it and stores nothing)',
  fallback: 'none',
  choices: DRY_RUNS,
};

export const TIMEOUT_HELP =
  'how long to wait, such as 30s or 5m; 0s looks once, for as long as a request may take';

export const WAIT_FLAGS: readonly Flag[] = [
  { flag: 'wait', help: 'do not return before it took effect downstream', fallback: 'false' },
  { flag: 'timeout', placeholder: 'DURATION', help: TIMEOUT_HELP, fallback: '2m' },
];

/** Whoever answers each request slowly may not hold a command for as many times as there are objects. */
export const TIME_LIMIT_FLAG: Flag = {
  flag: 'time-limit',
  placeholder: 'DURATION',
  help: 'how long the changes in one place may take together, such as 90s; what is left then is said',
  fallback: '10m',
};

/** How long the changes of one API server may take together, in milliseconds. */
export interface TimeLimitConfig {
  readonly timeLimitMs: number;
}

/** @throws {ConfigError} also for no time at all */
export function timeLimitOf(text: Text): TimeLimitConfig {
  return { timeLimitMs: waitingTime('time-limit', text('time-limit')) };
}

export const YES_FLAG: Flag = {
  flag: 'yes',
  short: 'y',
  help: 'do not ask',
  fallback: 'false',
  typedOnly: true,
};

/** How long to wait for the effect; undefined is not at all. */
export interface WaitConfig {
  readonly timeoutMs: number | undefined;
}

type Text = (flag: string) => string;

/** @throws {ConfigError} */
export function dryRunOf(text: Text): DryRun {
  return oneOf('dry-run', text('dry-run'), DRY_RUNS);
}

/** @throws {ConfigError} also when there is nothing to wait for */
export function waitOf(text: Text, dryRun: DryRun): WaitConfig {
  const timeoutMs = waitingTime('timeout', text('timeout'), true);
  if (!switchValue('wait', text('wait'))) return { timeoutMs: undefined };
  if (dryRun !== 'none') throw new ConfigError('--wait: a dry run takes no effect that could be waited for');
  return { timeoutMs };
}

/** A name that was given, or undefined. @throws {ConfigError} when nothing can have that name */
export function nameOf(flag: string, text: Text): string | undefined {
  const value = text(flag);
  if (value === '') return undefined;
  if (!isObjectName(value)) throw new ConfigError(`--${flag}: '${value}' cannot be the name of an object`);
  return value;
}

/** A length of time that was given, in milliseconds, or undefined. @throws {ConfigError} */
export function durationOf(flag: string, text: Text): number | undefined {
  return text(flag) === '' ? undefined : duration(flag, text(flag));
}

/** Kinds whose objects are named as arguments, as `-o name` writes them before a name: ours, and kubectl's. */
const KIND_PREFIXES = {
  token: /^tokens?(\.management\.cattle\.io)?\//,
  cluster: /^(clusters?(\.management\.cattle\.io)?|clusterpropagations?(\.ace-operator\.io)?|cprop)\//,
} as const;
export type NamedKind = keyof typeof KIND_PREFIXES;

/** The name alone, of `NAME` or `KIND/NAME`. Whether it can be a name is not looked at. */
export function typedName(what: NamedKind, typed: string): string {
  return typed.replace(KIND_PREFIXES[what], '');
}

/** Arguments that are names of objects. @throws {ConfigError} naming the first that cannot be one */
export function namesOf(what: NamedKind, args: readonly string[]): readonly string[] {
  for (const name of args) requireName(`the name of the ${what}`, name);
  const names = args.map((typed) => typedName(what, typed));
  const bad = names.findIndex((name) => !isObjectName(name));
  if (bad >= 0) throw new ConfigError(`'${args[bad]}' cannot be the name of a ${what}`);
  return [...new Set(names)];
}
