import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Program } from './programs.ts';
import type { Scene } from './scene.ts';

// What can befall a program: it is killed, ended, stopped, or has a wrong clock. Each does so for so many milliseconds.

/** After a leader is gone: its Lease runs out, another takes it and reads what it needs. */
const TAKE_OVER_MS = 20_000;
/** A leader that woke up finds that it is none, or goes on. */
const ELECTED_MS = 5_000;
const READY_WITHIN_MS = 30_000;
const FAKETIME_SCRIPT = fileURLToPath(new URL('../../../hack/chaos/faketime.sh', import.meta.url));

export async function killOperator({ operators }: Scene, leading: boolean, downMs: number): Promise<void> {
  const leader = await leaderOf(operators);
  const victim = leading ? leader : operators.find((one) => one !== leader && one.running);
  if (!victim) throw new Error(`left out: nobody is ${leading ? 'leader' : 'follower'} at present`);
  await victim.kill();
  await delay(downMs);
  victim.start();
  if (leading) await delay(TAKE_OVER_MS);
}

export async function killProgram(victim: Program, downMs: number): Promise<void> {
  await victim.kill();
  await delay(downMs);
  victim.start();
  await ready(victim);
}

/** As a Deployment does: each is ended in order and comes again. */
export async function roll(programs: readonly Program[], apartMs: number): Promise<void> {
  for (const program of programs) {
    await program.stop();
    program.start();
    await ready(program);
    await delay(apartMs);
  }
}

export async function pauseLeader({ operators }: Scene, forMs: number): Promise<void> {
  const leader = await leaderOf(operators);
  if (!leader) throw new Error('left out: nobody leads at present');
  leader.pause(true);
  await delay(forMs);
  leader.pause(false);
  await delay(ELECTED_MS);
}

/**
 * An hour before or behind everybody else, for as long as it lasts.
 *
 * @throws {Error} when `make test-chaos` could not provide libfaketime
 */
export async function wrongClock(program: Program, isAhead: boolean, forMs: number): Promise<void> {
  const library = execFileSync(FAKETIME_SCRIPT, ['--installed'], { encoding: 'utf8' }).trim();
  const FAKETIME = isAhead ? '+1h' : '-1h';
  await program.stop();
  program.env = { LD_PRELOAD: library, FAKETIME, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  program.start();
  await ready(program);
  await delay(forMs);
  await program.stop();
  program.env = {};
  program.start();
  await ready(program);
}

/** After the one before it is gone, another comes. @returns undefined when nobody leads for so long */
async function leaderOf(operators: readonly Program[]): Promise<Program | undefined> {
  for (const endMs = Date.now() + TAKE_OVER_MS; Date.now() < endMs; await delay(500))
    for (const operator of operators)
      if (operator.running && (await operator.metric('ace_leader')) === 1) return operator;
  return undefined;
}

async function ready(program: Program): Promise<void> {
  for (const endMs = Date.now() + READY_WITHIN_MS; Date.now() < endMs; await delay(100))
    if (await program.answers('/readyz')) return;
}
