import {
  ANNOTATION_TOKEN_HASHED,
  apiVersionOf,
  LABEL_TOKEN_KIND,
  LABEL_TOKEN_USER,
  TOKENS,
} from '../../api/names.ts';
import type { KubeObject } from '../../api/types.ts';

/** Whom a token is for: what Rancher notes on it besides the user's name. */
export interface Principal {
  /** `local://u-ada`, `github_user://42`. */
  readonly id: string;
  readonly provider: string;
  readonly displayName: string;
  readonly loginName: string;
}

export interface TokenWish {
  readonly name: string;
  readonly user: string;
  readonly principal: Principal;
  /** Management id of the cluster that it is for; empty for none. */
  readonly cluster: string;
  /** `kubeconfig`; empty for an API key. */
  readonly kind: string;
  readonly description: string;
  /** Milliseconds; 0 is for ever. */
  readonly ttlMs: number;
  /** As it is stored: the secret itself, or its hash. */
  readonly stored: { readonly value: string; readonly hashed: boolean };
}

/**
 * A Token as Rancher's own code would store it.
 *
 * `expiresAt` is left to the management plane, which knows when it stored the object; until then ttl alone bounds it.
 */
export function newToken(wish: TokenWish): KubeObject {
  const { principal, stored } = wish;
  return {
    apiVersion: apiVersionOf(TOKENS),
    kind: TOKENS.kind,
    metadata: {
      name: wish.name,
      labels: {
        [LABEL_TOKEN_USER]: wish.user,
        ...(wish.kind === '' ? {} : { [LABEL_TOKEN_KIND]: wish.kind }),
      },
      ...(stored.hashed ? { annotations: { [ANNOTATION_TOKEN_HASHED]: 'true' } } : {}),
    },
    token: stored.value,
    userId: wish.user,
    userPrincipal: {
      metadata: { name: principal.id, creationTimestamp: null },
      displayName: principal.displayName,
      loginName: principal.loginName,
      principalType: 'user',
      provider: principal.provider,
      me: true,
    },
    authProvider: principal.provider,
    clusterName: wish.cluster,
    description: wish.description,
    ttl: wish.ttlMs,
    expiresAt: '',
    enabled: true,
    expired: false,
    current: false,
    isDerived: true,
  };
}

/**
 * The principal by which a user's new token is refreshed: the one of their login provider, else the local one.
 *
 * @param raw - the User
 */
export function principalOf(raw: unknown): Principal {
  const { metadata, principalIds, displayName, username } = raw as {
    metadata: { name: string };
    principalIds?: unknown;
    displayName?: unknown;
    username?: unknown;
  };
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const names = { displayName: text(displayName), loginName: text(username) };
  const ids = Array.isArray(principalIds) ? principalIds.map(text) : [];
  const external = ids.flatMap((id) => {
    const provider = /^([a-z]+?)(?:_user)?:\/\//.exec(id)?.[1];
    return provider === undefined || provider === 'local' || provider === 'system' ? [] : [{ id, provider }];
  });
  const local = { id: `local://${metadata.name}`, provider: 'local' };
  return { ...(external[0] ?? local), ...names };
}
