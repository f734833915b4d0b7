import { ConfigError } from '../errors.ts';
import {
  DRY_RUN_FLAG,
  type DryRun,
  dryRunOf,
  nameOf,
  TIME_LIMIT_FLAG,
  type TimeLimitConfig,
  timeLimitOf,
  YES_FLAG,
} from './act.ts';
import { ASK_FLAGS, type AskConfig, askConfig, CLUSTER_FLAG } from './ask.ts';
import { type Environment, type Flag, flagReader, flagsOfRemoval, type Given, switchValue } from './flags.ts';

export interface CleanupConfig extends AskConfig, TimeLimitConfig {
  /** Only what was written for this management id. */
  readonly cluster: string | undefined;
  readonly dryRun: DryRun;
  readonly yes: boolean;
}

/** This command goes to the downstream cluster, and to no other. */
const OWN_FLAGS: Readonly<Record<string, Partial<Flag>>> = {
  kubeconfig: {
    help: 'kubeconfig of the downstream cluster; required, for no other file may be meant by chance',
    typedOnly: true,
  },
};
const LEFT_OUT: ReadonlySet<string> = new Set(['namespace', 'credential-namespaces']);

export const CLEANUP_FLAGS: readonly Flag[] = flagsOfRemoval([
  { ...CLUSTER_FLAG, help: 'only what was written for this management id', typedOnly: true },
  DRY_RUN_FLAG,
  YES_FLAG,
  TIME_LIMIT_FLAG,
  ...ASK_FLAGS.filter(({ flag }) => !LEFT_OUT.has(flag)).map((flag) => ({
    ...flag,
    ...OWN_FLAGS[flag.flag],
  })),
]);

/** @throws {ConfigError} also when no kubeconfig was named */
export function cleanupConfig(given: Given, env: Environment, home: string): CleanupConfig {
  const text = flagReader(CLEANUP_FLAGS, given, env);
  if (text('kubeconfig') === '')
    throw new ConfigError('--kubeconfig: name the kubeconfig of the downstream cluster');
  return Object.freeze({
    ...askConfig(given, env, home, CLEANUP_FLAGS),
    ...timeLimitOf(text),
    cluster: nameOf('cluster', text),
    dryRun: dryRunOf(text),
    yes: switchValue('yes', text('yes')),
  });
}
