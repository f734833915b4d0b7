import type { CredentialsState, Lifetime } from '../api/types.ts';

const WARNING_MS = 7 * 86_400_000;

/** When a credential is to be replaced: once less than a third of its own lifetime is left; a week before its end where nobody knows when it was made. */
export function renewalDueAtMs({ fromMs, untilMs }: Lifetime): number {
  return fromMs === undefined ? untilMs - WARNING_MS : untilMs - (untilMs - fromMs) / 3;
}

/**
 * When somebody is to be told that a credential ends: a week before, and never before five sixths of its lifetime are over, so that one
 * which is replaced in time (see {@link renewalDueAtMs}) is not spoken of. `AceCredentialsExpire` says the same to Prometheus.
 */
export function isEndingSoon({ fromMs, untilMs }: Lifetime, nowMs: number): boolean {
  const sixthMs = fromMs === undefined ? WARNING_MS : (untilMs - fromMs) / 6;
  return untilMs - nowMs < Math.min(WARNING_MS, sixthMs);
}

/** How the end of a credential looks to whoever has to see to it; undefined: there is nothing to do. */
export function endOf(lifetime: Lifetime, nowMs: number): CredentialsState | undefined {
  if (nowMs >= lifetime.untilMs) return 'Ended';
  return isEndingSoon(lifetime, nowMs) ? 'EndsSoon' : undefined;
}

/** Of two that are both needed, or may be, the one that ends first. */
export function endingFirst(a: Lifetime | undefined, b: Lifetime | undefined): Lifetime | undefined {
  if (!a || !b) return a ?? b;
  return a.untilMs <= b.untilMs ? a : b;
}
