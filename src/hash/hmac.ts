import { hash } from 'node:crypto';

/** Of SHA-256, in bytes. */
const BLOCK = 64;
const [INNER, OUTER] = [0x36, 0x5c];

/**
 * HMAC-SHA256 (RFC 2104) under one key, of two digests in one go each. The same as `createHmac`, whose object, made anew for each text,
 * costs ten times as much as what it computes: it was two thirds of the work on a token that is known.
 */
export class Hmac {
  readonly #inner: Buffer;
  readonly #outer: Buffer;

  constructor(key: Uint8Array) {
    const short = key.length > BLOCK ? hash('sha256', key, 'buffer') : key;
    const padded = Buffer.alloc(BLOCK);
    padded.set(short);
    this.#inner = padded.map((byte) => byte ^ INNER) as Buffer;
    this.#outer = padded.map((byte) => byte ^ OUTER) as Buffer;
  }

  /** @param parts - one after the other, with nothing between */
  digest(...parts: readonly Uint8Array[]): string {
    const inner = hash('sha256', Buffer.concat([this.#inner, ...parts]), 'buffer');
    return hash('sha256', Buffer.concat([this.#outer, inner]), 'base64');
  }
}
