import { isObjectName } from '../api/names.ts';
import { ConfigError } from '../errors.ts';
import { TIMEOUT_HELP, typedName } from './act.ts';
import {
  ASK_FLAGS,
  type AskConfig,
  askConfig,
  CLUSTER_FLAG,
  DOWNSTREAM_KUBECONFIG_FLAG,
  requireCluster,
} from './ask.ts';
import {
  type Environment,
  type Flag,
  flagReader,
  type Given,
  oneOf,
  switchValue,
  waitingTime,
} from './flags.ts';

export interface StatusConfig extends AskConfig {
  /** One cluster and its tokens; all clusters without it. */
  readonly cluster: string | undefined;
  readonly watch: boolean;
  readonly intervalMs: number;
  /** Whether the clusters are asked themselves, beside the management plane. */
  readonly asksClusters: boolean;
}

export const STATUS_FLAGS: readonly Flag[] = [
  { flag: 'watch', short: 'w', help: 'look again and again, until interrupted', fallback: 'false' },
  { flag: 'interval', placeholder: 'DURATION', help: 'how often, with --watch', fallback: '2s' },
  {
    flag: 'management-only',
    help: 'do not ask the clusters themselves: leaves out authenticators, and what is there',
    fallback: 'false',
  },
  DOWNSTREAM_KUBECONFIG_FLAG,
  ...ASK_FLAGS,
];

/** @throws {ConfigError} */
export function statusConfig(
  args: readonly string[],
  given: Given,
  env: Environment,
  home: string,
): StatusConfig {
  const text = flagReader(STATUS_FLAGS, given, env);
  const ask = askConfig(given, env, home, STATUS_FLAGS);
  requireCluster(ask.downstreamKubeconfig, args[0]);
  return Object.freeze({
    ...ask,
    cluster: args[0] === undefined ? undefined : typedName('cluster', args[0]),
    watch: switchValue('watch', text('watch')),
    intervalMs: waitingTime('interval', text('interval')),
    asksClusters: !switchValue('management-only', text('management-only')),
  });
}

export interface WaitConfig extends AskConfig {
  readonly token: string;
  readonly cluster: string | undefined;
  readonly until: 'propagated' | 'revoked';
  readonly timeoutMs: number;
  /** A token that nobody has seen counts as revoked. */
  readonly ignoreNotFound: boolean;
}

export const WAIT_FLAGS: readonly Flag[] = [
  {
    flag: 'for',
    placeholder: 'STATE',
    help: 'propagated: all that the cluster needs is there; revoked: the ClusterAuthToken is gone',
    fallback: 'propagated',
    choices: ['propagated', 'revoked'],
  },
  { flag: 'timeout', placeholder: 'DURATION', help: TIMEOUT_HELP, fallback: '60s' },
  {
    flag: 'ignore-not-found',
    help: 'with --for=revoked: a token that is nowhere to be seen from the start is revoked, not mistyped',
    fallback: 'false',
  },
  CLUSTER_FLAG,
  DOWNSTREAM_KUBECONFIG_FLAG,
  ...ASK_FLAGS,
];

/** @throws {ConfigError} */
export function waitConfig(
  args: readonly string[],
  given: Given,
  env: Environment,
  home: string,
): WaitConfig {
  const text = flagReader(WAIT_FLAGS, given, env);
  const token = typedName('token', args[0] ?? '');
  if (!isObjectName(token)) throw new ConfigError('wanted the name of a token, without its secret');
  return Object.freeze({
    ...askConfig(given, env, home, WAIT_FLAGS),
    token,
    cluster: text('cluster') || undefined,
    until: oneOf('for', text('for'), ['propagated', 'revoked'] as const),
    timeoutMs: waitingTime('timeout', text('timeout'), true),
    ignoreNotFound: switchValue('ignore-not-found', text('ignore-not-found')),
  });
}
