import { readFileSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { readYaml } from '../api/read-yaml.ts';
import { ConfigError, describeFileError } from '../errors.ts';
import type { HttpsOptions, Loaded } from './access.ts';
import { impersonatedGroups } from './impersonation.ts';
import { clusterFault } from './kubeconfig-faults.ts';
import { type KubeconfigContent, namesTokenFile, tokenFilesOf, withTokensRead } from './token-file.ts';

/** What the current context of a kubeconfig file says, by whichever plugin. @throws when it cannot be read */
export function loadedFile(file: string): Loaded {
  return currentOf(loadFile(file), file);
}

/**
 * What a context of several files says, merged as kubectl merges them, by whichever plugin.
 *
 * @param context - undefined: the first current one
 * @throws {ConfigError} when one cannot be read, or there is no such context; the system's error for a file that it names
 */
export function loadedFiles(files: readonly string[], context: string | undefined): Loaded {
  return currentOf(chosen(files, context), files.join(', '));
}

/**
 * What the text of a kubeconfig in a Secret says. Exec plugins, auth providers and file paths are refused.
 *
 * @throws {ConfigError} when it is no kubeconfig, or asks for what is refused
 */
export function loadedText(kubeconfigText: string): Loaded {
  return currentOf(loadFromSecret(kubeconfigText));
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

const unchanging = (config: KubeConfig, groups: Content['groups']): Content => ({
  config,
  fileUsers: new Set(),
  groups,
});
