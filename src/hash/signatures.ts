import { LRUCache } from 'lru-cache';
import { upTo } from '../growing-cache.ts';
import type { Marked, Marks } from './marks.ts';

/** A hash, and the mark that says whose it is. */
export interface SignedHash {
  readonly hash: string;
  readonly fingerprint: string;
}

interface Signed {
  readonly token: object;
  readonly signer: string;
  readonly algorithm: string;
  readonly written: SignedHash;
}

/** Signs hashes, and remembers the last of each token: one key is looked at several times with the same answer, and a signature is dear. */
export class Signatures {
  readonly #marks: Marks;
  readonly #last: LRUCache<string, Signed>;

  /** @param maxEntries - tokens whose last one is remembered, the least recently used dropped first */
  constructor(marks: Marks, maxEntries: number) {
    this.#marks = marks;
    this.#last = new LRUCache<string, Signed>(upTo(maxEntries));
  }

  /**
   * The hash with its mark, under the key that signs now; the same object as before where nothing differs.
   *
   * @param token - whose value is signed, by identity: what was changed is another object
   */
  sign(token: object, marked: Marked): SignedHash {
    const { tokenUid, algorithm, hash } = marked;
    const { signer } = this.#marks;
    const known = this.#last.get(tokenUid);
    const isOfToken = known?.token === token && known.signer === signer && known.algorithm === algorithm;
    if (isOfToken && known.written.hash === hash) return known.written;
    const written = { hash, fingerprint: this.#marks.sign(marked) };
    this.#last.set(tokenUid, { token, signer, algorithm, written });
    return written;
  }
}
