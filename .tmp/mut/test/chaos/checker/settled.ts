import { createHash } from 'node:crypto';
import { type Should, secretOf } from './derive.ts';
import type { Json } from './plain-api.ts';

/** Everything in the namespace of one cluster that counts. */
export interface Downstream {
  readonly tokens: readonly Json[];
  readonly secrets: readonly Json[];
  readonly users: readonly Json[];
}

const isOurs = ({ metadata }: Json): boolean =>
  metadata.labels?.['app.kubernetes.io/managed-by'] === 'ace-operator';

/** What differs between what should be of a cluster and what is there, at most ten lines. */
export function differences(
  should: readonly Should[],
  is: Downstream,
  seed: number,
  nowMs: number,
): readonly string[] {
  const lines: string[] = [];
  // Where somebody else has the name already, nothing of ours is to be there.
  const taken = new Set(
    [...is.secrets, ...is.tokens].filter((one) => !isOurs(one)).map(({ metadata }) => metadata.name),
  );
  const wanted = new Map(
    should
      .filter(({ name, isThere, untilMs }) => isThere && untilMs > nowMs && !taken.has(name))
      .map((one) => [one.name, one]),
  );
  // One that is about to expire may be there or not.
  const either = new Set(
    should.filter(({ untilMs }) => Math.abs(untilMs - nowMs) < 3_000).map(({ name }) => name),
  );
  const secrets = new Map(is.secrets.filter(isOurs).map((secret) => [secret.metadata.name, secret]));
  const tokens = new Map(is.tokens.filter(isOurs).map((token) => [token.metadata.name, token]));
  const users = new Map(is.users.filter(isOurs).map((user) => [user.metadata.name, user]));
  for (const one of wanted.values()) {
    if (either.has(one.name)) continue;
    const token = tokens.get(one.name);
    const user = users.get(one.user);
    if (!token) lines.push(`token ${one.name} is missing`);
    else if (token.userName !== one.user || token.enabled !== true) lines.push(`token ${one.name} is wrong`);
    else if (!sameTime(token.expiresAt, one.untilMs))
      lines.push(`token ${one.name} expires ${token.expiresAt}`);
    if (!isHashOf(secrets.get(one.name), secretOf(seed, one.name, one.generation)))
      lines.push(`Secret of ${one.name} is missing or of another secret`);
    if (!user) lines.push(`user ${one.user} is missing`);
    else if (user.enabled !== one.isGood) lines.push(`user ${one.user} is enabled: ${user.enabled}`);
    else if (JSON.stringify([...(user.groups ?? [])].sort()) !== JSON.stringify(one.groups))
      lines.push(`user ${one.user} has groups ${user.groups}`);
  }
  for (const [what, names] of [
    ['token', tokens],
    ['Secret', secrets],
  ] as const)
    for (const name of names.keys())
      if (!wanted.has(name) && !either.has(name)) lines.push(`${what} ${name} is left`);
  const wantedUsers = new Set([...wanted.values()].map(({ user }) => user));
  const eitherUsers = new Set(should.filter(({ name }) => either.has(name)).map(({ user }) => user));
  for (const name of users.keys())
    if (!wantedUsers.has(name) && !eitherUsers.has(name)) lines.push(`user ${name} is left`);
  return [...new Set(lines)].slice(0, 10);
}

function sameTime(written: string | undefined, untilMs: number): boolean {
  if (untilMs === Number.POSITIVE_INFINITY) return !written;
  return written !== undefined && Date.parse(written) === untilMs;
}

/** `$3:1:<salt>:<digest>`, both base64 without padding: SHA3-512 over salt and secret. */
function isHashOf(secret: Json, value: string): boolean {
  const hash = Buffer.from(secret?.data?.hash ?? '', 'base64').toString();
  const [, , salt = '', digest = ''] = hash.split(':');
  if (!hash.startsWith('$3:1:')) return hash !== '';
  const right = createHash('sha3-512').update(Buffer.from(salt, 'base64')).update(value).digest();
  return right.equals(Buffer.from(digest, 'base64'));
}
