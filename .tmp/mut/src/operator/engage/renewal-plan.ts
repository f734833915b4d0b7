import type { Renewable } from '../../clusters/renewable.ts';
import { renewalDueAtMs } from '../../derive/lifetime.ts';

/** What is known of the credential of a cluster when it is asked whether to renew it. */
export interface RenewalFacts {
  /** Undefined: it is not for the operator to renew. */
  readonly renewable: Renewable | undefined;
  /** Where the operator may write Secrets. */
  readonly ownNamespace: string;
  /** When it was last tried to renew the cluster's credential, whichever it was then. */
  readonly triedAtMs: number | undefined;
  /** The right cluster answers, and lets us in. */
  readonly isConnected: boolean;
  readonly nowMs: number;
}

/** `later`: look again in so many milliseconds. `never`: not before something else changes. */
export type RenewalPlan =
  | { readonly kind: 'never' }
  | { readonly kind: 'later'; readonly delayMs: number }
  | { readonly kind: 'renew'; readonly renewable: Renewable; readonly seconds: number };

const SOONEST_MS = 60_000;
const LATEST_MS = 3_600_000;

/**
 * A credential is renewed when less than a third of its own lifetime is left, for as long as it was good before. What failed is tried
 * again about twenty times in the time that is left, once a minute at most and once an hour at least. Pure.
 */
export function renewalPlan(facts: RenewalFacts): RenewalPlan {
  const { renewable, ownNamespace, triedAtMs, isConnected, nowMs } = facts;
  if (renewable?.secret.namespace !== ownNamespace) return { kind: 'never' };
  const { fromMs, untilMs } = renewable.lifetime;
  // By what has ended nobody is let in, and a person has to join again; unless it is our clock that is ahead.
  if (nowMs >= untilMs && !isConnected) return { kind: 'never' };
  const againMs = Math.min(LATEST_MS, Math.max(SOONEST_MS, (untilMs - nowMs) / 20));
  const waitMs = Math.max(
    renewalDueAtMs(renewable.lifetime) - nowMs,
    triedAtMs === undefined ? 0 : triedAtMs + againMs - nowMs,
  );
  if (waitMs > 0) return { kind: 'later', delayMs: waitMs };
  // Once it is, it is asked again.
  if (!isConnected) return { kind: 'never' };
  return { kind: 'renew', renewable, seconds: (untilMs - fromMs) / 1_000 };
}
