import { existsSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { ConfigError, describeError } from '../errors.ts';

/** How to reach one API server: where it is, how to trust it, what to show it. */
export interface Access {
  readonly server: URL;
  readonly tls: SecureContextOptions & {
    readonly servername?: string | undefined;
    readonly rejectUnauthorized?: boolean | undefined;
  };
  /** Request headers that carry the credential. Asks again (token file, exec plugin) after a minute or when `fresh`. */
  headers(fresh?: boolean): Promise<Readonly<Record<string, string>>>;
}

/** client-node reads a token file again once a minute (as client-go does); we ask it more often than that. */
const HEADER_TTL_MS = 10_000;

/**
 * Access to the management plane: a kubeconfig file, or the pod's own service account.
 *
 * @throws {ConfigError} when the file cannot be read or names no server
 */
export async function managementAccess(kubeconfigFile: string | undefined): Promise<Access> {
  const config = new KubeConfig();
  try {
    if (kubeconfigFile === undefined) config.loadFromCluster();
    else config.loadFromFile(kubeconfigFile);
  } catch (error) {
    throw new ConfigError(
      `cannot load ${kubeconfigFile === undefined ? 'the in-cluster configuration' : `kubeconfig ${kubeconfigFile}`}: ${describeError(error)}`,
    );
  }
  return accessFrom(config);
}

/**
 * Access as kubectl has it: the files merged, what an earlier one names wins; where none exists, the pod's own service
 * account.
 *
 * @param options.required - false: it is no fault when none of the files exists
 * @param options.context - instead of the files' current one
 * @throws {ConfigError} when a file cannot be read, the context is not there, or nothing says where to go
 */
export async function personalAccess(options: {
  readonly files: readonly string[];
  readonly required: boolean;
  readonly context: string | undefined;
}): Promise<Access> {
  const found = options.files.filter((file) => existsSync(file));
  if (found.length === 0) {
    if (options.required)
      throw new ConfigError(`cannot load kubeconfig ${options.files.join(', ')}: no such file`);
    return managementAccess(undefined).catch(() => {
      throw new ConfigError('no kubeconfig was found; give one by --kubeconfig or $KUBECONFIG');
    });
  }
  const config = merged(found);
  if (options.context !== undefined) config.setCurrentContext(options.context);
  const current = config.getCurrentContext();
  if (!config.getContextObject(current)) {
    throw new ConfigError(
      `${found.join(', ')}: there is no context ${current || '(none is current)'}; see kubectl config get-contexts`,
    );
  }
  return accessFrom(config);
}

/** kubectl's rule: of two entries of one name the first counts. client-node refuses them. */
function merged(files: readonly string[]): KubeConfig {
  const configs = files.map((file) => {
    const config = new KubeConfig();
    try {
      config.loadFromFile(file);
      return config;
    } catch (error) {
      // The parser's message quotes the text it choked on, which may be a credential.
      const cause = isSystemError(error) ? describeError(error) : 'it is no kubeconfig';
      throw new ConfigError(`cannot load kubeconfig ${file}: ${cause}`);
    }
  });
  const first = <T extends { name: string }>(entries: readonly T[]): T[] => [
    ...new Map([...entries].reverse().map((entry) => [entry.name, entry])).values(),
  ];
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: first(configs.flatMap(({ clusters }) => clusters)),
    users: first(configs.flatMap(({ users }) => users)),
    contexts: first(configs.flatMap(({ contexts }) => contexts)),
    currentContext: configs.find((one) => one.currentContext)?.currentContext ?? '',
  });
  return config;
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

/**
 * Access to a downstream cluster, from the text of a kubeconfig in a Secret.
 *
 * Exec plugins, auth providers and file paths are refused: whoever may write the Secret must not thereby
 * run commands or read files in the operator's pod.
 *
 * @throws {ConfigError} when it is no kubeconfig, or asks for what is refused
 */
export async function downstreamAccess(kubeconfigText: string): Promise<Access> {
  const config = loadWithoutFiles(kubeconfigText);
  const user = config.getCurrentUser();
  const cluster = config.getCurrentCluster();
  if (user?.exec || user?.authProvider) {
    throw new ConfigError(
      'exec plugins and auth providers are not run from a Secret; use a token or certificate',
    );
  }
  if (user?.certFile || user?.keyFile || cluster?.caFile) throw new ConfigError(NO_FILES);
  return accessFrom(config);
}

const NO_FILES = 'file paths are not followed from a Secret; embed the data instead';

/** client-node opens a `token-file` while it loads: what it gets to see must be free of them already. */
function loadWithoutFiles(kubeconfigText: string): KubeConfig {
  const config = new KubeConfig();
  let tokenFiles: readonly unknown[];
  try {
    const content = parse(kubeconfigText, { merge: true }) as KubeconfigContent;
    tokenFiles = (content.users ?? []).filter((entry) => entry?.user?.['token-file'] !== undefined);
    if (tokenFiles.length === 0) config.loadFromString(JSON.stringify(content));
  } catch {
    // The parser's message quotes the text it choked on, which is a credential.
    throw new ConfigError('the text is not a kubeconfig');
  }
  if (tokenFiles.length > 0) throw new ConfigError(NO_FILES);
  return config;
}

interface KubeconfigContent {
  readonly users?: readonly ({ readonly user?: Readonly<Record<string, unknown>> } | null)[];
}

/** Access by the parts that Rancher keeps in a Cluster's status and its service-account Secret. */
export async function bearerAccess(server: string, caPem: string, token: string): Promise<Access> {
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'downstream', server, caData: Buffer.from(caPem).toString('base64'), skipTLSVerify: false },
    { name: 'downstream', token },
  );
  return accessFrom(config);
}

async function accessFrom(config: KubeConfig): Promise<Access> {
  const server = config.getCurrentCluster()?.server;
  if (!server || !URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol))
    throw new ConfigError('the kubeconfig names no server for its current context');
  const { ca, cert, key, servername, rejectUnauthorized } = await httpsOptions(config);
  requireUsable({ ca, cert, key });
  return {
    server: new URL(server),
    tls: {
      ...(ca ? { ca } : {}),
      ...(cert ? { cert } : {}),
      ...(key ? { key } : {}),
      ...(servername ? { servername } : {}),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    },
    headers: cachedHeaders(config),
  };
}

/** Otherwise every connection would fail, each time, and look like a network fault. */
function requireUsable({ ca, cert, key }: SecureContextOptions): void {
  try {
    createSecureContext({ ca, cert, key });
  } catch {
    throw new ConfigError('the kubeconfig holds a certificate or key that cannot be used');
  }
}

function cachedHeaders(config: KubeConfig): Access['headers'] {
  let readAtMs = Number.NEGATIVE_INFINITY;
  let headers: Readonly<Record<string, string>> = {};
  return async (fresh = false) => {
    if (fresh || Date.now() - readAtMs > HEADER_TTL_MS) {
      const options = await httpsOptions(config);
      headers = { ...options.headers };
      readAtMs = Date.now();
    }
    return headers;
  };
}

interface HttpsOptions extends SecureContextOptions {
  headers: Record<string, string>;
  servername?: string;
  rejectUnauthorized?: boolean;
  auth?: string;
}

async function httpsOptions(config: KubeConfig): Promise<HttpsOptions> {
  const options: HttpsOptions = { headers: {} };
  await config.applyToHTTPSOptions(options as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
  if (options.auth !== undefined) {
    options.headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return options;
}

/**
 * Runs `construct` while client-node's search for a default kubeconfig is switched off.
 *
 * `@dot-i/k8s-operator` searches for one in its constructor, whatever we pass: a KUBECONFIG that names a
 * missing file would stop the operator, and a user's own file would be read for nothing.
 */
export function withoutDefaultKubeconfig<T>(construct: () => T): T {
  const original = KubeConfig.prototype.loadFromDefault;
  KubeConfig.prototype.loadFromDefault = function loadNothing(this: KubeConfig): void {
    this.loadFromClusterAndUser(
      { name: 'unused', server: 'https://unused.invalid', skipTLSVerify: false },
      { name: 'unused' },
    );
  };
  try {
    return construct();
  } finally {
    KubeConfig.prototype.loadFromDefault = original;
  }
}
