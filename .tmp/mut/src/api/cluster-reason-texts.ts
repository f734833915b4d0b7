import { READ_TEXTS } from './hop-reason-texts.ts';
import { type ReasonText, TOKEN_TEXTS } from './reason-texts.ts';
import type { ClusterReason } from './reasons.ts';

/** What the reasons of a ClusterPropagation's conditions mean; see reason-texts.ts. */
export const CLUSTER_TEXTS: Readonly<Record<ClusterReason, ReasonText>> = {
  AllSynced: {
    meaning: 'every wanted token is in the cluster, and no other of ours',
    cause: 'all is well',
    remedy: 'nothing to do',
  },
  Syncing: {
    meaning: 'tokens or users are pending, or the whole cluster is being compared',
    cause: 'something changed a moment ago, or the connection was just made',
    remedy: 'wait; if it stays, see `lastError`',
  },
  Failing: {
    meaning: 'objects are refused by the API server, or it answers with errors',
    cause: 'an admission webhook, a quota, or a server in trouble',
    remedy: 'see the message',
  },
  Connected: { meaning: 'the cluster is being watched', cause: 'all is well', remedy: 'nothing to do' },
  Connecting: {
    meaning: 'the connection is under way',
    cause: 'the operator was started, or the Cluster is not seen at the moment',
    remedy: 'wait',
  },
  NoCredentials: {
    ...READ_TEXTS.NoCredentials,
    remedy: 'create the Secret that the message names',
  },
  CredentialsInvalid: {
    ...READ_TEXTS.CredentialsInvalid,
    remedy: 'write a kubeconfig with a token or certificates inside into the Secret',
  },
  CredentialsRejected: {
    meaning: '401 from the cluster',
    cause: 'the credential in the Secret has expired, or was revoked',
    remedy: 'renew the credentials; the session is rebuilt when the Secret changes',
  },
  CertificateInvalid: READ_TEXTS.CertificateInvalid,
  CertificateName: READ_TEXTS.CertificateName,
  CertificateExpired: READ_TEXTS.CertificateExpired,
  Unreachable: {
    ...READ_TEXTS.Unreachable,
    meaning: 'no answer; tried again with growing delay, half a minute at most',
  },
  ClusterReplaced: {
    meaning:
      'another cluster answers than the one that was written to: nothing is added there, and only what this installation signed is taken away',
    cause: 'the credentials or the address lead elsewhere now, or the cluster was set up anew',
    remedy:
      'correct the credentials; or, if the cluster was set up anew: kubectl annotate cprop CLUSTER ace-operator.io/accept-cluster=UID, with the UID that the message names',
  },
  Forbidden: {
    meaning: '403: the message names verb and kind',
    cause: 'the credential in the Secret lacks a right',
    remedy: 'kubectl apply -k manifests/downstream-rbac, in the cluster',
  },
  AceDisabled: {
    meaning: 'ACE is off: what is ours there is being removed, or was (`Drained`)',
    cause: TOKEN_TEXTS.AceDisabled.cause,
    remedy: TOKEN_TEXTS.AceDisabled.remedy,
  },
  ClusterDeleted: {
    meaning: 'the Cluster is deleted: what is ours there is being removed, or was (`Drained`)',
    cause: 'a person did it',
    remedy: 'nothing to do; if it cannot be reached any more, delete the ClusterPropagation',
  },
  DrainRequested: {
    meaning: '`spec.drain` of the ClusterPropagation is set: all that is ours is taken out, and kept out',
    cause: 'a person did it',
    remedy: `kubectl patch cprop CLUSTER --type merge -p '{"spec":{"drain":false}}'`,
  },
  Draining: {
    meaning: 'what is ours there is being removed',
    cause: 'ACE was switched off, the Cluster deleted, or `spec.drain` set',
    remedy: 'wait; `Connected` says whether the cluster can be reached',
  },
  Drained: { meaning: 'nothing of ours is left there', cause: 'the drain is done', remedy: 'nothing to do' },
  InUse: {
    meaning: 'the cluster is in use, so it is not drained',
    cause: 'all is well',
    remedy: 'nothing to do',
  },
  GCBlocked: {
    meaning: 'a sweep found too many objects without a source',
    cause: 'see GCBlocked below',
    remedy:
      'look at what would go by kubectl ace gc --plan CLUSTER, then kubectl annotate cprop CLUSTER ace-operator.io/allow-gc=NUMBER-OF-OBJECTS',
  },
  NotBlocked: { meaning: 'no sweep is blocked', cause: 'all is well', remedy: 'nothing to do' },
  Suspended: TOKEN_TEXTS.Suspended,
  Malformed: {
    meaning: "the Cluster's ACE switch cannot be read; nothing is added or drained",
    cause: 'the object was written by hand, or by a program with a fault',
    remedy: 'mend the Cluster CLUSTER',
  },
  RancherWrites: {
    meaning:
      "Rancher's own controller writes this cluster, too; what it wrote is left alone, and goes on working",
    cause:
      'Rancher propagates tokens by itself wherever an authorized endpoint is on; or it did, and its objects are left',
    remedy:
      'decide for one of the two (docs/rancher.md); spec.adopt takes over what is under names of our tokens',
  },
  OthersWrite: {
    meaning: 'somebody else wrote ClusterAuthTokens in this cluster; they are left alone, and go on working',
    cause: 'another installation, or a person',
    remedy:
      'look who it is: kubectl -n cattle-system get clusterauthtokens --show-labels --show-managed-fields -o yaml',
  },
  NoOtherWriter: {
    meaning: 'all ClusterAuthTokens in the cluster are ours',
    cause: 'the way it should be',
    remedy: 'nothing to do',
  },
  SharedCluster: {
    meaning: 'another Cluster of this management plane leads to the same API server, and has objects there',
    cause: 'the cluster was registered twice, and the earlier Cluster was not deleted',
    remedy: 'delete the Cluster that is not needed any more; what it left is then taken over or taken away',
  },
  InstallationKeyUnusable: {
    meaning:
      'the installation key cannot be read, so that no hash can be marked: nothing is added or repaired in any cluster, and revocations are carried out',
    cause: 'its Secret was changed by hand, or may not be read or made',
    remedy:
      'restore Secret ace-operator-installation-key in the namespace of the operator, or delete it to have another made and every plain hash checked anew',
  },
  InvalidSpec: {
    meaning:
      "the ClusterPropagation's spec cannot be read; the last good one is in force, or, after a restart, nothing is added or repaired",
    cause: 'the object was changed where its definition does not validate',
    remedy: 'mend the spec of ClusterPropagation CLUSTER',
  },
};
