import { parseBearer } from './bearer.ts';
import type { ClusterState } from './cluster-state.ts';
import { type Candidate, extraOf, judgeHeld } from './judge.ts';
import type { Verdict } from './review.ts';
import type { VerifiedSecrets } from './verified.ts';

/** Nothing is known yet, or no longer for certain: HTTP 503. */
export class NotReadyError extends Error {
  override readonly name = 'NotReadyError';
}

export interface AuthenticatorDeps {
  readonly state: ClusterState;
  readonly verified: VerifiedSecrets;
  /** Whether a stored hash is of a format that can be verified at all. */
  isSupported(hash: string): boolean;
  /** Spends the time of a slow check, for a name that does not exist. */
  spendTime(secret: string): Promise<void>;
  readonly withExtra: boolean;
  /** Milliseconds; undefined: whatever is known is good enough. */
  readonly maxStalenessMs: number | undefined;
  readonly now: () => number;
  /** An accepted token, to be noted outside the authentication path. */
  accepted(candidate: Candidate): void;
}

/**
 * Judges one bearer from memory. No API request is made on this path.
 *
 * @throws {NotReadyError} before the stores are filled
 * @throws {BusyError | HashQueueFullError} when too much hashing is under way
 */
export async function authenticate(bearer: string, deps: AuthenticatorDeps): Promise<Verdict> {
  const { state, verified, now } = deps;
  const parsed = parseBearer(bearer);
  if (parsed.kind === 'foreign') return { kind: 'foreign' };
  if (!state.isFilled) throw new NotReadyError('the stores are not filled yet');
  if (deps.maxStalenessMs !== undefined && now() - state.confirmedAtMs > deps.maxStalenessMs) {
    return { kind: 'refused', reason: 'Stale' };
  }
  const judgement = judgeHeld(state.held(parsed.name), now());
  if (judgement.kind === 'refused') {
    if (judgement.reason === 'UnknownToken') await deps.spendTime(parsed.secret);
    return judgement;
  }
  const { candidate } = judgement;
  if (!(await verified.matches(parsed.name, parsed.secret, candidate.hash))) {
    // Nothing matches a hash of an unknown format, so that is asked for here only, and not of every good token.
    return { kind: 'refused', reason: deps.isSupported(candidate.hash) ? 'WrongSecret' : 'UnsupportedHash' };
  }
  return stillAccepted(parsed.name, candidate, deps);
}

/** A slow check takes a tenth of a second: what was in order before it may have been revoked meanwhile. */
function stillAccepted(name: string, checked: Candidate, deps: AuthenticatorDeps): Verdict {
  const judgement = judgeHeld(deps.state.held(name), deps.now());
  if (judgement.kind === 'refused') return judgement;
  const { candidate } = judgement;
  if (candidate.hash !== checked.hash) return { kind: 'refused', reason: 'WrongSecret' };
  deps.accepted(candidate);
  return {
    kind: 'accepted',
    username: candidate.token.userName,
    groups: candidate.user.groups,
    extra: deps.withExtra ? extraOf(name, candidate.user.extraByProvider) : undefined,
  };
}
