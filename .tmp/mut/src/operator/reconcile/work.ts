// reconcile/: makes one key match. Gathers facts of one moment, asks for the decision, carries it out.

import type { Token } from '../../api/types.ts';
import type { ObservedState } from '../../clusters/observed.ts';
import type { Reader, Writer } from '../../kube/client.ts';
import type { Rules } from '../decide/facts.ts';
import type { About, Answers, Notice } from '../decide/plan.ts';
import type { Lane } from '../keys.ts';
import type { WriteObserver } from '../report/lag.ts';
import type { Outcomes } from '../report/outcomes.ts';
import type { DeletionEvidence } from '../upstream/deletions.ts';
import type { Management } from '../upstream/management.ts';
import type { TokenHashes } from './token-hashes.ts';

/** One key in a worker's hands: all that may be seen and used for it. */
export interface Work {
  /** As they are now, whatever changes under way. */
  readonly rules: () => Rules;
  readonly upstream: Upstream;
  readonly downstream: Downstream;
  readonly hashes: TokenHashes;
  readonly ledger: Ledger;
}

/** What the management plane says. */
export interface Upstream {
  readonly management: Management;
  /** Live reads: absence is never taken from a cache. */
  readonly live: Reader;
  readonly deletions: DeletionEvidence;
  /** Keys whose absence a sweep looked at and let pass the brake. */
  isAllowed(key: string): boolean;
  /** Since when the cluster that a token names now is about to have it; undefined when it has it, or is not going to. */
  awaitedElsewhereSinceMs(token: Token): number | undefined;
}

/** The cluster: what is seen there, and the way to change it. */
export interface Downstream {
  readonly client: Reader & Writer;
  readonly observed: ObservedState;
  readonly writes: WriteObserver;
  /** What others wrote under our names is taken over. */
  readonly adopts: boolean;
}

/** What one look at a key found out, beside what the stores say. */
export interface Known {
  readonly answers: Answers;
  /** Someone else's object that refused our write, as `Kind name`. */
  readonly refusedBy: string | undefined;
}

/** Where it is kept what came of a key. */
export interface Ledger {
  readonly outcomes: Outcomes;
  readonly queue: KeyQueue;
  /** A token of ours that is absent upstream without evidence or approval: a sweep has to decide. */
  requestSweep(): void;
  notify(about: About, notice: Notice): void;
}

/** Where keys wait for a worker. */
export interface KeyQueue {
  add(key: string, lane: Lane): void;
  /** The lane that a key in a worker's hands came from. */
  laneOf(key: string): Lane;
}
