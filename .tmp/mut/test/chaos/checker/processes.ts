import { readFileSync } from 'node:fs';
import type { ProgramChange } from '../messages.ts';

const LIMIT_MB = { operator: 400, authenticator: 300 } as const;
/** What Node says of an error that nobody took. */
const UNHANDLED = /unhandledRejection|UnhandledPromiseRejection|uncaughtException|Uncaught|FATAL ERROR/;

/** The programs' processes, from outside. */
export class Processes {
  readonly #running = new Map<number, ProgramChange>();
  peakMb = 0;

  get pids(): readonly number[] {
    return [...this.#running.keys()];
  }

  nameOf(pid: number): string {
    return this.#running.get(pid)?.name ?? `pid ${pid}`;
  }

  /** @returns what is wrong with that */
  tell(change: ProgramChange): string | undefined {
    if (change.event === 'started') {
      this.#running.set(change.pid, change);
      return undefined;
    }
    this.#running.delete(change.pid);
    return change.asked === true ? undefined : `ended by itself: ${change.how}`;
  }

  /** @returns those that have grown too large, by name */
  tooLarge(): readonly { name: string; what: string }[] {
    return [...this.#running.values()].flatMap(({ pid, name, role }) => {
      const mb = residentMb(pid);
      this.peakMb = Math.max(this.peakMb, mb);
      return mb > LIMIT_MB[role] ? [{ name, what: `takes ${mb} MB, more than ${LIMIT_MB[role]}` }] : [];
    });
  }
}

export function unhandledIn(output: string): string | undefined {
  return UNHANDLED.exec(output)?.[0];
}

/** What it takes in memory at present; 0 of one that has ended. */
export function residentMb(pid: number): number {
  try {
    const [, kb = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Math.round(Number(kb) / 1_024);
  } catch {
    return 0;
  }
}
