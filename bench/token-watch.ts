import { CLUSTER_AUTH_TOKENS } from '../src/api/names.ts';
import { watchEvents } from '../src/kube/watch-lines.ts';
import type { PlaneClient } from '../test/support/plane-client.ts';

interface Seen {
  readonly type: string;
  readonly object: {
    readonly metadata: {
      readonly name: string;
      readonly namespace: string;
      readonly resourceVersion: string;
    };
  };
}

interface Waiter {
  readonly isMet: () => boolean;
  readonly resolve: (atMs: number) => void;
}

/** Milliseconds since the epoch, with fractions; the same clock in every process of this machine. */
export const nowMs = (): number => performance.timeOrigin + performance.now();

/** Sees the ClusterAuthTokens of some planes come and go, each at once, without listing. */
export class TokenWatch {
  readonly #present = new Map<string, Set<string>>();
  readonly #appearedAtMs = new Map<string, number>();
  readonly #goneAtMs = new Map<string, number>();
  readonly #lastAppearedAtMs = new Map<string, number>();
  readonly #stopping = new AbortController();
  #waiters: Waiter[] = [];

  static async open(planes: readonly PlaneClient[]): Promise<TokenWatch> {
    const watch = new TokenWatch();
    await Promise.all(planes.map((plane, index) => watch.#open(plane, index)));
    return watch;
  }

  /** How many there are in a namespace, over all planes. */
  count(namespace: string): number {
    return this.#present.get(namespace)?.size ?? 0;
  }

  /** When the last one appeared in a namespace of one plane, by its place among those that are watched. */
  lastAppearedAtMs(plane: number, namespace: string): number {
    return this.#lastAppearedAtMs.get(`${plane}/${namespace}`) ?? Number.NaN;
  }

  /** When a name was last seen to appear, undefined before that. */
  appearedAtMs(name: string): number | undefined {
    return this.#appearedAtMs.get(name);
  }

  goneAtMs(name: string): number | undefined {
    return this.#goneAtMs.get(name);
  }

  /** @returns when the last of so many became visible */
  async whenCount(namespace: string, count: number, timeoutMs = 300_000): Promise<number> {
    return this.#when(
      () => this.count(namespace) === count,
      timeoutMs,
      () => `${this.count(namespace)} of ${count}`,
    );
  }

  /** @returns when there were at least so many */
  async whenAtLeast(namespace: string, count: number, timeoutMs = 300_000): Promise<number> {
    return this.#when(
      () => this.count(namespace) >= count,
      timeoutMs,
      () => `${this.count(namespace)} of ${count}`,
    );
  }

  /** @returns when it was seen to appear */
  async whenAppeared(name: string, timeoutMs = 60_000): Promise<number> {
    return this.#when(
      () => this.#appearedAtMs.has(name),
      timeoutMs,
      () => `${name} is not there`,
    );
  }

  /** @returns when it was seen to be gone */
  async whenGone(name: string, timeoutMs = 60_000): Promise<number> {
    return this.#when(
      () => this.#goneAtMs.has(name),
      timeoutMs,
      () => `${name} is still there`,
    );
  }

  close(): void {
    this.#stopping.abort();
  }

  async #when(isMet: () => boolean, timeoutMs: number, state: () => string): Promise<number> {
    if (isMet()) return nowMs();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#waiters.push({ isMet, resolve });
    const timer = setTimeout(() => reject(new Error(`not after ${timeoutMs} ms: ${state()}`)), timeoutMs);
    return promise.finally(() => clearTimeout(timer));
  }

  async #open(plane: PlaneClient, index: number): Promise<void> {
    const { resourceVersion } = await plane.client.list(CLUSTER_AUTH_TOKENS, { limit: 1 });
    const body = await this.#watchFrom(plane, resourceVersion);
    void this.#read(plane, index, { body, resourceVersion });
  }

  async #watchFrom(plane: PlaneClient, resourceVersion: string): Promise<AsyncIterable<Uint8Array>> {
    const options = { resourceVersion, timeoutSeconds: 7_200 };
    return (await plane.client.watch(CLUSTER_AUTH_TOKENS, options, this.#stopping.signal)).body;
  }

  /** An API server ends the watch of a reader that is too slow: nothing is lost by that, but what follows is seen late. */
  async #read(
    plane: PlaneClient,
    index: number,
    from: { readonly body: AsyncIterable<Uint8Array>; readonly resourceVersion: string },
  ): Promise<void> {
    let { body, resourceVersion } = from;
    try {
      for (;;) {
        for await (const event of watchEvents(body)) {
          const seen = event as Seen;
          this.#take(seen, index);
          resourceVersion = seen.object.metadata.resourceVersion;
        }
        console.error(
          'the watch that everything is measured by was ended, and is resumed: this machine is too busy',
        );
        body = await this.#watchFrom(plane, resourceVersion);
      }
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      console.error('the watch that everything is measured by broke; no figure can be trusted');
      throw error;
    }
  }

  #take({ type, object: { metadata } }: Seen, index: number): void {
    const { name, namespace } = metadata;
    const present = this.#present.get(namespace) ?? new Set<string>();
    this.#present.set(namespace, present);
    const key = `${index}/${name}`;
    if (type === 'ADDED') {
      present.add(key);
      this.#appearedAtMs.set(name, nowMs());
      this.#lastAppearedAtMs.set(`${index}/${namespace}`, nowMs());
    } else if (type === 'DELETED') {
      present.delete(key);
      this.#goneAtMs.set(name, nowMs());
    } else return;
    const met = this.#waiters.filter(({ isMet }) => isMet());
    if (met.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !met.includes(waiter));
    for (const { resolve } of met) resolve(nowMs());
  }
}
