import { setTimeout as delay } from 'node:timers/promises';
import type { OperatorProcess } from '../test/support/operator-process.ts';
import { whenCarried } from './carried.ts';
import { type FleetSize, type FleetWorld, startFleetWorld } from './fleet/fleet-world.ts';
import { cpuMs, rssMb } from './process-stats.ts';
import { TokenWatch } from './token-watch.ts';
import { createToken, tokenName } from './upstream.ts';

const SETTLE_MS = 4_000;
const REST_MS = 4_000;
const WARM_UP = 60;
export const CHANGES = 200;

/** What one size costs. */
export interface Point {
  readonly size: Required<FleetSize>;
  readonly tokens: number;
  /** From the spawn until everything was there, nothing having been there. */
  readonly backfillCpuMs: number;
  readonly rssMb: number;
  /** CPU in a second in which nothing happens. */
  readonly restCpuMsPerSecond: number;
  /** CPU of one more token, once everything is at rest; what is spent at rest taken off. */
  readonly changeCpuMs: number;
}

/** Builds a fleet of that size, lets an operator fill it, and changes it a little. */
export async function measurePoint(size: Required<FleetSize>): Promise<Point> {
  const fleet = await startFleetWorld(size);
  const watch = await TokenWatch.open([fleet.downstream]);
  try {
    const tokens = size.clusters * size.tokens;
    const operator = await fleet.world.startOperator();
    await whenCarried(operator, size.clusters, tokens);
    const backfillCpuMs = cpuMs(operator.pid);
    await delay(SETTLE_MS);
    const rss = rssMb(operator.pid);
    const before = cpuMs(operator.pid);
    await delay(REST_MS);
    const restCpuMsPerSecond = ((cpuMs(operator.pid) - before) * 1000) / REST_MS;
    await change(fleet, watch, operator, { prefix: 'warm', count: WARM_UP, users: size.users });
    const spent = await change(fleet, watch, operator, {
      prefix: 'change',
      count: CHANGES,
      users: size.users,
    });
    const changeCpuMs = (spent.cpuMs - (restCpuMsPerSecond * spent.tookMs) / 1000) / CHANGES;
    return { size, tokens, backfillCpuMs, rssMb: rss, restCpuMsPerSecond, changeCpuMs };
  } finally {
    watch.close();
    await fleet.close();
  }
}

/** New tokens in the clusters in turn, each when the one before has arrived. */
async function change(
  { world, ids }: FleetWorld,
  watch: TokenWatch,
  operator: OperatorProcess,
  { prefix, count, users }: { prefix: string; count: number; users: number },
): Promise<{ cpuMs: number; tookMs: number }> {
  const [before, startMs] = [cpuMs(operator.pid), performance.now()];
  const plan = { kind: 'hashed', clusters: ids, prefix, count, users } as const;
  for (let index = 0; index < count; index += 1) {
    await createToken(world, plan, index);
    await watch.whenAppeared(tokenName(plan, index));
  }
  return { cpuMs: cpuMs(operator.pid) - before, tookMs: performance.now() - startMs };
}
