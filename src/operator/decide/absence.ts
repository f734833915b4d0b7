import { EXT_TOKEN_SECRETS, EXT_TOKENS_NAMESPACE, TOKENS } from '../../api/names.ts';
import type { Token } from '../../api/types.ts';
import { isOfExtToken } from '../../derive/diff.ts';
import { oursOf, type Seen, type TokenFacts } from './facts.ts';
import {
  type Answers,
  ask,
  type Plan,
  type Question,
  questionKey,
  requeueAfter,
  type Source,
} from './plan.ts';

/** How long to wait when the live object exists although our store does not have it: the watch lags behind. */
const LAG_MS = 1_000;
/** How soon a name is looked at again that a token of a kind has which is not read. Once it is read, it says so itself. */
const UNREAD_RETRY_MS = 10_000;

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

/**
 * Tokens of `ext.cattle.io` are not read, and one of them may have this Token's name, and be the older. What is down there of one
 * is let be until it is gone for certain: the Token has never been in its place. Where nothing is, it is asked whether one is there,
 * so that the Token does not come only to go again. What is there of the Token itself is nobody else's. Undefined: go on.
 */
export function untilExtIsRead(token: Token, { seen, known, answers }: TokenFacts): Plan | undefined {
  const ours = oursOf(seen.pair);
  if (!known.isExtUnread || token.api === 'ext' || !ours.every(isOfExtToken)) return undefined;
  const question: Question =
    ours.length === 0 ? { about: 'rival', name: token.name } : { about: 'source', ...extSource(token.name) };
  const isTaken = answers.get(questionKey(question));
  if (isTaken === undefined) return { next: ask(question) };
  if (!isTaken) return undefined;
  return { outcome: { state: 'pending', reason: 'NameCollision' }, next: requeueAfter(UNREAD_RETRY_MS) };
}

/** Where to ask whether a token still exists, of which only that is left which was written for it. What strangers wrote does not say which. */
export function tokenSources(
  name: string,
  pair: readonly Seen[],
  isExtCarried: boolean,
): readonly Omit<Source, 'about'>[] {
  const v3 = { resource: TOKENS, name };
  const ext = extSource(name);
  const ours = oursOf(pair);
  // Not carried by decision: what is not among those that are is absent, within the brake.
  if (!isExtCarried) return [v3];
  return ours.length === 0 ? [v3, ext] : [ours.some(isOfExtToken) ? ext : v3];
}

function extSource(name: string): Omit<Source, 'about'> {
  return { resource: EXT_TOKEN_SECRETS, namespace: EXT_TOKENS_NAMESPACE, name };
}
