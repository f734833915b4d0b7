import type { Resource } from '../api/names.ts';
import { type Account, subjectOf } from '../clusters/bound-token.ts';
import type { Plane } from '../plane/plane.ts';
import { after, type Reading } from '../plane/reading.ts';
import { mayThey, type Wish } from '../plane/reviews.ts';

const POLICY_BINDINGS: Resource = {
  ...{ group: 'admissionregistration.k8s.io', version: 'v1', namespaced: false },
  ...{ plural: 'validatingadmissionpolicybindings', kind: 'ValidatingAdmissionPolicyBinding' },
};
/** Of `manifests/downstream-guard`. */
const POLICIES: readonly unknown[] = ['ace-operator-identities', 'ace-operator-hashes'];
/** What the guard asks RBAC of whoever writes. */
const MAY_PROPAGATE: Wish = {
  ...{ verb: 'propagate', group: 'ace-operator.io', resource: 'identities' },
  ...{ subresource: '', path: '', namespace: '' },
};

/** `on trial`: it refuses nothing yet, and would. */
export type ShutOut = 'no' | 'on trial' | 'in force';

/**
 * Whether the guard of a cluster (docs/downstream-guard.md) refuses what this account writes there, whatever RBAC allows it. Takes the rights to list validatingadmissionpolicybindings and to create subjectaccessreviews.
 */
export async function shutOut(plane: Plane, account: Account): Promise<Reading<ShutOut>> {
  const listed = await plane.list(POLICY_BINDINGS, guardOf);
  // Kubernetes before 1.30 has no guard.
  if (!listed.ok && listed.failure.reason === 'KindMissing') return { ok: true, value: 'no' };
  return after(listed, async (found): Promise<Reading<ShutOut>> => {
    const guard = (['in force', 'on trial'] as const).find((one) => found.includes(one));
    if (guard === undefined) return { ok: true, value: 'no' };
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`];
    const asked = await mayThey(plane, subjectOf(account), groups, MAY_PROPAGATE);
    return asked.ok ? { ok: true, value: asked.value.allowed ? 'no' : guard } : asked;
  });
}

function guardOf(raw: unknown): ShutOut {
  const { spec } = raw as { spec?: { policyName?: unknown; validationActions?: readonly unknown[] } };
  if (!POLICIES.includes(spec?.policyName)) return 'no';
  return spec?.validationActions?.includes('Deny') === true ? 'in force' : 'on trial';
}
