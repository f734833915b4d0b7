/** Identity of what a worker works on, within one cluster's queue. */
export type Key = { readonly kind: 'token' | 'user'; readonly name: string };

export const tokenKey = (name: string): string => `token/${name}`;
export const userKey = (name: string): string => `user/${name}`;

/** Names hold no slash, so the first one ends the kind. */
export function parseKey(key: string): Key {
  const slash = key.indexOf('/');
  return { kind: key.slice(0, slash) === 'user' ? 'user' : 'token', name: key.slice(slash + 1) };
}
