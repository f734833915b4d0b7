import type { ClusterReason } from '../api/reasons.ts';
import type { Lifetime } from '../api/types.ts';
import type { OtherWriter } from './other-writer.ts';

/** `propagate`: what is wanted is written; `drain`: all that is ours is taken away; `hold`: neither. */
export type Mode = 'propagate' | 'drain' | 'hold';

/** What is to become of a cluster. */
export interface Course {
  readonly mode: Mode;
  /** Why not `propagate`, in words of the closed enum. */
  readonly reason: ClusterReason;
  readonly message: string;
}

/** How a person's spec was read. */
export interface SpecReading {
  readonly generation: number;
  /** What is wrong with it; the last good one is in force then. */
  readonly problem: string | undefined;
  /** There is no last good one, so that nothing is added or repaired: to guess at its algorithm would rewrite every hash. */
  readonly isUnknown: boolean;
}

/** What is known of one cluster, from which its status follows. */
export interface ClusterFacts {
  readonly place: PlaceFacts;
  readonly course: Course;
  readonly spec: SpecReading & { readonly suspended: boolean };
  /** Why no hash can be marked, so that nothing is added or repaired in any cluster. */
  readonly keyProblem: string | undefined;
  readonly connection:
    | { readonly phase: 'connected' }
    | { readonly phase: 'connecting' }
    | { readonly phase: 'ended' }
    | {
        readonly phase: 'disconnected';
        readonly reason: ClusterReason;
        readonly message: string;
        readonly nextTryMs: number | undefined;
      };
  readonly seen: SeenFacts;
  readonly counts: {
    readonly synced: number;
    readonly pending: number;
    readonly failed: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly usersPending: number;
    readonly usersFailed: number;
    /** Users whose UserAttribute is missing or unreadable: their tokens work, with no groups. */
    readonly groupsUnknown: number;
    readonly firstFailure: string | undefined;
  };
}

/** Which cluster it is, and what is carried there by what. */
export interface PlaceFacts {
  readonly namespace: string;
  /** UID of the cluster that is written to; undefined while none was seen. */
  readonly clusterUid: string | undefined;
  /** Tokens of `ext.cattle.io` are carried, too. */
  readonly extTokens?: boolean;
  /** By what the cluster is reached; undefined: by nothing. */
  readonly way?: string | undefined;
  /** Of that credential; undefined: it does not say. */
  readonly lifetime?: Lifetime | undefined;
}

/** What a look at the whole cluster told. */
export interface SeenFacts {
  /** Every key was looked at since the connection was made. */
  readonly reviewed: boolean;
  readonly drained: boolean;
  readonly gcBlocked: { readonly objects: number; readonly limit: number } | undefined;
  /** Hashes that are seen there, by kind; undefined while it cannot be seen. */
  readonly hashes?: Readonly<Record<string, number>> | undefined;
  /** Another Cluster of this installation that leads to the same API server. */
  readonly sibling?: string | undefined;
  /** Who else writes there; undefined: not looked yet. */
  readonly others?: OtherWriter | undefined;
}
