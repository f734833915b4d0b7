import type { DenialReason, TokenReason, UserReason } from './reasons.ts';

/**
 * What a reason means, how it comes about, and what to do: the one source of `explain`'s remedies and of
 * docs/troubleshooting.md. TOKEN, CLUSTER and USER stand for names, which `explain` puts in.
 */
export interface ReasonText {
  readonly meaning: string;
  readonly cause: string;
  readonly remedy: string;
}

export const TOKEN_TEXTS: Readonly<Record<TokenReason, ReasonText>> = {
  Expired: {
    meaning: '`expiresAt`, or creation + ttl, has passed; a negative ttl has always expired',
    cause: 'a kubeconfig is older than the ttl of the token in it',
    remedy: 'issue a new token, and download the kubeconfig again',
  },
  Disabled: {
    meaning: '`enabled: false` on the Token',
    cause: 'a person did it, or an authentication provider no longer knew the user at a refresh',
    remedy: `kubectl patch tokens.management.cattle.io TOKEN --type merge -p '{"enabled":true}'`,
  },
  Deleting: {
    meaning: 'the Token has a deletionTimestamp',
    cause: 'it was deleted, and a finalizer of another program holds it',
    remedy: 'issue a new token; deleting cannot be undone',
  },
  UserDisabled: {
    meaning: 'the user is disabled; the objects are there, the ClusterUserAttribute refuses',
    cause: 'a person did it, or the user was inactive for longer than the retention settings allow',
    remedy: `kubectl patch users.management.cattle.io USER --type merge -p '{"enabled":true}'`,
  },
  UserNotFound: {
    meaning: '`userId` names no User',
    cause: 'the user was deleted and the token stayed',
    remedy: 'delete the token; if the user is to come back, create the User USER again',
  },
  NotScoped: {
    meaning: 'the token has no `clusterName`; only cluster-scoped tokens are propagated',
    cause: 'an API key without a scope, or a kubeconfig that was downloaded before ACE was switched on',
    remedy:
      'issue a token scoped to CLUSTER (its kubeconfig, downloaded with ACE on, has one), or go through the management plane',
  },
  OtherCluster: {
    meaning: '`clusterName` names another cluster: a cluster-scoped token is valid in that cluster alone',
    cause: 'the kubeconfig of one cluster is used against the API server of another',
    remedy:
      'use the kubeconfig of CLUSTER, or issue a token scoped to it; through the management plane an unscoped token works everywhere',
  },
  AceDisabled: {
    meaning: 'the Cluster has no ACE',
    cause: 'it was never switched on for this cluster, or was switched off',
    remedy: `kubectl patch clusters.management.cattle.io CLUSTER --type merge -p '{"spec":{"localClusterAuthEndpoint":{"enabled":true}}}', or go through the management plane`,
  },
  Malformed: {
    meaning: 'a field is missing or of the wrong type; the Event names it',
    cause: 'the object was written by hand, or by a program with a fault',
    remedy: 'mend the Token; it is picked up at once',
  },
  UnsupportedHash: {
    meaning: 'stored hashed upstream, in a format that no authenticator verifies',
    cause: 'it was hashed by another program, or cut short',
    remedy: 'issue a new token',
  },
  SecretTooLong: {
    meaning: 'the secret is longer than the algorithm takes (bcrypt: 72 bytes, the others 4096)',
    cause: 'the secret was not made by the management plane',
    remedy: 'issue another, or choose another algorithm in the ClusterPropagation',
  },
  HashPending: {
    meaning: 'the token has no secret yet, or its hash is being made',
    cause: 'the Token was created a moment ago, or its `token` field was emptied',
    remedy: "wait; if it stays, look at the Token's `token` field",
  },
  NameCollision: {
    meaning:
      'a Token and a token of `ext.cattle.io` have this name, and both are for this cluster, which has room for one; the older keeps it for as long as it is good',
    cause: 'both kinds get names of the form `token-xxxxx`, and one was given twice',
    remedy: 'issue a new token in place of the younger one, and delete that',
  },
  Conflict: {
    meaning: 'an object of that name was written by someone else',
    cause: "Rancher's own controller, or a person, writes the same cluster",
    remedy: `kubectl patch cprop CLUSTER --type merge -p '{"spec":{"adopt":true}}' takes it over; where Rancher's own controller works for CLUSTER, decide for one of the two first (docs/rancher.md)`,
  },
  Rejected: {
    meaning: 'the downstream API server refuses the object',
    cause: 'an admission webhook or a stricter definition stands in the way',
    remedy: 'look at `status.lastError` of the ClusterPropagation',
  },
  Forbidden: {
    meaning:
      'the downstream API server refuses the write with 403; it is tried again, a revocation every five seconds',
    cause:
      'the credential in the Secret lacks a right, an admission policy stands in the way, or the namespace is being deleted',
    remedy:
      'kubectl apply -k manifests/downstream-rbac, in the cluster; `status.lastError` of the ClusterPropagation names verb and kind',
  },
  GCBlocked: {
    meaning: "its source is absent, and so are too many others'",
    cause: 'see GCBlocked below',
    remedy:
      'look at what would go by kubectl ace gc --plan CLUSTER, then kubectl annotate cprop CLUSTER ace-operator.io/allow-gc=NUMBER-OF-OBJECTS',
  },
  Suspended: {
    meaning: '`spec.suspend` is set: nothing is added or repaired, revocations go on',
    cause: 'a person did it',
    remedy: `kubectl patch cprop CLUSTER --type merge -p '{"spec":{"suspend":false}}'`,
  },
};

export const USER_TEXTS: Readonly<Record<UserReason, ReasonText>> = {
  GroupsUnknown: {
    meaning:
      'no refusal: the user has no UserAttribute yet, or it cannot be read; the token works with no groups',
    cause: 'the user never logged in, so that the management plane has not written one',
    remedy: 'let USER log in to the management plane once',
  },
};

export const DENIAL_TEXTS: Readonly<Record<DenialReason, ReasonText>> = {
  UnknownToken: {
    meaning: 'the cluster holds no ClusterAuthToken of that name',
    cause: 'it is not propagated yet, is of another cluster, or was revoked',
    remedy: 'ask why: kubectl ace explain TOKEN --cluster CLUSTER',
  },
  TokenDisabled: {
    meaning: '`enabled` of the ClusterAuthToken is not `true`; absence counts as no',
    cause: 'someone changed it in the cluster; the operator takes a disabled token away instead',
    remedy: 'while the operator is connected it is repaired; look at kubectl get cprop CLUSTER',
  },
  TokenDeleting: {
    meaning: 'the ClusterAuthToken is being deleted',
    cause: 'the token was revoked, and a finalizer of another program holds the object',
    remedy: 'issue a new token',
  },
  Expired: {
    meaning: '`expiresAt` of the ClusterAuthToken has passed, by the clock of the node',
    cause: 'the token is at its end; or the clock of the control-plane node is ahead',
    remedy: 'issue a new token; if the Token says otherwise, mend the clock of the node',
  },
  MalformedExpiry: {
    meaning: '`expiresAt` of the ClusterAuthToken is no RFC 3339 time',
    cause: 'someone changed it in the cluster',
    remedy: 'while the operator is connected it is repaired; look at kubectl get cprop CLUSTER',
  },
  UnknownUser: {
    meaning: "the cluster holds no ClusterUserAttribute of the token's user",
    cause: 'the user was deleted, or someone deleted the object',
    remedy: 'while the operator is connected it is repaired; look at kubectl get cprop CLUSTER',
  },
  UserDisabled: {
    meaning: '`enabled` of the ClusterUserAttribute is not `true`',
    cause: 'the user is disabled in the management plane',
    remedy: `kubectl patch users.management.cattle.io USER --type merge -p '{"enabled":true}'`,
  },
  UserDeleting: {
    meaning: 'the ClusterUserAttribute is being deleted',
    cause: 'the user was deleted, and a finalizer of another program holds the object',
    remedy: 'issue a new token for a user that exists',
  },
  HashMissing: {
    meaning:
      'neither a Secret of the name with a key `hash`, nor an inline hash; or the Secret is of an earlier token',
    cause:
      'someone deleted the Secret; or kube-api-auth up to v0.2.4 is there, which reads inline hashes only',
    remedy: 'while the operator is connected it is repaired; look at kubectl get cprop CLUSTER',
  },
  UnsupportedHash: {
    meaning: 'the hash in the cluster is of no format that the authenticator verifies',
    cause: 'someone changed it in the cluster, or another program wrote it',
    remedy: 'remove the Secret: the operator writes it again',
  },
  HashTooCostly: {
    meaning: 'the hash in the cluster is a bcrypt one of a cost above 12, which would hold up everyone else',
    cause: 'another program wrote it',
    remedy: 'issue a new token; the operator writes bcrypt of cost 10',
  },
  WrongSecret: {
    meaning: 'the name is right and the secret is not',
    cause: 'the kubeconfig is of an earlier token of the same name, or was copied incompletely',
    remedy: 'download the kubeconfig again',
  },
  Stale: {
    meaning: 'the authenticator has heard nothing from its API server for longer than `--max-staleness`',
    cause: 'its watches are broken, or its rights were taken away',
    remedy: 'look at /readyz?verbose and the log of the authenticator',
  },
};
