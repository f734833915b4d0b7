import { setImmediate as nextCycle } from 'node:timers/promises';
import type { Dispatcher } from 'undici';

/** An answer is longer than what is taken. */
export class BodyTooLongError extends Error {
  override readonly name = 'BodyTooLongError';
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Of a refusal as much as {@link ExchangeLimits.maxRefusalBytes}. */
  readonly text: string;
  /** How long the text is, as it came. */
  readonly bytes: number;
}

export interface ExchangeLimits {
  /** A larger answer is refused. */
  readonly maxBytes: number;
  /** Of an answer that is no success so much is read; the rest does not matter. */
  readonly maxRefusalBytes: number;
  /** Called for each 64 KiB that arrived: whoever waits may go on waiting. */
  readonly onProgress: () => void;
  /** Called for whatever arrived of an answer that is a success. */
  readonly onData?: (() => void) | undefined;
}

/** So much of an answer has to arrive in the time that its beginning may take: slow is fine, dripping is not. */
const PROGRESS_BYTES = 64 * 1024;

/** Pieces that are smaller are joined: a server that sends each byte for itself would have us hold an object for each. */
const SMALL_BYTES = 4 * 1024;
const MAX_SMALL = 1_024;

type Controller = Dispatcher.DispatchController;
type Headers = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2];

/**
 * One request and the whole of its answer, by undici's own dispatching: a stream for each of the small answers of an API server
 * costs as much processor time as all else that is done with it.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #limits: ExchangeLimits;
  readonly #done = Promise.withResolvers<Answer>();
  #controller: Controller | undefined;
  /** Why it was given up. */
  #given: { readonly error: Error } | undefined;
  #status = 0;
  #headers: Headers = {};
  #chunks: Buffer[] = [];
  /** The last of them, as long as they are small. */
  #small: Buffer[] = [];
  #bytes = 0;
  #sinceProgress = 0;

  private constructor(limits: ExchangeLimits) {
    this.#limits = limits;
  }

  /**
   * Sends it, and reads what comes.
   *
   * @param signal - ends it, wherever it is; undici itself would not look while a connection is being made
   * @throws {BodyTooLongError}, the signal's reason, or what undici says
   */
  static async run(
    dispatcher: Dispatcher,
    request: Dispatcher.DispatchOptions,
    limits: ExchangeLimits,
    signal: AbortSignal,
  ): Promise<Answer> {
    signal.throwIfAborted();
    const exchange = new Exchange(limits);
    const giveUp = (): void => exchange.#giveUp(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      dispatcher.dispatch(request, exchange);
      const answer = await exchange.#done.promise;
      // undici takes a connection for free only in the next cycle of the event loop. Who sends one request after the other would
      // always find it busy, and open a second one: a handshake, which costs as much as ten requests.
      await nextCycle();
      return answer;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** @throws {Error} when nobody waits any more: then it is not sent */
  onRequestStart(controller: Controller): void {
    if (this.#given) throw this.#given.error;
    this.#controller = controller;
  }

  onResponseStart(_controller: Controller, status: number, headers: Headers): void {
    // 100 to 199: the answer is still to come.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#keep(chunk);
    this.#bytes += chunk.length;
    this.#sinceProgress += chunk.length;
    if (this.#sinceProgress >= PROGRESS_BYTES) {
      this.#sinceProgress = 0;
      this.#limits.onProgress();
    }
    const { maxBytes, maxRefusalBytes } = this.#limits;
    if (this.#status < 300) {
      this.#limits.onData?.();
      if (this.#bytes > maxBytes) this.#giveUp(new BodyTooLongError(`more than ${maxBytes} bytes`));
    } else if (this.#bytes > maxRefusalBytes) {
      this.#finish(maxRefusalBytes);
      this.#giveUp(new BodyTooLongError(`a refusal of more than ${maxRefusalBytes} bytes`));
    }
  }

  onResponseEnd(): void {
    this.#finish(this.#bytes);
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.#done.reject(error);
  }

  #keep(chunk: Buffer): void {
    if (chunk.length < SMALL_BYTES) this.#small.push(chunk);
    else {
      this.#join();
      this.#chunks.push(chunk);
    }
    if (this.#small.length >= MAX_SMALL) this.#join();
  }

  #join(): void {
    const [first] = this.#small;
    if (first) this.#chunks.push(this.#small.length === 1 ? first : Buffer.concat(this.#small));
    this.#small = [];
  }

  #finish(bytes: number): void {
    this.#join();
    const [first] = this.#chunks;
    const all = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks);
    const text = all.toString('utf8', 0, bytes);
    this.#done.resolve({ status: this.#status, headers: this.#headers, text, bytes: this.#bytes });
  }

  #giveUp(reason: unknown): void {
    const error = reason instanceof Error ? reason : new Error(String(reason));
    this.#given = { error };
    [this.#chunks, this.#small] = [[], []];
    this.#done.reject(error);
    this.#controller?.abort(error);
  }
}
