import { z } from 'zod';
import { type DenialReason, MAY_CHANGE } from '../api/reasons.ts';

export const REVIEW_VERSIONS = ['authentication.k8s.io/v1', 'authentication.k8s.io/v1beta1'] as const;
export type ReviewVersion = (typeof REVIEW_VERSIONS)[number];

/** A TokenReview that can be answered. */
export interface Review {
  readonly apiVersion: ReviewVersion;
  readonly token: string;
}

/** The webhook's judgement of one bearer. Our own faults are thrown, not returned. */
export type Verdict =
  | {
      readonly kind: 'accepted';
      readonly username: string;
      readonly groups: readonly string[];
      readonly extra: Readonly<Record<string, readonly string[]>> | undefined;
    }
  | {
      readonly kind: 'refused';
      readonly reason: DenialReason;
      /** False: what would let the token in may be on its way, so that asking again later makes sense. */
      readonly isFinal: boolean;
    }
  | { readonly kind: 'foreign' };

/** The body is no TokenReview: HTTP 400. */
export class MalformedReviewError extends Error {
  override readonly name = 'MalformedReviewError';
}

const shape = z.object({
  apiVersion: z.enum(REVIEW_VERSIONS),
  kind: z.literal('TokenReview'),
  spec: z.object({ token: z.string().min(1) }),
});

/** @throws {MalformedReviewError} that never quotes the body: it holds a credential */
export function parseReview(body: string): Review {
  let raw: unknown;
  try {
    raw = JSON.parse(body);
  } catch {
    throw new MalformedReviewError('the body is not JSON');
  }
  const parsed = shape.safeParse(raw);
  if (!parsed.success)
    throw new MalformedReviewError('the body is no TokenReview v1 or v1beta1 with a token');
  return { apiVersion: parsed.data.apiVersion, token: parsed.data.spec.token };
}

/**
 * The answer, in the version that was asked in.
 *
 * `status.error` is set for well-formed tokens only: the API server keeps a refusal without it for its whole cache
 * TTL (two minutes by default), which would lock out a token that arrives a moment later; a refusal with it is asked
 * again. Tokens that are not ours are refused without it, so that floods of them are absorbed upstream.
 */
export function answerReview(apiVersion: ReviewVersion, verdict: Verdict): string {
  return JSON.stringify({ apiVersion, kind: 'TokenReview', status: statusOf(verdict) });
}

function statusOf(verdict: Verdict): object {
  switch (verdict.kind) {
    case 'accepted': {
      const { username, groups, extra } = verdict;
      return { authenticated: true, user: { username, groups, ...(extra ? { extra } : {}) } };
    }
    case 'refused':
      return {
        authenticated: false,
        error: verdict.isFinal ? verdict.reason : `${verdict.reason}${MAY_CHANGE}`,
      };
    case 'foreign':
      return { authenticated: false };
  }
}
