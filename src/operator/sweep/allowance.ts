import type { Allowance } from '../../api/types.ts';
import type { SweepPlan } from './sweep-plan.ts';

type Blocked = SweepPlan['blocked'];

export type AllowanceVerdict =
  | { readonly isAllowed: true }
  | { readonly isAllowed: false; readonly message: string };

/**
 * Whether what a person allowed is what a sweep would delete now. A number allows up to so many objects; `told`, which is the
 * annotation's value `true`, allows what was blocked, and told, before it was set, and no more.
 *
 * @param before - what was blocked until now
 */
export function judgeAllowance(allowance: Allowance, now: Blocked, before: Blocked): AllowanceVerdict {
  if (now === undefined) return refused('no sweep is blocked, so there is nothing to allow');
  const limit = allowance === 'told' ? (before?.objects ?? 0) : allowance;
  if (now.objects <= limit) return { isAllowed: true };
  const looked = allowance === 'told' ? 'true is for what was looked at' : `${allowance} were looked at`;
  return refused(
    `a sweep would delete ${now.objects} objects, and ${looked}; look again, then annotate with ace-operator.io/allow-gc=${now.objects}`,
  );
}

function refused(message: string): AllowanceVerdict {
  return { isAllowed: false, message: `The annotation ace-operator.io/allow-gc was removed: ${message}` };
}
