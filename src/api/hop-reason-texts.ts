import type { ReasonText } from './reason-texts.ts';
import type { HopReason, ReadFailureReason } from './reasons.ts';

/** What the reasons that only the command line uses mean; see reason-texts.ts. */

export const READ_TEXTS: Readonly<Record<ReadFailureReason, ReasonText>> = {
  Unreachable: {
    meaning: 'no answer',
    cause: 'the server is down, or the network, a firewall or a wrong address is in the way',
    remedy: 'try the address that the message names from here; look at network and API server',
  },
  CertificateInvalid: {
    meaning: "the server's certificate is signed by none of the authorities in the kubeconfig",
    cause:
      'the certificate was renewed under another authority, or another server answers under that address',
    remedy: 'mend certificate-authority-data in the kubeconfig',
  },
  CertificateName: {
    meaning: "the server's certificate is for other names than the address in the kubeconfig",
    cause:
      'the address is new, or one that the certificate was never issued for; the CA data is not at fault',
    remedy:
      'take an address whose name the message lists; or set tls-server-name in the kubeconfig to one of those names (kubectl config set-cluster NAME --tls-server-name=ONE-OF-THEM); or have the certificate issued for this address, too (--tls-san)',
  },
  CertificateExpired: {
    meaning:
      "the server's certificate, or that of its authority, is not valid now: it has ended, or has not begun",
    cause: 'it was not renewed, or the server was not restarted since; or the clock here is wrong',
    remedy:
      'renew the certificate whose dates the message names, where the server runs; look at the clock here; the CA data is not at fault',
  },
  PlainHttp: {
    meaning:
      'the address in the kubeconfig begins with http://: API servers speak https only, and clients show no credential without it',
    cause: 'the address was typed, or copied from a setting that has it so',
    remedy: 'write https:// in the server line of the kubeconfig',
  },
  NoApiServer: {
    meaning: 'what answers at the address is no Kubernetes API server',
    cause: 'a load balancer, a log-in page, a proxy or an ingress answers in its place',
    remedy:
      'look at what the address that the message names leads to; it has to pass TLS on to the API server',
  },
  CredentialsRejected: {
    meaning: '401: the credential that was used is not known there',
    cause: 'it has expired, or was revoked',
    remedy: 'renew the credential',
  },
  Forbidden: {
    meaning: '403: the credential that was used may not read this',
    cause: 'its role lacks the verb and kind that the message names',
    remedy: 'use a credential that may, such as an administrator’s: --kubeconfig, --downstream-kubeconfig',
  },
  KindMissing: {
    meaning: 'the API server does not serve this kind',
    cause: 'the definition was never applied there, or another server answers under that address',
    remedy: 'apply crds/, or give the kubeconfig of the right cluster',
  },
  NoCredentials: {
    meaning: 'nothing says how to reach the cluster',
    cause: 'there is no credentials Secret for it in the namespaces that were looked in',
    remedy:
      'create the Secret that the message names, give --credential-namespaces as the operator has it, or --downstream-kubeconfig',
  },
  CredentialsInvalid: {
    meaning: 'the Secret or file is no kubeconfig that can be used',
    cause: 'it is damaged, names no server, or asks for an exec plugin or a file',
    remedy: 'write one with a token or certificates inside',
  },
  Failing: {
    meaning: 'the API server answers with an error',
    cause: 'it is starting, overloaded, or an extension of it is down',
    remedy: 'try again; look at the message',
  },
};

export const HOP_TEXTS: Readonly<Record<HopReason, ReasonText>> = {
  MalformedName: {
    meaning: 'what was given cannot be the name of a Token',
    cause: 'a whole bearer or a file name was given instead of a name',
    remedy: 'give the name alone: what stands before the first colon of the bearer',
  },
  NoBearer: {
    meaning: 'the context of the kubeconfig holds no bearer token',
    cause: 'it uses a certificate or an exec plugin, which explain does not run',
    remedy: 'choose another context (--context), or give the name of the token',
  },
  MalformedBearer: {
    meaning: 'the bearer cannot be sent as it stands in the kubeconfig, or no API server would take it so',
    cause: 'a line break or a blank was copied along with it',
    remedy: 'take the white space out of the token line of the kubeconfig, or download it again',
  },
  ForeignBearer: {
    meaning: 'the bearer is no NAME:SECRET, as the management plane issues them',
    cause: 'it is a service account’s or an OIDC provider’s token, which ACE has nothing to do with',
    remedy: 'use a token that the management plane issued for CLUSTER',
  },
  TokenNotFound: {
    meaning: 'the management plane has no Token of that name',
    cause:
      'it was deleted: by a person, by a limit on its life, or with its user; or it is of another management plane',
    remedy: 'issue a new token, and download the kubeconfig again',
  },
  ClusterNotFound: {
    meaning: 'the management plane has no Cluster of that id',
    cause: 'the id is mistyped (it is no display name), or the cluster was removed',
    remedy: 'look at kubectl get clusters.management.cattle.io',
  },
  ClusterUnknown: {
    meaning: 'it cannot be told which cluster is meant',
    cause: 'the token is not scoped, and the address of the kubeconfig belongs to no known cluster',
    remedy: 'give --cluster',
  },
  ExtTokensOff: {
    meaning: 'the token is one of `ext.cattle.io`, and the operator was not told to carry those',
    cause:
      'Rancher 2.13 and later issue them; reading them takes a role of its own, which is not part of the plain set-up',
    remedy:
      'kubectl apply -k manifests/operator-ext-tokens && kubectl -n ace-operator rollout restart deployment ace-operator',
  },
  NotPropagated: {
    meaning: 'the token belongs in the cluster, and is not there',
    cause:
      'the operator is down, not connected to the cluster, or held up; kubectl ace status CLUSTER says which',
    remedy: 'look at kubectl ace status CLUSTER and kubectl describe cprop CLUSTER',
  },
  Outdated: {
    meaning: 'an object in the cluster is of an earlier state of the Token or User, or was changed there',
    cause: 'the operator is down, not connected to the cluster, or suspended',
    remedy: 'look at kubectl ace status CLUSTER and kubectl describe cprop CLUSTER',
  },
  NotRevoked: {
    meaning: 'the token is refused upstream and still in the cluster',
    cause: 'it was revoked a moment ago; or the operator is down or not connected to the cluster',
    remedy: 'look at kubectl ace status CLUSTER; until then the cluster may let it in',
  },
  CannotVerify: {
    meaning: 'the hash is of a format that the authenticator in the cluster does not know',
    cause: 'stock kube-api-auth knows no bcrypt',
    remedy: `kubectl patch cprop CLUSTER --type merge -p '{"spec":{"hash":{"algorithm":"sha3-512"}}}', or run ace-authenticator there`,
  },
  AuthenticatorMissing: {
    meaning: 'no DaemonSet ace-authenticator or kube-api-auth in the cluster',
    cause: 'it was never applied there; or it runs by other means, which cannot be seen from here',
    remedy: 'kubectl apply -k manifests/authenticator (docs/enable-ace.md)',
  },
  AuthenticatorNotReady: {
    meaning: 'the authenticator’s Pods are not ready on every control-plane node',
    cause: 'the image cannot be pulled, the port is taken, or it may not list the objects',
    remedy: 'look at kubectl -n cattle-system describe daemonset, and at the log of its Pods',
  },
  WebhookNotConsulted: {
    meaning: 'the API server decides about bearers without asking any webhook',
    cause:
      'it was started without --authentication-token-webhook-config-file, or an upgrade took the flag away',
    remedy: 'set the flag on every control-plane node (docs/enable-ace.md)',
  },
  WebhookUnreachable: {
    meaning: 'the API server asks its webhook and gets no answer that says yes or no',
    cause:
      'the authenticator does not run on that node, is not ready, or listens elsewhere; or the webhook kubeconfig names another path or protocol (http, https)',
    remedy:
      'start the authenticator on that node; compare address, path and protocol in the webhook kubeconfig with its --listen (docs/enable-ace.md)',
  },
  WebhookUnclear: {
    meaning:
      'the API server asks a webhook, and nobody can tell whether an authenticator for ACE answers there',
    cause:
      'its words are not those of ace-authenticator or kube-api-auth: another webhook is asked, or one that passes the question on',
    remedy:
      'look at what the webhook kubeconfig of the API server names (docs/enable-ace.md); ask with the bearer itself: explain -f FILE',
  },
  RefusedThere: {
    meaning: 'the API server of the kubeconfig refuses a bearer that the cluster of its token lets in',
    cause:
      'two kubeconfigs were merged, and the address is of another cluster; or the cluster has several API servers, and this one asks no webhook',
    remedy:
      'compare the address with that in kubectl ace kubeconfig CLUSTER; where it is one of CLUSTER, look at the flags of that API server (docs/enable-ace.md)',
  },
  RefusedByWebhook: {
    meaning: 'the webhook refused the bearer without saying why, as kube-api-auth does',
    cause: 'what kube-api-auth holds does not match; its log has a line for it',
    remedy: 'look at the hops above, and at the log of kube-api-auth',
  },
  RefusedByProxy: {
    meaning: 'the management plane refuses the bearer at its own proxy, which leads to the cluster',
    cause:
      'the secret is not the one of the Token, or the file is of another management plane; no cluster and no ACE was asked',
    remedy:
      'download the kubeconfig again; for an endpoint of the cluster itself: kubectl ace kubeconfig CLUSTER',
  },
  BearerDropped: {
    meaning: 'the server takes a request with the bearer for one without any',
    cause:
      'a balancer or proxy before the API server ends TLS and drops the header Authorization; what anonymous users may read is answered all the same',
    remedy:
      'have the balancer pass TLS on to the API servers as it is (a TCP listener), or name the API servers themselves in the kubeconfig',
  },
  LetInAsAnother: {
    meaning: 'the server lets the bearer in, and not as the user whose token it is',
    cause:
      'a proxy before the API server shows a credential of its own in place of the bearer; or another authenticator of the server knows the same bearer',
    remedy:
      'look at what the address that the message names leads to, and at the other authenticators of that API server',
  },
  WhoUnknown: {
    meaning: 'the server answers, and does not say as whom it lets the bearer in',
    cause:
      'it is older than SelfSubjectReview (1.28) and serves no CertificateSigningRequest, or what answers is no whole API server',
    remedy: 'kubectl --kubeconfig FILE auth can-i --list tells whose rights the bearer has there',
  },
  NotAnAce: {
    meaning: "the kubeconfig leads through the management plane's proxy, and to no endpoint of a cluster",
    cause:
      'it was downloaded for a cluster without ACE, or another of its contexts is the one that names the endpoint',
    remedy:
      'nothing, for as long as the management plane answers; for the endpoint of the cluster: --context, or kubectl ace kubeconfig CLUSTER',
  },
  ClusterUnproven: {
    meaning: 'it is not proven that the kubeconfig that was given is of the cluster that is meant',
    cause:
      'the operator does not report, or does not know the cluster’s UID; or the file may not read namespace kube-system there',
    remedy:
      'compare kubectl get namespace kube-system -o jsonpath={.metadata.uid} of that file with status.clusterUID of ClusterPropagation CLUSTER',
  },
  NotAllowed: {
    meaning: 'the token is let in, and its user and groups have no right to do this (HTTP 403)',
    cause: 'no role binding in the cluster names the user or one of the groups that were propagated',
    remedy: 'bind a role to USER or to one of the groups, in the cluster',
  },
  DefinitionMissing: {
    meaning: 'a CustomResourceDefinition is not there',
    cause: 'it was never applied; downstream, the operator creates it if it may',
    remedy: 'kubectl apply -f crds/ of the file that the message names',
  },
  DefinitionOutdated: {
    meaning: 'a CustomResourceDefinition is there, and not as this version needs it',
    cause: 'it was left as it was at an upgrade',
    remedy: 'kubectl apply -f crds/ of the file that the message names',
  },
  RightsMissing: {
    meaning: 'the credential may not do what the operator has to',
    cause: 'its role is of an earlier version, or another account’s',
    remedy: 'kubectl apply -k manifests/downstream-rbac, in the cluster',
  },
  RightsExcessive: {
    meaning: 'the credential may do more than the operator needs: whoever gets it has that, too',
    cause: 'an administrator’s kubeconfig was put into the Secret',
    remedy: 'kubectl apply -k manifests/downstream-rbac, and use a token of that account',
  },
  ClockSkew: {
    meaning: 'the clock of the API server differs from the one here: tokens expire too early or too late',
    cause: 'time is not synchronised on one of the two machines',
    remedy: 'mend the time synchronisation of the machine that is wrong',
  },
  CacheTooLong: {
    meaning: 'the API server remembers a yes for long: that much longer a revoked token is let in',
    cause: '--authentication-token-webhook-cache-ttl is two minutes unless set',
    remedy: 'set --authentication-token-webhook-cache-ttl=10s on every control-plane node',
  },
  TwoAuthenticators: {
    meaning: 'ace-authenticator and kube-api-auth are both there; on one port only one of them answers',
    cause: 'the management plane applied kube-api-auth again, or it was not removed',
    remedy: 'let one of them run; docs/enable-ace.md says how ours takes the place of theirs',
  },
};
