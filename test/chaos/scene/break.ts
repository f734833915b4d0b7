import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SECRETS } from '../../../src/api/names.ts';
import type { ControlPlane } from '../../support/control-plane.ts';
import type { FaultProxy } from '../../support/fault-proxy.ts';
import { apply, kubectl } from '../../support/kubectl.ts';
import { NO_DELETES, NO_DELETES_BINDING } from '../../support/no-deletes.ts';
import { OWN_NAMESPACE } from '../../support/world.ts';
import type { FaultWindow } from '../messages.ts';
import type { Fault, FaultKind } from '../schedule/faults.ts';
import { errors, faulty, heldBack, refused, resets, slow, stranded, stranger } from './break-link.ts';
import { carryOut } from './carry-out-change.ts';
import type { Disk } from './disk.ts';
import type { Program } from './programs.ts';
import type { Scene } from './scene.ts';

/** After a leader is gone: its Lease runs out, another takes it and reads what it needs. */
const TAKE_OVER_MS = 20_000;
/** A leader that woke up finds that it is none, or goes on. */
const ELECTED_MS = 5_000;
const READY_WITHIN_MS = 30_000;
export interface Breaking {
  readonly scene: Scene;
  readonly tell: (window: FaultWindow) => void;
}

/** Breaks one thing, mends it after its time, and tells from when to when it hurt whom. */
export class Breaker {
  readonly #scene: Scene;
  readonly #tell: (window: FaultWindow) => void;
  /** One at a time for each thing: what is stopped cannot be stopped. */
  readonly #busy = new Set<string>();
  readonly counts = new Map<string, number>();
  #next = 1;

  constructor({ scene, tell }: Breaking) {
    this.#scene = scene;
    this.#tell = tell;
  }

  /** Settles when it is mended. @returns why it was left out, if it was */
  async carryOut(fault: Fault): Promise<string | undefined> {
    const key = this.#thing(fault);
    if (this.#busy.has(key)) return `${key} is being broken already`;
    this.#busy.add(key);
    const id = this.#next++;
    const fromMs = Date.now();
    const window = { id, kind: `${fault.kind} ${fault.target}`.trim(), fromMs, ...this.#harm(fault) };
    this.#tell({ ...window, untilMs: undefined });
    try {
      await this.#break(fault);
      this.counts.set(fault.kind, (this.counts.get(fault.kind) ?? 0) + 1);
      return undefined;
    } finally {
      this.#tell({ ...window, untilMs: Date.now() });
      this.#busy.delete(key);
    }
  }

  #thing({ kind, target }: Fault): string {
    if (kind.includes('leader') || kind.includes('follower') || kind.includes('operators'))
      return 'operators';
    if (kind.includes('disk')) return `disk of ${target}`;
    if (kind.includes('authenticator')) return `authenticators of ${target.split('/')[0]}`;
    if (kind.includes('API server') || kind.includes('etcd')) return `plane ${target}`;
    return `${target} ${kind}`;
  }

  #harm({ kind, target }: Fault): Pick<FaultWindow, 'hurts' | 'wentBack'> {
    if (kind === 'kill authenticator') return { hurts: [target, ...this.#allOf(target)] };
    // It goes on from its watches; what it saved is of before.
    if (kind.includes('disk')) return { hurts: [target, ...this.#allOf(target)] };
    if (kind === 'roll authenticators') return { hurts: [`${target}/0`, `${target}/1`] };
    if (kind === 'put etcd back') return { hurts: [target], wentBack: target };
    if (target === '') return { hurts: ['operators'] };
    const [who, plane = ''] = target.split('/');
    if (who?.startsWith('operator-')) return { hurts: ['operators'] };
    if (who === 'operators') return { hurts: [plane] };
    if (who === 'authenticators') return { hurts: [`${plane}/0`, `${plane}/1`] };
    return { hurts: [target] };
  }

  /** Its cluster has no other authenticator. */
  #allOf(target: string): readonly string[] {
    const cluster = target.split('/')[0] ?? '';
    return this.#scene.authenticators.has(`${cluster}/1`) ? [] : [`${cluster}/all`];
  }

  async #break(fault: Fault): Promise<void> {
    const { kind, target, forMs, variant } = fault;
    const { world, clusters } = this.#scene;
    const ways: Readonly<Record<FaultKind, () => Promise<void>>> = {
      'kill leader': () => this.#killOperator(true, forMs),
      'kill follower': () => this.#killOperator(false, forMs),
      'kill authenticator': () => this.#killAuthenticator(target, forMs),
      'roll operators': () => this.#roll(this.#scene.operators, forMs),
      'roll authenticators': () => this.#rollAuthenticators(target, forMs),
      'pause leader': () => this.#pauseLeader(forMs),
      'kill API server': () => this.#stopped(this.#plane(target), forMs),
      // It stops both, and starts them again.
      'restart etcd': () => this.#plane(target).backUp(),
      'put etcd back': () => this.#putBack(target, forMs),
      'reset connections': () => resets(this.#link(target), forMs),
      'hold everything back': () => heldBack(this.#link(target), forMs, variant % 2 === 0),
      'strand connections': () => stranded(this.#link(target), forMs),
      'refuse connections': () => refused(this.#link(target), forMs),
      'delay 500 ms': () => slow(this.#link(target), { delayMs: 500 }, forMs),
      '10 kB/s': () => slow(this.#link(target), { bytesPerSecond: 10_000 }, forMs),
      'another certificate': () => stranger(this.#link(target), forMs),
      'errors at 10 %': () => errors(this.#link(target), variant, forMs),
      'torn bodies': () => faulty(this.#link(target), { tear: { share: 0.1 } }, forMs),
      'faulty watches': () =>
        faulty(this.#link(target), { watches: { duplicate: 0.1, swap: 0.05, lose: 0.05 } }, forMs),
      'wrong clock of an operator': () => this.#wrongClock(variant, forMs),
      'delete installation key': () =>
        world.management.remove(SECRETS, 'ace-operator-installation-key', OWN_NAMESPACE),
      'change credentials': () => this.#changeCredentials(target, variant, forMs),
      'refuse deletions by policy': () => this.#policy(target, forMs),
      'switch ACE off and on': () => this.#switchAce(target, forMs),
      // The changes themselves are in the schedule.
      'full disk': () => this.#disk(target, forMs, (disk) => disk.fill()),
      'read-only disk': () => this.#disk(target, forMs, (disk) => disk.forbid()),
      'mass deletion': async () => {},
      'many tokens of one user': async () => {},
    };
    if (clusters.length > 0) await ways[kind]();
  }

  #plane(target: string): ControlPlane {
    const { world } = this.#scene;
    return target === 'management' ? world.management.plane : world.cluster(target).plane;
  }

  #link(target: string): FaultProxy {
    const found = this.#scene.links.get(target);
    if (!found) throw new Error(`no link ${target}`);
    return found;
  }

  async #leader(): Promise<Program | undefined> {
    for (const operator of this.#scene.operators)
      if (operator.running && (await operator.metric('ace_leader')) === 1) return operator;
    return undefined;
  }

  async #killOperator(leading: boolean, downMs: number): Promise<void> {
    const leader = await this.#leader();
    const victim = leading ? leader : this.#scene.operators.find((one) => one !== leader && one.running);
    if (!victim) return;
    await victim.kill();
    await delay(downMs);
    victim.start();
    if (leading) await delay(TAKE_OVER_MS);
  }

  async #killAuthenticator(target: string, downMs: number): Promise<void> {
    const victim = this.#scene.authenticators.get(target);
    if (!victim) return;
    await victim.kill();
    await delay(downMs);
    victim.start();
    await ready(victim);
  }

  /** As a Deployment does: each is ended in order and comes again. */
  async #roll(programs: readonly Program[], apartMs: number): Promise<void> {
    for (const program of programs) {
      await program.stop();
      program.start();
      await ready(program);
      await delay(apartMs);
    }
  }

  async #rollAuthenticators(cluster: string, apartMs: number): Promise<void> {
    const all = [...this.#scene.authenticators].filter(([name]) => name.startsWith(`${cluster}/`));
    const programs = all.map(([, program]) => program);
    if (programs.length > 1) await this.#roll(programs, apartMs);
  }

  async #pauseLeader(forMs: number): Promise<void> {
    const leader = await this.#leader();
    leader?.pause(true);
    await delay(forMs);
    leader?.pause(false);
    await delay(ELECTED_MS);
  }

  /** An hour before or behind everybody else, for as long as it lasts. */
  async #wrongClock(variant: number, forMs: number): Promise<void> {
    const { operators } = this.#scene;
    const program = operators[variant % operators.length];
    if (!program) return;
    const FAKETIME = variant % 4 < 2 ? '+1h' : '-1h';
    await program.stop();
    program.env = { LD_PRELOAD: faketimeLibrary(), FAKETIME, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
    program.start();
    await ready(program);
    await delay(forMs);
    await program.stop();
    program.env = {};
    program.start();
    await ready(program);
  }

  async #stopped(plane: ControlPlane, forMs: number): Promise<void> {
    await plane.stopApiServer();
    await delay(forMs);
    await plane.startApiServer();
  }

  /** What changes in the meantime never was. */
  async #putBack(target: string, forMs: number): Promise<void> {
    const plane = this.#plane(target);
    await plane.backUp();
    await delay(forMs);
    await plane.restore();
  }

  /** The old ones are refused for a while before the new ones are told. */
  async #changeCredentials(cluster: string, variant: number, forMs: number): Promise<void> {
    const proxy = this.#link(`operators/${cluster}`);
    proxy.setBearer(`not-a-real-bearer-number-${variant}-of-${cluster}`);
    await delay(forMs);
    await until(() => this.#scene.world.setCredentials(cluster, { kubeconfig: proxy.kubeconfig() }));
  }

  async #policy(cluster: string, forMs: number): Promise<void> {
    const admin = this.#plane(cluster).adminKubeconfig;
    await apply(admin, [NO_DELETES, NO_DELETES_BINDING]);
    await delay(forMs);
    await until(() =>
      kubectl(admin, 'delete', 'validatingadmissionpolicybinding', 'no-deletes', '--ignore-not-found'),
    );
  }

  /** What an authenticator saves cannot be written for a while. */
  async #disk(target: string, forMs: number, spoil: (disk: Disk) => Promise<void>): Promise<void> {
    const disk = this.#scene.disks.get(target);
    if (!disk) throw new Error('left out: nothing could be mounted for the snapshots (not root?)');
    await spoil(disk);
    await delay(forMs);
    await disk.mend();
  }

  async #switchAce(cluster: string, forMs: number): Promise<void> {
    const { world, forChecker } = this.#scene;
    const to = (on: boolean): Promise<void> =>
      carryOut(world, forChecker.seed, { do: 'switch ACE', cluster, on });
    await to(false);
    await delay(forMs);
    await until(() => to(true));
  }
}

const FAKETIME_SCRIPT = fileURLToPath(new URL('../../../hack/chaos/faketime.sh', import.meta.url));

/** @throws {Error} when `make test-chaos` could not provide it */
function faketimeLibrary(): string {
  return execFileSync(FAKETIME_SCRIPT, ['--installed'], { encoding: 'utf8' }).trim();
}

async function ready(program: Program): Promise<void> {
  for (const endMs = Date.now() + READY_WITHIN_MS; Date.now() < endMs; await delay(100))
    if (await program.answers('/readyz')) return;
}

/** Mending has to succeed, also while something else is broken. */
async function until(work: () => Promise<unknown>): Promise<void> {
  for (const endMs = Date.now() + 60_000; ; await delay(500)) {
    try {
      await work();
      return;
    } catch (error) {
      if (Date.now() > endMs) throw error;
    }
  }
}
