import type { HashAlgorithm } from '../hash/algorithms.ts';

/** What the operator knows of the objects it reads: parsed once at the edge, frozen, then trusted. */

export interface OwnedMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string | null>>;
  readonly annotations?: Readonly<Record<string, string | null>>;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
}

/** An object as JSON, with just enough shape to address it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: OwnedMetadata;
  readonly [field: string]: unknown;
}

/** What every object that is kept in a store has. */
export interface Identified {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

export type TokenSecret =
  | { readonly kind: 'plain'; readonly value: string }
  | { readonly kind: 'hashed'; readonly value: string }
  | { readonly kind: 'missing' };

/** Where a token is kept: a `tokens.management.cattle.io`, or the Secret behind a `tokens.ext.cattle.io`. */
export type TokenApi = 'v3' | 'ext';

/** A management Token. `problem` is set when the object cannot be trusted; the other fields are then best guesses. */
export interface Token extends Identified {
  readonly api: TokenApi;
  /** The UID by which people see it; of an ext token another one than its Secret's. */
  readonly shownUid: string;
  readonly userName: string;
  readonly clusterName: string;
  readonly secret: TokenSecret;
  readonly enabled: boolean;
  readonly deleting: boolean;
  /** Milliseconds since the epoch. */
  readonly createdAtMs: number;
  /** Milliseconds after creation; 0 is never. */
  readonly ttlMs: number;
  /** Milliseconds since the epoch, when the object says so. */
  readonly expiresAtMs: number | undefined;
  /** Milliseconds since the epoch; undefined when never, or not readable. */
  readonly lastUsedAtMs: number | undefined;
  /** Rancher's own controller carries it, too, as its finalizer says. */
  readonly isInRanchersCare: boolean;
  readonly problem: string | undefined;
}

export interface User extends Identified {
  readonly enabled: boolean;
  readonly deleting: boolean;
  readonly problem: string | undefined;
}

/** Extras for audit by authentication provider, as Rancher stores them. */
export type ExtraByProvider = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

export interface UserAttribute extends Identified {
  /** Names of all group principals of all providers, sorted by bytes, without duplicates. */
  readonly groups: readonly string[];
  readonly lastRefresh: string;
  readonly needsRefresh: boolean;
  readonly extraByProvider: ExtraByProvider | undefined;
  /** Why the groups are not known: none of them can be read. Any other field that cannot be read is as if it were absent. */
  readonly problem: string | undefined;
}

export interface Cluster extends Identified {
  readonly deleting: boolean;
  /** Undefined when the object does not say so in a way that can be read. */
  readonly aceEnabled: boolean | undefined;
  readonly apiEndpoint: string;
  /** Base64 of PEM, as in `status.caCert`. */
  readonly caCert: string;
  readonly serviceAccountTokenSecret: string;
  /** The provisioning cluster that it was made for, as Rancher notes it. */
  readonly owner: { readonly namespace: string; readonly name: string } | undefined;
  /** For people; the name where the object has none. */
  readonly displayName: string;
  /** Host, or host and port, of its authorized endpoint; empty when its control-plane nodes are asked themselves. */
  readonly fqdn: string;
  /** PEM of the authority of that endpoint. */
  readonly fqdnCaPem: string;
  readonly problem: string | undefined;
}

/** A management Setting, reduced to its value in force. */
export interface Setting extends Identified {
  readonly value: string;
}

export type HashStorage = 'secret' | 'inline';
export type HashAlgorithmName = HashAlgorithm;

export interface PropagationSpec {
  readonly suspend: boolean;
  /** Everything of ours is to be out of the cluster, whatever else is said. */
  readonly drain: boolean;
  readonly algorithm: HashAlgorithmName | undefined;
  readonly storage: HashStorage | undefined;
  readonly maxDeletePercent: number;
  readonly minDeletes: number;
  readonly adopt: boolean;
}

export type ConditionType =
  | 'Ready'
  | 'Connected'
  | 'Synced'
  | 'GCBlocked'
  | 'Drained'
  /** Somebody else writes the same cluster. */
  | 'OtherWriter'
  /** With Stalled, the words by which kstatus (Flux, Argo CD, kpt) tells "in progress" from "failed". */
  | 'Reconciling'
  | 'Stalled';

export interface Condition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration: number;
}

/** `EndsSoon`: within a week, or a sixth of its lifetime. */
export type CredentialsState = 'EndsSoon' | 'Ended';

export interface PropagationStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
  readonly wanted?: number;
  readonly synced?: number;
  readonly pending?: number;
  readonly failed?: number;
  readonly refused?: Readonly<Record<string, number>>;
  readonly tokens?: string;
  /** Hashes in the cluster by format and place: in Secrets that we mark, and in ClusterAuthTokens. */
  readonly hashes?: Readonly<Record<string, number>>;
  /** Where our objects are in the cluster. */
  readonly downstreamNamespace?: string;
  /** By what the cluster is reached. */
  readonly credentials?: string | null;
  /** When that was made, and when it ends, as it says itself. */
  readonly credentialsIssueTime?: string | null;
  readonly credentialsExpireTime?: string | null;
  /** Somebody has to see to it; absent: nobody. */
  readonly credentialsState?: CredentialsState | null;
  /** UID of the `kube-system` of the cluster that is written to; once known, no other one is. */
  readonly clusterUID?: string;
  /** Tokens of `ext.cattle.io` are carried, too. */
  readonly extTokens?: boolean | null;
  /** ClusterAuthTokens there that others wrote, by what adoption does with them. */
  readonly others?: Readonly<Record<string, number>> | null;
  readonly lastSyncTime?: string;
  readonly nextRetryTime?: string | null;
  readonly lastError?: string | null;
}

/** Our ClusterPropagation. When `problem` is set the last good spec (or the default one) stays in force. */
export type Allowance = number | 'told';

export interface Propagation extends Identified {
  readonly generation: number;
  readonly spec: PropagationSpec;
  /** What a person lets a blocked sweep delete: so many objects, or what they were told of (`told`). */
  readonly allowance: Allowance | undefined;
  /** When that was said, by the clock of the API server; milliseconds since the epoch; undefined where it does not tell. */
  readonly allowedAtMs: number | undefined;
  /** UID of the cluster that a person accepts in the place of the one before. */
  readonly acceptedUid: string | undefined;
  /** The operator made it, and may delete it when the cluster is no more. */
  readonly isOurs: boolean;
  readonly status: PropagationStatus;
  readonly problem: string | undefined;
}

/** From when until when a credential is good, as it says itself; milliseconds since the epoch. */
export interface Lifetime {
  /** Undefined where it does not say when it was made. */
  readonly fromMs: number | undefined;
  readonly untilMs: number;
}

/** Which cluster a credentials Secret says that it is the way to, other than by our label. */
export type Claim =
  | {
      readonly kind: 'Rancher provisioning';
      readonly cluster: string;
      /** Address of the cluster in Rancher's proxy. */
      readonly server: string;
      /** Name of the provisioning cluster, as the Secret's label has it; empty without one. */
      readonly provisioned: string;
      /** Its kubeconfig names a proxy before Rancher, which Rancher never writes. */
      readonly isDetour: boolean;
    }
  | { readonly kind: 'Argo CD' | 'ClusterProfile'; readonly cluster: string };

/** A Secret in a credentials namespace, reduced to what reaching a cluster takes. */
export interface CredentialsSecret extends Identified {
  /** Infinite where the server does not say. */
  readonly createdAtMs: number;
  /** Value of the label `ace-operator.io/cluster`. */
  readonly cluster: string;
  /** Decoded `kubeconfig` or `value`; of other forms what says the same. */
  readonly kubeconfig: string | undefined;
  /** Why there is no kubeconfig, where that is known. */
  readonly problem: string | undefined;
  /** Decoded `credential`: a bearer token. */
  readonly credential: string | undefined;
  /** `join --renew` wrote it: the operator is to renew what is in it. */
  readonly renews: boolean;
  readonly claim: Claim | undefined;
}

/** A downstream object as observed: identity, our marks, and its own fields. */
export interface Observed extends Identified {
  readonly object: KubeObject;
}
