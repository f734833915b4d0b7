import { detectFormat } from './detect.ts';
import type { HashFormat } from './formats.ts';

/** Format and place of a stored hash: `-inline` in the ClusterAuthToken, else in the Secret of its name. */
export type HashKind = HashFormat | 'unreadable' | `${HashFormat | 'unreadable'}-inline`;

export function hashKind(hash: string, place: 'secret' | 'inline'): HashKind {
  const format = detectFormat(hash) ?? 'unreadable';
  return place === 'inline' ? `${format}-inline` : format;
}

/** Programs that answer API servers from these objects, and what they cannot use. Source: kube-api-auth 0.2.4, 0.13 to 0.16. */
const AUTHENTICATORS: readonly { readonly name: string; readonly refuses: (kind: string) => boolean }[] = [
  { name: 'ace-authenticator', refuses: (kind) => kind.startsWith('unreadable') },
  {
    name: 'kube-api-auth 0.2.5 or newer',
    refuses: (kind) => kind.startsWith('unreadable') || kind.startsWith('bcrypt'),
  },
  {
    name: 'kube-api-auth up to 0.2.4',
    refuses: (kind) =>
      kind.startsWith('unreadable') || kind.startsWith('bcrypt') || !kind.endsWith('-inline'),
  },
];

/**
 * How many tokens would stop working with each authenticator, going by the form of their hashes.
 *
 * @param counts - hashes by {@link HashKind}, as a ClusterPropagation reports them
 */
export function wouldStop(
  counts: Readonly<Record<string, number>>,
): readonly { readonly authenticator: string; readonly tokens: number }[] {
  return AUTHENTICATORS.map(({ name, refuses }) => ({
    authenticator: name,
    tokens: Object.entries(counts).reduce((sum, [kind, count]) => (refuses(kind) ? sum + count : sum), 0),
  }));
}
