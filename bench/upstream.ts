import { randomUUID } from 'node:crypto';
import { TOKENS } from '../src/api/names.ts';
import type { World } from '../test/support/world.ts';
import { someHash } from './objects.ts';
import { inParallel } from './stats.ts';

export type TokenKind = 'hashed' | 'plain';

const CONCURRENCY = 16;
const HASHED = { 'authn.management.cattle.io/token-hashed': 'true' };

/** Users with groups; a user of these has some twenty tokens. */
export async function createUsers(world: World, count: number): Promise<void> {
  await inParallel(count, CONCURRENCY, (index) =>
    world.createUser(userName(index), {}, ['group://developers', `group://team-${index % 10}`]),
  );
}

export const userName = (index: number): string => `u-bench-${index}`;

export interface TokenPlan {
  readonly count: number;
  readonly kind: TokenKind;
  readonly prefix: string;
  readonly clusters: readonly string[];
  readonly users: number;
}

/** Tokens dealt out to clusters and users in turn. */
export async function createTokens(world: World, plan: TokenPlan): Promise<void> {
  await inParallel(plan.count, CONCURRENCY, (index) => createToken(world, plan, index));
}

export function createToken(world: World, plan: TokenPlan, index: number): Promise<unknown> {
  const name = tokenName(plan, index);
  const cluster = plan.clusters[index % plan.clusters.length] ?? '';
  const user = userName(index % plan.users);
  if (plan.kind === 'hashed')
    return world.createToken(name, cluster, user, { token: someHash(name) }, HASHED);
  return world.createToken(name, cluster, user, { token: `${randomUUID()}${randomUUID()}`.slice(0, 54) });
}

export const tokenName = ({ prefix }: Pick<TokenPlan, 'prefix'>, index: number): string =>
  `token-${prefix}-${index}`;

export async function deleteTokens(world: World, plan: TokenPlan): Promise<void> {
  await inParallel(plan.count, CONCURRENCY, (index) =>
    world.management.remove(TOKENS, tokenName(plan, index)),
  );
}
