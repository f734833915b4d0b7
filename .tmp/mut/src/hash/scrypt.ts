import { scryptSync, timingSafeEqual } from 'node:crypto';
import { decodeBase64, encodeBase64, matchLayout, newSalt } from './encoding.ts';
import { COMMON_LIMITS, isWithin, requireWithin } from './secret-limits.ts';

/** `$1:<salt, lower-case hex>:<logN>:<r>:<p>:<key>`; salt of 1 to 64 bytes. Layout: Rancher's v1 hasher. */
const LAYOUT = /^\$1:((?:[0-9a-f]{2}){1,64}):([1-9]\d?):([1-9]\d?):([1-4]):([A-Za-z0-9+/]{86})$/;

const KEY_BYTES = 64;
const MAX_LOG_N = 18;
const MAX_R = 16;
const MAX_MEMORY_BYTES = 64 * 1024 * 1024;

interface Cost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** What Rancher wrote: 32 MiB, some 80 ms. */
const RANCHER_COST: Cost = { logN: 15, r: 8, p: 1 };

/** The parts of a v1 hash, or undefined when it is not strictly one, or dearer than the caps allow. */
export function parse(hash: string): { salt: Buffer; cost: Cost; key: Buffer } | undefined {
  const [, salt = '', logN, r, p, keyText = ''] = matchLayout(LAYOUT, hash) ?? [];
  const key = decodeBase64(keyText);
  const cost = { logN: Number(logN), r: Number(r), p: Number(p) };
  return key?.length && affordable(cost) ? { salt: Buffer.from(salt, 'hex'), cost, key } : undefined;
}

/**
 * Rancher's v1 hash of a secret. Blocks for some 80 ms and takes 32 MiB: call it in a worker thread.
 *
 * @param salt - 8 random bytes unless given
 * @throws {SecretRefusedError} when the secret is empty, over 4096 bytes or not well-formed
 */
export function hash(secret: string, salt: Uint8Array = newSalt()): string {
  requireWithin('scrypt', COMMON_LIMITS, secret);
  const { logN, r, p } = RANCHER_COST;
  const key = keyOf(secret, salt, RANCHER_COST);
  return `$1:${Buffer.from(salt).toString('hex')}:${logN}:${r}:${p}:${encodeBase64(key)}`;
}

/** Whether the hash is a v1 one of this secret. Blocks as {@link hash} does; false for anything refused. */
export function verify(secret: string, hash: string): boolean {
  const parts = parse(hash);
  if (!parts || !isWithin(COMMON_LIMITS, secret)) return false;
  return timingSafeEqual(keyOf(secret, parts.salt, parts.cost), parts.key);
}

function keyOf(secret: string, salt: Uint8Array, { logN, r, p }: Cost): Buffer {
  return scryptSync(secret, salt, KEY_BYTES, { N: 2 ** logN, r, p, maxmem: MAX_MEMORY_BYTES });
}

/** The last two lines are OpenSSL's own conditions, so that what passes here cannot throw there. */
function affordable({ logN, r, p }: Cost): boolean {
  return (
    logN <= MAX_LOG_N && r <= MAX_R && logN < 16 * r && 128 * r * (2 ** logN + 2 + p) <= MAX_MEMORY_BYTES
  );
}
