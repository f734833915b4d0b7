import { type Dispatcher, Pool } from 'undici';
import { FencedError, OvertakenError } from '../errors.ts';

/** True while this process may write. Asked at the last moment before a request goes out. */
export type Fence = () => boolean;

/**
 * A pool whose writes are stopped at the socket when the fence is closed.
 *
 * A request may wait long between the decision to send it and its first byte: for a credential, for a free connection, or
 * because the whole process was stopped. So the fence is asked where undici is about to write the head of the request,
 * and not where the request is made. What has left the process cannot be called back; nothing can do that but the server.
 */
export class FencedPool extends Pool {
  readonly #mayWrite: Fence;

  constructor(origin: string, options: Pool.Options, mayWrite: Fence) {
    super(origin, options);
    this.#mayWrite = mayWrite;
  }

  override dispatch(options: FencedOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (options.method === 'GET') return super.dispatch(options, handler);
    return super.dispatch(options, new FencedHandler(handler, this.#mayWrite, options.isStillDue));
  }
}

/** What a request may say besides: undici passes on what it does not know. */
export interface FencedOptions extends Dispatcher.DispatchOptions {
  /** Asked with the fence: a decision may be overtaken while the request waits. */
  readonly isStillDue?: (() => boolean) | undefined;
}

type Handler = Dispatcher.DispatchHandler;
type Args<Name extends keyof Handler> = Parameters<NonNullable<Handler[Name]>>;

/** Passes everything on, but lets the request begin only while the fence is open. */
class FencedHandler implements Handler {
  readonly #inner: Handler;
  readonly #mayWrite: Fence;
  readonly #isStillDue: () => boolean;

  constructor(inner: Handler, mayWrite: Fence, isStillDue: () => boolean = () => true) {
    this.#inner = inner;
    this.#mayWrite = mayWrite;
    this.#isStillDue = isStillDue;
  }

  /** @throws {FencedError | OvertakenError}, which undici makes the failure of this one request */
  onRequestStart(...args: Args<'onRequestStart'>): void {
    if (!this.#mayWrite()) throw new FencedError();
    if (!this.#isStillDue()) throw new OvertakenError();
    this.#inner.onRequestStart?.(...args);
  }

  onResponseStart(...args: Args<'onResponseStart'>): void {
    this.#inner.onResponseStart?.(...args);
  }

  onResponseData(...args: Args<'onResponseData'>): void {
    this.#inner.onResponseData?.(...args);
  }

  onResponseEnd(...args: Args<'onResponseEnd'>): void {
    this.#inner.onResponseEnd?.(...args);
  }

  onResponseError(...args: Args<'onResponseError'>): void {
    this.#inner.onResponseError?.(...args);
  }
}
