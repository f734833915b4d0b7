import type { Bearer } from '../api/bearer.ts';
import type { DenialReason } from '../api/reasons.ts';
import type { ClusterState } from './cluster-state.ts';
import { type Candidate, extraOf, judgeHeld } from './judge.ts';
import type { Verdict } from './review.ts';
import { mismatchReason } from './slow-hash.ts';
import type { VerifiedSecrets } from './verified.ts';

/** Nothing is known yet, or not of this token: HTTP 503. */
export class NotReadyError extends Error {
  override readonly name = 'NotReadyError';
  /** `NotFilled`: nothing at all is known; `NotInSnapshot`: the API server was not heard yet, and may know better. */
  readonly reason: 'NotFilled' | 'NotInSnapshot';

  constructor(reason: 'NotFilled' | 'NotInSnapshot') {
    super(reason);
    this.reason = reason;
  }
}

export interface AuthenticatorDeps {
  readonly state: ClusterState;
  readonly verified: VerifiedSecrets;
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
 * @param hasGone - whether the one who asks has given up
 * @throws {NotReadyError} when the answer cannot be known
 * @throws {BusyError | HashQueueFullError} when too much hashing is under way
 */
export async function authenticate(
  bearer: Bearer,
  deps: AuthenticatorDeps,
  hasGone: () => boolean = () => false,
): Promise<Verdict> {
  const { state, verified } = deps;
  if (bearer.kind === 'foreign') return { kind: 'foreign' };
  if (!state.isFilled) throw new NotReadyError('NotFilled');
  if (deps.maxStalenessMs !== undefined && (state.ageMs ?? Infinity) > deps.maxStalenessMs) {
    return refused('Stale', deps);
  }
  const judgement = judgeHeld(state.held(bearer.name), deps.now());
  if (judgement.kind === 'refused') {
    if (judgement.reason === 'UnknownToken') await deps.spendTime(bearer.secret);
    return refused(judgement.reason, deps);
  }
  const { candidate } = judgement;
  // By the name that is held anyway, not by this request's copy of it, which would be kept.
  if (!(await verified.matches(candidate.token.name, bearer.secret, candidate.hash, hasGone))) {
    // Nothing matches a hash of an unknown format, so that is asked for here only, and not of every good token.
    return refused(mismatchReason(candidate.hash), deps);
  }
  return stillAccepted(bearer.name, candidate, deps);
}

/** What is missing may be on its way; its absence is no answer while the API server was not heard at all. */
const MISSING: ReadonlySet<DenialReason> = new Set(['UnknownToken', 'UnknownUser', 'HashMissing']);
/** True whatever the API server would say now. */
const TIMELESS: ReadonlySet<DenialReason> = new Set([
  'Expired',
  'MalformedExpiry',
  'UnsupportedHash',
  'HashTooCostly',
]);

function refused(reason: DenialReason, { state }: AuthenticatorDeps): Verdict {
  if (!state.hasSynced && MISSING.has(reason)) throw new NotReadyError('NotInSnapshot');
  const isFinal = state.hasSynced ? !MISSING.has(reason) && reason !== 'Stale' : TIMELESS.has(reason);
  return { kind: 'refused', reason, isFinal };
}

/** A slow check takes a tenth of a second: what was in order before it may have been revoked meanwhile. */
function stillAccepted(name: string, checked: Candidate, deps: AuthenticatorDeps): Verdict {
  const judgement = judgeHeld(deps.state.held(name), deps.now());
  if (judgement.kind === 'refused') return refused(judgement.reason, deps);
  const { candidate } = judgement;
  if (candidate.hash !== checked.hash) return refused('WrongSecret', deps);
  deps.accepted(candidate);
  return {
    kind: 'accepted',
    username: candidate.token.userName,
    groups: candidate.user.groups,
    extra: deps.withExtra ? extraOf(name, candidate.user.extraByProvider) : undefined,
  };
}
