import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { stringify } from 'yaml';
import { parseBearer } from '../api/bearer.ts';
import { readYaml } from '../api/read-yaml.ts';
import { ConfigError, describeFileError } from '../errors.ts';
import { bearerFault, clusterFault, typeFault } from '../kube/kubeconfig-faults.ts';
import type { Given, GivenCredential } from './evidence.ts';

/** A person's kubeconfig, as far as explaining it takes. */
export interface KubeconfigFile {
  readonly given: Extract<Given, { kind: 'kubeconfig' }>;
  /**
   * With the bearer and nothing else of the user, and the context as the current one. For requests as that bearer; empty
   * where there is none, or nothing by which its server could be known.
   */
  readonly asBearer: string;
  /** Files that it names, and that were not read. */
  readonly unread: readonly string[];
}

interface Entry {
  readonly name?: unknown;
}
interface Content {
  readonly 'current-context'?: unknown;
  readonly contexts?: readonly (Entry & { context?: { cluster?: unknown; user?: unknown } })[];
  readonly clusters?: readonly (Entry & { cluster?: Readonly<Record<string, unknown>> })[];
  readonly users?: readonly (Entry & { user?: Readonly<Record<string, unknown>> })[];
}

/**
 * Reads who a kubeconfig is and where it goes. Runs no exec plugin. It may come from anybody: a file that it names is
 * the reader's own, and might be any secret of theirs.
 *
 * @param file - for messages, and where its relative paths begin
 * @param followFiles - read what it names, all the same
 * @throws {ConfigError} when it is no kubeconfig, or names no server; never quoting it
 */
export async function readKubeconfig(
  text: string,
  file: string,
  context: string | undefined,
  followFiles: boolean,
): Promise<KubeconfigFile> {
  const { name, server, cluster, user } = chosenContext(contentOf(text, file), file, context);
  const untyped = typeFault(cluster) ?? typeFault(user);
  const fault =
    untyped ??
    clusterFault({
      caFile: textOf(cluster['certificate-authority']),
      caData: textOf(cluster['certificate-authority-data']),
      proxyUrl: textOf(cluster['proxy-url']),
    });
  if (fault) throw new ConfigError(`${file}: context ${name}: ${fault}`);
  const { own, tokenPath, caPath } = secretsOf(user, cluster);
  const unread = followFiles ? [] : [tokenPath, caPath].filter((path) => path !== undefined);
  const bearer = own ?? (followFiles && tokenPath ? (await contentsOf(tokenPath, file)).trim() : undefined);
  const bearerProblem = bearer === undefined ? undefined : bearerFault(bearer);
  const isPlainHttp = server.startsWith('http:');
  const isAsked = bearer !== undefined && !bearerProblem && !isPlainHttp && unread.length === 0;
  return {
    given: {
      kind: 'kubeconfig',
      source: `${file}, context ${name},`,
      server: withoutSecrets(server),
      isOwnBearer: own !== undefined,
      bearerProblem,
      credential: bearer === undefined ? otherCredential(user, tokenPath) : credentialOf(bearer.trim()),
    },
    asBearer: isAsked ? bearerConfig(await withoutFile(cluster, file), bearer) : '',
    unread,
  };
}

/** An address as it may be shown: people write passwords into it, and tokens behind it. */
function withoutSecrets(server: string): string {
  const { protocol, host, pathname } = new URL(server);
  return `${protocol}//${host}${pathname.replace(/\/$/, '')}`;
}

interface Chosen {
  readonly name: string;
  readonly server: string;
  readonly cluster: Readonly<Record<string, unknown>>;
  readonly user: Readonly<Record<string, unknown>>;
}

/** @throws {ConfigError} when there is no such context, or it names no server */
function chosenContext(content: Content, file: string, context: string | undefined): Chosen {
  const name = context ?? textOf(content['current-context']) ?? '';
  const chosen = byName(content.contexts, name)?.context;
  if (!chosen)
    throw new ConfigError(
      name === ''
        ? `${file}: no context is the current one; give --context`
        : `${file}: there is no context ${name}; see kubectl config get-contexts`,
    );
  const cluster = byName(content.clusters, chosen.cluster)?.cluster;
  const server = cluster?.['server'];
  if (!cluster || typeof server !== 'string' || server === '')
    throw new ConfigError(`${file}: context ${name} names no server`);
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol))
    throw new ConfigError(`${file}: context ${name}: server is no URL that begins with https://`);
  return { name, server, cluster, user: byName(content.users, chosen.user)?.user ?? {} };
}

function contentOf(text: string, file: string): Content {
  try {
    const content: unknown = readYaml(text);
    if (typeof content === 'object' && content !== null) return content as Content;
  } catch {
    // The parser's message quotes the text it choked on, which is a credential.
  }
  throw new ConfigError(`${file} is no kubeconfig`);
}

function byName<T extends Entry>(entries: readonly T[] | undefined, name: unknown): T | undefined {
  return Array.isArray(entries) ? entries.find((entry: T | null) => entry?.name === name) : undefined;
}

/** What a client would show a server, and by what it would know it: in the file, or as a path. */
function secretsOf(
  user: Readonly<Record<string, unknown>>,
  cluster: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<'own' | 'tokenPath' | 'caPath', string | undefined>> {
  const own = textOf(user['token']);
  const tokenPath = textOf(user['tokenFile']) ?? textOf(user['token-file']);
  const hasCa = Boolean(cluster?.['certificate-authority-data']);
  return {
    own,
    tokenPath: own === undefined ? tokenPath : undefined,
    caPath: hasCa ? undefined : textOf(cluster?.['certificate-authority']),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** @throws {ConfigError} when a file that the kubeconfig names cannot be read */
async function contentsOf(path: string, file: string): Promise<string> {
  try {
    return await readFile(resolve(dirname(file), path), 'utf8');
  } catch (error) {
    throw new ConfigError(`${file}: cannot read ${path}: ${describeFileError(error)}`);
  }
}

function credentialOf(bearer: string): GivenCredential {
  const parsed = parseBearer(bearer);
  return parsed.kind === 'ours' ? parsed : { kind: 'foreign' };
}

function otherCredential(
  user: Readonly<Record<string, unknown>>,
  tokenPath: string | undefined,
): GivenCredential {
  if (tokenPath !== undefined)
    return {
      kind: 'other',
      what: `a token in the file ${tokenPath}, which is not read without --follow-files`,
    };
  const exec = user['exec'] as { command?: unknown } | undefined;
  if (exec) return { kind: 'other', what: `the exec plugin ${String(exec.command)}` };
  if (user['client-certificate-data'] ?? user['client-certificate'])
    return { kind: 'other', what: 'a client certificate' };
  if (user['username']) return { kind: 'other', what: 'a user name and a password' };
  return { kind: 'other', what: 'no credential' };
}

async function withoutFile(cluster: Readonly<Record<string, unknown>>, file: string): Promise<object> {
  const { 'certificate-authority': path, ...rest } = cluster;
  if (typeof path !== 'string' || rest['certificate-authority-data'] !== undefined) return rest;
  const data = Buffer.from(await contentsOf(path, file)).toString('base64');
  return { ...rest, 'certificate-authority-data': data };
}

function bearerConfig(cluster: object, token: string): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'given', cluster }],
    users: [{ name: 'given', user: { token } }],
    contexts: [{ name: 'given', context: { cluster: 'given', user: 'given' } }],
    'current-context': 'given',
  });
}
