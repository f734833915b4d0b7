import type { Runtime } from '../terminal/runtime.ts';
import { note } from '../terminal/say.ts';

/**
 * In a table, in place of what the operator's least credential may not see. It is no fault: the operator has no use for it, and who steals
 * that credential should see no more than it needs.
 */
export const NOT_LOOKED_AT = '<not looked at>';

const MAX_NAMED = 5;

/** Says so of those clusters, and what looks; nothing where there are none. */
export function tellNotLookedAt(what: string, clusters: readonly string[], runtime: Runtime): void {
  if (clusters.length === 0) return;
  const named = clusters.slice(0, MAX_NAMED).join(', ');
  const more = clusters.length > MAX_NAMED ? ` and ${clusters.length - MAX_NAMED} more` : '';
  note(
    `not looked at, for the operator's credential may not and need not: ${what} of ${named}${more}; ${runtime.program} preflight CLUSTER --downstream-kubeconfig FILE of an administrator looks`,
    runtime,
  );
}
