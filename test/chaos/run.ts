import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES, SECRETS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { NAMESPACE, OWN_NAMESPACE } from '../support/world.ts';
import type { FaultWindow, FromChecker, ToChecker, Verdict, Violation } from './messages.ts';
import { Breaker } from './scene/break.ts';
import { carryOut } from './scene/carry-out-change.ts';
import { makeRunDirectory, makeScene, type Scene, type SceneOptions } from './scene/scene.ts';
import type { Entry, Schedule } from './schedule/schedule.ts';

const CHECKER = fileURLToPath(new URL('checker/main.ts', import.meta.url));
/** Twenty seconds in which it abates, and a minute in which nothing is written. */
const SILENCE_MS = 80_000;
const [TICK_MS, STALL_MS] = [100, 1_000];
const SET_UP = { timeoutMs: 240_000, intervalMs: 500 };

export interface RunOptions {
  readonly seed: number;
  /** Where the run's directory is made. */
  readonly root: string;
  readonly clusters: SceneOptions['clusters'];
  readonly schedule: Schedule;
  readonly silenceMs?: number;
  readonly shards?: number;
  readonly stand?: Pick<SceneOptions, 'operatorFlags' | 'authenticatorCommand'>;
  /** What is done before any program runs. */
  readonly before?: (scene: Scene) => Promise<void>;
  /** What a stand-in does beside the programs, once all is set up. */
  readonly beside?: (scene: Scene) => () => void;
  readonly say: (line: string) => void;
}

export interface RunResult {
  readonly verdict: Verdict;
  readonly dir: string;
  /** How often each kind of fault was carried out. */
  readonly faults: ReadonlyMap<string, number>;
  /** And how often not, though it was in the schedule. */
  readonly leftOut: ReadonlyMap<string, number>;
  readonly changes: { readonly done: number; readonly failed: number };
}

/** One run from set-up to verdict. Everything that happens is in `run.jsonl` of its directory. */
export async function run(options: RunOptions): Promise<RunResult> {
  const { seed, schedule, say } = options;
  rmSync(join(options.root, `seed-${seed}`), { recursive: true, force: true });
  const dir = await makeRunDirectory(options.root, seed);
  writeFileSync(join(dir, 'schedule.jsonl'), scheduleText(schedule));
  const record = (line: object): void =>
    appendFileSync(join(dir, 'run.jsonl'), `${JSON.stringify({ at: new Date().toISOString(), ...line })}\n`);
  const checker = new CheckerProcess((violation) => {
    record({ violation });
    say(`${violation.invariant} broken (seed ${seed}): ${violation.object} ${violation.what}`);
  });
  const scene = await makeScene({
    ...{ seed, dir, clusters: options.clusters, shards: options.shards ?? 0, ...options.stand },
    onProgram: (change) => {
      record({ program: change });
      checker.tell({ type: 'program', change });
    },
    onWrite: (write) => {
      const { body, ...head } = write;
      appendFileSync(join(dir, 'writes.jsonl'), `${JSON.stringify({ ...head, bytes: body.length })}\n`);
      checker.tell({ type: 'write', write });
    },
  });
  let endBeside = (): void => {};
  let endStalls = (): void => {};
  try {
    say('planes are up');
    checker.tell({ type: 'start', scene: scene.forChecker });
    await checker.ready;
    await options.before?.(scene);
    await begin(scene, schedule);
    say('the programs are ready; chaos begins');
    endBeside = options.beside?.(scene) ?? endBeside;
    const tell = (fault: FaultWindow): void => {
      record({ fault });
      checker.tell({ type: 'fault', fault });
    };
    const breaker = new Breaker({ scene, tell });
    endStalls = watchStalls(tell);
    const changes = await carryOutAll(scene, breaker, schedule.entries, record);
    say(`${changes.done} changes, ${changes.failed} in vain; all is mended: it has to settle`);
    checker.tell({ type: 'phase', phase: 'converge' });
    const settledMs = await checker.converged;
    say(settledMs === undefined ? 'it did not settle' : `settled after ${settledMs} ms; silence now`);
    checker.tell({ type: 'phase', phase: 'silence' });
    await delay(options.silenceMs ?? SILENCE_MS);
    endBeside();
    checker.tell({ type: 'phase', phase: 'end' });
    return { verdict: await checker.verdict, dir, faults: breaker.counts, leftOut: breaker.leftOut, changes };
  } finally {
    endBeside();
    endStalls();
    await scene.close();
    checker.end();
  }
}

/**
 * A machine that gives this process no time gives the programs none either: what is late then proves nothing. Told like a fault, so that
 * it can be seen how much of a run is worth nothing.
 */
function watchStalls(tell: (window: FaultWindow) => void): () => void {
  let lastMs = Date.now();
  let id = -1;
  const timer = setInterval(() => {
    const nowMs = Date.now();
    const window = { kind: 'the machine stood still', fromMs: lastMs, untilMs: nowMs, hurts: ['machine'] };
    if (nowMs - lastMs > TICK_MS + STALL_MS) tell({ ...window, id: id-- });
    lastMs = nowMs;
  }, TICK_MS);
  return () => clearInterval(timer);
}

/** Users and tokens that are there from the start, things of other people, and all programs ready. */
async function begin(scene: Scene, schedule: Schedule): Promise<void> {
  const { world, operators, authenticators, clusters } = scene;
  const [users, rest] = [
    schedule.beginning.filter((change) => change.do === 'create user'),
    schedule.beginning.filter((change) => change.do !== 'create user'),
  ];
  await Promise.all(users.map((change) => carryOut(scene, change)));
  await Promise.all(rest.map((change) => carryOut(scene, change)));
  for (const operator of operators) operator.start();
  for (const id of clusters)
    await eventually(async () => {
      const synced = await world.condition(id, 'Synced');
      if (synced?.status !== 'True') throw new Error(`${id}: Synced is ${JSON.stringify(synced)}`);
    }, SET_UP);
  await addForeign(scene);
  for (const authenticator of authenticators.values()) authenticator.start();
  await Promise.all(
    [...authenticators.values()].map((one) =>
      eventually(async () => {
        if (!(await one.answers('/readyz'))) throw new Error(`${one.name} is not ready`);
      }, SET_UP),
    ),
  );
}

/** Objects of others, in the places where ours are: some with names that tokens of ours will have. */
async function addForeign({ world, clusters }: Scene): Promise<void> {
  const metadata = (kind: string, name: string, namespace: string): object => ({
    ...{ name, namespace, labels: { 'chaos/foreign': kind } },
  });
  for (const id of clusters) {
    const cluster = world.cluster(id);
    for (const name of ['somebodys', 't-200', 't-250']) {
      const secret = { apiVersion: 'v1', kind: 'Secret', data: { hash: 'bm9uZQ==' } };
      await cluster.create(SECRETS, { ...secret, metadata: metadata('secret', name, NAMESPACE) });
      await cluster.create(CLUSTER_AUTH_TOKENS, {
        ...{ apiVersion: 'cluster.cattle.io/v3', kind: 'ClusterAuthToken', userName: 'u-somebody' },
        ...{ enabled: false, metadata: metadata('token', `${name}-x`, NAMESPACE) },
      });
    }
    await cluster.create(CLUSTER_USER_ATTRIBUTES, {
      ...{ apiVersion: 'cluster.cattle.io/v3', kind: 'ClusterUserAttribute', groups: ['theirs'] },
      ...{ enabled: true, metadata: metadata('user', 'u-somebody', NAMESPACE) },
    });
  }
  await world.management.create(SECRETS, {
    ...{ apiVersion: 'v1', kind: 'Secret', data: { some: 'dGhpbmc=' } },
    metadata: metadata('secret', 'somebodys', OWN_NAMESPACE),
  });
}

async function carryOutAll(
  scene: Scene,
  breaker: Breaker,
  entries: readonly Entry[],
  record: (line: object) => void,
): Promise<{ done: number; failed: number }> {
  const beginMs = Date.now();
  const pending = new Set<Promise<void>>();
  let [done, failed] = [0, 0];
  const carry = async (entry: Entry): Promise<void> => {
    if ('fault' in entry) {
      const error = await breaker.carryOut(entry.fault);
      record({ carried: entry.fault, ...(error ? { error } : {}) });
      return;
    }
    try {
      await carryOut(scene, entry.change);
      done += 1;
      record({ change: entry.change });
    } catch (error) {
      failed += 1;
      record({ change: entry.change, error: String(error).slice(0, 200) });
    }
  };
  for (const entry of entries) {
    const waitMs = beginMs + entry.atMs - Date.now();
    if (waitMs > 0) await delay(waitMs);
    const work = carry(entry).finally(() => pending.delete(work));
    pending.add(work);
  }
  await Promise.all(pending);
  return { done, failed };
}

const scheduleText = ({ beginning, entries }: Schedule): string =>
  [...beginning.map((change) => ({ atMs: -1, change })), ...entries]
    .map((entry) => `${JSON.stringify(entry)}\n`)
    .join('');

/** The checker's process, as its driver sees it. */
class CheckerProcess {
  readonly ready: Promise<void>;
  readonly converged: Promise<number | undefined>;
  readonly verdict: Promise<Verdict>;
  readonly #child: ChildProcess;

  constructor(onViolation: (violation: Violation) => void) {
    this.#child = fork(CHECKER, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const message = <T>(take: (message: FromChecker) => T | undefined): Promise<T> =>
      new Promise((resolve, reject) => {
        this.#child.on('message', (told: FromChecker) => {
          const found = take(told);
          if (found !== undefined) resolve(found);
        });
        void once(this.#child, 'exit').then(([code]) => reject(new Error(`the checker ended with ${code}`)));
      });
    this.ready = message((told) => (told.type === 'ready' ? true : undefined)).then(() => undefined);
    this.converged = message((told) => (told.type === 'converged' ? { ms: told.afterMs } : undefined)).then(
      ({ ms }) => ms,
    );
    this.verdict = message((told) => (told.type === 'verdict' ? told.verdict : undefined));
    // Whoever waits is told; who does not wait yet must not end the process by it.
    for (const one of [this.ready, this.converged, this.verdict]) one.catch(() => undefined);
    this.#child.on('message', (told: FromChecker) => {
      if (told.type === 'violation') onViolation(told.violation);
    });
  }

  tell(message: ToChecker): void {
    if (this.#child.connected) this.#child.send(message);
  }

  end(): void {
    this.#child.disconnect();
  }
}
