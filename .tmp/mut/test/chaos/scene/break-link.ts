import { setTimeout as delay } from 'node:timers/promises';
import type { FaultProxy } from '../../support/fault-proxy.ts';

// What can be wrong between a program and an API server. Each breaks it for so many milliseconds and mends it.

const ERRORS = [
  [409, 422, 500, 503],
  [429, 503],
  [410, 500],
  [409, 410, 422, 429, 500, 503],
] as const;

export async function resets({ wire }: FaultProxy, forMs: number): Promise<void> {
  for (const endMs = Date.now() + forMs; Date.now() < endMs; ) {
    wire.cut();
    await delay(300);
  }
}

/** @param deliver - what was held back comes late; else never */
export async function heldBack({ wire }: FaultProxy, forMs: number, deliver: boolean): Promise<void> {
  wire.blackhole();
  await delay(forMs);
  if (!deliver) wire.cut();
  await wire.heal();
}

export async function stranded({ wire }: FaultProxy, forMs: number): Promise<void> {
  wire.strand();
  await delay(forMs);
}

export async function refused({ wire }: FaultProxy, forMs: number): Promise<void> {
  await wire.refuse();
  await delay(forMs);
  await wire.heal();
}

export async function slow(
  { wire }: FaultProxy,
  pace: Parameters<FaultProxy['wire']['slow']>[0],
  forMs: number,
): Promise<void> {
  wire.slow(pace);
  await delay(forMs);
  wire.slow(undefined);
}

export async function stranger(proxy: FaultProxy, forMs: number): Promise<void> {
  proxy.setStranger(true);
  await delay(forMs);
  proxy.setStranger(false);
}

/** One call of ten is refused. @param variant - with which statuses, and whether with Retry-After */
export function errors(proxy: FaultProxy, variant: number, forMs: number): Promise<void> {
  const statuses = ERRORS[variant % ERRORS.length] ?? ERRORS[0];
  return faulty(proxy, { refuse: { share: 0.1, statuses, retryAfter: variant % 2 === 0 } }, forMs);
}

export async function faulty(
  proxy: FaultProxy,
  faults: Parameters<FaultProxy['setFaults']>[0],
  forMs: number,
): Promise<void> {
  proxy.setFaults(faults);
  await delay(forMs);
  proxy.setFaults({});
}

/** Lists have no end; connections are cut and three calls of ten refused as too old, so that there are lists. */
export async function endless(proxy: FaultProxy, forMs: number): Promise<void> {
  const refuse = { share: 0.3, statuses: [410] };
  proxy.wire.cut();
  await faulty(proxy, { endlessLists: true, refuse }, forMs);
}
