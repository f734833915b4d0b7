import { EXT_TOKEN_SECRETS, EXT_TOKENS_NAMESPACE, TOKENS } from '../../api/names.ts';
import { isOfExtToken } from '../../derive/diff.ts';
import { oursOf, type Seen } from './facts.ts';
import { type Answers, ask, type Plan, questionKey, requeueAfter, type Source } from './plan.ts';

/** How long to wait when the live object exists although our store does not have it: the watch lags behind. */
const LAG_MS = 1_000;

/**
 * What is to come of something that is not in our store. Undefined: it is gone for certain, and what stands for it may go.
 *
 * A told deletion plus a live "does not exist" is positive evidence and is never braked. Without it, a sweep must have
 * looked at the whole cluster first. The live read comes first of all.
 *
 * @param isGone - its deletion was told, or a sweep let its absence pass
 */
export function untilConfirmed(
  source: Omit<Source, 'about'>,
  isGone: boolean,
  answers: Answers,
): Plan | undefined {
  const question: Source = { about: 'source', ...source };
  const exists = answers.get(questionKey(question));
  if (exists === undefined) return { next: ask(question) };
  if (exists) return { next: requeueAfter(LAG_MS, true) };
  if (isGone) return undefined;
  return {
    outcome: { state: 'pending', reason: 'GCBlocked' },
    wake: ['sweep'],
    next: { kind: 'done' },
  };
}

/** Where to ask whether a token still exists, of which only that is left which was written for it. What strangers wrote does not say which. */
export function tokenSources(
  name: string,
  pair: readonly Seen[],
  isExtCarried: boolean,
): readonly Omit<Source, 'about'>[] {
  const v3 = { resource: TOKENS, name };
  const ext = { resource: EXT_TOKEN_SECRETS, namespace: EXT_TOKENS_NAMESPACE, name };
  const ours = oursOf(pair);
  // Not carried by decision: what is not among those that are is absent, within the brake.
  if (!isExtCarried) return [v3];
  return ours.length === 0 ? [v3, ext] : [ours.some(isOfExtToken) ? ext : v3];
}
