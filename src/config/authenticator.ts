import { ConfigError } from '../errors.ts';
import { splitAddress } from '../telemetry/address.ts';
import {
  AUDIT_MODES,
  type AuditMode,
  LOG_LEVELS,
  type LogFormat,
  type LogLevel,
} from '../telemetry/log-level.ts';
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
  isLoopback,
  LOG_FLAGS,
  list,
  namespaceName,
  oneOf,
  switchValue,
} from './flags.ts';

/** Everything the authenticator can be told, parsed and frozen. */
export interface AuthenticatorConfig {
  readonly kubeconfig: string | undefined;
  readonly namespace: string;
  readonly listen: readonly string[];
  /** Where metrics and probes are served without the webhook; none by default. */
  readonly metricsListen: readonly string[];
  readonly tls:
    | { readonly certFile: string; readonly keyFile: string; readonly clientCaFile: string | undefined }
    | undefined;
  readonly withExtra: boolean;
  readonly legacy401: boolean;
  readonly maxStalenessMs: number | undefined;
  /** There while this process answers. */
  readonly readyFile: string | undefined;
  readonly snapshotFile: string | undefined;
  readonly snapshotKeyFile: string | undefined;
  readonly auditLog: AuditMode;
  /** Where profiles are handed out; undefined: nowhere. */
  readonly diagnosticsListen: string | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly userAgent: string;
}

/** The flags of `ace-operator authenticator`, as `--help` shows them. */
export const AUTHENTICATOR_FLAGS: readonly Flag[] = [
  {
    flag: 'kubeconfig',
    placeholder: 'FILE',
    help: 'kubeconfig of its own cluster; without it, the in-cluster service account',
    fallback: '',
  },
  {
    flag: 'namespace',
    placeholder: 'NAME',
    help: 'namespace of ClusterAuthTokens, hash Secrets and ClusterUserAttributes',
    fallback: 'cattle-system',
  },
  {
    flag: 'listen',
    placeholder: 'ADDRESS',
    help: 'host:port, [host]:port, or :port for all addresses, IPv4 and IPv6; several by comma or by repeating the flag',
    fallback: '127.0.0.1:6440',
    repeatable: true,
  },
  {
    flag: 'metrics-listen',
    placeholder: 'ADDRESS',
    help: 'serve /metrics, /livez, /readyz and /healthcheck here, too, by plain HTTP to anyone who can connect, and never the webhook; addresses as for --listen, repeatable; default none',
    fallback: '',
    repeatable: true,
  },
  {
    flag: 'tls-cert-file',
    placeholder: 'FILE',
    help: 'serve HTTPS; read again when it changes',
    fallback: '',
  },
  { flag: 'tls-key-file', placeholder: 'FILE', help: 'key of the certificate', fallback: '' },
  {
    flag: 'client-ca-file',
    placeholder: 'FILE',
    help: "demand a client certificate of this authority: the API server's",
    fallback: '',
  },
  {
    flag: 'insecure-listen',
    help: 'WARNING: allow plain HTTP on other addresses than loopback; bearer tokens cross the network in clear',
    fallback: 'false',
  },
  { flag: 'no-extra', help: 'leave out user.extra (principalid, username, token id)', fallback: 'false' },
  {
    flag: 'legacy-401',
    help: 'answer refusals with HTTP 401, as older kube-api-auth did',
    fallback: 'false',
  },
  {
    flag: 'max-staleness',
    mayBeEmpty: true,
    placeholder: 'DURATION',
    help: 'refuse everyone when the last confirmed sync with the API server is older (90s, 5m, 1h; at least 2m); default off',
    fallback: '',
  },
  {
    flag: 'ready-file',
    placeholder: 'FILE',
    help: 'write this empty file when it listens, and remove it when it stops, for a probe of a Pod that shares its port with another',
    fallback: '',
  },
  {
    flag: 'snapshot-file',
    placeholder: 'FILE',
    help: 'keep the last known state here (0600, hashes only), to start without an API server',
    fallback: '',
  },
  {
    flag: 'snapshot-key-file',
    placeholder: 'FILE',
    help: 'key that authenticates the snapshot: 16 bytes or more',
    fallback: '',
  },
  {
    flag: 'audit-log',
    placeholder: 'WHICH',
    help: 'a JSON line on stdout for reviews that are refused, or for all: verdict, reason, token name, user, cluster; none, refused or all',
    fallback: 'none',
  },
  DIAGNOSTICS_FLAG,
  ...LOG_FLAGS,
];

/** A healthy watch confirms itself once a minute; less would refuse everyone now and then. */
const MIN_STALENESS_MS = 120_000;

/**
 * The authenticator's configuration.
 *
 * @throws {ConfigError} naming the flag, what was wanted and what was given
 */
export function authenticatorConfig(given: Given, env: Environment): AuthenticatorConfig {
  const text = flagReader(AUTHENTICATOR_FLAGS, given, env);
  const tls = tlsFiles(text);
  const listen = list(text('listen')).map((item) => address('listen', item));
  if (listen.length === 0) throw new ConfigError('--listen: wanted at least one address');
  if (!tls && !switchValue('insecure-listen', text('insecure-listen'))) listen.forEach(requireLoopback);
  return Object.freeze({
    kubeconfig: text('kubeconfig') || undefined,
    namespace: namespaceName('namespace', text('namespace')),
    listen,
    metricsListen: metricsAddresses(text('metrics-listen'), listen),
    tls,
    withExtra: !switchValue('no-extra', text('no-extra')),
    legacy401: switchValue('legacy-401', text('legacy-401')),
    maxStalenessMs: staleness(text('max-staleness')),
    readyFile: text('ready-file') || undefined,
    ...snapshotFiles(text),
    auditLog: oneOf('audit-log', text('audit-log'), AUDIT_MODES),
    diagnosticsListen: diagnosticsAddress(text),
    logLevel: oneOf('log-level', text('log-level'), LOG_LEVELS),
    logFormat: oneOf('log-format', text('log-format'), ['json', 'text'] as const),
    userAgent: `ace-authenticator/${VERSION}`,
  });
}

/** The port is shared with whoever listens on it: on the webhook's, reviews would end up here, and be lost. */
function metricsAddresses(value: string, webhook: readonly string[]): readonly string[] {
  const addresses = list(value).map((item) => address('metrics-listen', item));
  const taken = new Set(webhook.map((item) => splitAddress(item).port).filter((port) => port !== 0));
  for (const item of addresses) {
    if (!taken.has(splitAddress(item).port)) continue;
    throw new ConfigError(`--metrics-listen: ${item} has a port that --listen has; take another`);
  }
  return addresses;
}

function tlsFiles(text: (flag: string) => string): AuthenticatorConfig['tls'] {
  const [certFile, keyFile, clientCaFile] = [
    text('tls-cert-file'),
    text('tls-key-file'),
    text('client-ca-file'),
  ];
  if (certFile === '' && keyFile === '' && clientCaFile === '') return undefined;
  if (certFile === '' || keyFile === '') {
    throw new ConfigError('--tls-cert-file and --tls-key-file go together, and --client-ca-file needs both');
  }
  return { certFile, keyFile, clientCaFile: clientCaFile || undefined };
}

function snapshotFiles(
  text: (flag: string) => string,
): Pick<AuthenticatorConfig, 'snapshotFile' | 'snapshotKeyFile'> {
  const [file, key] = [text('snapshot-file'), text('snapshot-key-file')];
  if ((file === '') !== (key === ''))
    throw new ConfigError('--snapshot-file and --snapshot-key-file go together');
  return { snapshotFile: file || undefined, snapshotKeyFile: key || undefined };
}

function requireLoopback(listen: string): void {
  if (isLoopback(listen)) return;
  throw new ConfigError(
    `--listen: ${listen} is not loopback, and bearer tokens would cross the network in clear; give --tls-cert-file and --tls-key-file, or --insecure-listen`,
  );
}

function staleness(value: string): number | undefined {
  if (value === '') return undefined;
  const ms = duration('max-staleness', value);
  if (ms < MIN_STALENESS_MS) throw new ConfigError(`--max-staleness: wanted at least 2m; got '${value}'`);
  return ms;
}
