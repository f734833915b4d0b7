import type { Credentials } from '../../clusters/credentials.ts';
import type { ClusterSettings } from '../upstream/cluster-settings.ts';

/** What is to become of a cluster's session. */
export type SessionStep =
  | { readonly kind: 'keep' }
  | { readonly kind: 'end' }
  | { readonly kind: 'open'; readonly version: string; readonly access: FoundCredentials['access'] };

type FoundCredentials = Extract<Credentials, { kind: 'found' }>;

/**
 * @param version - of the credentials by which a session is open; undefined: none is
 * @param isDrained - nothing of ours is left there
 */
export function sessionStep(
  { credentials, course }: Pick<ClusterSettings, 'credentials' | 'course'>,
  version: string | undefined,
  isDrained: boolean,
): SessionStep {
  const isOpen = version !== undefined;
  if (isDrained) return { kind: isOpen ? 'end' : 'keep' };
  const isGone = credentials.kind === 'missing' || credentials.isKept;
  // By what was kept of them it would be opened again: it is at work already.
  if (isGone && course.mode === 'drain' && isOpen) return { kind: 'keep' };
  if (credentials.kind === 'missing') return { kind: isOpen ? 'end' : 'keep' };
  if (credentials.version === version) return { kind: 'keep' };
  return { kind: 'open', version: credentials.version, access: credentials.access };
}
