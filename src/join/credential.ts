import {
  ANNOTATION_CREDENTIAL_EXPIRES,
  LABEL_CLUSTER,
  LABEL_PART_OF,
  type Resource,
  SECRETS,
} from '../api/names.ts';
import type { KubeObject } from '../api/types.ts';
import { ConfigError, TerminalError } from '../errors.ts';
import type { Access } from '../kube/access.ts';
import type { KubeClient } from '../kube/client.ts';
import { ACCOUNT, type Addressed } from './downstream-objects.ts';

const TOKEN_REQUESTS: Resource = {
  ...{ group: '', version: 'v1', plural: `serviceaccounts/${ACCOUNT}/token`, kind: 'TokenRequest' },
  namespaced: true,
};

/** Where a cluster is, and how it is trusted. */
export interface Address {
  readonly server: string;
  readonly caPem: string | undefined;
  readonly serverName: string | undefined;
}

/** A bearer of the operator's account downstream, bound to that account: deleted with it, it opens nothing. */
export interface BoundToken {
  readonly token: string;
  /** When the API server says that it ends; milliseconds since the epoch. */
  readonly expiresAtMs: number;
}

/**
 * Where the cluster is, by the kubeconfig that was given.
 *
 * @param server - instead of the address in it, which may be one that only this machine knows
 * @throws {ConfigError} where it trusts everybody: what the operator sends there are hashes of tokens
 */
export function addressOf({ server: inFile, tls }: Access, server: string | undefined): Address {
  if (tls.rejectUnauthorized === false)
    throw new ConfigError(
      '--downstream-kubeconfig: it trusts whoever answers (insecure-skip-tls-verify); give it the certificate authority of the cluster',
    );
  const url = new URL(server ?? inFile.href);
  return {
    server: `${url.origin}${url.pathname.replace(/\/$/, '')}`,
    caPem: tls.ca === undefined ? undefined : String(tls.ca),
    serverName: tls.servername,
  };
}

/** @param seconds - how long it should be good; the API server may make it shorter @throws {ApiError | ConnectionError | TerminalError} */
export async function requestToken(
  client: KubeClient,
  namespace: string,
  seconds: number,
): Promise<BoundToken> {
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: TOKEN_REQUESTS.kind,
    metadata: { namespace },
    spec: { expirationSeconds: seconds },
  } as unknown as KubeObject;
  const answer = (await client.create(TOKEN_REQUESTS, request)) as {
    readonly status?: { readonly token?: unknown; readonly expirationTimestamp?: unknown };
  };
  const { token, expirationTimestamp } = answer.status ?? {};
  const expiresAtMs = Date.parse(String(expirationTimestamp));
  if (typeof token !== 'string' || token === '' || Number.isNaN(expiresAtMs))
    throw new TerminalError(
      'Rejected',
      `ServiceAccount ${namespace}/${ACCOUNT}: the API server gave no token`,
    );
  return { token, expiresAtMs };
}

export const secretNameOf = (cluster: string): string => `ace-cluster-${cluster}`;

/** The Secret in the management plane by which the operator reaches the cluster. */
export function credentialSecret(
  cluster: string,
  namespace: string,
  address: Address,
  { token, expiresAtMs }: BoundToken,
): Addressed {
  const kubeconfig = Buffer.from(kubeconfigText(address, token)).toString('base64');
  const object = {
    apiVersion: 'v1',
    kind: SECRETS.kind,
    metadata: {
      name: secretNameOf(cluster),
      namespace,
      labels: { [LABEL_CLUSTER]: cluster, [LABEL_PART_OF]: ACCOUNT },
      annotations: { [ANNOTATION_CREDENTIAL_EXPIRES]: new Date(expiresAtMs).toISOString() },
    },
    type: 'Opaque',
    data: { kubeconfig },
  };
  return { resource: SECRETS, object };
}

function kubeconfigText({ server, caPem, serverName }: Address, token: string): string {
  const name = 'downstream';
  const cluster = {
    server,
    ...(caPem === undefined ? {} : { 'certificate-authority-data': Buffer.from(caPem).toString('base64') }),
    ...(serverName === undefined ? {} : { 'tls-server-name': serverName }),
  };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}

/** What a Secret of an earlier `join` says. */
export interface Written {
  readonly expiresAtMs: number;
  /** It leads to that address, trusted in that way, and the operator takes it for the way to that cluster. */
  readonly isFor: (address: Address, cluster: string) => boolean;
}

/** @returns undefined for a Secret that `join` did not write, or that does not say what it should */
export function writtenByJoin(secret: KubeObject): Written | undefined {
  const expiresAtMs = Date.parse(secret.metadata.annotations?.[ANNOTATION_CREDENTIAL_EXPIRES] ?? '');
  const text = (secret['data'] as { kubeconfig?: unknown } | undefined)?.kubeconfig;
  if (Number.isNaN(expiresAtMs) || typeof text !== 'string') return undefined;
  const token = bearerIn(Buffer.from(text, 'base64').toString());
  return {
    expiresAtMs,
    isFor: (address, cluster) =>
      token !== undefined &&
      secret.metadata.labels?.[LABEL_CLUSTER] === cluster &&
      Buffer.from(text, 'base64').toString() === kubeconfigText(address, token),
  };
}

function bearerIn(text: string): string | undefined {
  try {
    const { users } = JSON.parse(text) as { users?: { user?: { token?: unknown } }[] };
    const token = users?.[0]?.user?.token;
    return typeof token === 'string' ? token : undefined;
  } catch {
    return undefined;
  }
}
