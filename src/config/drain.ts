import { ConfigError } from '../errors.ts';
import { DRY_RUN_FLAG, type DryRun, dryRunOf, namesOf, WAIT_FLAGS, type WaitConfig, waitOf } from './act.ts';
import { type AskConfig, askConfig, CONNECTION_FLAGS } from './ask.ts';
import { type Environment, type Flag, flagReader, type Given, switchValue } from './flags.ts';

export interface DrainConfig extends AskConfig, WaitConfig {
  readonly cluster: string;
  /** Switch ACE off first, where it is on. */
  readonly disableAce: boolean;
  readonly dryRun: DryRun;
}

export const DRAIN_FLAGS: readonly Flag[] = [
  {
    flag: 'disable-ace',
    help: 'set spec.localClusterAuthEndpoint.enabled of the Cluster to false first',
    fallback: 'false',
    typedOnly: true,
  },
  ...WAIT_FLAGS,
  DRY_RUN_FLAG,
  ...CONNECTION_FLAGS,
];

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
  return Object.freeze({
    ...askConfig(given, env, home),
    ...waitOf(text, dryRun),
    cluster,
    disableAce: switchValue('disable-ace', text('disable-ace')),
    dryRun,
  });
}
