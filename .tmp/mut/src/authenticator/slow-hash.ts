import type { DenialReason } from '../api/reasons.ts';
import { isTooCostly } from '../hash/bcrypt.ts';
import { detectFormat } from '../hash/detect.ts';
import type { Hasher } from '../hash/hasher.ts';
import type { ClusterState } from './cluster-state.ts';

/** Whether checking against a hash takes long by design, and so tells by its time that there was one to check. */
export function isSlowHash(hash: string): boolean {
  const format = detectFormat(hash);
  return format === 'bcrypt' || format === 'scrypt';
}

/** Why a secret does not match a hash. */
export function mismatchReason(hash: string): DenialReason {
  if (detectFormat(hash) !== undefined) return 'WrongSecret';
  return isTooCostly(hash) ? 'HashTooCostly' : 'UnsupportedHash';
}

/** Time spent on names that do not exist is bounded: a flood of them must not keep the threads from real work. */
const SPENDINGS_PER_SECOND = 5;

/**
 * Makes an unknown name take as long as a wrong secret, where slow hashes are in use: otherwise the time of an answer
 * would tell which names exist. Beyond a few a second, and while real checks wait, it answers at once.
 */
export class TimeSpender {
  readonly #state: ClusterState;
  readonly #hasher: Hasher;
  #budget = SPENDINGS_PER_SECOND;
  #refilledAtMs = 0;
  #sample = '';

  constructor(state: ClusterState, hasher: Hasher) {
    this.#state = state;
    this.#hasher = hasher;
    const remember = (hash: string): void => {
      if (isSlowHash(hash)) this.#sample = hash;
    };
    state.secrets.onChange(({ object }) => remember(object.hash));
    state.tokens.onChange(({ object }) => remember(object.hash));
  }

  async spend(secret: string): Promise<void> {
    if (
      this.#sample === '' ||
      this.#state.tokens.size === 0 ||
      this.#hasher.queued > 0 ||
      !this.#takeBudget()
    )
      return;
    await this.#hasher.verify(secret, this.#sample).catch(() => false);
  }

  #takeBudget(): boolean {
    const nowMs = performance.now();
    const gained = ((nowMs - this.#refilledAtMs) / 1000) * SPENDINGS_PER_SECOND;
    this.#budget = Math.min(SPENDINGS_PER_SECOND, this.#budget + gained);
    this.#refilledAtMs = nowMs;
    if (this.#budget < 1) return false;
    this.#budget -= 1;
    return true;
  }
}
