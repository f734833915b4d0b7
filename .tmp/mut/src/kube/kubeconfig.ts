import { existsSync, readFileSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { readYaml } from '../api/read-yaml.ts';
import { ConfigError, describeFileError } from '../errors.ts';
import { type Access, accessFrom, type HttpsOptions, type Loaded } from './access.ts';
import { actingAs, type Impersonated, impersonatedGroups } from './impersonation.ts';
import { clusterFault } from './kubeconfig-faults.ts';
import { type KubeconfigContent, namesTokenFile, tokenFilesOf, withTokensRead } from './token-file.ts';

export type { Access } from './access.ts';

/** What the current context of a kubeconfig file says, by whichever plugin. @throws when it cannot be read */
export function loadedFile(file: string): Loaded {
  return currentOf(loadFile(file), file);
}

/**
 * Access as kubectl has it: the files merged, what an earlier one names wins; where none exists, the pod's own service
 * account.
 *
 * @param options.required - false: it is no fault when none of the files exists
 * @param options.context - instead of the files' current one
 * @param options.as - somebody else to act as
 * @throws {ConfigError} when a file cannot be read, the context is not there, or nothing says where to go
 */
export async function personalAccess(options: {
  readonly files: readonly string[];
  readonly required: boolean;
  readonly context: string | undefined;
  readonly as?: Impersonated | undefined;
}): Promise<Access> {
  const found = options.files.filter((file) => existsSync(file));
  if (found.length === 0) {
    if (options.required)
      throw new ConfigError(`cannot load kubeconfig ${options.files.join(', ')}: no such file`);
    return accessFrom(() => actingAs(currentOf(loadInCluster()), options.as)).catch(() => {
      throw new ConfigError('no kubeconfig was found; give one by --kubeconfig or $KUBECONFIG');
    });
  }
  return accessFrom(() => actingAs(currentOf(chosen(found, options.context), found.join(', ')), options.as));
}

/** A kubeconfig, and what client-node does not know of its users. */
interface Content {
  readonly config: KubeConfig;
  /** Names of users whose token is in a file, where it may change. */
  readonly fileUsers: ReadonlySet<string>;
  /** Groups to act as, by user. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
}

function currentOf({ config, fileUsers, groups }: Content, source = ''): Loaded {
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  const hasFiles = Boolean(user?.certFile || user?.keyFile || cluster?.caFile);
  const context = config.getCurrentContext();
  return {
    place: [source, context ? `context ${context}` : ''].filter(Boolean).join(', '),
    fault: clusterFault({
      ...cluster,
      isInsecure: cluster?.skipTLSVerify,
    }),
    server: cluster?.server,
    proxyUrl: cluster?.proxyUrl,
    readsFiles: hasFiles || fileUsers.has(user?.name ?? ''),
    groups: groups.get(user?.name ?? ''),
    async options() {
      const options: HttpsOptions = { headers: {} };
      await config.applyToHTTPSOptions(options as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
      return options;
    },
  };
}

function chosen(found: readonly string[], context: string | undefined): Content {
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
function merged(files: readonly string[]): Content {
  const loaded = files.map((file) => {
    try {
      return loadFile(file);
    } catch (error) {
      // The parser's message quotes the text it choked on, which may be a credential.
      const cause = isSystemError(error) ? describeFileError(error) : 'it is no kubeconfig';
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
  return {
    config,
    fileUsers: new Set(loaded.flatMap(({ fileUsers }) => [...fileUsers])),
    groups: new Map([...loaded].reverse().flatMap(({ groups }) => [...groups])),
  };
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
  return accessFrom(() => currentOf(loadFromSecret(kubeconfigText)));
}

function loadFromSecret(kubeconfigText: string): Content {
  const { config, groups } = loadWithoutFiles(kubeconfigText);
  const user = config.getCurrentUser();
  const cluster = config.getCurrentCluster();
  if (user?.exec || user?.authProvider) {
    throw new ConfigError(
      'exec plugins and auth providers are not run from a Secret; use a token or certificate',
    );
  }
  if (user?.certFile || user?.keyFile || cluster?.caFile) throw new ConfigError(NO_FILES);
  return unchanging(config, groups);
}

const NO_FILES = 'file paths are not followed from a Secret; embed the data instead';

/** client-node opens a `token-file` while it loads: what it gets to see must be free of them already. */
function loadWithoutFiles(kubeconfigText: string): { config: KubeConfig; groups: Content['groups'] } {
  const config = new KubeConfig();
  let content: KubeconfigContent;
  let refused: boolean;
  try {
    content = readYaml(kubeconfigText) as KubeconfigContent;
    refused = namesTokenFile(content);
    if (!refused) config.loadFromString(JSON.stringify(content));
  } catch {
    // The parser's message quotes the text it choked on, which is a credential.
    throw new ConfigError('the text is not a kubeconfig');
  }
  if (refused) throw new ConfigError(NO_FILES);
  return { config, groups: impersonatedGroups(content) };
}

function loadInCluster(): Content {
  const config = new KubeConfig();
  config.loadFromCluster();
  const paths = config.users.map((user): [string, string] => [
    user.name,
    String((user.authProvider?.config as { tokenFile?: string } | undefined)?.tokenFile),
  ]);
  return withTokens(config, new Map(paths), new Map());
}

function loadFile(file: string): Content {
  const config = new KubeConfig();
  config.loadFromFile(file);
  const content = readYaml(readFileSync(file, 'utf8')) as KubeconfigContent;
  return withTokens(config, tokenFilesOf(file), impersonatedGroups(content));
}

function withTokens(
  config: KubeConfig,
  files: ReadonlyMap<string, string>,
  groups: Content['groups'],
): Content {
  config.users = withTokensRead(config.users, files);
  return { config, fileUsers: new Set(files.keys()), groups };
}

const unchanging = (config: KubeConfig, groups: Content['groups'] = new Map()): Content => ({
  config,
  fileUsers: new Set(),
  groups,
});

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
    // Its parts are named by whoever has them: there is no file, and no context of anybody's.
    return { ...currentOf(unchanging(config)), place: '' };
  });
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
