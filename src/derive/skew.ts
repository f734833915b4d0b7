/** Which releases of our parts go together. Pure. */

export type Skew = 'same' | 'supported' | 'unsupported' | 'unknown';

/** In words, for people. */
export const SUPPORTED_SKEW =
  'authenticators and command lines of the same minor version as the operator, or of the one before it, as while an upgrade is under way: operator first, then authenticators, then command lines';

const RELEASE = /^v?(\d+)\.(\d+)\.(\d+)(?:[-+][0-9A-Za-z.+-]*)?$/;

/**
 * How a part stands to the operator.
 *
 * @param part - its release; anything that is none (`latest`, a digest) is not known
 * @param operator - undefined: not known
 */
export function skewOf(part: string | undefined, operator: string | undefined): Skew {
  const [ours, theirs] = [parsed(part), parsed(operator)];
  if (!ours || !theirs) return 'unknown';
  if (ours.text === theirs.text) return 'same';
  if (ours.major !== theirs.major) return 'unsupported';
  const behind = theirs.minor - ours.minor;
  return behind === 0 || behind === 1 ? 'supported' : 'unsupported';
}

/** The newest of these releases; undefined where none is one. */
export function newestOf(releases: readonly (string | undefined)[]): string | undefined {
  let newest: string | undefined;
  for (const release of releases) if (parsed(release) && isNewer(release, newest)) newest = release;
  return newest;
}

function isNewer(one: string | undefined, other: string | undefined): boolean {
  const [a, b] = [parsed(one), parsed(other)];
  if (!a || !b) return a !== undefined;
  return a.major - b.major > 0 || (a.major === b.major && (a.minor - b.minor || a.patch - b.patch) > 0);
}

function parsed(
  text: string | undefined,
): { major: number; minor: number; patch: number; text: string } | undefined {
  const match = RELEASE.exec(text ?? '');
  if (!match) return undefined;
  const [major, minor, patch] = match.slice(1).map(Number) as [number, number, number];
  return { major, minor, patch, text: match[0].replace(/^v/, '') };
}
