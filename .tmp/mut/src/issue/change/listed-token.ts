import { apiVersionOf, EXT_TOKENS, LABEL_TOKEN_KIND, TOKENS } from '../../api/names.ts';
import { describeExtToken, parseExtToken } from '../../api/parse-ext-token.ts';
import { parseMetadata } from '../../api/parse-fields.ts';
import { parseToken, storedSecret } from '../../api/parse-token.ts';
import type { TokenReason } from '../../api/reasons.ts';
import type { Token, TokenApi, TokenSecret, User } from '../../api/types.ts';
import { effectiveExpiryMs, formatTime } from '../../derive/expiry.ts';
import { detectFormat } from '../../hash/detect.ts';
import type { HashFormat } from '../../hash/formats.ts';

/** How a token is stored upstream: `plain`, the format of its hash, `unsupported`, or `missing`. */
export type StoredAs = 'plain' | HashFormat | 'unsupported' | 'missing';

/** A token as it may be shown: all that people ask about, and nothing that opens a door. */
export interface ListedToken {
  readonly api: TokenApi;
  readonly name: string;
  readonly uid: string;
  readonly userName: string;
  readonly clusterName: string;
  readonly enabled: boolean;
  readonly deleting: boolean;
  readonly storedAs: StoredAs;
  /** What Rancher says it was issued for: `session`, `kubeconfig`, `agent`, …; empty when nobody said. */
  readonly kind: string;
  readonly description: string;
  readonly authProvider: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly createdAtMs: number;
  readonly expiresAtMs: number | undefined;
  readonly lastUsedAtMs: number | undefined;
  readonly problem: string | undefined;
}

/** Reads a Token and forgets its secret. */
export function parseListedToken(raw: unknown): ListedToken {
  const fields = raw as Readonly<Record<string, unknown>>;
  const text = (name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');
  return listed({ ...parseToken(raw), secret: storedSecret(raw) }, raw, {
    description: text('description'),
    authProvider: text('authProvider'),
  });
}

/** Reads the Secret behind a token of `ext.cattle.io`, and forgets the hash. */
export function parseListedExtToken(raw: unknown): ListedToken {
  return listed(parseExtToken(raw), raw, describeExtToken(raw));
}

function listed(
  token: Token,
  raw: unknown,
  told: Pick<ListedToken, 'description' | 'authProvider'>,
): ListedToken {
  const { labels } = parseMetadata(raw);
  const { api, name, userName, clusterName, enabled, deleting, createdAtMs, lastUsedAtMs, problem } = token;
  return {
    ...{ api, name, userName, clusterName, enabled, deleting, createdAtMs, lastUsedAtMs, problem },
    ...told,
    uid: token.uid,
    storedAs: storedAs(token.secret),
    kind: labels?.[LABEL_TOKEN_KIND] ?? '',
    labels: labels ?? {},
    expiresAtMs: effectiveExpiryMs(token),
  };
}

function storedAs(secret: TokenSecret): StoredAs {
  if (secret.kind !== 'hashed') return secret.kind;
  return detectFormat(secret.value) ?? 'unsupported';
}

/** Why a token is of no use anywhere, by itself; undefined when it may be. */
export function ownProblem(token: ListedToken, nowMs: number): TokenReason | undefined {
  if (token.deleting) return 'Deleting';
  if (token.problem !== undefined) return 'Malformed';
  if (!token.enabled) return 'Disabled';
  if (token.expiresAtMs !== undefined && token.expiresAtMs <= nowMs) return 'Expired';
  if (token.storedAs === 'missing') return 'HashPending';
  return token.storedAs === 'unsupported' ? 'UnsupportedHash' : undefined;
}

/** Users by name; undefined: they could not be read, so that nothing is said of them. */
export type KnownUsers = ReadonlyMap<string, Pick<User, 'enabled' | 'deleting'>> | undefined;

/** Why a token is of no use anywhere: by itself, or because of its user; undefined when it may be. */
export function problemOf(token: ListedToken, users: KnownUsers, nowMs: number): TokenReason | undefined {
  const own = ownProblem(token, nowMs);
  if (own !== undefined || users === undefined) return own;
  const user = users.get(token.userName);
  if (!user || user.deleting) return 'UserNotFound';
  return user.enabled ? undefined : 'UserDisabled';
}

/** What `-o json` shows: the fields of the Token that are named here and no others, so that none of them is a secret. */
export function shownToken(token: ListedToken, users: KnownUsers, nowMs: number): object {
  const time = (ms: number | undefined): string | null => (ms === undefined ? null : formatTime(ms));
  return {
    apiVersion: apiVersionOf(token.api === 'ext' ? EXT_TOKENS : TOKENS),
    kind: TOKENS.kind,
    metadata: {
      name: token.name,
      uid: token.uid,
      creationTimestamp: time(token.createdAtMs),
      labels: token.labels,
    },
    userId: token.userName,
    clusterName: token.clusterName,
    enabled: token.enabled,
    description: token.description,
    authProvider: token.authProvider,
    expiresAt: time(token.expiresAtMs),
    lastUsedAt: time(token.lastUsedAtMs),
    storedAs: token.storedAs,
    reason: problemOf(token, users, nowMs) ?? null,
    problem: token.problem ?? null,
  };
}
