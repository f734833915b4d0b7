// report/: what came of it, for people, metrics and the management plane.

import type { TokenReason } from '../../api/reasons.ts';
import type { Outcome } from '../decide/plan.ts';

export interface Counts {
  readonly synced: number;
  readonly pending: number;
  readonly failed: number;
  readonly refused: Readonly<Partial<Record<TokenReason, number>>>;
  /** Users whose attributes are not as they should be; tokens are counted above. */
  readonly usersPending: number;
  readonly usersFailed: number;
  /** Users whose groups are not known; their tokens work without any. */
  readonly groupsUnknown: number;
  /** One message of a failure, for a person to start from. */
  readonly firstFailure: string | undefined;
}

/** Outcomes of one cluster's keys; the source of its status and metrics. */
export class Outcomes {
  readonly #byKey = new Map<string, Outcome>();
  readonly #onChange: () => void;
  readonly #onOutcome: (key: string, outcome: Outcome | undefined) => void;

  /**
   * @param onChange - something is otherwise than before
   * @param onOutcome - told of each outcome, the same one again included; undefined: nothing of the key is left
   */
  constructor(
    onChange: () => void,
    onOutcome: (key: string, outcome: Outcome | undefined) => void = () => {},
  ) {
    this.#onChange = onChange;
    this.#onOutcome = onOutcome;
  }

  get(key: string): Outcome | undefined {
    return this.#byKey.get(key);
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  keys(): IterableIterator<string> {
    return this.#byKey.keys();
  }

  set(key: string, outcome: Outcome): void {
    const before = this.#byKey.get(key);
    this.#byKey.set(key, outcome);
    if (!before || !isSame(before, outcome)) this.#onChange();
    this.#onOutcome(key, outcome);
  }

  delete(key: string): void {
    if (this.#byKey.delete(key)) this.#onChange();
    this.#onOutcome(key, undefined);
  }

  clear(): void {
    this.#byKey.clear();
    this.#onChange();
  }

  count(): Counts {
    const tokens = { synced: 0, pending: 0, failed: 0 };
    const users = { synced: 0, pending: 0, failed: 0 };
    const refused: Partial<Record<TokenReason, number>> = {};
    let groupsUnknown = 0;
    let firstFailure: string | undefined;
    for (const [key, outcome] of this.#byKey) {
      const group = key.startsWith('user/') ? users : tokens;
      if (outcome.state === 'refused') refused[outcome.reason] = (refused[outcome.reason] ?? 0) + 1;
      else group[outcome.state] += 1;
      if (outcome.state === 'synced' && outcome.note) groupsUnknown += 1;
      if (outcome.state === 'failed') firstFailure ??= `${key}: ${outcome.message}`;
    }
    return {
      ...tokens,
      refused,
      usersPending: users.pending,
      usersFailed: users.failed,
      groupsUnknown,
      firstFailure,
    };
  }
}

function isSame(a: Outcome, b: Outcome): boolean {
  const said = (outcome: Outcome): string =>
    outcome.state === 'synced' ? (outcome.note ?? '') : JSON.stringify([outcome.reason, outcome.message]);
  return a.state === b.state && said(a) === said(b);
}
