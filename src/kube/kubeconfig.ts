import { existsSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { ConfigError, describeError } from '../errors.ts';
import { type KubeconfigContent, namesTokenFile, tokenFilesOf, withTokensRead } from './token-file.ts';

/** How to reach one API server: where it is, how to trust it, what to show it. */
export interface Access {
  readonly server: URL;
  readonly tls: SecureContextOptions & {
    readonly servername?: string | undefined;
    readonly rejectUnauthorized?: boolean | undefined;
  };
  /**
   * Request headers that carry the credential. A token file is read again when what we know of it is ten seconds old; with
   * `fresh`, everything is read again at once: kubeconfig, token file, exec plugin.
   */
  headers(fresh?: boolean): Promise<Readonly<Record<string, string>>>;
}

/** The kubelet renews a projected token long before it expires; whoever revokes one expects us to notice within a minute. */
const HEADER_TTL_MS = 10_000;

/**
 * Access to the management plane: a kubeconfig file, or the pod's own service account.
 *
 * @throws {ConfigError} when the file cannot be read or names no server
 */
export async function managementAccess(kubeconfigFile: string | undefined): Promise<Access> {
  return accessFrom(() => {
    try {
      return kubeconfigFile === undefined ? loadInCluster() : loadFile(kubeconfigFile);
    } catch (error) {
      throw new ConfigError(
        `cannot load ${kubeconfigFile === undefined ? 'the in-cluster configuration' : `kubeconfig ${kubeconfigFile}`}: ${describeError(error)}`,
      );
    }
  });
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
  return accessFrom(() => chosen(found, options.context));
}

function chosen(found: readonly string[], context: string | undefined): Loaded {
  const loaded = merged(found);
  const { config } = loaded;
  if (context !== undefined) config.setCurrentContext(context);
  const current = config.getCurrentContext();
  if (!config.getContextObject(current)) {
    throw new ConfigError(
      `${found.join(', ')}: there is no context ${current || '(none is current)'}; see kubectl config get-contexts`,
    );
  }
  return loaded;
}

/** kubectl's rule: of two entries of one name the first counts. client-node refuses them. */
function merged(files: readonly string[]): Loaded {
  const loaded = files.map((file) => {
    try {
      return loadFile(file);
    } catch (error) {
      // The parser's message quotes the text it choked on, which may be a credential.
      const cause = isSystemError(error) ? describeError(error) : 'it is no kubeconfig';
      throw new ConfigError(`cannot load kubeconfig ${file}: ${cause}`);
    }
  });
  const configs = loaded.map(({ config }) => config);
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
  return { config, fileUsers: new Set(loaded.flatMap(({ fileUsers }) => [...fileUsers])) };
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
  return accessFrom(() => unchanging(loadFromSecret(kubeconfigText)));
}

function loadFromSecret(kubeconfigText: string): KubeConfig {
  const config = loadWithoutFiles(kubeconfigText);
  const user = config.getCurrentUser();
  const cluster = config.getCurrentCluster();
  if (user?.exec || user?.authProvider) {
    throw new ConfigError(
      'exec plugins and auth providers are not run from a Secret; use a token or certificate',
    );
  }
  if (user?.certFile || user?.keyFile || cluster?.caFile) throw new ConfigError(NO_FILES);
  return config;
}

const NO_FILES = 'file paths are not followed from a Secret; embed the data instead';

/** client-node opens a `token-file` while it loads: what it gets to see must be free of them already. */
function loadWithoutFiles(kubeconfigText: string): KubeConfig {
  const config = new KubeConfig();
  let refused: boolean;
  try {
    const content = parse(kubeconfigText, { merge: true }) as KubeconfigContent;
    refused = namesTokenFile(content);
    if (!refused) config.loadFromString(JSON.stringify(content));
  } catch {
    // The parser's message quotes the text it choked on, which is a credential.
    throw new ConfigError('the text is not a kubeconfig');
  }
  if (refused) throw new ConfigError(NO_FILES);
  return config;
}

/** A kubeconfig, and the names of those of its users whose token is in a file, where it may change. */
interface Loaded {
  readonly config: KubeConfig;
  readonly fileUsers: ReadonlySet<string>;
}

function loadInCluster(): Loaded {
  const config = new KubeConfig();
  config.loadFromCluster();
  const paths = config.users.map((user): [string, string] => [
    user.name,
    String((user.authProvider?.config as { tokenFile?: string } | undefined)?.tokenFile),
  ]);
  return withTokens(config, new Map(paths));
}

function loadFile(file: string): Loaded {
  const config = new KubeConfig();
  config.loadFromFile(file);
  return withTokens(config, tokenFilesOf(file));
}

function withTokens(config: KubeConfig, files: ReadonlyMap<string, string>): Loaded {
  config.users = withTokensRead(config.users, files);
  return { config, fileUsers: new Set(files.keys()) };
}

const unchanging = (config: KubeConfig): Loaded => ({ config, fileUsers: new Set() });

/** The parts that Rancher keeps in a Cluster's status and its service-account Secret, as the text of a kubeconfig. */
export function bearerKubeconfig(server: string, caPem: string, token: string): string {
  const caData = Buffer.from(caPem).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'downstream', cluster: { server, 'certificate-authority-data': caData } }],
    users: [{ name: 'downstream', user: { token } }],
    contexts: [{ name: 'downstream', context: { cluster: 'downstream', user: 'downstream' } }],
    'current-context': 'downstream',
  });
}

/** Access by the parts that Rancher keeps in a Cluster's status and its service-account Secret. */
export async function bearerAccess(server: string, caPem: string, token: string): Promise<Access> {
  return accessFrom(() => {
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
      { name: 'downstream', server, caData: Buffer.from(caPem).toString('base64'), skipTLSVerify: false },
      { name: 'downstream', token },
    );
    return unchanging(config);
  });
}

async function accessFrom(load: () => Loaded): Promise<Access> {
  const loaded = load();
  const { config } = loaded;
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
    headers: cachedHeaders(loaded, load),
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

function cachedHeaders(first: Loaded, load: () => Loaded): Access['headers'] {
  let loaded = first;
  let readAtMs = Number.NEGATIVE_INFINITY;
  let headers: Readonly<Record<string, string>> = {};
  return async (fresh = false) => {
    if (!fresh && performance.now() - readAtMs <= HEADER_TTL_MS) return headers;
    const isFirst = readAtMs === Number.NEGATIVE_INFINITY;
    if (!isFirst && (fresh || readsTokenFile(loaded))) loaded = reloaded(loaded, load);
    const options = await httpsOptions(loaded.config);
    headers = { ...options.headers };
    readAtMs = performance.now();
    return headers;
  };
}

function readsTokenFile({ config, fileUsers }: Loaded): boolean {
  return fileUsers.has(config.getCurrentUser()?.name ?? '');
}

/** A file that is just being replaced may be missing or half written: what we have may still be good. */
function reloaded(before: Loaded, load: () => Loaded): Loaded {
  try {
    return load();
  } catch {
    return before;
  }
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
