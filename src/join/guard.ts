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

/**
 * Whether the guard of a cluster (docs/downstream-guard.md) refuses what this account writes there, whatever RBAC allows it. A guard on
 * trial refuses nothing. Takes the rights to list validatingadmissionpolicybindings and to create subjectaccessreviews.
 */
export async function isShutOut(plane: Plane, account: Account): Promise<Reading<boolean>> {
  const listed = await plane.list(POLICY_BINDINGS, isGuardInForce);
  // Kubernetes before 1.30 has no guard.
  if (!listed.ok && listed.failure.reason === 'KindMissing') return { ok: true, value: false };
  return after(listed, async (found) => {
    if (!found.includes(true)) return { ok: true, value: false };
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`];
    const asked = await mayThey(plane, subjectOf(account), groups, MAY_PROPAGATE);
    return asked.ok ? { ok: true, value: !asked.value.allowed } : asked;
  });
}

function isGuardInForce(raw: unknown): boolean {
  const { spec } = raw as { spec?: { policyName?: unknown; validationActions?: readonly unknown[] } };
  return POLICIES.includes(spec?.policyName) && spec?.validationActions?.includes('Deny') === true;
}
