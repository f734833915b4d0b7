import { parseBearer } from '../api/bearer.ts';
import { DENIAL_REASONS } from '../api/reasons.ts';
import { HasherClosedError, HashQueueFullError } from '../hash/hasher.ts';
import type { AuthenticatorMetrics } from '../telemetry/authenticator-metrics.ts';
import type { AuditEntry, AuditLog } from './audit-log.ts';
import { type AuthenticatorDeps, authenticate, NotReadyError } from './authenticator.ts';
import { BusyError } from './check-queue.ts';
import { monitorRoutes } from './monitor-routes.ts';
import { answerReview, MalformedReviewError, parseReview, type Verdict } from './review.ts';
import type { Answer, Handler } from './server.ts';

export interface RoutesDeps {
  readonly authenticator: AuthenticatorDeps;
  readonly metrics: AuthenticatorMetrics;
  /** Answers refusals as kube-api-auth did before it learned `authenticated: false`: 401, and 400 for foreign tokens. */
  readonly legacy401: boolean;
  readonly audit: AuditLog;
  /** The wall clock, milliseconds since the epoch. */
  readonly now: () => number;
  /** Why a token was refused; never the token. */
  readonly onRefused: (reason: string) => void;
}

const RETRY_AFTER_SECONDS = 1;

/** What says that the answer is not known now. The last: this process is about to end, another answers. */
const UNAVAILABLE = [NotReadyError, BusyError, HashQueueFullError, HasherClosedError];

/** Every outcome of a review, by result and reason. */
const OUTCOMES = {
  accepted: [''],
  refused: DENIAL_REASONS,
  foreign: [''],
  malformed: [''],
  unavailable: ['NotInSnapshot', ...UNAVAILABLE.map(({ name }) => name)],
  fault: [''],
};

/** The authenticator's routes: the webhook, and what watches over it. */
export function routes(deps: RoutesDeps): Handler {
  const { metrics, now, authenticator } = deps;
  const monitor = monitorRoutes({ state: authenticator.state, now, metrics });
  metrics.expectReviews(OUTCOMES);
  return async (request) => {
    if (!/^\/v1\/authenticate\/?$/.test(request.path)) return monitor(request);
    return request.method === 'POST' ? answerWebhook(request, deps) : { status: 405 };
  };
}

type Asked = Pick<Parameters<Handler>[0], 'body' | 'hasGone'>;

async function answerWebhook(request: Asked, deps: RoutesDeps): Promise<Answer> {
  const startMs = performance.now();
  let labels: Labels = { result: 'fault', reason: '' };
  try {
    const reviewed = await review(request, deps);
    labels = reviewed.labels;
    if (deps.audit.wants(labels.result)) deps.audit.record(auditEntry(reviewed, deps));
    return reviewed.answer;
  } finally {
    deps.metrics.reviews.inc({ ...labels });
    deps.metrics.seconds.observe((performance.now() - startMs) / 1000);
  }
}

/** What is counted of a review. */
interface Labels {
  readonly result: keyof typeof OUTCOMES;
  readonly reason: string;
  /** Of a refusal: `false` while what would let the token in may be on its way. */
  readonly final?: string;
}

interface Reviewed {
  readonly answer: Answer;
  /** The bearer's token, by name; undefined when it is not one of ours. */
  readonly name?: string | undefined;
  readonly labels: Labels;
}

function auditEntry({ labels, name }: Reviewed, { authenticator: { state } }: RoutesDeps): AuditEntry {
  const token = name === undefined ? undefined : state.tokens.get(name);
  return {
    verdict: labels.result,
    reason: labels.reason || undefined,
    final: labels.final === undefined ? undefined : labels.final === 'true',
    token: name,
    user: token?.userName,
    cluster: token?.cluster || state.cluster || undefined,
  };
}

async function review({ body, hasGone }: Asked, deps: RoutesDeps): Promise<Reviewed> {
  let name: string | undefined;
  try {
    const { apiVersion, token } = parseReview(body);
    const bearer = parseBearer(token);
    name = bearer.kind === 'ours' ? bearer.name : undefined;
    const verdict = await authenticate(bearer, deps.authenticator, hasGone);
    const reason = verdict.kind === 'refused' ? verdict.reason : '';
    if (verdict.kind === 'refused') deps.onRefused(verdict.reason);
    const labels: Labels = {
      result: verdict.kind,
      reason,
      ...(verdict.kind === 'refused' ? { final: String(verdict.isFinal) } : {}),
    };
    if (deps.legacy401 && verdict.kind !== 'accepted') return { answer: legacy(verdict), labels, name };
    return { answer: { status: 200, body: answerReview(apiVersion, verdict) }, labels, name };
  } catch (error) {
    return { ...unanswerable(error), name };
  }
}

function legacy(verdict: Exclude<Verdict, { kind: 'accepted' }>): Answer {
  return { status: verdict.kind === 'foreign' ? 400 : 401 };
}

/** What cannot be known is said so: an API server retries 503, and caches neither. */
function unanswerable(error: unknown): Reviewed {
  if (error instanceof MalformedReviewError)
    return { answer: { status: 400 }, labels: { result: 'malformed', reason: '' } };
  if (!(error instanceof Error) || !UNAVAILABLE.some((kind) => error instanceof kind)) throw error;
  const answer = { status: 503, retryAfterSeconds: RETRY_AFTER_SECONDS };
  const reason =
    error instanceof NotReadyError && error.reason === 'NotInSnapshot' ? error.reason : error.name;
  return { answer, labels: { result: 'unavailable', reason } };
}
