import { isObjectName } from './api/names.ts';
import type { HashStorage } from './api/types.ts';
import { ConfigError } from './errors.ts';
import { HASH_ALGORITHMS, type HashAlgorithm } from './hash/format.ts';
import { splitAddress } from './telemetry/health.ts';
import { LOG_LEVELS, type LogFormat, type LogLevel } from './telemetry/log.ts';
import { VERSION } from './version.ts';

/** Everything the operator can be told, parsed and frozen. */
export interface OperatorConfig {
  /** Kubeconfig of the management plane; undefined means the pod's own service account. */
  readonly kubeconfig: string | undefined;
  readonly namespace: string;
  readonly credentialNamespaces: readonly string[];
  readonly downstreamNamespace: string;
  readonly hashAlgorithm: HashAlgorithm;
  readonly hashStorage: HashStorage;
  readonly listen: string;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly userAgent: string;
}

/** One flag: its name, what it means, its default and how its text becomes a value. */
export interface Flag {
  readonly flag: string;
  readonly placeholder: string;
  readonly help: string;
  readonly fallback: string;
}

/** The flags of `ace-operator operator`, as `--help` shows them. */
export const OPERATOR_FLAGS: readonly Flag[] = [
  {
    flag: 'kubeconfig',
    placeholder: 'FILE',
    help: 'kubeconfig of the management plane; without it, the in-cluster service account',
    fallback: '',
  },
  {
    flag: 'namespace',
    placeholder: 'NAME',
    help: 'own namespace there: credentials Secrets, installation key, Events; created when missing',
    fallback: 'ace-operator',
  },
  {
    flag: 'credential-namespaces',
    placeholder: 'NAMES',
    help: 'further namespaces to look for credentials Secrets in, comma-separated (beside Rancher: fleet-default,cattle-global-data)',
    fallback: '',
  },
  {
    flag: 'downstream-namespace',
    placeholder: 'NAME',
    help: 'namespace in each downstream cluster',
    fallback: 'cattle-system',
  },
  {
    flag: 'hash-algorithm',
    placeholder: 'NAME',
    help: 'for tokens stored plain: bcrypt, sha3-512 or scrypt; stock kube-api-auth knows no bcrypt',
    fallback: 'bcrypt',
  },
  {
    flag: 'hash-storage',
    placeholder: 'PLACE',
    help: 'secret, or inline for kube-api-auth up to v0.2.4',
    fallback: 'secret',
  },
  {
    flag: 'listen',
    placeholder: 'ADDRESS',
    help: 'health and metrics',
    fallback: '127.0.0.1:9464',
  },
  {
    flag: 'leader-elect',
    placeholder: 'BOOLEAN',
    help: 'false: this version has no leader election yet, so run one replica',
    fallback: 'false',
  },
  { flag: 'log-level', placeholder: 'LEVEL', help: 'error, warn, info or debug', fallback: 'info' },
  { flag: 'log-format', placeholder: 'FORMAT', help: 'json, or text for people', fallback: 'json' },
];

/** Environment variable of a flag: `--log-level` is `ACE_LOG_LEVEL`. */
export function environmentName(flag: string): string {
  return `ACE_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/**
 * The operator's configuration: a flag that was given, else its environment variable, else the default.
 *
 * @param given - flag values by flag name, as typed
 * @throws {ConfigError} naming the flag, what was wanted and what was given
 */
export function operatorConfig(
  given: Readonly<Record<string, string | undefined>>,
  env: Readonly<Record<string, string | undefined>>,
): OperatorConfig {
  const text = (flag: string): string =>
    given[flag] ??
    env[environmentName(flag)] ??
    OPERATOR_FLAGS.find((known) => known.flag === flag)?.fallback ??
    '';
  if (text('leader-elect') !== 'false') {
    throw new ConfigError('--leader-elect: this version has no leader election; run one replica with false');
  }
  return Object.freeze({
    kubeconfig: text('kubeconfig') || undefined,
    namespace: objectName('namespace', text('namespace')),
    credentialNamespaces: list(text('credential-namespaces')).map((name) =>
      objectName('credential-namespaces', name),
    ),
    downstreamNamespace: objectName('downstream-namespace', text('downstream-namespace')),
    hashAlgorithm: oneOf('hash-algorithm', text('hash-algorithm'), HASH_ALGORITHMS),
    hashStorage: oneOf('hash-storage', text('hash-storage'), ['secret', 'inline'] as const),
    listen: address('listen', text('listen')),
    logLevel: oneOf('log-level', text('log-level'), LOG_LEVELS),
    logFormat: oneOf('log-format', text('log-format'), ['json', 'text'] as const),
    userAgent: `ace-operator/${VERSION}`,
  });
}

function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new ConfigError(`--${flag}: wanted ${allowed.join(', ')}; got '${value}'`);
  return found;
}

function objectName(flag: string, value: string): string {
  if (!isObjectName(value)) throw new ConfigError(`--${flag}: '${value}' cannot be the name of a namespace`);
  return value;
}

function address(flag: string, value: string): string {
  try {
    splitAddress(value);
    return value;
  } catch {
    throw new ConfigError(`--${flag}: wanted host:port; got '${value}'`);
  }
}

function list(value: string): readonly string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
