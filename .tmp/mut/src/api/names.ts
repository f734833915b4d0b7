/** Names that are part of contracts: API groups, labels, annotations, well-known objects. */

/** A kind of object as the API server addresses it. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const MANAGEMENT_GROUP = 'management.cattle.io';
const DOWNSTREAM_GROUP = 'cluster.cattle.io';
const OWN_GROUP = 'ace-operator.io';

const management = (plural: string, kind: string): Resource => ({
  group: MANAGEMENT_GROUP,
  version: 'v3',
  plural,
  kind,
  namespaced: false,
});

export const TOKENS = management('tokens', 'Token');
export const USERS = management('users', 'User');
export const USER_ATTRIBUTES = management('userattributes', 'UserAttribute');
export const CLUSTERS = management('clusters', 'Cluster');
export const SETTINGS = management('settings', 'Setting');
/** Rancher's switches; not there in a plane of our own. */
export const FEATURES = management('features', 'Feature');
/** Rancher's picture of a cluster's nodes, in the namespace that has the cluster's id; not there in a plane of our own. */
export const NODES: Resource = { ...management('nodes', 'Node'), namespaced: true };

export const CLUSTER_AUTH_TOKENS: Resource = {
  group: DOWNSTREAM_GROUP,
  version: 'v3',
  plural: 'clusterauthtokens',
  kind: 'ClusterAuthToken',
  namespaced: true,
};
export const CLUSTER_USER_ATTRIBUTES: Resource = {
  group: DOWNSTREAM_GROUP,
  version: 'v3',
  plural: 'clusteruserattributes',
  kind: 'ClusterUserAttribute',
  namespaced: true,
};
export const CLUSTER_PROPAGATIONS: Resource = {
  group: OWN_GROUP,
  version: 'v1alpha1',
  plural: 'clusterpropagations',
  kind: 'ClusterPropagation',
  namespaced: false,
};
export const SECRETS: Resource = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
};
export const CONFIG_MAPS: Resource = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
};
/** The Secrets behind tokens of `ext.cattle.io`: Rancher's API for those tokens does not tell their hashes. */
export const EXT_TOKEN_SECRETS: Resource = { ...SECRETS };
export const EXT_TOKENS: Resource = {
  group: 'ext.cattle.io',
  version: 'v1',
  plural: 'tokens',
  kind: 'Token',
  namespaced: false,
};
/** Where Rancher keeps {@link EXT_TOKEN_SECRETS}. */
export const EXT_TOKENS_NAMESPACE = 'cattle-tokens';
/** What of that namespace is a token: the label decides. */
export const LABEL_EXT_KIND = 'cattle.io/kind';
export const EXT_KIND_TOKEN = 'token';
export const LABEL_EXT_USER = 'cattle.io/user-id';
export const EVENTS: Resource = {
  group: '',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};
export const LEASES: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};
export const DAEMON_SETS: Resource = {
  group: 'apps',
  version: 'v1',
  plural: 'daemonsets',
  kind: 'DaemonSet',
  namespaced: true,
};
export const PODS: Resource = {
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  namespaced: true,
};
export const NAMESPACES: Resource = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};
export const CUSTOM_RESOURCE_DEFINITIONS: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

/** `apiVersion` of a resource's objects. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** Who wrote it, as server-side apply and `managedFields` name it. */
export const FIELD_MANAGER = 'ace-operator';

export const LABEL_MANAGED_BY = 'app.kubernetes.io/managed-by';
/** What an object of ours in the operator's own namespace is for. */
export const LABEL_COMPONENT = 'app.kubernetes.io/component';
export const LABEL_PART_OF = 'app.kubernetes.io/part-of';
/** On downstream objects: the management cluster id they were written for. On a Secret: whose credentials it holds. */
export const LABEL_CLUSTER = 'ace-operator.io/cluster';
/** On downstream objects: the installation that wrote them, by the UID of its management plane's `kube-system`. */
export const LABEL_INSTALLATION = 'ace-operator.io/installation';

export const ANNOTATION_TOKEN_UID = 'ace-operator.io/token-uid';
/** On a hash Secret whose Token was made again with the same secret: the UID that its ClusterAuthToken may bear for a moment yet. */
export const ANNOTATION_EARLIER_TOKEN_UID = 'ace-operator.io/earlier-token-uid';
/** On downstream objects of a token that is no v3 Token: the API group that it is of. */
export const ANNOTATION_TOKEN_API = 'ace-operator.io/token-api';
export const ANNOTATION_USER_UID = 'ace-operator.io/user-uid';
/** See hash/fingerprint.ts: lets us see without rehashing that nothing changed. */
export const ANNOTATION_FINGERPRINT = 'ace-operator.io/fingerprint';
/** On another writer's ClusterAuthToken that adoption switched off: UID of the revoked token. */
export const ANNOTATION_CLOSED_FOR = 'ace-operator.io/closed-for';
/** On a ClusterPropagation: lets one blocked sweep pass; removed by the operator once it did. */
export const ANNOTATION_ALLOW_GC = 'ace-operator.io/allow-gc';
/** On a ClusterPropagation: UID of the cluster that a person accepts in the place of the one before; removed by the operator. */
export const ANNOTATION_ACCEPT_CLUSTER = 'ace-operator.io/accept-cluster';
/** Of a Secret that `join` wrote: until when its credential is good; RFC 3339. By it such a Secret is known, too. */
export const ANNOTATION_CREDENTIAL_EXPIRES = 'ace-operator.io/credential-expires';
/** Of such a Secret: `true` where the operator is to renew the credential by itself, before it ends. */
export const ANNOTATION_CREDENTIAL_RENEW = 'ace-operator.io/credential-renew';
/** On the Lease: the release of whoever holds it, or held it last. */
export const ANNOTATION_VERSION = 'ace-operator.io/version';
/** On the Leases of replicas and shards: of how many shards the layout is. */
export const ANNOTATION_SHARDS = 'ace-operator.io/shards';
/** On a Lease that was put back where somebody had deleted one: nobody may act by it yet, for its holder before may not know. */
export const ANNOTATION_PUT_BACK = 'ace-operator.io/put-back';
/** Rancher's mark on a Token whose `token` field holds a hash. */
export const ANNOTATION_TOKEN_HASHED = 'authn.management.cattle.io/token-hashed';

/** Rancher's labels on a Token: whose it is, and what it was issued for (`session`, `kubeconfig`, `agent`, …). */
export const LABEL_TOKEN_USER = 'authn.management.cattle.io/token-userId';
export const LABEL_TOKEN_KIND = 'authn.management.cattle.io/kind';

/** Rancher's mark on what its server makes through its own client: ClusterAuthTokens and ClusterUserAttributes, not Secrets. */
export const LABEL_CREATOR = 'cattle.io/creator';
export const RANCHER_CREATOR = 'norman';
/** Finalizer of Rancher's own controller on a Token that it carries into that cluster. */
export const rancherFinalizer = (cluster: string): string =>
  `clusterscoped.controller.cattle.io/cat-token-controller_${cluster}`;

/** Secret in the operator's namespace that holds the key of all fingerprints. */
export const INSTALLATION_KEY_SECRET = 'ace-operator-installation-key';

/** Secret in the operator's namespace that keeps the way to a cluster for as long as something of ours may be there. */
export const keptWayName = (cluster: string): string => `ace-operator-way-${cluster}`;

/** Of the account by which the operator writes downstream, where `join` or our manifests made it. */
export const DOWNSTREAM_ACCOUNT = 'ace-operator';
/** Secret in the operator's namespace by which `join` gives it its way into a cluster. */
export const joinedSecretName = (cluster: string): string => `ace-cluster-${cluster}`;

/** The Lease in the operator's namespace: its holder alone writes. */
export const LEASE = 'ace-operator';

/** Management Setting, and the ConfigMap downstream, that say how old a user's groups may get before a refresh is asked for. */
export const REFRESH_DEBOUNCE = 'auth-provider-refresh-debounce-seconds';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Whether a name can be a Secret's or a custom resource's (RFC 1123 subdomain, at most 253 characters). */
export function isObjectName(name: string): boolean {
  return name.length <= 253 && SUBDOMAIN.test(name);
}

/** Where our objects are downstream unless somebody says otherwise: Rancher's choice. */
export const DEFAULT_DOWNSTREAM_NAMESPACE = 'cattle-system';
