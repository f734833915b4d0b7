import { createHmac } from 'node:crypto';
import { type FingerprintKey, fingerprint, fingerprintsEqual } from './fingerprint.ts';

/** What a mark vouches for: which token's which secret a hash was made of. */
export type Marked = Parameters<typeof fingerprint>[1];

/** Keys of a process that saw its key being replaced: more of them than anyone replaces in a day. */
const MAX_KEYS = 8;
const ID_LENGTH = 16;

/**
 * Marks beside hashes, as `<id of the key>:<fingerprint>`, so that one that does not fit can be told from one that nobody here
 * can read. Marks without an id, as they were first written, are read too: they may fit, and prove nothing when they do not.
 */
export class Marks {
  /** The newest first; that one signs. */
  #keys: readonly { readonly id: string; readonly key: FingerprintKey }[] = [];

  /** @throws {RangeError} when the key is empty */
  constructor(key: FingerprintKey) {
    this.renew(key);
  }

  /** Signs under this key from now on. What earlier ones signed stays readable for as long as this object lives. */
  renew(key: FingerprintKey): void {
    const id = idOf(key);
    this.#keys = [{ id, key }, ...this.#keys.filter((known) => known.id !== id)].slice(0, MAX_KEYS);
  }

  /** Id of the key that signs. */
  get signer(): string {
    return this.#keys[0]?.id ?? '';
  }

  sign(marked: Marked): string {
    const [current] = this.#keys;
    if (!current) throw new RangeError('there is no key to sign with');
    return `${current.id}:${fingerprint(current.key, marked)}`;
  }

  /** Whether this mark vouches for that. */
  fits(mark: string, marked: Marked): boolean {
    const { id, text } = split(mark);
    return this.#keys.some(
      (known) =>
        (id === undefined || known.id === id) && fingerprintsEqual(text, fingerprint(known.key, marked)),
    );
  }

  /** Whether it was made under a key that is held here: only then does a mark that does not fit say anything. */
  isReadable(mark: string): boolean {
    const { id } = split(mark);
    return id !== undefined && this.#keys.some((known) => known.id === id);
  }
}

/** Tells keys apart, and nothing of what they are. What a fingerprint is made of begins with a bracket, and so never reads like this. */
function idOf(key: FingerprintKey): string {
  return createHmac('sha256', key)
    .update('ace-operator.io/fingerprint-key')
    .digest('hex')
    .slice(0, ID_LENGTH);
}

function split(mark: string): { readonly id: string | undefined; readonly text: string } {
  const colon = mark.indexOf(':');
  return colon < 0
    ? { id: undefined, text: mark }
    : { id: mark.slice(0, colon), text: mark.slice(colon + 1) };
}
