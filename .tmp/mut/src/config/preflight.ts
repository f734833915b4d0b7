import { typedName } from './act.ts';
import { ASK_FLAGS, type AskConfig, askConfig, DOWNSTREAM_KUBECONFIG_FLAG, requireCluster } from './ask.ts';
import { type Environment, type Flag, flagReader, type Given, switchValue } from './flags.ts';

export interface PreflightConfig extends AskConfig {
  /** All clusters with ACE without it. */
  readonly cluster: string | undefined;
  readonly strict: boolean;
}

export const PREFLIGHT_FLAGS: readonly Flag[] = [
  {
    flag: 'strict',
    help: 'a credential that may do more than the operator needs is a fault, not a warning; an authenticator and webhook that could not be seen are not known, whoever asks',
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
  requireCluster(downstreamKubeconfig, args[0]);
  return Object.freeze({
    ...askConfig(given, env, home),
    cluster: args[0] === undefined ? undefined : typedName('cluster', args[0]),
    downstreamKubeconfig,
    strict: switchValue('strict', text('strict')),
  });
}
