import { availableParallelism, loadavg } from 'node:os';

/** A machine with twice as much to do as it has cores is as good as idle for all that waits here. */
const FINE = 2;
const MOST = 6;

/** By how much all that is bounded in time may be longer at present: 1 on a machine that has time, up to 6 on one that has none. */
export function patience(): number {
  const [load = 0] = loadavg();
  return Math.min(MOST, Math.max(1, load / availableParallelism() / FINE));
}
