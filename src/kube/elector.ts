import { LEASES } from '../api/names.ts';
import { isAlreadyExists, isConflict, isObjectMissing } from '../errors.ts';
import { VERSION } from '../version.ts';
import { pause } from './backoff.ts';
import { Candidacy, type Instant, type LeaseTiming } from './candidacy.ts';
import type { KubeClient } from './client.ts';
import { type LeaseRecord, leaseObject, parseLease } from './lease.ts';

/** Whoever does the work of a leader. */
export interface Leadership {
  /** True while this process may write. */
  mayWrite(): boolean;
  start(): void;
  /** Gives the leadership up; with `stopWork` done in between, so that the next leader meets nobody. */
  stop(stopWork: () => Promise<void>): Promise<void>;
}

export interface LeadershipListener {
  /** This process leads from now on. */
  elected(): void;
  /** It no longer does: nothing more may be written. */
  lost(why: string): void;
}

export interface ElectorOptions {
  /** Of its own: bulk writes must not starve the renewals, and the fence must not stop them. */
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Of this process, not of this machine: one that was started anew is somebody else. */
  readonly identity: string;
  readonly timing: LeaseTiming;
  readonly listener: LeadershipListener;
  readonly onError: (error: unknown) => void;
  /** Makes the namespace anew, once a Lease could not be created because it is gone: nobody leads until it is there. */
  readonly makeNamespace: () => Promise<void>;
}

/** Leads without asking: for one replica, by the word of whoever started it. */
export function alwaysLeader(listener: LeadershipListener): Leadership {
  let leads = false;
  return {
    mayWrite: () => leads,
    start() {
      leads = true;
      listener.elected();
    },
    async stop(stopWork) {
      leads = false;
      await stopWork();
    },
  };
}

/**
 * Leader election by one Lease: takes it when it may, renews it, notices the loss of it.
 *
 * Losing it is no end: the process goes on as a candidate with its caches warm.
 */
export class Elector implements Leadership {
  readonly #options: ElectorOptions;
  readonly #candidacy: Candidacy;
  readonly #stopping = new AbortController();
  /** What the listener was told last. */
  #leads = false;
  #deadline: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ElectorOptions) {
    this.#options = options;
    this.#candidacy = new Candidacy(options.identity, options.timing);
  }

  mayWrite(): boolean {
    return !this.#stopping.signal.aborted && this.#candidacy.mayWrite(instant());
  }

  start(): void {
    this.#running ??= this.#run(this.#stopping.signal);
  }

  /** Closes the fence, has the work stopped, and only then lets others have the Lease. */
  async stop(stopWork: () => Promise<void>): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#deadline);
    await Promise.all([stopWork(), this.#running]);
    await this.#release();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#step();
      } catch (error) {
        if (!signal.aborted) await tellFailure(error, this.#options);
      }
      await pause(this.#untilNextMs(), signal);
    }
  }

  /** Renews what we hold, else looks and takes it if it may be taken. @throws {ApiError | ConnectionError} */
  async #step(): Promise<void> {
    const { record } = this.#candidacy;
    if (this.#candidacy.holds && record && (await this.#write(record))) return;
    await this.#look();
    const seen = this.#candidacy.record;
    if (this.#candidacy.holds && seen && seen.holder !== this.#candidacy.identity) {
      this.#lose(`taken by ${seen.holder || 'nobody'}`);
    }
    if (this.#candidacy.takeableInMs(instant()) === 0) await this.#write(seen);
  }

  async #look(): Promise<void> {
    const { client, namespace, name } = this.#options;
    const raw = await client.get({ resource: LEASES, namespace, name });
    if (raw === undefined) this.#candidacy.observeMissing(instant());
    else this.#candidacy.observe(parseLease(raw), instant());
  }

  /** @returns false when somebody wrote before us */
  async #write(before: LeaseRecord | undefined): Promise<boolean> {
    const askedAt = instant();
    this.#candidacy.attempt();
    const answer = await this.#send(before, this.#candidacy.identity);
    if (answer === undefined) return false;
    this.#candidacy.confirm(parseLease(answer), askedAt, instant());
    if (this.#stopping.signal.aborted) return true;
    this.#armDeadline(askedAt);
    if (!this.#leads && this.mayWrite()) {
      this.#leads = true;
      this.#options.listener.elected();
    }
    return true;
  }

  async #send(before: LeaseRecord | undefined, holder: string): Promise<unknown | undefined> {
    const { client, namespace, name, timing } = this.#options;
    const times = { durationMs: timing.leaseMs, wallMs: Date.now() };
    const claim = { namespace, name, holder, version: VERSION, ...times };
    const isThere = before !== undefined && before.resourceVersion !== '';
    const object = leaseObject(claim, isThere ? before : undefined);
    try {
      return isThere ? await client.update(LEASES, object) : await client.create(LEASES, object);
    } catch (error) {
      if (isOvertaken(error, isThere)) return undefined;
      throw error;
    }
  }

  /** A renewal may hang longer than we may write: the deadline does not wait for it. */
  #armDeadline(askedAt: Instant): void {
    clearTimeout(this.#deadline);
    const leftMs = this.#options.timing.renewMs - (performance.now() - askedAt.monotonicMs);
    this.#deadline = setTimeout(() => this.#lose('not renewed in time'), leftMs);
  }

  #lose(why: string): void {
    clearTimeout(this.#deadline);
    this.#candidacy.lose();
    if (!this.#leads) return;
    this.#leads = false;
    this.#options.listener.lost(why);
  }

  #untilNextMs(): number {
    const { retryMs } = this.#options.timing;
    if (this.#candidacy.holds) return retryMs * (0.9 + 0.2 * Math.random());
    const lookMs = (retryMs / 2) * (0.9 + 0.1 * Math.random());
    return Math.min(lookMs, this.#candidacy.takeableInMs(instant()) || lookMs);
  }

  /** Best effort: without it, the next leader waits for the Lease to run out. */
  async #release(): Promise<void> {
    const { record } = this.#candidacy;
    if (!this.#candidacy.holds || record?.holder !== this.#candidacy.identity) return;
    this.#candidacy.lose();
    try {
      await this.#send(record, '');
    } catch (error) {
      this.#options.onError(error);
    }
  }
}

/** Whether a write of a Lease failed because somebody wrote, created or deleted it before; to create one, its namespace has to be there. */
export function isOvertaken(error: unknown, wasThere: boolean): boolean {
  return isConflict(error) || isAlreadyExists(error) || (wasThere && isObjectMissing(error));
}

/** Tells of a failed turn of an election. One that lacked the namespace has it made, so that the next may succeed. */
export async function tellFailure(
  error: unknown,
  { onError, makeNamespace }: Pick<ElectorOptions, 'onError' | 'makeNamespace'>,
): Promise<void> {
  onError(error);
  if (isObjectMissing(error)) await makeNamespace().catch(onError);
}

function instant(): Instant {
  return { monotonicMs: performance.now(), wallMs: Date.now() };
}
