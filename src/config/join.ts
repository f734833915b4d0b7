import { ConfigError } from '../errors.ts';
import { DRY_RUN_FLAG, type DryRun, dryRunOf, namesOf, YES_FLAG } from './act.ts';
import { type AskConfig, askConfig, CONNECTION_FLAGS } from './ask.ts';
import {
  duration,
  type Environment,
  type Flag,
  flagReader,
  flagsOfRemoval,
  type Given,
  switchValue,
} from './flags.ts';

const HOUR_MS = 3_600_000;
/** API servers take ten minutes at least; what is shorter than an hour nobody can renew in time. */
const [LEAST_MS, MOST_MS] = [HOUR_MS, 10 * 8_760 * HOUR_MS];

export interface JoinConfig extends AskConfig {
  readonly cluster: string;
  readonly downstreamKubeconfig: string;
  /** Address of the cluster as the operator reaches it; undefined: as that kubeconfig has it. */
  readonly server: string | undefined;
  /** How long the credential should be good, in milliseconds. */
  readonly durationMs: number;
  /** A new credential, though the one that is there is good. */
  readonly rotate: boolean;
  /** The operator renews it by itself from then on. */
  readonly renew: boolean;
  readonly dryRun: DryRun;
}

export interface LeaveConfig extends AskConfig {
  readonly cluster: string;
  readonly downstreamKubeconfig: string;
  readonly yes: boolean;
  readonly dryRun: DryRun;
}

const ADMIN_FLAG: Flag = {
  flag: 'downstream-kubeconfig',
  placeholder: 'FILE',
  help: 'a kubeconfig of an administrator of the downstream cluster',
  fallback: '',
  typedOnly: true,
};

export const JOIN_FLAGS: readonly Flag[] = [
  ADMIN_FLAG,
  {
    flag: 'server',
    placeholder: 'URL',
    help: 'address of the cluster as the operator reaches it; without it the one in that kubeconfig',
    fallback: '',
  },
  {
    flag: 'duration',
    placeholder: 'DURATION',
    help: 'how long the credential is to be good, such as 90d; the cluster may make it shorter',
    fallback: '365d',
  },
  {
    flag: 'renew',
    help: 'have the operator renew the credential before it ends, until join is run without this; whoever steals it can renew it, too',
    fallback: 'false',
    typedOnly: true,
  },
  {
    flag: 'rotate',
    help: 'a new credential, though the one that is there is good, or of another account',
    fallback: 'false',
    typedOnly: true,
  },
  DRY_RUN_FLAG,
  ...CONNECTION_FLAGS,
];

export const LEAVE_FLAGS: readonly Flag[] = flagsOfRemoval([
  ADMIN_FLAG,
  YES_FLAG,
  DRY_RUN_FLAG,
  ...CONNECTION_FLAGS,
]);

/** @throws {ConfigError} */
export function joinConfig(
  given: Given,
  env: Environment,
  home: string,
  args: readonly string[],
): JoinConfig {
  const text = flagReader(JOIN_FLAGS, given, env);
  const config = askConfig(given, env, home, JOIN_FLAGS);
  const durationMs = duration('duration', text('duration'));
  if (durationMs < LEAST_MS || durationMs > MOST_MS)
    throw new ConfigError(`--duration: wanted from 1h to 10 years, given '${text('duration')}'`);
  return Object.freeze({
    ...{ ...config, ...adminOf(config), durationMs, cluster: oneCluster(args) },
    server: serverOf(text('server')),
    rotate: switchValue('rotate', text('rotate')),
    renew: switchValue('renew', text('renew')),
    dryRun: dryRunOf(text),
  });
}

/** @throws {ConfigError} */
export function leaveConfig(
  given: Given,
  env: Environment,
  home: string,
  args: readonly string[],
): LeaveConfig {
  const text = flagReader(LEAVE_FLAGS, given, env);
  const config = askConfig(given, env, home, LEAVE_FLAGS);
  return Object.freeze({
    ...{ ...config, ...adminOf(config) },
    cluster: oneCluster(args),
    yes: switchValue('yes', text('yes')),
    dryRun: dryRunOf(text),
  });
}

function adminOf({ downstreamKubeconfig }: AskConfig): { readonly downstreamKubeconfig: string } {
  if (downstreamKubeconfig === undefined)
    throw new ConfigError('--downstream-kubeconfig: wanted a kubeconfig of an administrator of the cluster');
  return { downstreamKubeconfig };
}

function oneCluster(args: readonly string[]): string {
  const [cluster] = namesOf('cluster', args);
  if (cluster === undefined) throw new ConfigError('which cluster? name it');
  return cluster;
}

function serverOf(value: string): string | undefined {
  if (value === '') return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isPlain = url?.protocol === 'https:' && !url.username && !url.password && !url.search && !url.hash;
  if (!isPlain) throw new ConfigError(`--server: wanted https://HOST[:PORT], given '${value}'`);
  return value;
}
