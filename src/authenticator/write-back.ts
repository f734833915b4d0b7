import { setTimeout as delay } from 'node:timers/promises';
import { CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES, type Resource } from '../api/names.ts';
import { parseTime } from '../api/parse-fields.ts';
import type { Identified } from '../api/types.ts';
import { ApiError, isConflict, isObjectMissing, isReplaced } from '../errors.ts';
import type { Random } from '../kube/backoff.ts';
import type { Writer } from '../kube/client.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Candidate } from './judge.ts';

export interface WriteBackOptions {
  readonly state: ClusterState;
  readonly writer: Writer;
  readonly namespace: string;
  /** The wall clock, milliseconds since the epoch. */
  readonly now: () => number;
  /** A clock that nobody sets, for when to write; milliseconds. */
  readonly monotonic: () => number;
  readonly onError: (error: unknown) => void;
  readonly random?: Random;
}

/** A token in constant use is written this often at most, by all authenticators of a cluster together. */
const PER_TOKEN_MS = 5 * 60_000;
const TICK_MS = 5_000;
/** However many tokens are in use: 120 writes a minute, and no more. */
const WRITES_PER_TICK = 10;
const FORBIDDEN_MAX_MS = 60 * 60_000;
const FINAL_CONCURRENCY = 16;
const FINAL_ROUNDS = 3;
const FINAL_PAUSE_MS = 100;

/**
 * What the authentication path learns and others want to know: when a token was last used, and whose groups are due
 * for a refresh. Collected in memory, written later and seldom; the path itself writes nothing.
 */
export class WriteBack {
  readonly #options: WriteBackOptions;
  readonly #random: Random;
  readonly #usedAtMs = new Map<string, number>();
  /**
   * Not before, by the monotonic clock; spread at random, so that tokens that were used together are not written together.
   * Stays after a write, until the five minutes are over: the watch may be late to tell of it, and the next use is not.
   */
  readonly #dueAtMs = new Map<string, number>();
  readonly #refreshes = new Set<string>();
  /** By kind: a right that is missing is missing for all of them, and does not come back by asking. */
  readonly #forbidden = new Map<string, { untilMs: number; lengthMs: number }>();
  #budget = WRITES_PER_TICK;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> = Promise.resolve();

  constructor(options: WriteBackOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#budget = WRITES_PER_TICK;
      this.#flushing = this.#flushing.then(() => this.#flushDue());
    }, TICK_MS);
    this.#timer.unref();
  }

  /** Notes an accepted token. Cheap: this is on the authentication path. */
  accepted({ token, user }: Candidate): void {
    const nowMs = this.#options.now();
    this.#usedAtMs.set(token.name, nowMs);
    if (!this.#dueAtMs.has(token.name)) this.#plan(token.name);
    if (this.#isRefreshDue(user, nowMs)) this.#refreshes.add(user.name);
  }

  /** How many tokens and users wait to be written. */
  get pending(): number {
    return this.#usedAtMs.size + this.#refreshes.size;
  }

  /** Writes everything that is held now. */
  async flush(): Promise<void> {
    clearInterval(this.#timer);
    this.#flushing = this.#flushing.then(() => this.#writeAll());
    await this.#flushing;
  }

  /** Writes everything that is still held, conflicts again, and ends. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flushing;
    for (let round = 1; this.pending > 0 && round <= FINAL_ROUNDS; round += 1) {
      if (round > 1) await delay(FINAL_PAUSE_MS);
      await this.#writeAll();
    }
  }

  async #writeAll(): Promise<void> {
    const work = [
      ...[...this.#refreshes].map((name) => () => this.#writeRefresh(name)),
      ...[...this.#usedAtMs.keys()].map((name) => () => this.#writeUsed(name)),
    ];
    const lanes = Array.from({ length: FINAL_CONCURRENCY }, async () => {
      for (let next = work.shift(); next; next = work.shift()) await next();
    });
    await Promise.all(lanes);
  }

  async #flushDue(): Promise<void> {
    // A copy: one that fails is put back, for the next time.
    for (const name of [...this.#refreshes]) {
      if (!this.#spend()) return;
      await this.#writeRefresh(name);
    }
    await this.#flushUses(this.#options.monotonic());
  }

  async #flushUses(atMs: number): Promise<void> {
    // What is written goes to the end of the map, so that all get their turn.
    for (const [name, dueAtMs] of this.#dueAtMs) {
      if (dueAtMs > atMs) continue;
      if (!this.#usedAtMs.has(name)) this.#dueAtMs.delete(name);
      else if (this.#restMs(name) > 0) this.#plan(name);
      else if (this.#spend()) await this.#writeUsed(name);
      else return;
    }
  }

  /** @param restMs - so long at least it is not written again */
  #plan(name: string, restMs = this.#restMs(name)): void {
    // A token that was not written for long is written soon, the others when their five minutes are over.
    const earliestMs = this.#options.monotonic() + Math.max(0, restMs);
    this.#dueAtMs.set(name, earliestMs + this.#random() * TICK_MS * 2);
  }

  /** What is left of the five minutes after its last write, by whichever authenticator of this cluster. */
  #restMs(name: string): number {
    return this.#toldAtMs(name) + PER_TOKEN_MS - this.#options.now();
  }

  /**
   * When the token was last used, as the cluster has it. What is still to come by more than the clocks of two nodes differ was written by one that
   * was ahead, and counts for nothing.
   */
  #toldAtMs(name: string): number {
    const lastUsedAtMs = this.#options.state.tokens.get(name)?.lastUsedAtMs ?? 0;
    return lastUsedAtMs > this.#options.now() + PER_TOKEN_MS ? 0 : lastUsedAtMs;
  }

  async #writeUsed(name: string): Promise<void> {
    const usedAtMs = this.#usedAtMs.get(name);
    const token = this.#options.state.tokens.get(name);
    this.#usedAtMs.delete(name);
    this.#dueAtMs.delete(name);
    if (usedAtMs === undefined || !token) return;
    // It may have been noted by a clock that was ahead, too.
    const seconds = Math.floor(Math.min(usedAtMs, this.#options.now()) / 1000) * 1000;
    // Another authenticator of this cluster may have told it already.
    if (this.#toldAtMs(name) >= seconds) return;
    this.#plan(name, PER_TOKEN_MS);
    const lastUsedAt = `${new Date(seconds).toISOString().slice(0, 19)}Z`;
    const failed = await this.#patch(CLUSTER_AUTH_TOKENS, token, { lastUsedAt });
    if (!failed) return;
    this.#usedAtMs.set(name, Math.max(usedAtMs, this.#usedAtMs.get(name) ?? 0));
    this.#dueAtMs.set(name, this.#options.monotonic() + TICK_MS);
  }

  async #writeRefresh(name: string): Promise<void> {
    const user = this.#options.state.users.get(name);
    this.#refreshes.delete(name);
    if (!user || user.needsRefresh) return;
    const failed = await this.#patch(CLUSTER_USER_ATTRIBUTES, user, { needsRefresh: true });
    if (failed) this.#refreshes.add(name);
  }

  /** @returns true when it should be tried again */
  async #patch(resource: Resource, object: Identified, patch: object): Promise<boolean> {
    const { writer, namespace, monotonic, onError } = this.#options;
    const untilMs = this.#forbidden.get(resource.plural)?.untilMs;
    if (untilMs !== undefined && monotonic() < untilMs) return true;
    try {
      await writer.patch(
        { resource, namespace, name: object.name },
        { ...patch, metadata: { uid: object.uid } },
      );
      this.#forbidden.delete(resource.plural);
      return false;
    } catch (error) {
      if (isObjectMissing(error)) return false;
      this.#pauseIfForbidden(resource, error);
      if (!isConflict(error) && !isReplaced(error)) onError(error);
      return true;
    }
  }

  #pauseIfForbidden({ plural }: Resource, error: unknown): void {
    if (!(error instanceof ApiError && error.code === 403)) return;
    const before = this.#forbidden.get(plural)?.lengthMs;
    const lengthMs = Math.min(FORBIDDEN_MAX_MS, before === undefined ? PER_TOKEN_MS : before * 2);
    this.#forbidden.set(plural, { untilMs: this.#options.monotonic() + lengthMs, lengthMs });
  }

  /** Rule of kube-api-auth: switched on, refreshed once before, not asked for yet, and older than the setting says. */
  #isRefreshDue(user: Candidate['user'], nowMs: number): boolean {
    const { refreshAfterSeconds } = this.#options.state;
    if (refreshAfterSeconds === undefined || user.needsRefresh) return false;
    const refreshedAtMs = parseTime(user.lastRefresh);
    return refreshedAtMs !== undefined && refreshedAtMs + refreshAfterSeconds * 1000 < nowMs;
  }

  #spend(): boolean {
    if (this.#budget < 1) return false;
    this.#budget -= 1;
    return true;
  }
}
