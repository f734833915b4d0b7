import { ConfigError } from '../errors.ts';
import { DRY_RUN_FLAG, type DryRun, dryRunOf, namesOf, WAIT_FLAGS, type WaitConfig, waitOf } from './act.ts';
import { type AskConfig, askConfig, CONNECTION_FLAGS, DOWNSTREAM_KUBECONFIG_FLAG } from './ask.ts';
import { type Environment, type Flag, flagReader, flagsOfRemoval, type Given, switchValue } from './flags.ts';

export interface DrainConfig extends AskConfig, WaitConfig {
  readonly cluster: string;
  /** Let the operator put everything back. */
  readonly undo: boolean;
  readonly dryRun: DryRun;
}

export const DRAIN_FLAGS: readonly Flag[] = flagsOfRemoval([
  {
    flag: 'undo',
    help: 'end it: the operator puts everything back',
    fallback: 'false',
    typedOnly: true,
  },
  ...WAIT_FLAGS,
  DRY_RUN_FLAG,
  DOWNSTREAM_KUBECONFIG_FLAG,
  ...CONNECTION_FLAGS,
]);

/** @throws {ConfigError} */
export function drainConfig(
  given: Given,
  env: Environment,
  home: string,
  args: readonly string[],
): DrainConfig {
  const text = flagReader(DRAIN_FLAGS, given, env);
  const dryRun = dryRunOf(text);
  const [cluster] = namesOf('cluster', args);
  if (cluster === undefined) throw new ConfigError('which cluster? name it');
  const undo = switchValue('undo', text('undo'));
  const wait = waitOf(text, dryRun);
  if (undo && wait.timeoutMs !== undefined)
    throw new ConfigError('--wait: waits for Drained; see `wait` and `status` for what --undo brings back');
  return Object.freeze({ ...askConfig(given, env, home, DRAIN_FLAGS), ...wait, cluster, undo, dryRun });
}
