// join/: gives the operator its way into a downstream cluster: an account, its rights, a credential.

import {
  DOWNSTREAM_ACCOUNT as ACCOUNT,
  apiVersionOf,
  LABEL_COMPONENT,
  LABEL_PART_OF,
  REFRESH_DEBOUNCE,
  type Resource,
} from '../api/names.ts';
import type { KubeObject } from '../api/types.ts';

const CLUSTER_WIDE = 'ace-operator-downstream';
const RENEWAL = 'ace-operator-renewal';
const RBAC = 'rbac.authorization.k8s.io';
const DOWNSTREAM_ACCESS = 'downstream-access';
const DEFINITIONS = ['clusterauthtokens.cluster.cattle.io', 'clusteruserattributes.cluster.cattle.io'];

export const SERVICE_ACCOUNTS: Resource = {
  ...{ group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true },
};
const rbac = (plural: string, kind: string, namespaced: boolean): Resource => ({
  ...{ group: RBAC, version: 'v1', plural, kind, namespaced },
});
const ROLES = rbac('roles', 'Role', true);
const ROLE_BINDINGS = rbac('rolebindings', 'RoleBinding', true);
const CLUSTER_ROLES = rbac('clusterroles', 'ClusterRole', false);
const CLUSTER_ROLE_BINDINGS = rbac('clusterrolebindings', 'ClusterRoleBinding', false);

/** By these labels an object is known to be of `join`, or of the same manifests. Whoever has one of its name without them needs it for something else. */
export function isDownstreamAccess({ metadata: { labels } }: KubeObject): boolean {
  return labels?.[LABEL_PART_OF] === ACCOUNT && labels[LABEL_COMPONENT] === DOWNSTREAM_ACCESS;
}

/** An object, and by which API it is reached. */
export interface Addressed {
  readonly resource: Resource;
  readonly object: KubeObject;
}

/**
 * The account of the operator in a downstream cluster and all that it may do there: what `manifests/downstream-rbac` holds, for
 * any namespace. In the order in which they are made.
 *
 * @param namespace - where our objects are
 * @param version - of this program, for a label
 */
export function downstreamObjects(namespace: string, version: string): readonly Addressed[] {
  const { make, bound } = maker(namespace, version);
  return [
    make(SERVICE_ACCOUNTS, ACCOUNT, {}),
    make(ROLES, ACCOUNT, { rules: rulesThere() }),
    make(ROLE_BINDINGS, ACCOUNT, bound('Role', ACCOUNT)),
    make(CLUSTER_ROLES, CLUSTER_WIDE, { rules: rulesOfCluster(namespace) }),
    make(CLUSTER_ROLE_BINDINGS, CLUSTER_WIDE, bound('ClusterRole', CLUSTER_WIDE)),
  ];
}

/**
 * What the operator needs there to renew its own credential, beyond {@link downstreamObjects}: to ask for tokens of its own account, and of
 * no other. Whoever has such a token can do the same.
 */
export function renewalObjects(namespace: string, version: string): readonly Addressed[] {
  const { make, bound } = maker(namespace, version);
  const own = { resources: ['serviceaccounts/token'], resourceNames: [ACCOUNT], verbs: ['create'] };
  return [
    make(ROLES, RENEWAL, { rules: [{ apiGroups: [''], ...own }] }),
    make(ROLE_BINDINGS, RENEWAL, bound('Role', RENEWAL)),
  ];
}

interface Maker {
  readonly make: (resource: Resource, name: string, fields: object) => Addressed;
  /** A binding to a role of this kind and name. */
  readonly bound: (kind: string, name: string) => object;
}

function maker(namespace: string, version: string): Maker {
  const labels = {
    'app.kubernetes.io/name': ACCOUNT,
    'app.kubernetes.io/instance': ACCOUNT,
    'app.kubernetes.io/version': version,
    [LABEL_COMPONENT]: DOWNSTREAM_ACCESS,
    [LABEL_PART_OF]: ACCOUNT,
  };
  const subjects = [{ kind: 'ServiceAccount', name: ACCOUNT, namespace }];
  const make: Maker['make'] = (resource, name, fields) => {
    const metadata = { name, labels, ...(resource.namespaced ? { namespace } : {}) };
    const { kind } = resource;
    return { resource, object: { apiVersion: apiVersionOf(resource), kind, metadata, ...fields } };
  };
  return { make, bound: (kind, name) => ({ roleRef: { apiGroup: RBAC, kind, name }, subjects }) };
}

function rulesThere(): readonly object[] {
  const all = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
  return [
    {
      apiGroups: ['cluster.cattle.io'],
      resources: ['clusterauthtokens', 'clusteruserattributes'],
      verbs: all,
    },
    { apiGroups: [''], resources: ['secrets'], verbs: all },
    {
      ...{ apiGroups: [''], resources: ['configmaps'], resourceNames: [REFRESH_DEBOUNCE] },
      verbs: ['get', 'list', 'watch', 'patch', 'delete'],
    },
    // A create has no name yet when it is authorised, so no name can be required of it.
    { apiGroups: [''], resources: ['configmaps'], verbs: ['create'] },
  ];
}

function rulesOfCluster(namespace: string): readonly object[] {
  const definitions = { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'] };
  const namespaces = { apiGroups: [''], resources: ['namespaces'] };
  return [
    { ...definitions, resourceNames: DEFINITIONS, verbs: ['get'] },
    { ...definitions, verbs: ['create'] },
    // The UID of kube-system says which cluster this is.
    { ...namespaces, resourceNames: [namespace, 'kube-system'], verbs: ['get'] },
    { ...namespaces, verbs: ['create'] },
  ];
}
