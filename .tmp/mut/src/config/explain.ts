import { ConfigError } from '../errors.ts';
import { typedName } from './act.ts';
import { ASK_FLAGS, type AskConfig, askConfig, CLUSTER_FLAG, DOWNSTREAM_KUBECONFIG_FLAG } from './ask.ts';
import { type Environment, type Flag, flagReader, type Given, switchValue } from './flags.ts';
import { requireName } from './whole-bearer.ts';

/** What `explain` was asked. */
export interface ExplainConfig extends AskConfig {
  /** Exactly one of the two is given. */
  readonly tokenName: string | undefined;
  /** `-` is standard input. */
  readonly kubeconfigFile: string | undefined;
  readonly givenContext: string | undefined;
  readonly cluster: string | undefined;
  /** Read the files that the given kubeconfig names. */
  readonly followFiles: boolean;
  readonly canI: string;
  readonly canINamespace: string;
}

const OWN_FLAGS: readonly Flag[] = [
  {
    flag: 'kubeconfig-file',
    short: 'f',
    placeholder: 'FILE',
    help: 'the kubeconfig that is refused, - for standard input; its bearer is checked, too, and shown nowhere',
    fallback: '',
  },
  {
    flag: 'follow-files',
    help: 'read the files that the given kubeconfig names (token, CA): for a file of your own, as it may name any of your secrets',
    fallback: 'false',
    typedOnly: true,
  },
  {
    flag: 'management-context',
    placeholder: 'NAME',
    help: "context of the management plane's kubeconfig, where --context is the other's",
    fallback: '',
  },
  CLUSTER_FLAG,
  DOWNSTREAM_KUBECONFIG_FLAG,
  {
    flag: 'can-i',
    placeholder: "'VERB RESOURCE'",
    help: "also ask whether the token's user may do this, such as 'get pods' or 'create deployments.apps'",
    fallback: '',
  },
  {
    flag: 'can-i-namespace',
    placeholder: 'NAME',
    help: 'in this namespace; in all of them without it',
    fallback: '',
  },
];

const CONTEXT_HELP = 'context of --kubeconfig-file where that is given, else of --kubeconfig';

export const EXPLAIN_FLAGS: readonly Flag[] = [
  ...OWN_FLAGS,
  ...ASK_FLAGS.map((flag) => (flag.flag === 'context' ? { ...flag, help: CONTEXT_HELP } : flag)),
];

/** @throws {ConfigError} naming the flag or argument, what was wanted and what was given */
export function explainConfig(
  args: readonly string[],
  given: Given,
  env: Environment,
  home: string,
): ExplainConfig {
  const text = flagReader(EXPLAIN_FLAGS, given, env);
  const tokenName = args[0] === undefined ? undefined : typedName('token', args[0]);
  const kubeconfigFile = text('kubeconfig-file') || undefined;
  if ((tokenName === undefined) === (kubeconfigFile === undefined)) {
    throw new ConfigError('wanted the name of a token, or --kubeconfig-file FILE, and not both');
  }
  if (tokenName !== undefined) requireName('the name of the token', tokenName);
  const context = kubeconfigFile === undefined ? text('context') : text('management-context');
  return Object.freeze({
    ...askConfig({ ...given, context: context || undefined }, { ...env, ACE_CONTEXT: undefined }, home),
    tokenName,
    kubeconfigFile,
    givenContext: text('context') || undefined,
    cluster: text('cluster') || undefined,
    downstreamKubeconfig: text('downstream-kubeconfig') || undefined,
    followFiles: switchValue('follow-files', text('follow-files')),
    canI: text('can-i'),
    canINamespace: text('can-i-namespace'),
  });
}
