import type { Resource } from '../api/names.ts';
import type { KubeObject } from '../api/types.ts';
import { TerminalError } from '../errors.ts';
import type { Writer } from '../kube/client.ts';

/** A service account of a downstream cluster. */
export interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** As a token of it names it, and as the API server knows whoever shows one. */
export function subjectOf({ namespace, name }: Account): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

/** A bearer of an account, bound to that account: deleted with it, it opens nothing. */
export interface BoundToken {
  readonly token: string;
  /** When the API server says that it ends; milliseconds since the epoch. */
  readonly expiresAtMs: number;
}

/** API servers refuse less. Source: pkg/apis/authentication/validation/validation.go */
const LEAST_SECONDS = 600;

/** @param seconds - how long it should be good; the API server may make it shorter @throws {ApiError | ConnectionError | FencedError | TerminalError} */
export async function requestToken(
  client: Pick<Writer, 'create'>,
  { namespace, name }: Account,
  seconds: number,
): Promise<BoundToken> {
  const resource: Resource = {
    ...{ group: '', version: 'v1', plural: `serviceaccounts/${name}/token`, kind: 'TokenRequest' },
    namespaced: true,
  };
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: resource.kind,
    metadata: { namespace },
    spec: { expirationSeconds: Math.max(LEAST_SECONDS, Math.round(seconds)) },
  } as unknown as KubeObject;
  const answer = (await client.create(resource, request)) as {
    readonly status?: { readonly token?: unknown; readonly expirationTimestamp?: unknown };
  };
  const { token, expirationTimestamp } = answer.status ?? {};
  const expiresAtMs = Date.parse(String(expirationTimestamp));
  if (typeof token !== 'string' || token === '' || Number.isNaN(expiresAtMs))
    throw new TerminalError(
      'Rejected',
      `ServiceAccount ${namespace}/${name}: the API server gave no token; look whether it runs with --service-account-issuer`,
    );
  return { token, expiresAtMs };
}
