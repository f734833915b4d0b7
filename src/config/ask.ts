import { join } from 'node:path';
import { ConfigError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { ACTING_FLAGS, type ActingAs, actingAs, VERBOSITY_FLAG } from './acting.ts';
import {
  type Environment,
  type Flag,
  flagReader,
  type Given,
  list,
  namespaceName,
  oneOf,
  switchValue,
  waitingTime,
} from './flags.ts';

/** What a person can be told a thing in. */
export const OUTPUT_FORMATS = ['table', 'wide', 'json', 'yaml', 'name'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** Where the management plane is: files in kubectl's order of precedence, empty for the pod's own account. */
export interface KubeconfigChoice {
  readonly files: readonly string[];
  /** Asked for by flag or environment, so that it has to be there; else the first that exists will do. */
  readonly required: boolean;
  readonly context: string | undefined;
  /** Undefined: as whom the file says. */
  readonly as?: ActingAs | undefined;
  /** Where a pod is told of its API server, for when there is no file. */
  readonly pod?: Environment;
}

/** What every command that a person uses can be told, parsed and frozen. */
export interface AskConfig {
  readonly kubeconfig: KubeconfigChoice;
  readonly namespace: string;
  readonly credentialNamespaces: readonly string[];
  /** Undefined: as the operator reports it. */
  readonly downstreamNamespace: string | undefined;
  /** Instead of the operator's credentials, for the one cluster that is asked. */
  readonly downstreamKubeconfig: string | undefined;
  readonly requestTimeoutMs: number;
  readonly output: OutputFormat;
  readonly headers: boolean;
  readonly userAgent: string;
}

/** How to reach the management plane, and where things are in it. */
export const CONNECTION_FLAGS: readonly Flag[] = [
  {
    flag: 'kubeconfig',
    placeholder: 'FILE',
    help: 'kubeconfig of the management plane; without it $KUBECONFIG, ~/.kube/config, the in-cluster service account',
    fallback: '',
  },
  { flag: 'context', placeholder: 'NAME', help: 'context of that kubeconfig', fallback: '' },
  {
    flag: 'namespace',
    short: 'n',
    placeholder: 'NAME',
    help: "the operator's own namespace there, with the credentials Secrets",
    fallback: 'ace-operator',
  },
  {
    flag: 'credential-namespaces',
    placeholder: 'NAMES',
    help: 'further namespaces with credentials Secrets, comma-separated',
    fallback: '',
  },
  {
    flag: 'downstream-namespace',
    placeholder: 'NAME',
    help: 'namespace of our objects in each downstream cluster; without it as the operator reports it, else cattle-system',
    fallback: '',
  },
  {
    flag: 'request-timeout',
    placeholder: 'DURATION',
    help: 'how long one request may take, such as 5s or 1m; never for ever',
    fallback: '10s',
  },
  ...ACTING_FLAGS,
  VERBOSITY_FLAG,
];

/** How the answer is printed. */
export const OUTPUT_FLAGS: readonly Flag[] = [
  {
    flag: 'output',
    short: 'o',
    placeholder: 'FORMAT',
    help: 'table, wide, json, yaml or name',
    fallback: 'table',
    choices: OUTPUT_FORMATS,
  },
  { flag: 'no-headers', help: 'leave out the line of column titles', fallback: 'false' },
];

export const CLUSTER_FLAG: Flag = {
  flag: 'cluster',
  placeholder: 'ID',
  help: 'management id of the downstream cluster, such as c-m-abcdefgh',
  fallback: '',
};

/** Of commands that look into one cluster. */
export const DOWNSTREAM_KUBECONFIG_FLAG: Flag = {
  flag: 'downstream-kubeconfig',
  placeholder: 'FILE',
  help: "a kubeconfig of the downstream cluster, instead of the operator's credentials for it",
  fallback: '',
};

/** What nearly every command takes. */
export const ASK_FLAGS: readonly Flag[] = [...CONNECTION_FLAGS, ...OUTPUT_FLAGS];

/**
 * The configuration that commands for people share.
 *
 * @param home - the user's home directory; empty when there is none
 * @param flags - those of the command, where it has its own rules for them
 * @throws {ConfigError} naming the flag, what was wanted and what was given
 */
export function askConfig(
  given: Given,
  env: Environment,
  home: string,
  flags: readonly Flag[] = ASK_FLAGS,
): AskConfig {
  const text = flagReader(withAll(flags), given, env);
  return Object.freeze({
    kubeconfig: {
      ...kubeconfigChoice(text('kubeconfig'), text('context'), env, home),
      as: actingAs(text),
    },
    namespace: namespaceName('namespace', text('namespace')),
    credentialNamespaces: list(text('credential-namespaces')).map((name) =>
      namespaceName('credential-namespaces', name),
    ),
    downstreamNamespace: optionalNamespace(text('downstream-namespace')),
    downstreamKubeconfig: text('downstream-kubeconfig') || undefined,
    requestTimeoutMs: waitingTime('request-timeout', text('request-timeout')),
    output: oneOf('output', text('output'), OUTPUT_FORMATS),
    headers: !switchValue('no-headers', text('no-headers')),
    userAgent: `kubectl-ace/${VERSION}`,
  });
}

function optionalNamespace(value: string): string | undefined {
  return value === '' ? undefined : namespaceName('downstream-namespace', value);
}

/** @throws {ConfigError} when it is not said which cluster the file is of */
export function requireCluster(downstreamKubeconfig: string | undefined, cluster: string | undefined): void {
  if (downstreamKubeconfig !== undefined && cluster === undefined)
    throw new ConfigError('--downstream-kubeconfig: wanted the cluster that it belongs to, too');
}

/** A command may leave out some of the flags that all others have: they have their defaults then. */
function withAll(flags: readonly Flag[]): readonly Flag[] {
  const own = new Set(flags.map(({ flag }) => flag));
  return [
    ...flags,
    ...[...ASK_FLAGS, DOWNSTREAM_KUBECONFIG_FLAG]
      .filter(({ flag }) => !own.has(flag))
      .map((flag) => ({ ...flag, typedOnly: true })),
  ];
}

function kubeconfigChoice(flag: string, context: string, env: Environment, home: string): KubeconfigChoice {
  const named = { context: context || undefined };
  if (flag !== '') return { files: [flag], required: true, ...named };
  const files = (env['KUBECONFIG'] ?? '').split(':').filter((file) => file !== '');
  if (files.length > 0) return { files, required: true, ...named };
  const { KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT } = env;
  const pod = KUBERNETES_SERVICE_HOST ? { pod: { KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT } } : {};
  return { files: home === '' ? [] : [join(home, '.kube', 'config')], required: false, ...named, ...pod };
}
