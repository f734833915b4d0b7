import { NAMESPACES } from '../api/names.ts';
import { ApiError, OtherPlaneError } from '../errors.ts';
import type { KubeClient } from './client.ts';

/** A plane that answered within this time is taken for the same one, unless somebody has a reason to doubt. */
const TRUST_MS = 20_000;

/**
 * Which cluster a client talks to, by the UID of its namespace `kube-system`: the one thing that another cluster behind the
 * same address, or one that was set up anew, cannot have.
 *
 * The first UID that is seen (or the one that is expected) counts from then on. Where the credentials may not read that
 * namespace nothing is known, and nothing is held against the plane.
 */
export class PlaneIdentity {
  readonly #client: KubeClient;
  #uid: string | undefined;
  #seen: string | undefined;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;
  /** Why the last question has no answer. */
  #unanswered: unknown;

  /** @param expected - UID that was seen before, for example by an earlier process */
  constructor(client: KubeClient, expected?: string) {
    this.#client = client;
    this.#uid = expected;
  }

  /** UID of the cluster that this is about; undefined while nothing is known. */
  get uid(): string | undefined {
    return this.#uid;
  }

  /** The UID that answers now instead of {@link uid}; undefined while it is the right one. */
  get stranger(): string | undefined {
    return this.#seen === this.#uid ? undefined : this.#seen;
  }

  /**
   * Asks the plane who it is; what was asked a moment ago counts, unless `fresh`.
   *
   * @throws {OtherPlaneError} when it is another one. No answer, or no right to see it, is no evidence.
   */
  async verify(fresh = false): Promise<void> {
    if (fresh || performance.now() - this.#checkedAtMs > TRUST_MS) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
      await this.#asking;
    }
    if (this.#uid !== undefined && this.stranger !== undefined) {
      throw new OtherPlaneError(this.#uid, this.stranger);
    }
  }

  /**
   * Asks before anything begins: who gives no answer is nobody. @returns the UID; undefined where it may not be known
   *
   * @throws {ConnectionError | ApiError | OtherPlaneError}
   */
  async identify(): Promise<string | undefined> {
    await this.verify(true);
    if (this.#unanswered !== undefined) throw this.#unanswered;
    return this.#seen;
  }

  async #ask(): Promise<void> {
    this.#unanswered = undefined;
    try {
      const raw = await this.#client.get({ resource: NAMESPACES, name: 'kube-system' });
      const uid = (raw as { metadata?: { uid?: unknown } } | undefined)?.metadata?.uid;
      if (typeof uid === 'string' && uid !== '') {
        this.#uid ??= uid;
        this.#seen = uid;
      }
      this.#checkedAtMs = performance.now();
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 403)) this.#unanswered = error;
      // Refused is an answer too: it will be the same in a moment.
      if (error instanceof ApiError) this.#checkedAtMs = performance.now();
    }
  }
}
