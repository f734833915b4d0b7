import { patience } from '../patience.ts';
import type { Should } from './derive.ts';
import type { Faults } from './faults.ts';

/** Without a fault on the way. */
export const BOUND_MS = 10_000;
/** From the end of the last fault on the way. */
export const RECOVERY_MS = 30_000;
/** Clocks are read in whole seconds, and an answer is on its way for a moment. */
const EDGE_MS = 2_000;

/** After the only authenticator of a cluster is back, its API server may have a question under way that began before. */
const WEBHOOK_BACK_MS = 3_000;

/** One answer to one question. */
export interface Answer {
  /** Who was asked: `c-1/0`, or `c-1/api`. */
  readonly who: string;
  readonly cluster: string;
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly letIn: boolean;
  readonly user?: string;
  readonly groups?: readonly string[];
}

export interface Finding {
  readonly invariant: 'I1' | 'I2';
  readonly what: string;
}

/** How long the API server remembers a yes: its webhook cache, and ten seconds more. */
export const API_MEMORY_MS = 1_000 + 10_000 + 1_000;

/** One bearer: what should be of it, since when, and what it was told. */
export class Bearer {
  readonly key: string;
  readonly generation: number;
  #should: Should | undefined;
  /** Since when it is known to be so; the change was before. */
  #sinceMs = 0;
  /** When it was last seen not to be good: what is on its way of that may still arrive. */
  #lastBadMs = Number.NEGATIVE_INFINITY;
  readonly #accepted = new Map<string, number>();
  readonly #refused = new Map<string, number>();
  readonly #suspected: { readonly answeredMs: number; readonly finding: Finding }[] = [];

  constructor(key: string, generation: number) {
    this.key = key;
    this.generation = generation;
  }

  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** Since when it is not to be let in. Of one that is good that is to come. */
  get revokedMs(): number {
    return Math.max(this.#sinceMs, this.#should?.isGood ? this.#should.untilMs : 0);
  }

  isGood(atMs: number): boolean {
    return this.#should?.isGood === true && atMs < this.#should.untilMs;
  }

  /** Last said to be let in by that one. */
  acceptedMs(who: string): number | undefined {
    return this.#accepted.get(who);
  }

  /**
   * What a reading of the management plane says of it; undefined: it is not there, or has another secret.
   *
   * @returns what answers broke, now that it is sure that nothing changed before they were given
   */
  saw(should: Should | undefined, readingMs: { from: number; to: number }): readonly Finding[] {
    if (should?.version !== this.#should?.version) {
      if (this.#should && !this.#should.isGood) this.#lastBadMs = readingMs.to;
      this.#should = should;
      this.#sinceMs = readingMs.to;
      this.#accepted.clear();
      this.#refused.clear();
      this.#suspected.length = 0;
      return [];
    }
    const certain = this.#suspected.filter(({ answeredMs }) => answeredMs < readingMs.from);
    this.#suspected.splice(0, certain.length);
    return certain.map(({ finding }) => finding);
  }

  /** Whether everybody should know by then that it was revoked. */
  isOverdue(answer: Answer, faults: Faults): boolean {
    return !this.isGood(answer.askedMs) && answer.askedMs > boundMs(answer, this.revokedMs, faults);
  }

  /** What it breaks is kept until a later reading says that nothing had changed: an answer may know more than the last reading. */
  heard(answer: Answer, faults: Faults): void {
    const finding = answer.letIn ? this.#letIn(answer, faults) : this.#refusedBy(answer, faults);
    if (finding) this.#suspected.push({ answeredMs: answer.answeredMs, finding });
  }

  #letIn(answer: Answer, faults: Faults): Finding | undefined {
    const { who, cluster, askedMs, answeredMs } = answer;
    const should = this.#should;
    const goodUntilMs = should?.isGood ? should.untilMs : 0;
    if (askedMs < goodUntilMs) {
      // Of one that was revoked lately a yes may be of before, and the no of that revocation still to come.
      const wasBad = this.#lastBadMs > Number.NEGATIVE_INFINITY;
      if (!wasBad || askedMs > boundMs(answer, this.#lastBadMs, faults)) this.#accepted.set(who, answeredMs);
      return this.#wrongPerson(answer, faults);
    }
    const { revokedMs } = this;
    // Expiry is judged by the clock of the node; anything else is not.
    if (should?.isGood && faults.clockWasWrong(who, askedMs, answeredMs)) return undefined;
    const refusedMs = this.#refused.get(who);
    const places = ['management', cluster];
    const isKnown = refusedMs !== undefined && refusedMs < askedMs && revokedMs + EDGE_MS < refusedMs;
    if (isKnown && !faults.wentBackSince(places, refusedMs - RECOVERY_MS)) {
      return { invariant: 'I1', what: `${who} lets in again what it refused at ${time(refusedMs)}` };
    }
    return this.#tooLate(answer, revokedMs, faults, 'is let in');
  }

  /** Let in rightly, but as whom? */
  #wrongPerson(answer: Answer, faults: Faults): Finding | undefined {
    const { user, groups } = answer;
    if (user === undefined || groups === undefined || !this.#should) return undefined;
    if (user !== this.#should.user) {
      return { invariant: 'I1', what: `${answer.who} takes it for ${user}, not for ${this.#should.user}` };
    }
    const extra = groups.filter((group) => !this.#should?.groups.includes(group) && !isBuiltIn(group));
    if (extra.length === 0) return undefined;
    return this.#tooLate(
      answer,
      this.#sinceMs,
      faults,
      `has groups that were taken away (${extra.join(' ')})`,
    );
  }

  #tooLate(answer: Answer, revokedMs: number, faults: Faults, what: string): Finding | undefined {
    const { who, askedMs } = answer;
    if (askedMs <= boundMs(answer, revokedMs, faults)) return undefined;
    const late = Math.round((askedMs - revokedMs) / 1_000);
    return { invariant: 'I1', what: `${what} by ${who} ${late} s after it was revoked` };
  }

  #refusedBy(answer: Answer, faults: Faults): Finding | undefined {
    const { who, cluster, askedMs, answeredMs } = answer;
    const should = this.#should;
    // Where nobody answers the webhook, the API server can only say no: that says nothing of this bearer.
    if (isApiServer(who) && faults.wentOn([`${cluster}/all`], askedMs - WEBHOOK_BACK_MS, answeredMs))
      return undefined;
    if (!should?.isGood || answeredMs > should.untilMs - EDGE_MS) {
      if (askedMs > this.#sinceMs) this.#refused.set(who, answeredMs);
      return undefined;
    }
    const acceptedMs = this.#accepted.get(who);
    if (acceptedMs === undefined || acceptedMs > askedMs) return undefined;
    if (faults.wentBackSince([cluster, 'management'], acceptedMs - RECOVERY_MS)) return undefined;
    const isEarly =
      should.untilMs < Number.POSITIVE_INFINITY && faults.clockWasWrong(who, askedMs, answeredMs);
    if (isEarly) return undefined;
    const what = `refused by ${who} at ${time(askedMs)}, good since ${time(this.#sinceMs)}`;
    return { invariant: 'I2', what };
  }
}

/** Until when one that was revoked may still be let in. */
function boundMs({ who, cluster }: Answer, revokedMs: number, faults: Faults): number {
  const isApi = isApiServer(who);
  const last = isApi ? [`${cluster}/0`, `${cluster}/1`] : [who];
  const places = ['machine', 'management', 'operators', cluster, ...last];
  const memoryMs = isApi ? API_MEMORY_MS : 0;
  const factor = patience();
  return Math.max(revokedMs + BOUND_MS * factor, faults.lastEndMs(places) + RECOVERY_MS * factor) + memoryMs;
}

const isApiServer = (who: string): boolean => who.endsWith('/api');

/** What every bearer that is let in is a member of. */
const isBuiltIn = (group: string): boolean => group.startsWith('system:');

const time = (ms: number): string => new Date(ms).toISOString().slice(11, 23);
