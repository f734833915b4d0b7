/** What the driver tells the checker: what it did to the world, never what should come of it. */
export type ToChecker =
  | { readonly type: 'start'; readonly scene: SceneForChecker }
  | { readonly type: 'program'; readonly change: ProgramChange }
  | { readonly type: 'fault'; readonly fault: FaultWindow }
  | { readonly type: 'write'; readonly write: ProgramWrite }
  | { readonly type: 'phase'; readonly phase: Phase };

/** What the checker tells the driver. */
export type FromChecker =
  | { readonly type: 'ready' }
  | { readonly type: 'violation'; readonly violation: Violation }
  | { readonly type: 'converged'; readonly afterMs: number | undefined }
  | { readonly type: 'verdict'; readonly verdict: Verdict };

/**
 * chaos: everything at once. converge: nothing is changed or broken any more. silence: converged, nobody asks, nothing is to be written.
 * end: the verdict is wanted.
 */
export type Phase = 'chaos' | 'converge' | 'silence' | 'end';

export const INVARIANTS = ['I1', 'I2', 'I3', 'I4', 'I5', 'I6'] as const;
export type Invariant = (typeof INVARIANTS)[number];

export const SENTENCES: Readonly<Record<Invariant, string>> = {
  I1: 'revoked is refused within the bound, and stays refused',
  I2: 'good is never refused while its state does not change',
  I3: 'what is not ours never changes',
  I4: 'no secret and no hash is where it does not belong',
  I5: 'after the last fault all is as it should be in time, and then nothing is written',
  I6: 'never do two leaders write; no process ends or grows that should not',
};

export interface Violation {
  readonly invariant: Invariant;
  readonly atMs: number;
  /** Such as `c-1/t-12`. */
  readonly object: string;
  readonly what: string;
}

export interface Verdict {
  /** How often each was looked at. */
  readonly judged: Readonly<Record<Invariant, number>>;
  readonly violations: readonly Violation[];
  /** Figures for people, such as the slowest revocation. */
  readonly figures: Readonly<Record<string, number>>;
}

export interface SceneForChecker {
  readonly seed: number;
  /** Logs, snapshots and other files of the run. */
  readonly dir: string;
  /** Paths of kubeconfigs of the checker's own. */
  readonly management: string;
  readonly clusters: readonly {
    readonly id: string;
    readonly kubeconfig: string;
    /** Ports at which each authenticator of the cluster is asked alone. */
    readonly replicas: readonly { readonly name: string; readonly port: number }[];
  }[];
  /** Clusters that nobody can reach from the first moment to the last. */
  readonly away: readonly string[];
  readonly leaseMs: number;
  /** Into so many shards the operators divide the clusters; 0: one of them leads. */
  readonly shards: number;
}

export interface ProgramChange {
  readonly name: string;
  readonly role: 'operator' | 'authenticator';
  readonly pid: number;
  readonly atMs: number;
  readonly event: 'started' | 'ended';
  /** Of an end: whether somebody wanted it, and what it said. */
  readonly asked?: boolean;
  readonly how?: string;
}

export interface FaultWindow {
  readonly id: number;
  readonly kind: string;
  readonly fromMs: number;
  /** undefined: it goes on. */
  readonly untilMs: number | undefined;
  /** `management`, `operators`, the id of a cluster, or `<id>/<replica>` of an authenticator. */
  readonly hurts: readonly string[];
  /** Whose contents went back in time: `management`, or the id of a cluster. */
  readonly wentBack?: string;
  /** Which authenticator has a wrong clock, and judges expiry by it. */
  readonly clockOf?: string;
}

export interface ProgramWrite {
  readonly atMs: number;
  /** Which program, by name; undefined: it could not be told. */
  readonly program: string | undefined;
  readonly plane: string;
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly status: number | undefined;
}
