import { NAMESPACES } from '../api/names.ts';
import { ApiError, OtherPlaneError } from '../errors.ts';
import { unreadable } from './classify.ts';
import type { KubeClient } from './client.ts';

/** Over which of its connections a plane is asked: they are made at different times, and may lead to different servers. */
type Way = 'requests' | 'watches';

interface Answer {
  readonly uid?: string | undefined;
  /** Why there is none, though it may be asked. */
  readonly fault?: unknown;
  /** There was an answer, and it named none. */
  readonly isNameless?: true;
  /** How many connections there had been for watches when it was asked. */
  readonly connections?: number;
}

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
  /** So many connections of watches had been made when it was the right one over those. */
  #watchesKnown = 0;
  readonly #asking = new Map<string, Promise<Answer>>();

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
   * Asks the plane who it is; what was asked a moment ago counts, unless `fresh`. So does, of the connection of the watches, what was asked over it
   * ever.
   *
   * @param besideWatches - over the connection of the watches, too: what is doubted, or is to be believed, was told there
   * @throws {OtherPlaneError} when it is another one, over whichever connection. No answer, or no right to see it, is no evidence
   * @throws {ConnectionError | ApiError} with `fresh` or `besideWatches`, where it is known which one it is, and there was no answer: that is no evidence for it, either
   */
  async verify(fresh = false, besideWatches = false): Promise<void> {
    const isNews = besideWatches && (fresh || this.#client.watchConnections !== this.#watchesKnown);
    if (!isNews && !fresh && performance.now() - this.#checkedAtMs <= TRUST_MS) return this.#refuseStranger();
    // Both: who is right over one of them is no proof that the other one is.
    const answers = await this.#ask(isNews ? ['requests', 'watches'] : ['requests']);
    if ((fresh || besideWatches) && this.#uid !== undefined) refuseSilence(answers);
  }

  /**
   * Asks before anything begins: who gives no answer is nobody. @returns the UID; undefined where it may not be known
   *
   * @throws {ConnectionError | ApiError | OtherPlaneError}
   */
  async identify(): Promise<string | undefined> {
    const [answer] = await this.#ask(['requests']);
    if (answer?.fault !== undefined) throw answer.fault;
    return this.#seen;
  }

  #refuseStranger(): void {
    if (this.#uid !== undefined && this.stranger !== undefined) {
      throw new OtherPlaneError(this.#uid, this.stranger);
    }
  }

  /** @throws {OtherPlaneError} at once: what others are told meanwhile is not what was told to who asked this */
  async #ask(ways: readonly Way[]): Promise<readonly Answer[]> {
    const answers = await Promise.all(ways.map((way) => this.#answer(way)));
    const uids = answers.map(({ uid }) => uid).filter((uid) => uid !== undefined);
    this.#uid ??= uids[0];
    this.#seen = uids.find((uid) => uid !== this.#uid) ?? uids[0] ?? this.#seen;
    // While anything goes over them, they would lead there for as long as it lives, wherever the address leads by then.
    if (this.stranger !== undefined) this.#client.leaveConnections();
    this.#refuseStranger();
    const { fault, isNameless, connections } = answers[ways.indexOf('watches')] ?? {};
    if (connections !== undefined && fault === undefined && !isNameless) this.#watchesKnown = connections;
    return answers;
  }

  /** One question at a time over each way: whoever comes meanwhile shares its answer. */
  #answer(way: Way): Promise<Answer> {
    // An answer over earlier connections is none about a later one.
    const connections = way === 'watches' ? this.#client.watchConnections : 0;
    const id = `${way} ${connections}`;
    const asked = async (): Promise<Answer> => ({ ...(await this.#send(way)), connections });
    const asking = this.#asking.get(id) ?? asked().finally(() => this.#asking.delete(id));
    this.#asking.set(id, asking);
    return asking;
  }

  async #send(way: Way): Promise<Answer> {
    try {
      const key = { resource: NAMESPACES, name: 'kube-system' };
      const raw = await this.#client.get(key, { besideWatches: way === 'watches' });
      if (way === 'requests') this.#checkedAtMs = performance.now();
      const uid = (raw as { metadata?: { uid?: unknown } } | undefined)?.metadata?.uid;
      return typeof uid === 'string' && uid !== '' ? { uid } : { isNameless: true };
    } catch (error) {
      // Refused is an answer too: it will be the same in a moment.
      if (way === 'requests' && error instanceof ApiError) this.#checkedAtMs = performance.now();
      return error instanceof ApiError && error.code === 403 ? {} : { fault: error };
    }
  }
}

/** Who may not ask (403) has to do without. */
function refuseSilence(answers: readonly Answer[]): void {
  for (const { fault, isNameless } of answers) {
    if (fault !== undefined) throw fault;
    if (isNameless) throw unreadable('GET namespace kube-system', 'it has no UID');
  }
}
