import { setTimeout as delay } from 'node:timers/promises';
import { SECRETS } from '../../../src/api/names.ts';
import type { ControlPlane } from '../../support/control-plane.ts';
import type { FaultProxy } from '../../support/fault-proxy.ts';
import { OWN_NAMESPACE } from '../../support/world.ts';
import type { FaultWindow } from '../messages.ts';
import type { Fault, FaultKind } from '../schedule/faults.ts';
import { changeAuthority, changeCredentials, registerAnew } from './break-access.ts';
import {
  endless,
  errors,
  faulty,
  heldBack,
  refused,
  resets,
  slow,
  stranded,
  stranger,
} from './break-link.ts';
import { putBack, refuseDeletions, refuseWrites, stopped } from './break-plane.ts';
import { killOperator, killProgram, pauseLeader, roll, wrongClock } from './break-program.ts';
import { carryOut } from './carry-out-change.ts';
import type { Disk } from './disk.ts';
import type { Program } from './programs.ts';
import type { Scene } from './scene.ts';
import { until } from './until.ts';

/** So long a fault waits for one before it that breaks the same thing. */
const BUSY_MS = 40_000;

export interface Breaking {
  readonly scene: Scene;
  readonly tell: (window: FaultWindow) => void;
}

/** Breaks one thing, mends it after its time, and tells from when to when it hurt whom. */
export class Breaker {
  readonly #scene: Scene;
  readonly #tell: (window: FaultWindow) => void;
  /** One at a time for each thing: what is stopped cannot be stopped. */
  readonly #busy = new Map<string, Promise<void>>();
  readonly counts = new Map<string, number>();
  /** What could not be carried out, or not mended, or was being broken already. */
  readonly leftOut = new Map<string, number>();
  #next = 1;

  constructor({ scene, tell }: Breaking) {
    this.#scene = scene;
    this.#tell = tell;
  }

  /** Settles when it is mended. What is being broken already is waited for, for a while. @returns why it was left out, if it was */
  async carryOut(fault: Fault): Promise<string | undefined> {
    const key = this.#thing(fault);
    const before = this.#busy.get(key) ?? Promise.resolve();
    const until = Promise.withResolvers<void>();
    const mine = before.then(() => until.promise);
    this.#busy.set(key, mine);
    try {
      const isFree = await Promise.race([before.then(() => true), delay(BUSY_MS, false)]);
      return isFree ? await this.#carryOut(fault) : this.#leftOut(fault, `${key} is being broken already`);
    } finally {
      until.resolve();
    }
  }

  async #carryOut(fault: Fault): Promise<string | undefined> {
    const id = this.#next++;
    const fromMs = Date.now();
    const window = { id, kind: `${fault.kind} ${fault.target}`.trim(), fromMs, ...this.#harm(fault) };
    this.#tell({ ...window, untilMs: undefined });
    try {
      await this.#break(fault);
      this.counts.set(fault.kind, (this.counts.get(fault.kind) ?? 0) + 1);
      return undefined;
    } catch (error) {
      return this.#leftOut(fault, String(error));
    } finally {
      this.#tell({ ...window, untilMs: Date.now() });
    }
  }

  #leftOut({ kind }: Fault, why: string): string {
    this.leftOut.set(kind, (this.leftOut.get(kind) ?? 0) + 1);
    return why;
  }

  #thing({ kind, target }: Fault): string {
    if (kind.includes('leader') || kind.includes('follower') || kind.includes('operator')) return 'operators';
    if (kind.includes('disk')) return `disk of ${target}`;
    if (kind.includes('ACE') || kind === 'register anew') return `registration of ${target}`;
    if (kind.includes('certificate') || kind === 'change authority') return `certificate of ${target}`;
    if (kind.includes('authenticator')) return `authenticators of ${target.split('/')[0]}`;
    if (kind.includes('API server') || kind.includes('etcd')) return `plane ${target}`;
    return `${target} ${kind}`;
  }

  #harm({ kind, target }: Fault): Pick<FaultWindow, 'hurts' | 'wentBack' | 'clockOf'> {
    if (kind === 'wrong clock of an authenticator')
      return { hurts: [target, ...this.#allOf(target)], clockOf: target };
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
    const { operators } = this.#scene;
    const bearer = `${this.#scene.mark}bearer-${variant}-${target.replace('/', '-')}`;
    const isAhead = variant % 4 < 2;
    const ways: Readonly<Record<FaultKind, () => Promise<void>>> = {
      'kill leader': () => killOperator(this.#scene, true, forMs),
      'kill follower': () => killOperator(this.#scene, false, forMs),
      'kill authenticator': () => killProgram(this.#program(target), forMs),
      'roll operators': () => roll(operators, forMs),
      'roll authenticators': () => roll(this.#authenticatorsOf(target), forMs),
      'pause leader': () => pauseLeader(this.#scene, forMs),
      'kill API server': () => stopped(this.#plane(target), forMs),
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
      'lists without end': () => endless(this.#link(target), forMs),
      'wrong clock of an operator': () =>
        wrongClock(operators[variant % operators.length] as Program, isAhead, forMs),
      'wrong clock of an authenticator': () => wrongClock(this.#program(target), isAhead, forMs),
      'delete installation key': () =>
        world.management.remove(SECRETS, 'ace-operator-installation-key', OWN_NAMESPACE),
      'change credentials': () => changeCredentials(this.#scene, target, bearer, forMs),
      'renew serving certificate': async () => this.#link(target).renewCertificate(),
      'change authority': () => changeAuthority(this.#scene, target, forMs),
      'register anew': () => registerAnew(this.#scene, target, variant, forMs),
      'refuse deletions by policy': () => refuseDeletions(this.#plane(target), forMs),
      'refuse writes by policy': () => refuseWrites(this.#plane(target), forMs),
      'switch ACE off and on': () => this.#switchAce(target, forMs),
      'full disk': () => this.#disk(target, forMs, (disk) => disk.fill()),
      'read-only disk': () => this.#disk(target, forMs, (disk) => disk.forbid()),
      // The changes themselves are in the schedule.
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

  #program(target: string): Program {
    const found = this.#scene.authenticators.get(target);
    if (!found) throw new Error(`no authenticator ${target}`);
    return found;
  }

  #authenticatorsOf(cluster: string): readonly Program[] {
    const all = [...this.#scene.authenticators].filter(([name]) => name.startsWith(`${cluster}/`));
    return all.map(([, program]) => program);
  }

  async #putBack(target: string, forMs: number): Promise<void> {
    await putBack(this.#plane(target), forMs);
    if (target === 'management') await until(() => this.#scene.registrations.putRight(this.#scene.clusters));
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
    const to = (on: boolean): Promise<void> => carryOut(this.#scene, { do: 'switch ACE', cluster, on });
    await until(() => to(false));
    await delay(forMs);
    await until(() => to(true));
  }
}
