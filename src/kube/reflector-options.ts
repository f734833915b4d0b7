import type { Identified } from '../api/types.ts';
import type { WatchEnd } from '../telemetry/watch-ends.ts';
import type { Random } from './backoff.ts';
import type { Collection } from './listing.ts';
import type { PlaneIdentity } from './plane-identity.ts';
import type { Store } from './store.ts';

/** What a reflector tells its owner; all optional to act upon. */
export interface ReflectorObserver {
  /** A list or watch failed; it will be tried again. `failures` counts those in a row. */
  failed(error: unknown, failures: number): void;
  /**
   * The server told something: a list arrived, an event, a bookmark, or the orderly end of a watch. That a watch could be
   * opened says nothing.
   */
  succeeded(): void;
  /** A relist found differences that the watch should have told. */
  corrected(count: number): void;
  /** The plane was put back to an earlier state: what is held is what it has now. */
  putBack(): void;
  /** A watch ended and will be resumed or relisted. */
  restarted(reason: WatchEnd): void;
}

export interface ReflectorOptions<T extends Identified> extends Collection<T> {
  readonly store: Store<T>;
  /** Of the plane that is watched. Where it is given, nothing that another cluster says gets into the store. */
  readonly plane?: PlaneIdentity | undefined;
  /**
   * Of one namespace, where nobody may ask the plane who it is: an object that is held is asked for at each opening of a watch,
   * and everything is listed when it is not there.
   */
  readonly asksForWitness?: boolean;
  readonly observer?: Partial<ReflectorObserver>;
  readonly random?: Random;
  readonly timing?: Partial<ReflectorTiming>;
}

export interface ReflectorTiming {
  /** A watch asks the server to end it after this long (up to a fifth less, at random); it is then resumed. */
  readonly watchSeconds: number;
  /** A watch that outlives that by so much is half-open: we end it. */
  readonly graceMs: number;
  /** Even a watch that never failed is checked against a list this often. */
  readonly relistMs: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
}

export const DEFAULT_TIMING: ReflectorTiming = {
  watchSeconds: 45,
  graceMs: 15_000,
  relistMs: 10 * 60_000,
  backoffBaseMs: 500,
  backoffMaxMs: 30_000,
};
