import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS, SECRETS, USERS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { NAMESPACE, startWorld, type World } from '../support/world.ts';

const QUEUED = 300;
/** More than this many still have to be hashed when the revocations are through. */
const FAR_FROM_DONE = 100;
/** So many hashes of each algorithm are made while the event loop is measured. */
const MEASURED = 100;
const LOOP_LIMIT_MS = 20;
const PATIENCE = { timeoutMs: 100_000, intervalMs: 250 };

describe('a queue of hashing work', () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld({ clusters: ['c-one'] });
    await world.register('c-one');
    for (const user of ['u-ada', 'u-off', 'u-many']) await world.createUser(user);
    await world.createTokens('deleted', 5, 'c-one', 'u-ada');
    await world.createTokens('disabled', 5, 'c-one', 'u-ada');
    await world.createTokens('of-off', 5, 'c-one', 'u-off');
    await world.startOperator([], {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(LOOP_PROBE)}`,
    });
    await world.waitSynced('c-one', '15/15');
  });
  afterAll(() => world.close());

  test('lets revocations pass: deleted and disabled tokens, and a disabled user', async () => {
    const cluster = world.cluster('c-one');
    await loopReport(world); // each report starts a new period
    await world.createTokens('queued', QUEUED, 'c-one', 'u-many', { token: 'not-a-real-secret' });

    const startMs = performance.now();
    await Promise.all([
      ...[0, 1, 2, 3, 4].map((index) => world.deleteToken(`deleted-${index}`)),
      ...[0, 1, 2, 3, 4].map((index) => world.patchToken(`disabled-${index}`, { enabled: false })),
      world.management.patch(USERS, 'u-off', { enabled: false }),
    ]);
    await eventually(async () => {
      const names = await cluster.tokenNames();
      expect(names.filter((name) => /^(deleted|disabled)-/.test(name))).toEqual([]);
      expect(await cluster.clusterUserAttribute('u-off')).toMatchObject({ enabled: false });
    });
    const tookMs = performance.now() - startMs;

    const hashed = await hashes(world, BCRYPT);
    console.log(
      `hash-queue: 10 tokens and a user revoked in ${Math.round(tookMs)} ms, ${hashed} of ${QUEUED} hashes made by then`,
    );
    expect(QUEUED - hashed).toBeGreaterThan(FAR_FROM_DONE);
  });

  test('of bcrypt does not hold the event loop', async () => {
    await eventually(
      async () => expect(await hashes(world, BCRYPT)).toBeGreaterThanOrEqual(MEASURED),
      PATIENCE,
    );
    await expectFreeLoop(world, 'bcrypt');
  });

  test('of scrypt does not hold the event loop', async () => {
    const spec = { hash: { algorithm: 'scrypt' } };
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec });
    await eventually(
      async () => expect(await hashes(world, SCRYPT)).toBeGreaterThanOrEqual(MEASURED),
      PATIENCE,
    );
    await expectFreeLoop(world, 'scrypt');
  });
});

const BCRYPT = /^\$2[ab]\$/;
const SCRYPT = /^\$1:/;

/** How many hashes of that layout are downstream. */
async function hashes(world: World, layout: RegExp): Promise<number> {
  const secrets = await world.cluster('c-one').list(SECRETS, NAMESPACE);
  return secrets.filter(({ data }) => layout.test(Buffer.from(data.hash ?? '', 'base64').toString())).length;
}

/**
 * Loaded into the operator before its program. Notes, every 10 ms or as soon after as the loop turns, how much
 * processor time the main thread took since: what a busy machine takes from a process is not counted. SIGUSR2
 * prints it, with the wall-clock delay beside it, and starts anew.
 */
const LOOP_PROBE = `
  const { isMainThread } = process.getBuiltinModule('node:worker_threads');
  if (isMainThread && process.argv.includes('operator')) {
    const { monitorEventLoopDelay } = process.getBuiltinModule('node:perf_hooks');
    const wall = monitorEventLoopDelay({ resolution: 10 });
    wall.enable();
    let turns = [];
    let before = process.threadCpuUsage();
    setInterval(() => {
      const spent = process.threadCpuUsage(before);
      turns.push((spent.user + spent.system) / 1000);
      before = process.threadCpuUsage();
    }, 10).unref();
    process.on('SIGUSR2', () => {
      const sorted = turns.sort((a, b) => a - b);
      const p99 = sorted[Math.floor(sorted.length * 0.99)];
      const report = { turns: sorted.length, p99, max: sorted.at(-1), wallP99: wall.percentile(99) / 1e6 };
      console.log(JSON.stringify({ message: 'loop report', ...report }));
      turns = [];
      wall.reset();
    });
  }
`;

interface LoopReport {
  readonly turns: number;
  readonly p99: number;
  readonly max: number;
  readonly wallP99: number;
}

/** How long turns of the operator's event loop took since the last report, in milliseconds. */
async function loopReport(world: World): Promise<LoopReport> {
  const reports = (): readonly unknown[] =>
    world.operator?.logs().filter(({ message }) => message === 'loop report') ?? [];
  const before = reports().length;
  world.operator?.kill('SIGUSR2');
  return eventually(() => {
    expect(reports().length).toBeGreaterThan(before);
    return reports().at(-1) as LoopReport;
  });
}

async function expectFreeLoop(world: World, algorithm: string): Promise<void> {
  const { turns, p99, max, wallP99 } = await loopReport(world);
  const text = (ms: number): string => `${ms.toFixed(1)} ms`;
  console.log(
    `hash-queue: event loop with ${algorithm}: ${turns} turns, processor time p99 ${text(p99)}, max ${text(max)}; by the clock p99 ${text(wallP99)}, of which 10 ms are the measuring timer's own`,
  );
  expect(p99).toBeLessThan(LOOP_LIMIT_MS);
}
