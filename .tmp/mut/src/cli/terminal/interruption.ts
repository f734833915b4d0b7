import { constants } from 'node:os';

/** Signals by which a person or a system ends a command. */
export const INTERRUPTING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type Interrupting = (typeof INTERRUPTING)[number];

/** Something was left undone because a signal came. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  readonly exitCode: number;

  constructor(interruption: AbortSignal, what: string) {
    super(`interrupted: ${what}`);
    this.exitCode = interruptedCode(interruption);
  }
}

/** @throws {InterruptedError} when a signal came already */
export function requireUninterrupted(interruption: AbortSignal, what: string): void {
  if (interruption.aborted) throw new InterruptedError(interruption, what);
}

/** The exit code of a program that a signal ended, as shells have it: 130 for Ctrl-C. */
export function interruptedCode(interruption: AbortSignal): number {
  return exitCodeOfSignal(interruption.reason);
}

export function exitCodeOfSignal(name: unknown): number {
  const known = INTERRUPTING.find((candidate) => candidate === name) ?? 'SIGINT';
  return 128 + constants.signals[known];
}
