import type { HashStorage } from '../api/types.ts';
import { ConfigError } from '../errors.ts';
import { HASH_ALGORITHMS, type HashAlgorithm } from '../hash/algorithms.ts';
import type { LeaseTiming } from '../kube/candidacy.ts';
import { LOG_LEVELS, type LogFormat, type LogLevel } from '../telemetry/log-level.ts';
import { VERSION } from '../version.ts';
import {
  address,
  DIAGNOSTICS_FLAG,
  diagnosticsAddress,
  duration,
  type Environment,
  type Flag,
  flagReader,
  type Given,
  LOG_FLAGS,
  list,
  namespaceName,
  oneOf,
  switchValue,
} from './flags.ts';

/** Everything the operator can be told, parsed and frozen. */
export interface OperatorConfig {
  /** Kubeconfig of the management plane; undefined means the pod's own service account. */
  readonly kubeconfig: string | undefined;
  readonly namespace: string;
  readonly credentialNamespaces: readonly string[];
  readonly downstreamNamespace: string;
  /** Tokens of `ext.cattle.io` are carried, too. */
  readonly extTokens: boolean;
  readonly hashAlgorithm: HashAlgorithm;
  readonly hashStorage: HashStorage;
  /** False: the only replica, by the word of whoever started it. */
  readonly leaderElect: boolean;
  readonly leaseTiming: LeaseTiming;
  /** Into so many shards clusters are divided over the replicas; 0: one replica works on all of them. */
  readonly shards: number;
  readonly listen: string;
  /** Where profiles are handed out; undefined: nowhere. */
  readonly diagnosticsListen: string | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly userAgent: string;
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
    flag: 'ext-tokens',
    placeholder: 'BOOLEAN',
    help: "carry Rancher's tokens of ext.cattle.io, too, from their Secrets in cattle-tokens, which takes a role of its own",
    fallback: 'false',
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
    help: 'health and metrics: host:port, [host]:port, or :port for all addresses, IPv4 and IPv6',
    fallback: '127.0.0.1:9464',
  },
  {
    flag: 'leader-elect',
    placeholder: 'BOOLEAN',
    help: 'of several replicas one works, the others stand by; false: for one replica, which then needs no Lease',
    fallback: 'true',
  },
  {
    flag: 'shards',
    placeholder: 'COUNT',
    help: 'divide the clusters into so many shards, and these over the replicas, which all work then: 64 suits up to about twenty replicas; 0: one replica works, for all clusters',
    fallback: '0',
  },
  {
    flag: 'leader-elect-lease-duration',
    placeholder: 'DURATION',
    help: 'how long a Lease stands unrenewed before another replica takes it',
    fallback: '15s',
  },
  {
    flag: 'leader-elect-renew-deadline',
    placeholder: 'DURATION',
    help: 'how long after its last renewal the leader may write',
    fallback: '10s',
  },
  {
    flag: 'leader-elect-retry-period',
    placeholder: 'DURATION',
    help: 'how often the leader renews',
    fallback: '2s',
  },
  DIAGNOSTICS_FLAG,
  ...LOG_FLAGS,
];

/**
 * The operator's configuration: a flag that was given, else its environment variable, else the default.
 *
 * @param given - flag values by flag name, as typed
 * @throws {ConfigError} naming the flag, what was wanted and what was given
 */
export function operatorConfig(given: Given, env: Environment): OperatorConfig {
  const text = flagReader(OPERATOR_FLAGS, given, env);
  return Object.freeze({
    kubeconfig: text('kubeconfig') || undefined,
    namespace: namespaceName('namespace', text('namespace')),
    credentialNamespaces: list(text('credential-namespaces')).map((name) =>
      namespaceName('credential-namespaces', name),
    ),
    downstreamNamespace: namespaceName('downstream-namespace', text('downstream-namespace')),
    extTokens: switchValue('ext-tokens', text('ext-tokens')),
    hashAlgorithm: oneOf('hash-algorithm', text('hash-algorithm'), HASH_ALGORITHMS),
    hashStorage: oneOf('hash-storage', text('hash-storage'), ['secret', 'inline'] as const),
    leaderElect: switchValue('leader-elect', text('leader-elect')),
    leaseTiming: leaseTiming(text),
    shards: shardCount(text),
    listen: address('listen', text('listen')),
    diagnosticsListen: diagnosticsAddress(text),
    logLevel: oneOf('log-level', text('log-level'), LOG_LEVELS),
    logFormat: oneOf('log-format', text('log-format'), ['json', 'text'] as const),
    userAgent: `ace-operator/${VERSION}`,
  });
}

const MAX_SHARDS = 512;

/** They are held by Leases. */
function shardCount(text: (flag: string) => string): number {
  const given = text('shards');
  const count = /^\d{1,3}$/.test(given) ? Number(given) : Number.NaN;
  if (!(count <= MAX_SHARDS))
    throw new ConfigError(`--shards: wanted a number from 0 to ${MAX_SHARDS}, not ${JSON.stringify(given)}`);
  if (count > 0 && !switchValue('leader-elect', text('leader-elect')))
    throw new ConfigError(
      '--shards: wanted --leader-elect=true beside it, because shards are held by Leases',
    );
  return count;
}

const MAX_LEASE_MS = 3_600_000;

/** The margin between the two is what keeps a slow leader from meeting its successor. */
function leaseTiming(text: (flag: string) => string): LeaseTiming {
  const [leaseMs, renewMs, retryMs] = (['lease-duration', 'renew-deadline', 'retry-period'] as const).map(
    (name) => duration(`leader-elect-${name}`, text(`leader-elect-${name}`)),
  ) as [number, number, number];
  const isTooClose = retryMs < 1_000 || renewMs < 2 * retryMs || leaseMs < renewMs + retryMs;
  if (isTooClose || leaseMs > MAX_LEASE_MS) {
    throw new ConfigError(
      '--leader-elect-…: wanted retry period 1s or more, renew deadline at least twice that, and lease duration longer by at least one retry period, and 1h at most',
    );
  }
  return { leaseMs, renewMs, retryMs };
}
