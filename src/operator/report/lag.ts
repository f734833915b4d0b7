import { CLUSTER_AUTH_TOKENS } from '../../api/names.ts';
import type { TokenReason } from '../../api/reasons.ts';
import type { ObservedState } from '../../clusters/observed.ts';
import type { Mode } from '../../derive/cluster-facts.ts';
import { effectiveExpiryMs } from '../../derive/expiry.ts';
import type { ClusterSeries } from '../../telemetry/cluster-series.ts';
import type { Debt } from '../debts/debt-record.ts';
import type { Outcome } from '../decide/plan.ts';
import { parseKey, sourceKey, userKey } from '../keys.ts';
import type { DeletionEvidence } from '../upstream/deletions.ts';
import type { Management } from '../upstream/management.ts';
import type { Told } from '../upstream/watches.ts';

export interface LagDeps {
  readonly management: Management;
  readonly evidence: DeletionEvidence;
  readonly series: ClusterSeries;
  readonly now: () => number;
  /** This is owed from now on under a key, also where less was before; undefined: nothing any more. Without expired tokens. */
  readonly onDebt?: (key: string, debt: Debt | undefined) => void;
}

/** An event of the management plane, for one key of this cluster. */
export interface Change extends Told {
  readonly key: string;
  readonly isRevocation: boolean;
  /** What was last known of the key. */
  readonly outcome: Outcome | undefined;
  /** The cluster is not connected. */
  readonly isAway: boolean;
}

/** A key in the hands of a worker. */
export interface Worked {
  readonly key: string;
  readonly mode: Mode;
  readonly observed: ObservedState;
  /** When it was put into the queue; milliseconds since the epoch. */
  readonly queuedAtMs: number;
}

/** Told before each write of a key, and after each that was answered. */
export interface WriteObserver {
  begun(verb: string, kind: string): void;
  done(verb: string, kind: string): void;
}

interface KeyWrite extends Worked {
  readonly verb: string;
  readonly kind: string;
}

interface Behind {
  readonly sinceMs: number;
  written: boolean;
}

interface OwnDebt extends Debt {
  isOfGroups: boolean;
  paid: boolean;
}

/**
 * For how long one cluster is behind the management plane, key by key; what is measured is said in docs/metrics.md.
 *
 * A clock starts when a watch tells of a change, or, for what a sweep finds, when its key is queued. It stops when the
 * cluster's own watch has told the result. It goes on while the cluster is away: that is the point of it.
 */
export class Lag {
  readonly #deps: LagDeps;
  readonly #behind = new Map<string, Behind>();
  readonly #owed = new Map<string, OwnDebt>();

  constructor(deps: LagDeps) {
    this.#deps = deps;
  }

  /** A watch of the management plane told of a change; of several the first counts. */
  changed(change: Change): void {
    const { key, isRevocation } = change;
    const sinceMs = this.#deps.now();
    if (isRevocation) {
      this.#behind.delete(key);
      const isOfGroups = change.isGroupLost ?? false;
      if (!isHarmless(change, sinceMs)) this.owe(key, { sinceMs, cause: causeOf(key), isOfGroups });
      return;
    }
    // A user who is enabled again, unless groups are owed, too: those are settled by what the cluster tells. A token may also be
    // another one of that name: the earlier one's end stays owed.
    if (causeOf(key) === 'user' && !this.#owed.get(key)?.isOfGroups) this.#forget(key);
    if (!this.#behind.has(key)) this.#behind.set(key, { sinceMs, written: false });
  }

  /** What the writes of a key tell. */
  writesOf(worked: Worked): WriteObserver {
    return {
      begun: (verb, kind) => this.#begun({ ...worked, verb, kind }),
      done: (verb, kind) => {
        this.#deps.series.changed(verb, kind);
        this.#done({ ...worked, verb, kind });
      },
    };
  }

  /** A write is about to be tried: what takes somebody's access away is owed from here on, if it was not before. */
  #begun(write: KeyWrite): void {
    if (!this.#owed.has(write.key) && isTakingAway(write)) {
      const debt = this.#debtOf(write);
      if (debt) this.owe(write.key, debt);
    }
  }

  /** A write was answered. */
  #done(write: KeyWrite): void {
    const debt = this.#owed.get(write.key);
    // A patch takes away, too: an earlier expiry, another hash, a switch.
    if (debt && (isTakingAway(write) || write.verb === 'patch')) {
      debt.paid = true;
      return;
    }
    if (write.verb === 'delete') return;
    const behind = this.#behind.get(write.key);
    if (behind) behind.written = true;
    else this.#behind.set(write.key, { sinceMs: write.queuedAtMs, written: true });
  }

  /** Where the key stands now, as the cluster's watch has told; undefined when nothing of it is left there. */
  settled(key: string, outcome: Outcome | undefined): void {
    // A paused cluster waits for a person, and not for us.
    if (outcome?.state === 'pending' && outcome.reason !== 'Suspended') return;
    const behind = this.#behind.get(key);
    if (behind) this.#endBehind(key, behind, outcome);
    const debt = this.#owed.get(key);
    // What the API server refuses to take away is still there.
    if (!debt || (outcome?.state === 'failed' && REFUSED.has(outcome.reason))) return;
    this.#forget(key);
    if (debt.paid) this.#deps.series.revoked(debt.cause, this.#secondsSince(debt.sinceMs));
  }

  /**
   * Age of the oldest revocation that has not arrived, in seconds; 0 when none is owed. Without expired tokens: an
   * authenticator refuses those by what stands in them.
   */
  get oldestOwedSeconds(): number {
    let oldestMs = this.#deps.now();
    for (const { sinceMs, cause } of this.#owed.values()) {
      if (cause !== 'expiry') oldestMs = Math.min(oldestMs, sinceMs);
    }
    return this.#secondsSince(oldestMs);
  }

  /** Keys whose change, or revocation, has not arrived in the cluster. */
  get pending(): { readonly changes: number; readonly revocations: number } {
    return { changes: this.#behind.size, revocations: this.#owed.size };
  }

  /** Nothing of ours is left there, and nothing is wanted there. */
  clear(): void {
    this.#behind.clear();
    for (const key of [...this.#owed.keys()]) this.#forget(key);
  }

  /** A revocation is owed from now on. If one was before, that one's time counts, and what there is more of it now. */
  owe(key: string, { sinceMs, cause, isOfGroups = false }: Debt): void {
    const before = this.#owed.get(key);
    // What has expired is refused by itself; a deletion of what was given more time since is a debt of its own.
    const isFirst = before === undefined || (before.cause === 'expiry' && cause !== 'expiry');
    const debt = isFirst ? { sinceMs, cause, isOfGroups, paid: false } : before;
    const isMore = isFirst || (isOfGroups && !before.isOfGroups);
    debt.isOfGroups ||= isOfGroups;
    this.#owed.set(key, debt);
    if (isMore && cause !== 'expiry') this.#deps.onDebt?.(key, debt);
  }

  /** What is owed under a key. */
  debtOf(key: string): Debt | undefined {
    return this.#owed.get(key);
  }

  #forget(key: string): void {
    const debt = this.#owed.get(key);
    this.#owed.delete(key);
    if (debt && debt.cause !== 'expiry') this.#deps.onDebt?.(key, undefined);
  }

  #endBehind(key: string, { sinceMs, written }: Behind, outcome: Outcome | undefined): void {
    this.#behind.delete(key);
    if (written && outcome?.state === 'synced') this.#deps.series.propagated(this.#secondsSince(sinceMs));
  }

  /** A revocation that no watch told this cluster of: found by a sweep, or by the clock. */
  #debtOf(write: KeyWrite): Debt | undefined {
    // ACE was switched off for all of them, which has a condition of its own.
    if (write.mode === 'drain') return undefined;
    const { kind, name } = parseKey(write.key);
    return kind === 'user' ? this.#debtOfUser(name, write) : this.#debtOfToken(name, write);
  }

  #debtOfUser(name: string, { key, observed, queuedAtMs }: KeyWrite): Debt | undefined {
    const { management, evidence } = this.#deps;
    const user = management.users.get(name);
    const isLosing = !user || (!user.enabled && observed.forUser(name)?.['enabled'] === true);
    if (!isLosing) return undefined;
    return { sinceMs: evidence.toldAtMs(key) ?? queuedAtMs, cause: 'user' };
  }

  #debtOfToken(name: string, { observed, queuedAtMs }: KeyWrite): Debt {
    const { management, evidence, now } = this.#deps;
    const written = observed.apiOf(name);
    const token = written
      ? management.tokensNamed(name).find(({ api }) => api === written)
      : management.token(name, undefined, now());
    const expiresAtMs = token && effectiveExpiryMs(token);
    if (expiresAtMs !== undefined && expiresAtMs <= now()) {
      return { sinceMs: expiresAtMs, cause: 'expiry' };
    }
    const ofToken = (written ? [written] : (['v3', 'ext'] as const)).map((api) => sourceKey(name, api));
    const keys = [...ofToken, ...(token ? [userKey(token.userName)] : [])];
    const toldAtMs = keys.map((one) => evidence.toldAtMs(one)).find((ms) => ms !== undefined);
    return { sinceMs: toldAtMs ?? queuedAtMs, cause: 'token' };
  }

  #secondsSince(sinceMs: number): number {
    return Math.max(0, (this.#deps.now() - sinceMs) / 1000);
  }
}

const REFUSED: ReadonlySet<TokenReason> = new Set(['Rejected', 'Forbidden']);

/** Without its ClusterAuthToken a token is refused; a ClusterUserAttribute refuses by being gone, and by what it says. */
function isTakingAway({ key, verb, kind }: KeyWrite): boolean {
  return causeOf(key) === 'user' || (verb === 'delete' && kind === CLUSTER_AUTH_TOKENS.kind);
}

/**
 * Nothing is owed for a token that has expired, which is refused by what stands in it, nor for one that was taken
 * away before the cluster went out of sight.
 */
function isHarmless({ expiresAtMs, outcome, isAway }: Change, nowMs: number): boolean {
  if (expiresAtMs !== undefined && expiresAtMs <= nowMs) return true;
  return isAway && outcome?.state === 'refused' && outcome.reason !== 'UserDisabled' && !outcome.letsIn;
}

function causeOf(key: string): 'token' | 'user' {
  return key.startsWith('user/') ? 'user' : 'token';
}
