import { READ_TEXTS } from '../api/hop-reason-texts.ts';
import type { ReadFailureReason } from '../api/reasons.ts';
import { explain } from '../clusters/session.ts';
import { ApiError, UnseenError } from '../errors.ts';
import { isOfAnother } from '../kube/classify.ts';

/** Why something could not be read. Says nothing about whether it exists. */
export interface ReadFailure {
  readonly reason: ReadFailureReason;
  /** What was tried, on which object, and what came of it. No secret. */
  readonly message: string;
}

/** What was asked for, or why it is not known. One side of two being away must not hide the other. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: ReadFailure };

/** Makes a value of whatever a read throws. */
export async function reading<T>(read: () => Promise<T>): Promise<Reading<T>> {
  try {
    return { ok: true, value: await read() };
  } catch (error) {
    return { ok: false, failure: failureOf(error) };
  }
}

/** The value, or undefined when it is not known (or does not exist, where T says that). */
export function known<T>(result: Reading<T> | undefined): T | undefined {
  return result?.ok ? result.value : undefined;
}

/** The value, where there is no answer without it. @throws {UnseenError} saying what was tried */
export function required<T>(result: Reading<T>): T {
  if (result.ok) return result.value;
  throw new UnseenError(failureText(result.failure));
}

/** For people. */
export function failureText({ reason, message }: ReadFailure): string {
  // The others say in their message what is in the way; a bare 404 tells nobody what to do.
  const remedy = reason === 'KindMissing' ? `; ${READ_TEXTS.KindMissing.remedy}` : '';
  return `${reason}: ${message}${remedy}`;
}

/** A reading of something that takes another reading first. */
export async function after<A, B>(
  first: Reading<A>,
  next: (value: A) => Promise<Reading<B>>,
): Promise<Reading<B>> {
  return first.ok ? next(first.value) : first;
}

function failureOf(error: unknown): ReadFailure {
  const { reason, message } = explain(error);
  if (error instanceof ApiError && isOfAnother(error))
    return { reason: 'NoApiServer', message: `${message}, and not in the form of an API server` };
  const isKindMissing = error instanceof ApiError && error.code === 404 && !error.objectMissing;
  if (isKindMissing) return { reason: 'KindMissing', message: `${message}: that kind is not served there` };
  return { reason: reason as ReadFailureReason, message };
}
