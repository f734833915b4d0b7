import { effectiveExpiryMs } from '../../derive/expiry.ts';
import type { Rules, Seen, TokenFacts } from './facts.ts';

/**
 * Whether the same changes follow from both, so that they need not be decided again. By identity: what the stores hold is
 * never changed in its place. False where it is not plain.
 */
export function isSameMoment(a: TokenFacts, b: TokenFacts): boolean {
  return (
    a.token === b.token &&
    a.user === b.user &&
    a.answers === b.answers &&
    isSameHash(a.hash, b.hash) &&
    areSameRules(a.rules, b.rules) &&
    isOver(a) === isOver(b) &&
    isSameView(a, b) &&
    areKnownTheSame(a, b)
  );
}

function isSameHash(a: TokenFacts['hash'], b: TokenFacts['hash']): boolean {
  return a.kind === 'ready' && b.kind === 'ready' && a.hash === b.hash;
}

/** All but the clocks. */
function areSameRules({ nowMs: _a, agreedMs: _b, ...a }: Rules, b: Rules): boolean {
  return (Object.keys(a) as (keyof typeof a)[]).every((name) => a[name] === b[name]);
}

function isOver({ token, rules }: TokenFacts): boolean {
  const expiresAtMs = token && effectiveExpiryMs(token);
  return expiresAtMs !== undefined && expiresAtMs <= rules.agreedMs;
}

function isSameView({ seen: a }: TokenFacts, { seen: b }: TokenFacts): boolean {
  return (
    a.refusedBy === b.refusedBy &&
    // A hash that is being moved waits by the clock.
    a.hashTwiceSinceMs === undefined &&
    b.hashTwiceSinceMs === undefined &&
    wasInConflict(a) === wasInConflict(b) &&
    isSameObject(a.attribute, b.attribute) &&
    a.pair.length === b.pair.length &&
    a.pair.every((one, index) => isSameObject(one, b.pair[index]))
  );
}

function wasInConflict({ before }: TokenFacts['seen']): boolean {
  return before?.state === 'refused' && before.reason === 'Conflict';
}

function isSameObject(a: Seen | undefined, b: Seen | undefined): boolean {
  return (
    a?.object === b?.object &&
    a?.isOurs === b?.isOurs &&
    a?.sibling === b?.sibling &&
    a?.isOfEarlierSecret === b?.isOfEarlierSecret
  );
}

/** A token that moves waits by the clock: that is looked at anew. */
function areKnownTheSame({ known: a }: TokenFacts, { known: b }: TokenFacts): boolean {
  return (
    a.isTokenGone === b.isTokenGone &&
    a.isExtCarried === b.isExtCarried &&
    a.isExtUnread === b.isExtUnread &&
    a.isUserGone === b.isUserGone &&
    a.awaitedElsewhereSinceMs === undefined &&
    b.awaitedElsewhereSinceMs === undefined
  );
}
