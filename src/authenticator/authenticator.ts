import type { Bearer } from '../api/bearer.ts';
import type { DenialReason } from '../api/reasons.ts';
import { BusyError } from './check-queue.ts';
import type { ClusterState } from './cluster-state.ts';
import { type Candidate, extraOf, type Judgement, judgeHeld } from './judge.ts';
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
  /** An accepted token, to be noted outside the authentication path. */
  accepted(candidate: Candidate): void;
}

/** A hash that changes more often than that while it is checked is written by somebody without end. */
const MAX_ROUNDS = 3;

/**
 * Judges one bearer from memory. No API request is made on this path.
 *
 * @param hasGone - whether the one who asks has given up
 * @throws {NotReadyError} when the answer cannot be known
 * @throws {BusyError | HashQueueFullError} when too much hashing is under way, or the hash changes all the time
 */
export async function authenticate(
  bearer: Bearer,
  deps: AuthenticatorDeps,
  hasGone: () => boolean = () => false,
): Promise<Verdict> {
  if (bearer.kind === 'foreign') return { kind: 'foreign' };
  if (!deps.state.isFilled) throw new NotReadyError('NotFilled');
  const judgement = judgeNow(bearer.name, deps);
  if (judgement.kind === 'candidate') return judgeSecret(bearer, judgement.candidate, deps, hasGone);
  if (judgement.reason === 'UnknownToken') await deps.spendTime(bearer.secret);
  return refused(judgement.reason, deps);
}

/**
 * A slow check takes a tenth of a second, and longer where many wait. What was in order before it may have been revoked meanwhile; and of
 * a hash that is not held any more it says nothing, so that the one in its place is asked.
 */
async function judgeSecret(
  { name, secret }: Extract<Bearer, { kind: 'ours' }>,
  first: Candidate,
  deps: AuthenticatorDeps,
  hasGone: () => boolean,
): Promise<Verdict> {
  let { hash, token } = first;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    // By the name that is held anyway, not by this request's copy of it, which would be kept.
    const matches = await deps.verified.matches(token.name, secret, hash, hasGone);
    const judgement = judgeNow(name, deps);
    if (judgement.kind === 'refused') return refused(judgement.reason, deps);
    const { candidate } = judgement;
    // Nothing matches a hash of an unknown format, so that is asked for here only, and not of every good token.
    if (candidate.hash === hash)
      return matches ? accepted(candidate, deps) : refused(mismatchReason(hash), deps);
    ({ hash, token } = candidate);
  }
  throw new BusyError('the hash changed each time it was checked');
}

function judgeNow(name: string, { state, maxStalenessMs }: AuthenticatorDeps): Judgement {
  const isStale = maxStalenessMs !== undefined && (state.ageMs ?? Infinity) > maxStalenessMs;
  return isStale ? { kind: 'refused', reason: 'Stale' } : judgeHeld(state.held(name), state.nowMs);
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

function accepted(candidate: Candidate, deps: AuthenticatorDeps): Verdict {
  const { token, user } = candidate;
  deps.accepted(candidate);
  return {
    kind: 'accepted',
    username: token.userName,
    groups: user.groups,
    extra: deps.withExtra ? extraOf(token.name, user.extraByProvider) : undefined,
  };
}
