// Runs in a worker thread; pool.ts names this file and its export.
import { formatOf, hashNow, type SlowFormat } from './formats.ts';

export interface HashJob {
  readonly kind: 'hash';
  readonly algorithm: SlowFormat;
  readonly secret: string;
  readonly bcryptCost: number;
}

export interface VerifyJob {
  readonly kind: 'verify';
  readonly format: SlowFormat;
  readonly secret: string;
  readonly hash: string;
}

export type Job = HashJob | VerifyJob;
export type JobResult<J extends Job> = J extends HashJob ? string : boolean;

/** Does one job, blocking its thread. A hash is refused as the format's own `hash` refuses it. */
export function run(job: Job): string | boolean {
  if (job.kind === 'verify') return formatOf(job.format).verify(job.secret, job.hash);
  return hashNow(job.algorithm, job.secret, job.bcryptCost);
}
