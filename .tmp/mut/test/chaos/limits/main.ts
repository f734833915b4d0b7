/**
 * Little memory, few files, and one user with very many tokens, on real API servers.
 *
 * usage: ACE_TOKENS=20000 node test/chaos/limits/main.ts
 *
 * The operator in a memory cgroup of 256 MB and with 256 file descriptors carries ACE_TOKENS tokens, half of them of one user, who is
 * disabled then; an authenticator with the same limits answers while 300 connections are held open. Exit code 1 when one of them
 * ends, or what should be is not there in time.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inParallel } from '../../../bench/stats.ts';
import { CLUSTER_AUTH_TOKENS, USERS } from '../../../src/api/names.ts';
import { hash as sha3 } from '../../../src/hash/sha3-512.ts';
import { freePort } from '../../support/authenticator-process.ts';
import { eventually } from '../../support/eventually.ts';
import { NAMESPACE, startWorld, type World } from '../../support/world.ts';
import { residentMb } from '../checker/processes.ts';
import { Program } from '../scene/programs.ts';
import { inMemoryGroup, type MemoryGroup } from './memory-group.ts';
import { holdConnections, isLetIn } from './webhook.ts';

const TOKENS_TO_CARRY = Number(process.env['ACE_TOKENS'] || 20_000);
const [MEMORY_MB, FILES, HELD] = [256, 256, 300];
const CONCURRENCY = 16;
const PATIENT = { timeoutMs: 600_000, intervalMs: 1_000 };
/** Whose tokens are half of all. */
const MANY = 'u-many';
const HASHED = { 'authn.management.cattle.io/token-hashed': 'true' };

type Role = 'operator' | 'authenticator';

const secretOf = (name: string): string => `not-a-real-secret-of-${name}`;
const userOf = (index: number): string => (index % 2 === 0 ? MANY : `u-${index % 500}`);
const say = (line: string): void => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);

async function main(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  const dir = await mkdtemp(join(tmpdir(), 'ace-limits-'));
  const groups: MemoryGroup[] = [];
  const limited = async (name: string, role: Role, args: readonly string[]): Promise<Program> => {
    const probePort = await freePort();
    const group = await inMemoryGroup(`ace-${process.pid}-${name}`, MEMORY_MB);
    groups.push(group);
    const listen = role === 'operator' ? '--listen' : '--metrics-listen';
    return new Program({
      ...{ name, role, probePort, dir, args: [role, ...args, listen, `127.0.0.1:${probePort}`] },
      command: group.command(FILES),
      tell: ({ event, asked, how }) => {
        if (event === 'ended' && !asked) fail(`${name} ended by itself: ${how}`);
      },
    });
  };
  const world = await startWorld({ clusters: ['c-1'] });
  try {
    await world.register('c-1');
    await fill(world);
    const kubeconfig = world.management.plane.adminKubeconfig;
    await operatorOf(world, await limited('operator', 'operator', ['--kubeconfig', kubeconfig]));
    await authenticatorOf(world, limited);
  } finally {
    await world.close();
    for (const group of groups) await group.remove();
    await rm(dir, { recursive: true, force: true });
  }
}

async function fill(world: World): Promise<void> {
  const users = new Set(Array.from({ length: TOKENS_TO_CARRY }, (_, index) => userOf(index)));
  await inParallel(users.size, CONCURRENCY, (index) => world.createUser([...users][index] ?? '', {}, ['g']));
  await inParallel(TOKENS_TO_CARRY, CONCURRENCY, (index) => {
    const name = `t-${index}`;
    return world.createToken(name, 'c-1', userOf(index), { token: sha3(secretOf(name)) }, HASHED);
  });
  say(`${TOKENS_TO_CARRY} tokens of ${users.size} users`);
}

async function operatorOf(world: World, operator: Program): Promise<void> {
  const cluster = world.cluster('c-1');
  const count = async (): Promise<number> =>
    (await cluster.list(CLUSTER_AUTH_TOKENS, NAMESPACE).catch(() => [])).length;
  const all = `${TOKENS_TO_CARRY}/${TOKENS_TO_CARRY}`;
  const fromMs = Date.now();
  operator.start();
  await eventually(async () => {
    const { status } = (await world.propagation('c-1')) ?? {};
    if (status?.tokens !== all) throw new Error(`${status?.tokens} are carried`);
  }, PATIENT);
  say(`carried after ${seconds(fromMs)}, resident ${residentMb(operator.pid)} MB of ${MEMORY_MB}`);
  await operator.stop();
  operator.start();
  await eventually(async () => {
    if (!(await operator.answers('/readyz'))) throw new Error('not ready');
  }, PATIENT);
  await world.management.patch(USERS, MANY, { enabled: false });
  const offMs = Date.now();
  await eventually(
    async () => {
      const { enabled } = (await cluster.clusterUserAttribute(MANY)) ?? { enabled: false };
      if (enabled) throw new Error(`${MANY} is let in`);
    },
    { timeoutMs: 60_000, intervalMs: 50 },
  );
  say(`restarted; the user of half of them was out ${seconds(offMs)} after it was disabled`);
  await inParallel(TOKENS_TO_CARRY / 2, CONCURRENCY, (index) => world.deleteToken(`t-${index * 2}`));
  const deletedMs = Date.now();
  await eventually(
    async () => {
      const left = await count();
      if (left !== TOKENS_TO_CARRY / 2) throw new Error(`${left} are left`);
    },
    { ...PATIENT, intervalMs: 2_000 },
  );
  say(
    `their tokens, which were deleted in ${seconds(offMs)}, are gone ${seconds(deletedMs)} later; resident ${residentMb(operator.pid)} MB`,
  );
  await operator.stop();
}

async function authenticatorOf(
  world: World,
  limited: (name: string, role: 'authenticator', args: readonly string[]) => Promise<Program>,
): Promise<void> {
  const port = await freePort();
  const { adminKubeconfig } = world.cluster('c-1').plane;
  const flags = ['--kubeconfig', adminKubeconfig, '--listen', `127.0.0.1:${port}`];
  const authenticator = await limited('authenticator', 'authenticator', flags);
  authenticator.start();
  await eventually(async () => {
    if (!(await authenticator.answers('/readyz'))) throw new Error('not ready');
  }, PATIENT);
  const held = await holdConnections(port, HELD);
  const fromMs = Date.now();
  await eventually(
    async () => {
      if (!(await isLetIn(port, `t-1:${secretOf('t-1')}`))) throw new Error('a good token is refused');
    },
    { timeoutMs: 30_000, intervalMs: 20 },
  );
  say(`a good token was let in after ${seconds(fromMs)} beside ${HELD} connections that were held open`);
  if (await isLetIn(port, `t-0:${secretOf('t-0')}`)) fail('a token of the disabled user is let in');
  held.close();
  await authenticator.stop();
}

const seconds = (fromMs: number): string => `${Math.round((Date.now() - fromMs) / 100) / 10} s`;

function fail(why: string): never {
  console.log(`NOT AS IT SHOULD BE: ${why}`);
  process.exit(1);
}

await main();
process.exit(0);
