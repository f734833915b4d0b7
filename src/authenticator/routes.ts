import { HashQueueFullError } from '../hash/hasher.ts';
import type { AuthenticatorMetrics } from '../telemetry/authenticator-metrics.ts';
import { type AuthenticatorDeps, authenticate, NotReadyError } from './authenticator.ts';
import { answerReview, MalformedReviewError, parseReview, type Verdict } from './review.ts';
import type { Answer, Handler } from './server.ts';
import { BusyError } from './verified.ts';

export interface RoutesDeps {
  readonly authenticator: AuthenticatorDeps;
  readonly metrics: AuthenticatorMetrics;
  /** Answers refusals as kube-api-auth did before it learned `authenticated: false`: 401, and 400 for foreign tokens. */
  readonly legacy401: boolean;
  /** Why a token was refused; never the token. */
  readonly onRefused: (reason: string) => void;
}

const RETRY_AFTER_SECONDS = 1;
const TEXT = 'text/plain; charset=utf-8';

/** The authenticator's routes: the webhook, and what watches over it. */
export function routes(deps: RoutesDeps): Handler {
  return async ({ method, path, query, body }) => {
    switch (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path) {
      case '/v1/authenticate':
        return method === 'POST' ? answerWebhook(body, deps) : { status: 405 };
      case '/healthcheck':
        return { status: 200, type: TEXT };
      case '/livez':
        return { status: 200, type: TEXT, body: 'ok' };
      case '/readyz':
        return readiness(deps, query.has('verbose'));
      case '/metrics':
        return { status: 200, type: deps.metrics.registry.contentType, body: await deps.metrics.scrape() };
      default:
        return { status: 404 };
    }
  };
}

async function answerWebhook(body: string, deps: RoutesDeps): Promise<Answer> {
  const startMs = performance.now();
  const { answer, result, reason } = await review(body, deps);
  deps.metrics.reviews.inc({ result, reason });
  deps.metrics.seconds.observe((performance.now() - startMs) / 1000);
  return answer;
}

interface Reviewed {
  readonly answer: Answer;
  readonly result: 'accepted' | 'refused' | 'foreign' | 'malformed' | 'unavailable';
  readonly reason: string;
}

async function review(body: string, deps: RoutesDeps): Promise<Reviewed> {
  try {
    const { apiVersion, token } = parseReview(body);
    const verdict = await authenticate(token, deps.authenticator);
    const reason = verdict.kind === 'refused' ? verdict.reason : '';
    if (verdict.kind === 'refused') deps.onRefused(verdict.reason);
    if (deps.legacy401 && verdict.kind !== 'accepted')
      return { answer: legacy(verdict), result: verdict.kind, reason };
    return { answer: { status: 200, body: answerReview(apiVersion, verdict) }, result: verdict.kind, reason };
  } catch (error) {
    return unanswerable(error);
  }
}

function legacy(verdict: Exclude<Verdict, { kind: 'accepted' }>): Answer {
  return { status: verdict.kind === 'foreign' ? 400 : 401 };
}

/** What cannot be known is said so: an API server retries 503, and caches neither. */
function unanswerable(error: unknown): Reviewed {
  if (error instanceof MalformedReviewError)
    return { answer: { status: 400 }, result: 'malformed', reason: '' };
  const known =
    error instanceof NotReadyError || error instanceof BusyError || error instanceof HashQueueFullError;
  if (!known) throw error;
  const answer = { status: 503, retryAfterSeconds: RETRY_AFTER_SECONDS };
  return { answer, result: 'unavailable', reason: error.name };
}

function readiness({ authenticator: { state, now } }: RoutesDeps, verbose: boolean): Answer {
  const ready = state.isFilled;
  const ageSeconds = Math.max(0, Math.round((now() - state.confirmedAtMs) / 1000));
  const lines = [
    `[${ready ? '+' : '-'}] stores ${ready ? 'filled' : 'not filled yet'}`,
    `[${state.hasSynced ? '+' : '-'}] api-server ${state.hasSynced ? `told everything, last confirmed ${ageSeconds} s ago` : 'not heard yet'}`,
  ];
  return { status: ready ? 200 : 503, type: TEXT, body: verbose || !ready ? lines.join('\n') : 'ok' };
}
