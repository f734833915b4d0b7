import { timingSafeEqual } from 'node:crypto';
import { type Bearer as AnyBearer, parseBearer } from '../../api/bearer.ts';
import type { Token, User } from '../../api/types.ts';
import { judgeToken } from '../../derive/verdict.ts';
import { TerminalError } from '../../errors.ts';
import { createHasher } from '../../hash/hasher.ts';

/** The parts of a token's bearer. */
export type Bearer = Extract<AnyBearer, { kind: 'ours' }>;

/**
 * The parts of `name:secret`, or of `ext/name:secret`; undefined when it is no such thing. The secret may hold colons, and the name
 * is that of the token, whatever stands before it.
 */
export function splitBearer(text: string): Bearer | undefined {
  const bearer = parseBearer(text);
  return bearer.kind === 'ours' && !/\s/.test(text) ? bearer : undefined;
}

/** Where a token is to be used, and by whom. */
export interface Use {
  readonly cluster: string;
  /** It is for a cluster's own endpoint, too, which takes none but those that are scoped to it. */
  readonly needsScope: boolean;
  /** Undefined: anybody's. */
  readonly user: string | undefined;
  readonly nowMs: number;
}

/**
 * Whether a token would be accepted there, as far as the management plane knows.
 *
 * @throws {TerminalError} naming the reason and what to do
 */
export function requireUsable(token: Token, owner: User | undefined, use: Use): void {
  const refuse = (reason: string, message: string): never => {
    throw new TerminalError(reason, `token ${token.name} ${message}`);
  };
  if (use.user !== undefined && token.userName !== use.user)
    refuse('OtherUser', `is user ${token.userName}'s, not ${use.user}'s`);
  if (token.clusterName !== '' && token.clusterName !== use.cluster) {
    refuse('OtherCluster', `is scoped to ${token.clusterName}, this is ${use.cluster}; issue one for it`);
  }
  if (token.clusterName === '' && use.needsScope) {
    refuse('NotScoped', `is scoped to no cluster, and an authorized endpoint takes none of those`);
  }
  const judged = { ...token, clusterName: use.cluster };
  const verdict = judgeToken(judged, owner, {
    cluster: use.cluster,
    aceEnabled: true,
    nowMs: use.nowMs,
  });
  if (!verdict.wanted) refuse(verdict.reason, `would be refused: ${verdict.reason}`);
  else if (verdict.userDisabled)
    refuse('UserDisabled', `would be refused: user ${token.userName} is disabled`);
}

/** Whether this is the secret of that token. */
export async function isSecretOf(secret: string, { secret: stored }: Token): Promise<boolean> {
  if (stored.kind === 'missing') return false;
  if (stored.kind === 'plain') {
    const [a, b] = [Buffer.from(secret), Buffer.from(stored.value)];
    return a.length === b.length && timingSafeEqual(a, b);
  }
  const hasher = createHasher({ threads: 1 });
  try {
    return await hasher.verify(secret, stored.value);
  } finally {
    await hasher.close();
  }
}
