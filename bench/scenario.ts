/** What the command line sets; options.ts has the defaults. */
export interface Options {
  readonly tokens: number;
  readonly clusters: readonly number[];
  readonly cases: readonly string[];
  readonly bcryptTokens: number;
  readonly rounds: number;
  /** From a client to a cluster and back, where that is far away. */
  readonly roundTripMs: number;
  readonly delayTokens: number;
  readonly latencySeconds: number;
  readonly latencyPerSecond: number;
  /** Creations that wait while tokens are revoked. */
  readonly queued: number;
  /** In all clusters together, of one user. */
  readonly offboardingTokens: number;
  readonly offboardingClusters: number;
  /** In each cluster, as everywhere below. */
  readonly restartTokens: number;
  readonly restartClusters: number;
  readonly steadyTokens: number;
  readonly steadyClusters: number;
  readonly steadySeconds: number;
  readonly idleClusters: readonly number[];
  readonly memoryTokens: readonly number[];
  readonly growth: readonly string[];
  readonly growthFactors: readonly number[];
  readonly fleetClusters: readonly number[];
  readonly fleetTokens: number;
  /** How long a Lease of a replica of the fleet lasts; the other two times in proportion, as by default. */
  readonly fleetLeaseSeconds: number;
  /** Path of another authenticator, with the command line of kube-api-auth; empty: there is none to be measured. */
  readonly peer: string;
  /** Says what is being done, while it takes long. */
  say(text: string): void;
}

/** One line of the table. */
export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** What was measured beside it in the same run, in the same unit. */
  readonly yardstick?: { readonly what: string; readonly value: number };
  /** `met` is undefined where no bar was set. */
  readonly bar?: { readonly text: string; readonly met: boolean };
}

export interface ScenarioResult {
  /** How it was measured, so that a reader can judge what is compared with what. */
  readonly how: readonly string[];
  readonly rows: readonly Row[];
  /** Every single measurement, for the JSON file. */
  readonly details: unknown;
}

export type Scenario = (options: Options) => Promise<ScenarioResult>;
