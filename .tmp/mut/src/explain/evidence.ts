import type { Bearer } from '../api/bearer.ts';
import { proxiedCluster } from '../api/parse-credentials.ts';
import type { ClusterAuthToken, ClusterUserAttribute, HashSecret } from '../api/parse-downstream.ts';
import type { Cluster, Propagation, Token, User, UserAttribute } from '../api/types.ts';
import type { Installation } from '../derive/ownership.ts';
import type { HashFormat } from '../hash/formats.ts';
import type { Seen } from '../plane/downstream.ts';
import type { Reading } from '../plane/reading.ts';
import type { ReviewAnswer } from '../plane/reviews.ts';
import type { LiveAnswer } from '../plane/who-am-i.ts';
import type { DaemonSet } from '../plane/workloads.ts';

/** What was handed over to be explained. */
export type Given =
  | { readonly kind: 'name'; readonly name: string }
  | {
      readonly kind: 'kubeconfig';
      /** File and context, for people. */
      readonly source: string;
      readonly server: string;
      /** The bearer stands in it: who made the file knows it already. */
      readonly isOwnBearer: boolean;
      /** Why no API server would take the bearer as it stands there. */
      readonly bearerProblem?: string | undefined;
      readonly credential: GivenCredential;
    };

export type GivenCredential =
  | Extract<Bearer, { kind: 'ours' }>
  | { readonly kind: 'foreign' }
  /** In words: `a client certificate`, `the exec plugin aws`. */
  | { readonly kind: 'other'; readonly what: string };

/** Which cluster the token is judged against, and how that is known. */
export interface Target {
  readonly cluster: string | undefined;
  readonly how: string;
}

/** Undefined: it was not asked for, because what it takes was not known. */
type Asked<T> = Reading<T> | undefined;

/** All that was seen, from which the hops follow. Holds secrets: never to be printed as it is. */
export interface Evidence {
  readonly nowMs: number;
  readonly given: Given;
  readonly target: Target;
  readonly management: ManagementEvidence;
  readonly downstream: DownstreamEvidence;
  readonly hash: HashEvidence;
  readonly webhook: WebhookEvidence;
  readonly right: RightEvidence | undefined;
}

export interface ManagementEvidence {
  readonly token: Asked<Token | undefined>;
  readonly user: Asked<User | undefined>;
  readonly attribute: Asked<UserAttribute | undefined>;
  readonly cluster: Asked<Cluster | undefined>;
  readonly propagation: Asked<Propagation | undefined>;
  /** What is known of other cluster ids that downstream objects carry; undefined: nothing. */
  readonly installation?: Installation | undefined;
}

export interface DownstreamEvidence {
  /** Where it is, and by whose credentials; a failure when there is no way to it. */
  readonly way: Asked<{
    readonly server: string;
    readonly source: string;
    readonly isOperators: boolean;
    /** Why it is not proven that a kubeconfig that was given is of this cluster, in words. */
    readonly unproven?: string | undefined;
  }>;
  readonly namespace: string;
  readonly clusterAuthToken: Asked<Seen<ClusterAuthToken> | undefined>;
  readonly hashSecret: Asked<Seen<HashSecret> | undefined>;
  readonly userAttribute: Asked<Seen<ClusterUserAttribute> | undefined>;
  readonly daemonSets: Asked<readonly DaemonSet[]>;
}

/** Undefined: not known. */
export interface HashEvidence {
  /** Of the hash downstream; undefined also when no verifier of ours would take it. */
  readonly format: HashFormat | undefined;
  /** The hash downstream is one of the secret that the Token has now. */
  readonly isOfToken: boolean | undefined;
  /** The bearer's secret is the one of the hash downstream. */
  readonly isOfBearer: boolean | undefined;
  /** The bearer's secret is the Token's. */
  readonly isBearerOfToken: boolean | undefined;
}

export interface WebhookEvidence {
  /** What the API server makes of a token that nobody has: it cannot have been asked about that before. */
  readonly probe: Asked<ReviewAnswer>;
  /** What it makes of the bearer: of an earlier answer, perhaps, for as long as its caches last. */
  readonly review: Asked<ReviewAnswer>;
  /** What the server of its own kubeconfig says to the bearer itself. */
  readonly live: Asked<LiveAnswer>;
}

export interface RightEvidence {
  /** As it was asked: `get pods in namespace default`. */
  readonly question: string;
  readonly answer: Asked<{ readonly allowed: boolean; readonly reason: string }>;
}

/** The cluster to which the management plane's proxy leads by the address that was given: no ACE has a part in that. */
export function proxiedBy(given: Given): string | undefined {
  return given.kind === 'kubeconfig' ? proxiedCluster(given.server) : undefined;
}

/** The token's name, however it was handed over. */
export function nameOf(given: Given): string | undefined {
  if (given.kind === 'name') return given.name;
  return given.credential.kind === 'ours' ? given.credential.name : undefined;
}

export function secretOf(given: Given): string | undefined {
  return given.kind === 'kubeconfig' && given.credential.kind === 'ours'
    ? given.credential.secret
    : undefined;
}
