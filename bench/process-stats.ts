import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { OperatorProcess } from '../test/support/operator-process.ts';

/** Linux counts a process's CPU time in hundredths of a second. */
const TICK_MS = 10;

/** CPU time that a process has used so far, all threads. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** The most memory that a process has had resident. */
export const peakRssMb = (pid: number): number => statusMb(pid, 'VmHWM');

/** The memory that a process has resident now. */
export const rssMb = (pid: number): number => statusMb(pid, 'VmRSS');

function statusMb(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
}

export interface Descriptors {
  readonly all: number;
  readonly sockets: number;
}

/** What a process has open. */
export function descriptors(pid: number): Descriptors {
  const names = readdirSync(`/proc/${pid}/fd`);
  const sockets = names.filter((name) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${name}`).startsWith('socket:');
    } catch {
      return false; // closed meanwhile
    }
  });
  return { all: names.length, sockets: sockets.length };
}

export interface LoopDelay {
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** The monitor's timer goes off every 10 ms, and that is what it shows of a loop that is never late. */
const RESOLUTION_MS = 10;

const SCRAPES = 3;

/** What /metrics says. Asked again where a connection that lay idle was closed just when it was to be used. */
export async function scrape(operator: OperatorProcess): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await operator.http('/metrics')).body;
    } catch (error) {
      if (attempt === SCRAPES) throw error;
    }
  }
}

/** How late the operator's event loop was since this was last asked: asking starts a new window. */
export async function loopDelay(operator: OperatorProcess): Promise<LoopDelay> {
  return loopDelayIn(await scrape(operator));
}

/** The same, from what a scrape said. */
export function loopDelayIn(body: string): LoopDelay {
  const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1]);
  const late = (name: string): number => Math.max(0, value(name) * 1000 - RESOLUTION_MS);
  return { p99Ms: late('nodejs_eventloop_lag_p99_seconds'), maxMs: late('nodejs_eventloop_lag_max_seconds') };
}

export function worst(delays: readonly LoopDelay[]): LoopDelay {
  return {
    p99Ms: Math.max(...delays.map(({ p99Ms }) => p99Ms)),
    maxMs: Math.max(...delays.map(({ maxMs }) => maxMs)),
  };
}
