import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import type { Cluster, Token } from '../../api/types.ts';
import type { KubeconfigConfig } from '../../config/kubeconfig.ts';
import { ConfigError, describeFileError, TerminalError } from '../../errors.ts';
import type { Endpoint } from '../../issue/kubeconfig/endpoints.ts';
import type { Credential } from '../../issue/kubeconfig/kubeconfig-file.ts';
import { type Bearer, isSecretOf, requireUsable, splitBearer } from '../../issue/make/bearer.ts';
import { readSetting } from '../../issue/make/management-rules.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { needed } from '../../plane/needed.ts';
import { known } from '../../plane/reading.ts';
import { tokenOfBearer } from '../../plane/token-of-bearer.ts';
import { toldNow } from '../reach/clocks.ts';
import type { Runtime } from '../terminal/runtime.ts';

/** A credential for a kubeconfig, the token behind it where it is known, and what to tell the person. */
export interface Found {
  readonly credential: Credential;
  readonly token: Token | undefined;
  readonly note: string | undefined;
}

export interface CredentialQuestion {
  readonly config: KubeconfigConfig;
  readonly cluster: Cluster;
  readonly endpoints: readonly Endpoint[];
  readonly serverUrl: string;
  readonly management: ManagementPlane;
  readonly runtime: Runtime;
}

/**
 * The credential that the person has, or that the management plane can still tell. Issues nothing.
 *
 * @throws {ConfigError} when a file holds no bearer
 * @throws {TerminalError} when the token would be refused, or its secret cannot be read back
 */
export async function findCredential(question: CredentialQuestion): Promise<Found> {
  const { source } = question.config;
  if (source.kind === 'stored') return storedCredential(source.name, question);
  if (source.kind === 'file') return fileCredential(source.path, question);
  return noCredential(question);
}

async function storedCredential(name: string, question: CredentialQuestion): Promise<Found> {
  const token = needed(await question.management.token(name, question.cluster.name));
  if (!token) throw new TerminalError('UnknownToken', `there is no token ${name}`);
  await judge(token, question);
  if (token.secret.kind !== 'plain') {
    throw new TerminalError(
      'UnsupportedHash',
      `token ${name} is stored as a hash: its secret cannot be read back; give it by --token-file, or issue another by --create-token`,
    );
  }
  return found(`${name}:${token.secret.value}`, token);
}

async function fileCredential(path: string, question: CredentialQuestion): Promise<Found> {
  const text = await bearerText(path, question.runtime);
  const bearer = splitBearer(text);
  if (!bearer) throw new ConfigError(`--token-file ${path}: holds no bearer (name:secret)`);
  const read = await tokenOfBearer(question.management, bearer, question.cluster.name);
  if (!read.ok) return found(text, undefined, `the token was not checked: ${read.failure.message}`);
  if (!read.value) throw new TerminalError('UnknownToken', `there is no token ${bearer.name}`);
  await judge(read.value, question);
  await requireSecret(bearer, read.value);
  return found(text, read.value);
}

async function judge(token: Token, { management, config, cluster, endpoints, runtime }: CredentialQuestion) {
  const owner = needed(await management.user(token.userName));
  requireUsable(token, owner, {
    cluster: cluster.name,
    needsScope: endpoints.some(({ via }) => via === 'ace'),
    user: config.user,
    nowMs: toldNow(management, runtime),
  });
}

async function requireSecret({ name, secret }: Bearer, token: Token): Promise<void> {
  if (await isSecretOf(secret, token)) return;
  throw new TerminalError('WrongSecret', `the bearer is not the one of token ${name}`);
}

async function bearerText(path: string, runtime: Runtime): Promise<string> {
  if (path === '-') return (await textOf(runtime.stdin)).trim();
  const content = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new ConfigError(`--token-file ${path}: ${describeFileError(error)}`);
  });
  return content.trim();
}

function found(bearer: string, token: Token | undefined, note?: string): Found {
  return { credential: { kind: 'bearer', bearer }, token, note };
}

/** Rancher's own choice where it is set so: its command line fetches a token. Else nothing. */
async function noCredential(question: CredentialQuestion): Promise<Found> {
  const { management, cluster, serverUrl } = question;
  const generates = (await readSetting('kubeconfig-generate-token', management)) ?? 'true';
  if (generates.toLowerCase() === 'false' && URL.canParse(serverUrl)) {
    const scope = cluster.aceEnabled ? cluster.name : undefined;
    const credential: Credential = { kind: 'exec', server: new URL(serverUrl).host, cluster: scope };
    return { credential, token: undefined, note: undefined };
  }
  return { credential: { kind: 'none' }, token: undefined, note: await withoutNote(question) };
}

async function withoutNote({ management, config, cluster }: CredentialQuestion): Promise<string> {
  const { user } = config;
  const tokens = user === undefined ? undefined : known(await management.tokens());
  const count = tokens?.filter((token) => token.userName === user && token.clusterName === cluster.name);
  const has = count ? `; user ${user} has ${count.length} tokens for cluster ${cluster.name}` : '';
  return `the file has no credential: see --create-token, --token-file and --token-name${has}`;
}
