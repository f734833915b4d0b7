import { CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES, SECRETS } from '../api/names.ts';
import type { KubeObject } from '../api/types.ts';
import type { Change } from './diff.ts';

/** Whether this leaves someone with more than before, or could: all but what is plainly a taking away. */
export function gives(change: Change): boolean {
  if (change.verb === 'create') return true;
  return change.verb === 'patch' && Object.keys(leftoverOf(change.target, change.patch)).length > 0;
}

/**
 * Whether this takes something away from someone, beside whatever else it does. To be refused it is no end of it: it is tried
 * again until it succeeds.
 */
export function takesAway(change: Change): boolean {
  if (change.verb === 'delete') return true;
  if (change.verb !== 'patch') return false;
  const { target, patch } = change;
  if (target.kind === SECRETS.kind) return Object.hasOwn(patch, 'data');
  return Object.keys(takingOf(target, patch)).length > 0;
}

/**
 * How to take away by other means what a refused change would have taken: a ClusterAuthToken or ClusterUserAttribute that
 * cannot be deleted is switched off, and of a patch that cannot be written all else is left out. Undefined where there is none.
 */
export function otherWay(change: Change): Change | undefined {
  if (change.verb !== 'delete' && change.verb !== 'patch') return undefined;
  const { target } = change;
  const wish = change.verb === 'delete' ? switchedOff(target) : takingOf(target, change.patch);
  const isOther = change.verb === 'delete' || gives(change);
  return isOther && Object.keys(wish).length > 0 ? { verb: 'patch', target, patch: wish } : undefined;
}

type Patch = Readonly<Record<string, unknown>>;

function switchedOff(target: KubeObject): Patch {
  const hasSwitch = [CLUSTER_AUTH_TOKENS.kind, CLUSTER_USER_ATTRIBUTES.kind].includes(target.kind);
  return hasSwitch && target['enabled'] !== false ? { enabled: false } : {};
}

/** The part of a patch that does nothing but take away. */
function takingOf(target: KubeObject, patch: Patch): Patch {
  const held = groupsIn(target);
  const kept = held.filter((group) => groupsIn(patch).includes(group));
  const losesGroups = Object.hasOwn(patch, 'groups') && kept.length < held.length;
  return {
    ...(patch['enabled'] === false ? { enabled: false } : {}),
    ...(losesGroups ? { groups: kept } : {}),
    ...(endsEarlier(target, patch) ? { expiresAt: patch['expiresAt'] } : {}),
  };
}

function leftoverOf(target: KubeObject, patch: Patch): Patch {
  const taken = takingOf(target, patch);
  return Object.fromEntries(
    Object.entries(patch).filter(([field, value]) => JSON.stringify(taken[field]) !== JSON.stringify(value)),
  );
}

function endsEarlier(target: KubeObject, patch: Patch): boolean {
  const [before, after] = [target['expiresAt'], patch['expiresAt']];
  if (typeof after !== 'string') return false;
  return typeof before !== 'string' || !(Date.parse(after) >= Date.parse(before));
}

function groupsIn(object: Patch): readonly unknown[] {
  return Array.isArray(object['groups']) ? object['groups'] : [];
}
