/** What the command line sets. */
export interface Options {
  readonly tokens: number;
  readonly clusters: readonly number[];
  readonly cases: readonly string[];
  readonly bcryptTokens: number;
  readonly rounds: number;
  readonly restartTokens: number;
  readonly latencySeconds: number;
  readonly fleetClusters: readonly number[];
  /** In each of them. */
  readonly fleetTokens: number;
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
