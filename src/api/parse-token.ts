import { z } from 'zod';
import { ANNOTATION_TOKEN_HASHED, isObjectName, rancherFinalizer } from './names.ts';
import {
  boundedName,
  boundedValue,
  deepFreeze,
  describeIssues,
  enabledByDefault,
  optionalString,
  optionalTime,
  parseMetadata,
  parseTime,
} from './parse-fields.ts';
import type { Token, TokenSecret } from './types.ts';

const fields = z.object({
  userId: optionalString,
  token: optionalString,
  clusterName: optionalString,
  enabled: enabledByDefault,
  ttl: z
    .number()
    .int()
    .nullish()
    .transform((ttl) => ttl ?? 0),
  expiresAt: optionalTime,
});

/**
 * A management Token (Rancher's fields, top-level beside metadata).
 *
 * Never throws for a bad field: the token then has a `problem` and is refused as Malformed, alone.
 */
export function parseToken(raw: unknown): Token {
  const meta = parseMetadata(raw);
  const identity = {
    api: 'v3' as const,
    shownUid: meta.uid,
    name: meta.name,
    namespace: '',
    uid: meta.uid,
    resourceVersion: meta.resourceVersion,
    deleting: Boolean(meta.deletionTimestamp),
    createdAtMs: parseTime(meta.creationTimestamp ?? '') ?? 0,
    lastUsedAtMs: lastUse(raw),
    isInRanchersCare: isInRanchersCare(raw, meta.finalizers),
  };
  const parsed = fields.safeParse(raw);
  if (!parsed.success) {
    return deepFreeze({
      ...identity,
      ...bestGuess(raw),
      secret: { kind: 'missing' },
      enabled: false,
      ttlMs: 0,
      expiresAtMs: undefined,
      problem: describeIssues(parsed.error),
    });
  }
  const { userId, token, clusterName, enabled, ttl, expiresAt } = parsed.data;
  return deepFreeze({
    ...identity,
    userName: boundedName(userId),
    clusterName: boundedName(clusterName),
    secret: secretOf(token, meta.annotations?.[ANNOTATION_TOKEN_HASHED] === 'true'),
    enabled,
    ttlMs: ttl,
    expiresAtMs: expiresAt,
    problem: problemOf(meta.name, userId),
  });
}

/** How a Token's secret is stored, also of one whose other fields cannot be read. */
export function storedSecret(raw: unknown): TokenSecret {
  const { token } = raw as { token?: unknown };
  const hashed = parseMetadata(raw).annotations?.[ANNOTATION_TOKEN_HASHED] === 'true';
  return secretOf(typeof token === 'string' ? token : '', hashed);
}

function secretOf(value: string, hashed: boolean): TokenSecret {
  if (value === '') return { kind: 'missing' };
  return { kind: hashed ? 'hashed' : 'plain', value: boundedValue(value) };
}

function problemOf(name: string, userId: string): string | undefined {
  if (!isObjectName(name)) return 'metadata.name: cannot be the name of a Secret';
  if (userId === '') return 'userId: missing';
  if (!isObjectName(userId)) return 'userId: cannot be the name of an object';
  return undefined;
}

function isInRanchersCare(raw: unknown, finalizers: readonly string[] | null | undefined): boolean {
  const { clusterName } = raw as { clusterName?: unknown };
  return typeof clusterName === 'string' && (finalizers?.includes(rancherFinalizer(clusterName)) ?? false);
}

/** Not a field that decides anything: an unreadable one is as good as none. */
function lastUse(raw: unknown): number | undefined {
  const { lastUsedAt } = raw as { lastUsedAt?: unknown };
  return typeof lastUsedAt === 'string' ? parseTime(lastUsedAt) : undefined;
}

/** Where a malformed token would belong, so that it can be reported there. */
function bestGuess(raw: unknown): Pick<Token, 'userName' | 'clusterName'> {
  const text = (value: unknown): string => (typeof value === 'string' ? boundedName(value) : '');
  const object = raw as Readonly<Record<string, unknown>>;
  return { userName: text(object['userId']), clusterName: text(object['clusterName']) };
}
