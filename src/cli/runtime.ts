/** What a command may use of the process it runs in; made by main.ts, so that nothing else touches `process`. */
export interface Runtime {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Resolves with the name of the first SIGTERM or SIGINT; the second ends the process at once. */
  signal(): Promise<string>;
  /** Resolves after so many milliseconds, without keeping the process alive. */
  after(ms: number): Promise<void>;
  /** What to do before a crash ends the process with exit code 1. */
  onCrash(handler: (kind: string, error: unknown) => Promise<void>): void;
}
