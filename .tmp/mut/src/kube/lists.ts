import { ApiError } from '../errors.ts';
import { isTooLarge } from './classify.ts';
import { type Collection, type Listed, listAll } from './listing.ts';
import { isStreamingRefused, streamAll } from './streamed-list.ts';

/** Lists of one collection, in whichever way its server has: as a stream, or in pages for ever once it refused a stream. */
export class Lists<T> {
  readonly #collection: Collection<T>;
  #streams = true;

  constructor(collection: Collection<T>) {
    this.#collection = collection;
  }

  /** @throws what {@link listAll} throws */
  async all(signal: AbortSignal): Promise<Listed<T>> {
    if (!this.#streams) return listAll(this.#collection, signal);
    try {
      return await streamAll(this.#collection, signal);
    } catch (error) {
      // Pages would be one more burden for a server that is too busy, and one more flood from one that has no end.
      const isFinal = error instanceof ApiError && (error.code === 429 || isTooLarge(error));
      if (signal.aborted || isFinal) throw error;
      if (isStreamingRefused(error)) this.#streams = false;
      return listAll(this.#collection, signal);
    }
  }
}
