// make/: makes a token by the rules of the management plane, and takes it back.

import { isObjectName, TOKENS, USERS } from '../../api/names.ts';
import { parseToken } from '../../api/parse-token.ts';
import { parseUser } from '../../api/parse-user.ts';
import type { Cluster, KubeObject, Token } from '../../api/types.ts';
import { ConfigError, ConnectionError, isAlreadyExists, TerminalError } from '../../errors.ts';
import { hash as sha3 } from '../../hash/sha3-512.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { missingCluster } from '../../plane/missing-cluster.ts';
import { needed } from '../../plane/needed.ts';
import { readTtlLimits, storesHashed } from './management-rules.ts';
import { newToken, type Principal, principalOf, type TokenWish } from './new-token.ts';
import { randomText, SECRET_LENGTH, SUFFIX_LENGTH } from './random-text.ts';
import { type Purpose, resolveTtl } from './ttl.ts';

/** Five generated names in a row that are all taken are no chance any more. */
const NAME_TRIES = 5;

export interface IssueRequest {
  readonly purpose: Purpose;
  readonly user: string;
  /** Management id of the cluster that it is for; empty for none. */
  readonly cluster: string;
  /** Undefined: one is made. */
  readonly name: string | undefined;
  readonly description: string;
  /** Milliseconds; 0 is for ever; undefined when nobody said. */
  readonly ttlMs: number | undefined;
  /** Undefined: as the management plane does it. */
  readonly hashed: boolean | undefined;
  readonly dryRun: 'none' | 'client' | 'server';
}

/** A new token. The bearer is a secret, and nowhere else. */
export interface Issued {
  readonly token: Token;
  readonly bearer: string;
}

/**
 * Makes a token.
 *
 * @throws {ConfigError} when its name or ttl cannot be used
 * @throws {TerminalError} when the user may not have one, or the name is taken
 * @throws {ConnectionError} when the rules cannot be read, or nobody knows whether it was stored
 */
export async function issueToken(request: IssueRequest, management: ManagementPlane): Promise<Issued> {
  if (request.name !== undefined && !isObjectName(request.name))
    throw new ConfigError(`'${request.name}' cannot be the name of a token`);
  const principal = await issuable(request.user, management);
  const ttlMs = resolveTtl(request.ttlMs, await readTtlLimits(request.purpose, management));
  const hashed = request.hashed ?? (await storesHashed(management));
  const secret = randomText(SECRET_LENGTH);
  const stored = { value: hashed ? sha3(secret) : secret, hashed };
  const raw = await store(request, { ...wishOf(request, principal), ttlMs, stored }, management);
  const token = parseToken(raw);
  return { token, bearer: `${token.name}:${secret}` };
}

/** What a token of this user notes of them. @throws {TerminalError} when they may not have one */
async function issuable(name: string, management: ManagementPlane): Promise<Principal> {
  const found = needed(
    await management.get(USERS, name, (raw) => ({ user: parseUser(raw), principal: principalOf(raw) })),
  );
  if (!found) throw new TerminalError('UserNotFound', `user ${name} does not exist`);
  if (found.user.deleting) throw new TerminalError('UserNotFound', `user ${name} is being deleted`);
  if (!found.user.enabled) throw new TerminalError('UserDisabled', `user ${name} is disabled`);
  return found.principal;
}

/**
 * The cluster that a token is to be scoped to.
 *
 * @throws {TerminalError} when there is no such cluster, or a token for it would never arrive
 */
export async function scopeOf(id: string, management: ManagementPlane): Promise<Cluster> {
  const cluster = needed(await management.cluster(id));
  if (!cluster) throw new TerminalError('ClusterDeleted', await missingCluster(id, management));
  if (cluster.deleting) throw new TerminalError('ClusterDeleted', `cluster ${id} is being deleted`);
  if (cluster.problem !== undefined)
    throw new TerminalError('Malformed', `cluster ${id}: ${cluster.problem}`);
  return cluster;
}

function wishOf(
  { purpose, user, cluster, description }: IssueRequest,
  principal: Principal,
): Omit<TokenWish, 'name' | 'ttlMs' | 'stored'> {
  return { user, principal, cluster, kind: purpose === 'kubeconfig' ? 'kubeconfig' : '', description };
}

/** Rancher's names: `kubeconfig-<user>` and five letters, `token-` and five. */
function generatedName({ purpose, user }: IssueRequest): string {
  return `${purpose === 'kubeconfig' ? `kubeconfig-${user}` : 'token-'}${randomText(SUFFIX_LENGTH)}`;
}

async function store(
  request: IssueRequest,
  wish: Omit<TokenWish, 'name'>,
  management: ManagementPlane,
): Promise<unknown> {
  if (request.name !== undefined) return storeAs(request.name, request, wish, management);
  for (let tries = 1; ; tries += 1) {
    try {
      return await storeAs(generatedName(request), request, wish, management);
    } catch (error) {
      if (!(error instanceof TerminalError && error.reason === 'Conflict') || tries === NAME_TRIES)
        throw error;
    }
  }
}

async function storeAs(
  name: string,
  { dryRun }: IssueRequest,
  wish: Omit<TokenWish, 'name'>,
  management: ManagementPlane,
): Promise<unknown> {
  const object = newToken({ ...wish, name });
  if (dryRun === 'client') return object;
  try {
    return await create(object, dryRun === 'server', management);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    throw new TerminalError('Conflict', `token ${name} exists already; nothing was changed`);
  }
}

async function create(object: KubeObject, dryRun: boolean, management: ManagementPlane): Promise<unknown> {
  try {
    return await management.client.create(TOKENS, object, { dryRun });
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    // It may have been stored all the same; its secret is known to nobody but us.
    throw new ConnectionError(
      error.reason,
      `${error.message}; if token ${object.metadata.name} exists now, delete it`,
    );
  }
}
