import { ConfigError } from '../errors.ts';
import { typedName } from './act.ts';
import { ASK_FLAGS, type AskConfig, askConfig } from './ask.ts';
import { DOWNSTREAM_KUBECONFIG_FLAG } from './explain.ts';
import { type Environment, type Flag, flagReader, type Given, switchValue } from './flags.ts';

export interface PreflightConfig extends AskConfig {
  /** All clusters with ACE without it. */
  readonly cluster: string | undefined;
  readonly strict: boolean;
  readonly downstreamKubeconfig: string | undefined;
}

export const PREFLIGHT_FLAGS: readonly Flag[] = [
  {
    flag: 'strict',
    help: 'a credential that may do more than the operator needs is a fault, not a warning',
    fallback: 'false',
  },
  {
    ...DOWNSTREAM_KUBECONFIG_FLAG,
    help: "an administrator's kubeconfig of the cluster, for what the operator's credential may not see",
  },
  ...ASK_FLAGS,
];

/** @throws {ConfigError} */
export function preflightConfig(
  args: readonly string[],
  given: Given,
  env: Environment,
  home: string,
): PreflightConfig {
  const text = flagReader(PREFLIGHT_FLAGS, given, env);
  const downstreamKubeconfig = text('downstream-kubeconfig') || undefined;
  if (downstreamKubeconfig !== undefined && args[0] === undefined) {
    throw new ConfigError('--downstream-kubeconfig: wanted the cluster that it belongs to, too');
  }
  return Object.freeze({
    ...askConfig(given, env, home),
    cluster: args[0] === undefined ? undefined : typedName('cluster', args[0]),
    downstreamKubeconfig,
    strict: switchValue('strict', text('strict')),
  });
}
