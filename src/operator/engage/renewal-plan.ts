import { createHash } from 'node:crypto';
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

/** Of its lifetime: between a third and a quarter of it is left then, and a sixth before anybody is told that it ends. */
const SPREAD = 1 / 12;

/**
 * A credential is renewed when between a third and a quarter of its own lifetime is left, for as long as it was good before: each Secret has
 * a moment of its own in that time, so that clusters which were joined together are not renewed together. What failed is tried again about
 * twenty times in the time that is left, once a minute at most and once an hour at least. Pure.
 */
export function renewalPlan(facts: RenewalFacts): RenewalPlan {
  const { renewable, ownNamespace, triedAtMs, isConnected, nowMs } = facts;
  if (renewable?.secret.namespace !== ownNamespace) return { kind: 'never' };
  const { fromMs, untilMs } = renewable.lifetime;
  // By what has ended nobody is let in, and a person has to join again; unless it is our clock that is ahead.
  if (nowMs >= untilMs && !isConnected) return { kind: 'never' };
  const againMs = Math.min(LATEST_MS, Math.max(SOONEST_MS, (untilMs - nowMs) / 20));
  const spreadMs = Math.floor((untilMs - fromMs) * SPREAD * shareOf(renewable.secret.uid));
  const waitMs = Math.max(
    renewalDueAtMs(renewable.lifetime) + spreadMs - nowMs,
    triedAtMs === undefined ? 0 : triedAtMs + againMs - nowMs,
  );
  if (waitMs > 0) return { kind: 'later', delayMs: waitMs };
  // Once it is, it is asked again.
  if (!isConnected) return { kind: 'never' };
  return { kind: 'renew', renewable, seconds: (untilMs - fromMs) / 1_000 };
}

/** The same for one text at any time and in any process, and as good as random among many; from 0 to below 1. */
function shareOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
}
