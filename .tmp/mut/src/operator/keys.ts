import { REFRESH_DEBOUNCE } from '../api/names.ts';
import type { Token } from '../api/types.ts';

/** Revocations go before everything, a person's change before the background of a sweep. */
export const LANES = ['revocation', 'normal', 'background'] as const;
export type Lane = (typeof LANES)[number];

/** Identity of what a worker works on, within one cluster's queue. */
export type Key = { readonly kind: 'token' | 'user' | 'setting'; readonly name: string };

export const tokenKey = (name: string): string => `token/${name}`;
export const userKey = (name: string): string => `user/${name}`;

/**
 * Under what it is kept that a token was told to be deleted. A cluster has one place for a name, and one key; of the tokens that have
 * it, one of each kind may be deleted while the other is good.
 */
export const sourceKey = (name: string, api: Token['api']): string =>
  tokenKey(api === 'ext' ? `ext/${name}` : name);

/** The one Setting that is copied downstream. */
export const SETTING_KEY = `setting/${REFRESH_DEBOUNCE}`;

/** Names hold no slash, so the first one ends the kind. */
export function parseKey(key: string): Key {
  const slash = key.indexOf('/');
  return { kind: key.slice(0, slash) as Key['kind'], name: key.slice(slash + 1) };
}
