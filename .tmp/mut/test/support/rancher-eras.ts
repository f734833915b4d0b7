import {
  ANNOTATION_TOKEN_HASHED,
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  EXT_TOKEN_SECRETS,
  rancherFinalizer,
  SECRETS,
  TOKENS,
} from '../../src/api/names.ts';
import * as scrypt from '../../src/hash/scrypt.ts';
import * as sha3 from '../../src/hash/sha3-512.ts';
import * as sha256 from '../../src/hash/sha256.ts';
import { rawExtToken, timeText } from './builders.ts';
import type { PlaneClient } from './plane-client.ts';
import { rawCat, rawCua, rawHashSecret } from './webhook-rig.ts';
import { NAMESPACE } from './world.ts';

/** What Rancher's own controller leaves on both sides, by release: names, formats and places as its sources and documents have them. */
export interface Era {
  readonly rancher: string;
  /** Management id, in the form of that time. */
  readonly cluster: string;
  /** Where its authenticator looks for hashes first. */
  readonly place: 'inline' | 'secret';
  readonly tokens: readonly EraToken[];
}

export interface EraToken {
  readonly name: string;
  readonly kind: 'v3' | 'ext';
  /** How it is stored upstream. */
  readonly stored: 'plain' | 'sha3-512' | 'sha256';
  /** In which format Rancher's controller carried it; undefined: it never does. */
  readonly carried: 'scrypt' | 'sha3-512' | undefined;
  /** Of old releases, or newer ones, only. */
  readonly fields?: object;
}

const HASHERS = { scrypt: scrypt.hash, 'sha3-512': sha3.hash, sha256: sha256.hash };
const NORMAN = { labels: { 'cattle.io/creator': 'norman' } };
const MONTH_MS = 30 * 24 * 3_600_000;

export const ERAS: readonly Era[] = [
  {
    rancher: '2.4',
    cluster: 'c-24abc',
    place: 'inline',
    tokens: [
      {
        ...{ name: 'kubeconfig-u-era.c-24abc', kind: 'v3', stored: 'plain', carried: 'scrypt' },
        fields: { lastUpdateTime: '', current: false, expired: false, expiresAt: '' },
      },
    ],
  },
  {
    rancher: '2.8',
    cluster: 'c-m-28abcdef',
    place: 'inline',
    tokens: [
      { name: 'kubeconfig-u-erax7k2p', kind: 'v3', stored: 'sha3-512', carried: 'sha3-512' },
      // "generate a new token to use ACE", says Rancher's log of such.
      { name: 'token-28old', kind: 'v3', stored: 'sha256', carried: undefined },
    ],
  },
  {
    rancher: '2.12',
    cluster: 'c-m-212bcdef',
    place: 'inline',
    tokens: [
      {
        ...{
          name: 'kubeconfig-u-era.c-m-212bcdefq9w4z',
          kind: 'v3',
          stored: 'sha3-512',
          carried: 'sha3-512',
        },
        fields: { ttl: MONTH_MS, expiresAt: timeText(Date.now() + MONTH_MS) },
      },
    ],
  },
  {
    rancher: '2.13',
    cluster: 'c-m-213bcdef',
    place: 'secret',
    tokens: [
      { name: 'kubeconfig-u-eraab2cd', kind: 'v3', stored: 'sha3-512', carried: 'sha3-512' },
      { name: 'token-213ab', kind: 'ext', stored: 'sha3-512', carried: 'sha3-512' },
    ],
  },
  {
    rancher: '2.15',
    cluster: 'c-m-215bcdef',
    place: 'secret',
    tokens: [
      { name: 'token-215ab', kind: 'ext', stored: 'sha3-512', carried: 'sha3-512' },
      // Made after August 2026: its API shows no hash, so that Rancher's controller skips it.
      { name: 'token-215cd', kind: 'ext', stored: 'sha3-512', carried: undefined },
    ],
  },
] satisfies readonly Era[];

export const eraSecret = (name: string): string => `not-a-real-secret-of-${name}`;

export function eraBearer({ kind, name }: EraToken): string {
  return `${kind === 'ext' ? 'ext/' : ''}${name}:${eraSecret(name)}`;
}

/** A token as that Rancher stores it; with the finalizers of a controller that has it in its care. */
export async function storeToken({ cluster }: Era, token: EraToken, management: PlaneClient): Promise<void> {
  const stored = token.stored === 'plain' ? eraSecret(token.name) : hashOf(token);
  if (token.kind === 'ext') {
    const { metadata, ...rest } = rawExtToken(
      { cluster, 'user-id': 'u-era', hash: stored, ttl: String(MONTH_MS) },
      { name: token.name },
    );
    const finalizers = token.carried ? [`wrangler.cattle.io/cat-ext-token-controller-remove-${cluster}`] : [];
    const { name, namespace, labels } = metadata;
    const made = await management.create(EXT_TOKEN_SECRETS, {
      ...rest,
      metadata: { name, namespace, labels, finalizers },
    });
    expiries.set(token.name, timeText(Date.parse(made.metadata.creationTimestamp) + MONTH_MS));
    return;
  }
  const annotations = token.stored === 'plain' ? {} : { [ANNOTATION_TOKEN_HASHED]: 'true' };
  const finalizers = token.carried ? [rancherFinalizer(cluster)] : [];
  await management.create(TOKENS, {
    apiVersion: 'management.cattle.io/v3',
    kind: 'Token',
    metadata: {
      name: token.name,
      annotations,
      finalizers,
      labels: { 'authn.management.cattle.io/kind': 'kubeconfig' },
    },
    ...{ token: stored, userId: 'u-era', clusterName: cluster, ttl: 0, isDerived: true, enabled: true },
    ...{
      authProvider: 'local',
      description: 'Kubeconfig token',
      userPrincipal: { metadata: { name: 'local://u-era' } },
    },
    ...token.fields,
  });
}

/** What its controller wrote downstream, in its order: user, Secret, ClusterAuthToken. */
export async function carryAsRancher(era: Era, downstream: PlaneClient): Promise<void> {
  const user = { groups: ['group://era'], enabled: true, needsRefresh: false, lastRefresh: '' };
  await downstream.create(CLUSTER_USER_ATTRIBUTES, rawCua('u-era', user, NORMAN));
  for (const token of era.tokens) {
    if (token.carried === undefined) continue;
    const isInline = era.place === 'inline';
    const hash =
      token.stored === token.carried ? hashOf(token) : HASHERS[token.carried](eraSecret(token.name));
    if (!isInline) await downstream.create(SECRETS, rawHashSecret(token.name, hash));
    const fields = {
      userName: 'u-era',
      enabled: true,
      expiresAt: expiryOf(token),
      hash: isInline ? hash : '',
    };
    await downstream.create(CLUSTER_AUTH_TOKENS, rawCat(token.name, fields, NORMAN));
  }
}

/** Its update of a pair that is there: whole data of the Secret, three fields of the ClusterAuthToken; an inline hash is left alone. */
export async function updateAsRancher(era: Era, downstream: PlaneClient): Promise<void> {
  for (const token of era.tokens) {
    if (token.carried === undefined) continue;
    if (era.place === 'secret') {
      const data = { hash: Buffer.from(hashOf(token)).toString('base64') };
      await downstream.patch(SECRETS, token.name, { data }, NAMESPACE);
    }
    const fields = { userName: 'u-era', enabled: true, expiresAt: expiryOf(token) };
    await downstream.patch(CLUSTER_AUTH_TOKENS, token.name, fields, NAMESPACE);
  }
}

/** Its removal of a token that was deleted: Secret, then ClusterAuthToken; the last token takes the user along. */
export async function removeAsRancher(era: Era, downstream: PlaneClient): Promise<void> {
  for (const { name } of era.tokens) {
    await downstream.remove(SECRETS, name, NAMESPACE).catch(ignoreMissing);
    await downstream.remove(CLUSTER_AUTH_TOKENS, name, NAMESPACE).catch(ignoreMissing);
  }
  await downstream.remove(CLUSTER_USER_ATTRIBUTES, 'u-era', NAMESPACE).catch(ignoreMissing);
}

function ignoreMissing(error: unknown): void {
  if ((error as { code?: number }).code !== 404) throw error;
}

/** One salt a token, so that what is stored and what is carried is the same text. */
const hashes = new Map<string, string>();

function hashOf({ name, stored }: EraToken): string {
  const format = stored === 'plain' ? 'sha3-512' : stored;
  const hash = hashes.get(name) ?? HASHERS[format](eraSecret(name));
  hashes.set(name, hash);
  return hash;
}

/** Of ext tokens Rancher computes it. */
const expiries = new Map<string, string>();

function expiryOf({ name, fields }: EraToken): string {
  return expiries.get(name) ?? (fields as { expiresAt?: string } | undefined)?.expiresAt ?? '';
}
