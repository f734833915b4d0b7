import { ConfigError } from '../errors.ts';
import {
  DRY_RUN_FLAG,
  type DryRun,
  dryRunOf,
  namesOf,
  TIME_LIMIT_FLAG,
  type TimeLimitConfig,
  timeLimitOf,
  YES_FLAG,
} from './act.ts';
import { ASK_FLAGS, type AskConfig, askConfig, DOWNSTREAM_KUBECONFIG_FLAG, requireCluster } from './ask.ts';
import { type Environment, type Flag, flagReader, flagsOfRemoval, type Given, switchValue } from './flags.ts';

export interface AdoptionConfig extends AskConfig, TimeLimitConfig {
  /** All that the operator looks after, and those whose endpoint is off, when undefined. */
  readonly cluster: string | undefined;
  /** What Rancher left behind there is to be taken away. */
  readonly removes: boolean;
  readonly dryRun: DryRun;
  readonly yes: boolean;
}

export const ADOPTION_FLAGS: readonly Flag[] = flagsOfRemoval([
  {
    flag: 'remove-leftovers',
    help: "take away what Rancher's own controller left behind in CLUSTER; without it nothing is changed",
    fallback: 'false',
    typedOnly: true,
  },
  { ...DRY_RUN_FLAG, typedOnly: true },
  YES_FLAG,
  TIME_LIMIT_FLAG,
  DOWNSTREAM_KUBECONFIG_FLAG,
  ...ASK_FLAGS,
]);

/** @throws {ConfigError} */
export function adoptionConfig(
  given: Given,
  env: Environment,
  home: string,
  args: readonly string[],
): AdoptionConfig {
  const text = flagReader(ADOPTION_FLAGS, given, env);
  const [cluster] = namesOf('cluster', args);
  const removes = switchValue('remove-leftovers', text('remove-leftovers'));
  const dryRun = dryRunOf(text);
  const yes = switchValue('yes', text('yes'));
  if (removes && cluster === undefined)
    throw new ConfigError('--remove-leftovers: of which cluster? name it');
  if (!removes && (yes || dryRun !== 'none'))
    throw new ConfigError('--yes and --dry-run belong to --remove-leftovers: without it nothing is changed');
  const ask = askConfig(given, env, home, ADOPTION_FLAGS);
  requireCluster(ask.downstreamKubeconfig, cluster);
  return Object.freeze({ ...ask, ...timeLimitOf(text), cluster, removes, dryRun, yes });
}
