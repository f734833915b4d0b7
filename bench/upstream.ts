import { randomUUID } from 'node:crypto';
import { TOKENS } from '../src/api/names.ts';
import type { World } from '../test/support/world.ts';
import type { BareApi } from './bare-api.ts';
import { someHash } from './objects.ts';
import { inParallel } from './stats.ts';

export type TokenKind = 'hashed' | 'plain';

const CONCURRENCY = 16;
const HASHED = { 'authn.management.cattle.io/token-hashed': 'true' };

/** Users `first`, `first + 1` and so on, with as many groups each. */
export async function createUsers(
  world: World,
  count: number,
  { first = 0, groups = 2 }: { readonly first?: number; readonly groups?: number } = {},
): Promise<void> {
  await inParallel(count, CONCURRENCY, (index) => {
    const teams = Array.from(
      { length: groups - 1 },
      (_, team) => `group://team-${(index + team) % (10 * groups)}`,
    );
    return world.createUser(userName(first + index), {}, ['group://developers', ...teams]);
  });
}

export const userName = (index: number): string => `u-bench-${index}`;

export interface TokenPlan {
  readonly count: number;
  readonly kind: TokenKind;
  readonly prefix: string;
  readonly clusters: readonly string[];
  readonly users: number;
  /** The first of the users; 0 without it. */
  readonly firstUser?: number;
}

/** Tokens dealt out to clusters and users in turn. */
export async function createTokens(world: World, plan: TokenPlan): Promise<void> {
  await inParallel(plan.count, CONCURRENCY, (index) => createToken(world, plan, index));
}

export function createToken(world: World, plan: TokenPlan, index: number): Promise<unknown> {
  const name = tokenName(plan, index);
  const cluster = plan.clusters[index % plan.clusters.length] ?? '';
  const user = userName((plan.firstUser ?? 0) + (index % plan.users));
  if (plan.kind === 'hashed')
    return world.createToken(name, cluster, user, { token: someHash(name) }, HASHED);
  return world.createToken(name, cluster, user, { token: `${randomUUID()}${randomUUID()}`.slice(0, 54) });
}

export const tokenName = ({ prefix }: Pick<TokenPlan, 'prefix'>, index: number): string =>
  `token-${prefix}-${index}`;

/** By name alone, without reading them first. */
export async function deleteTokens(management: BareApi, plan: TokenPlan): Promise<void> {
  await inParallel(plan.count, CONCURRENCY, (index) => management.remove(TOKENS, tokenName(plan, index)));
}
