import { parseToken } from '../../src/api/parse-token.ts';
import { parseUser, parseUserAttribute } from '../../src/api/parse-user.ts';
import type { KubeObject, Token, User, UserAttribute } from '../../src/api/types.ts';

/** The moment at which tests play unless they say otherwise. */
export const NOW_TEXT = '2026-01-01T00:00:00Z';
export const NOW = Date.parse(NOW_TEXT);
export const SECOND = 1_000;
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

/** Text that must never be seen outside the place it was put. */
export const CANARY = 'canary-5ecret-never-print-me';

export type Json = Record<string, unknown>;

/** RFC 3339 as management writes it. */
export const timeText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

function raw(apiVersion: string, kind: string, defaults: Json, fields: Json, metadata: Json): KubeObject {
  return { apiVersion, kind, ...defaults, ...fields, metadata: { ...metadata } } as unknown as KubeObject;
}

/** A Token as the management API server sends it: wanted in cluster `c-1`, secret in plain text. */
export function rawToken(fields: Json = {}, metadata: Json = {}): KubeObject {
  return raw(
    'management.cattle.io/v3',
    'Token',
    { userId: 'u-1', token: 'secret-1', clusterName: 'c-1', ttl: 0, expiresAt: '', enabled: true },
    fields,
    { name: 't-1', uid: 'uid-t-1', resourceVersion: '1', creationTimestamp: NOW_TEXT, ...metadata },
  );
}

/** The Secret behind a token of `ext.cattle.io`, as Rancher keeps it: wanted in cluster `c-1`. Fields are texts, `null` for none. */
export function rawExtToken(
  fields: Readonly<Record<string, string | null>> = {},
  metadata: Json = {},
): KubeObject {
  const texts = {
    cluster: 'c-1',
    description: 'Kubeconfig token',
    enabled: 'true',
    hash: EXT_HASH,
    kind: 'kubeconfig',
    'kube-uid': 'kube-uid-1',
    'last-update-time': NOW_TEXT,
    principal: '{"name":"local://u-1","displayName":"Ada","provider":"local","me":true}',
    ttl: '3600000',
    'user-id': 'u-1',
    ...fields,
  };
  const data = Object.entries(texts).flatMap(([name, text]) =>
    text === null ? [] : [[name, Buffer.from(text).toString('base64')]],
  );
  return raw(
    'v1',
    'Secret',
    { type: 'Opaque', data: Object.fromEntries(data) },
    {},
    {
      name: 't-1',
      namespace: 'cattle-tokens',
      uid: 'uid-secret-1',
      resourceVersion: '1',
      creationTimestamp: NOW_TEXT,
      labels: {
        'cattle.io/kind': 'token',
        'cattle.io/user-id': 'u-1',
        'authn.management.cattle.io/kind': 'kubeconfig',
      },
      ...metadata,
    },
  );
}

/** Rancher's own vector: of a secret of 54 times `d`. */
export const EXT_SECRET = 'd'.repeat(54);
export const EXT_HASH =
  '$3:1:uFrxm43ggfw:zsN1zEFC7SvABTdR58o7yjIqfrI4cQ/HSYz3jBwwVnx5X+/ph4etGDIU9dvIYuy1IvnYUVe6a/Ar95xE+gfjhA';

export function rawUser(fields: Json = {}, metadata: Json = {}): KubeObject {
  return raw('management.cattle.io/v3', 'User', { enabled: true, username: 'user' }, fields, {
    name: 'u-1',
    uid: 'uid-u-1',
    resourceVersion: '1',
    ...metadata,
  });
}

/** Rancher's layout of one provider's groups. */
export const groupsOf = (...names: string[]): Json => ({
  Items: names.map((name) => ({ metadata: { name } })),
});

export function rawUserAttribute(fields: Json = {}, metadata: Json = {}): KubeObject {
  return raw(
    'management.cattle.io/v3',
    'UserAttribute',
    { GroupPrincipals: { local: groupsOf('g-1') }, LastRefresh: '', NeedsRefresh: false },
    fields,
    { name: 'u-1', uid: 'uid-ua-1', resourceVersion: '1', ...metadata },
  );
}

export function rawCluster(fields: Json = {}, metadata: Json = {}): KubeObject {
  return raw('management.cattle.io/v3', 'Cluster', {}, fields, {
    name: 'c-1',
    uid: 'uid-c-1',
    resourceVersion: '1',
    ...metadata,
  });
}

export const aToken = (fields: Json = {}, metadata: Json = {}): Token =>
  parseToken(rawToken(fields, metadata));
export const aUser = (fields: Json = {}, metadata: Json = {}): User => parseUser(rawUser(fields, metadata));
export const anAttribute = (fields: Json = {}, metadata: Json = {}): UserAttribute =>
  parseUserAttribute(rawUserAttribute(fields, metadata));
