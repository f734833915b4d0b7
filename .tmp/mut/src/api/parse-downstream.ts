import { z } from 'zod';
import { ANNOTATION_EARLIER_TOKEN_UID, ANNOTATION_TOKEN_UID, LABEL_CLUSTER } from './names.ts';
import { deepFreeze, parseMetadata, parseTime } from './parse-fields.ts';
import { sharedText } from './shared-text.ts';
import type { ExtraByProvider, Identified } from './types.ts';

/** A ClusterAuthToken as the authenticator reads it, by whomever it was written. */
export interface ClusterAuthToken extends Identified {
  readonly userName: string;
  /** Only a literal `true` is: absence means denied, as in kube-api-auth. */
  readonly enabled: boolean;
  readonly deleting: boolean;
  /** Milliseconds since the epoch; undefined is never; `malformed` refuses. */
  readonly expiresAt: number | undefined | 'malformed';
  /** UID of the management Token, where its writer notes it. */
  readonly tokenUid: string;
  /** Inline hash of older writers; empty when the Secret has it. */
  readonly hash: string;
  readonly lastUsedAtMs: number | undefined;
  /** Id of this cluster in the management plane, where its writer notes it. */
  readonly cluster: string;
}

/** The hash of a Secret that bears a token's name. */
export interface HashSecret extends Identified {
  readonly hash: string;
  /** UID of the management Token, where its writer notes it. */
  readonly tokenUid: string;
  /** The one before it that had the same secret, where its writer notes it. */
  readonly earlierTokenUid: string;
  readonly deleting: boolean;
}

export interface ClusterUserAttribute extends Identified {
  readonly enabled: boolean;
  readonly deleting: boolean;
  readonly groups: readonly string[];
  readonly lastRefresh: string;
  readonly needsRefresh: boolean;
  readonly extraByProvider: ExtraByProvider | undefined;
}

type Fields = Readonly<Record<string, unknown>>;
// Fifty thousand of these are held at once. Fields that are spread into an object lie outside of it, at twice the price.
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Never throws for a bad field; a field that cannot be read refuses that token alone. */
export function parseClusterAuthToken(raw: unknown): ClusterAuthToken {
  const meta = parseMetadata(raw);
  const fields = raw as Fields;
  return deepFreeze({
    name: meta.name,
    namespace: sharedText(meta.namespace),
    uid: meta.uid,
    resourceVersion: meta.resourceVersion,
    deleting: Boolean(meta.deletionTimestamp),
    userName: text(fields['userName']),
    enabled: fields['enabled'] === true,
    expiresAt: expiry(fields['expiresAt']),
    hash: text(fields['hash']),
    tokenUid: meta.annotations?.[ANNOTATION_TOKEN_UID] ?? '',
    lastUsedAtMs: parseTime(text(fields['lastUsedAt'])),
    cluster: sharedText(meta.labels?.[LABEL_CLUSTER] ?? ''),
  });
}

/**
 * Keeps the key `hash` and nothing else: the namespace holds others' Secrets, too.
 *
 * @param tokenOf - the token of a name, if it is known already: what the two have in common is then held once
 */
export function parseHashSecret(
  raw: unknown,
  tokenOf: (name: string) => ClusterAuthToken | undefined = () => undefined,
): HashSecret {
  const meta = parseMetadata(raw);
  const data = (raw as { data?: Fields | null }).data;
  const token = tokenOf(meta.name);
  const tokenUid = meta.annotations?.[ANNOTATION_TOKEN_UID] ?? '';
  return deepFreeze({
    name: token?.name ?? meta.name,
    namespace: sharedText(meta.namespace),
    uid: meta.uid,
    resourceVersion: meta.resourceVersion,
    deleting: Boolean(meta.deletionTimestamp),
    hash: Buffer.from(text(data?.['hash']), 'base64').toString('utf8'),
    tokenUid: token?.tokenUid === tokenUid ? token.tokenUid : tokenUid,
    earlierTokenUid: meta.annotations?.[ANNOTATION_EARLIER_TOKEN_UID] ?? '',
  });
}

const extraShape = z.record(z.string(), z.record(z.string(), z.array(z.string()).nullable()).nullable());

export function parseClusterUserAttribute(raw: unknown): ClusterUserAttribute {
  const meta = parseMetadata(raw);
  const fields = raw as Fields;
  const groups = Array.isArray(fields['groups']) ? fields['groups'] : [];
  const extra = extraShape.safeParse(fields['extraByProvider']);
  return deepFreeze({
    name: meta.name,
    namespace: sharedText(meta.namespace),
    uid: meta.uid,
    resourceVersion: meta.resourceVersion,
    deleting: Boolean(meta.deletionTimestamp),
    enabled: fields['enabled'] === true,
    groups: groups.filter((group) => typeof group === 'string').map(sharedText),
    lastRefresh: text(fields['lastRefresh']),
    needsRefresh: fields['needsRefresh'] === true,
    extraByProvider: extra.success ? (extra.data as ExtraByProvider) : undefined,
  });
}

/** A ConfigMap, reduced to its key `value`. */
export interface ConfigValue extends Identified {
  readonly value: string;
}

export function parseConfigValue(raw: unknown): ConfigValue {
  const data = (raw as { data?: Fields | null }).data;
  const { name, namespace, uid, resourceVersion } = parseMetadata(raw);
  return deepFreeze({ name, namespace, uid, resourceVersion, value: text(data?.['value']) });
}

function expiry(value: unknown): ClusterAuthToken['expiresAt'] {
  if (value === undefined || value === null || value === '') return undefined;
  return parseTime(text(value)) ?? 'malformed';
}
