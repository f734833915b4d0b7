import type { Allowance } from '../../api/types.ts';
import type { SweepPlan } from './sweep-plan.ts';

type Blocked = SweepPlan['blocked'];

export type AllowanceVerdict =
  | { readonly isAllowed: true }
  | { readonly isAllowed: false; readonly message: string };

/** Who allowed it looked at what was so then. */
const ALLOWANCE_MS = 60 * 60_000;

/** Whether what a person allowed is still to be taken for what they mean. Where nobody knows when it was said, it is. */
export function isExpired(allowedAtMs: number | undefined, nowMs: number): boolean {
  return allowedAtMs !== undefined && nowMs - allowedAtMs > ALLOWANCE_MS;
}

/**
 * Whether what a person allowed is what a sweep would delete now. A number allows up to so many objects; `told`, which is the
 * annotation's value `true`, allows what was blocked, and told, before it was set, and no more.
 *
 * @param before - what was blocked until now
 * @param wasLongAgo - see {@link isExpired}
 */
export function judgeAllowance(
  allowance: Allowance,
  now: Blocked,
  before: Blocked,
  wasLongAgo = false,
): AllowanceVerdict {
  if (now === undefined) return refused('no sweep is blocked, so there is nothing to allow');
  if (wasLongAgo) return refused(`it was set more than an hour ago; ${again(now.objects)}`);
  const limit = allowance === 'told' ? (before?.objects ?? 0) : allowance;
  if (now.objects <= limit) return { isAllowed: true };
  const looked = allowance === 'told' ? 'true is for what was looked at' : `${allowance} were looked at`;
  return refused(`a sweep would delete ${now.objects} objects, and ${looked}; ${again(now.objects)}`);
}

function again(objects: number): string {
  return `look again, then annotate with ace-operator.io/allow-gc=${objects}`;
}

function refused(message: string): AllowanceVerdict {
  return { isAllowed: false, message: `The annotation ace-operator.io/allow-gc was removed: ${message}` };
}
