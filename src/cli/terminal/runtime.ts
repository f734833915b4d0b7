// terminal/: what every command is made of: what it may use of its process, what it says, its exit code.

/** What a command may use of the process it runs in; made by main.ts, so that nothing else touches `process`. */
export interface Runtime {
  /** How the program was called, as it names itself: `ace-operator`, or `kubectl ace`. */
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home directory; empty when there is none. */
  readonly home: string;
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** True when stdout is a terminal: only then there may be colour and redrawing. */
  readonly isTerminal: boolean;
  /** The same of stderr, where progress is shown. */
  readonly isErrorTerminal: boolean;
  /** Width of the terminal, in characters; 80 when stdout is none. */
  readonly columns: number;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves with the name of the first SIGTERM or SIGINT; the second ends the process at once. */
  signal(): Promise<string>;
  /**
   * Aborted by the first SIGINT, SIGTERM or SIGHUP, with its name as the reason; the second ends the process at once.
   * Who asks for it ends in order, and says what is left undone. Until then a signal ends the process.
   */
  interruption(): AbortSignal;
  /** Waits until stdout has taken all that was written. @returns why it will not; undefined when it has */
  flushed(): Promise<NodeJS.ErrnoException | undefined>;
  /** Resolves, if ever, when stdout has refused something: its reader is gone, the disk is full. */
  outputLost(): Promise<NodeJS.ErrnoException>;
  /** Resolves after so many milliseconds, without keeping the process alive. */
  after(ms: number): Promise<void>;
  /** What to do before a crash ends the process with exit code 1. */
  onCrash(handler: (kind: string, error: unknown) => Promise<void>): void;
}
