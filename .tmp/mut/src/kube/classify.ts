import { ApiError } from '../errors.ts';

/**
 * Turns an answer that is no success into an error, once, at the edge.
 *
 * The server's message is shown only where it cannot quote what was sent, which may be a hash.
 *
 * @param request - what was tried on which object, for example `PATCH /api/v1/…`
 */
export function apiError(
  request: string,
  reply: { status: number; text: string; retryAfter?: string | undefined; date?: string | undefined },
): ApiError {
  const status = parseStatus(reply.text);
  const said = isHarmless(request, reply.status, status.message) ? `: ${status.message.slice(0, 300)}` : '';
  return new ApiError(`${request}: ${reply.status}${status.reason ? ` ${status.reason}` : ''}${said}`, {
    code: reply.status,
    statusReason: status.reason,
    objectMissing:
      reply.status === 404 && status.reason === 'NotFound' && isAskedFor(request, status.objectName),
    retryAfterMs: retryAfterMs(reply.retryAfter, Date.parse(reply.date ?? '') || Date.now()),
    hasForm: status.hasForm,
  });
}

/**
 * Only the API server asked knows that an object does not exist. A proxy before it says "not found", too, in the same form: of
 * the cluster that it does not reach. So the name has to be one that was asked for, or that of the namespace to create it in.
 */
function isAskedFor(request: string, name: string): boolean {
  return name !== '' && request.split('/').slice(-2).includes(encodeURIComponent(name));
}

/** A request without a body cannot be quoted back; a denial by RBAC, or by our own guard, names subject, verb and kind. */
function isHarmless(request: string, code: number, message: string): boolean {
  if (message === '' || ![401, 403, 404].includes(code)) return false;
  return /^(GET|WATCH|DELETE) /.test(request) || DENIAL.test(message);
}

const DENIAL =
  /^[\w.-]+( "[^"]*")? is forbidden: (User "|ValidatingAdmissionPolicy 'ace-operator-(identities|hashes)' )/;

/** An answer that is larger than any that we take. Whoever sent it is in trouble, or means trouble. */
export function tooLarge(request: string, detail: string): ApiError {
  return new ApiError(`${request}: the answer is too large (${detail})`, {
    code: 502,
    statusReason: TOO_LARGE,
    objectMissing: false,
  });
}

export function isTooLarge(error: ApiError): boolean {
  return error.statusReason === TOO_LARGE;
}

const TOO_LARGE = 'ResponseTooLarge';

/** A success in a form that no API server has: there may be another server in its place. */
export function unreadable(request: string, detail: string): ApiError {
  const told = { code: 502, statusReason: UNREADABLE, objectMissing: false, hasForm: false };
  return new ApiError(`${request}: ${detail}`, told);
}

/**
 * Whether somebody else than an API server answered. Not so what may be an API server's own in plain text: that it has no such
 * path, too much to do, or is in trouble.
 */
export function isOfAnother({ hasForm, code, statusReason }: ApiError): boolean {
  return !hasForm && (statusReason === UNREADABLE || (code < 429 && code !== 404));
}

const UNREADABLE = 'Unreadable';

interface Status {
  /** Of an API server, or of Rancher, whose proxy refuses with `{"type":"error"}`. */
  readonly hasForm: boolean;
  readonly reason: string;
  readonly message: string;
  readonly objectName: string;
}

/** A proxy's HTML, an empty body or a truncated one is a Status without a reason. */
function parseStatus(text: string): Status {
  try {
    const body = JSON.parse(text) as Record<'kind' | 'type' | 'reason' | 'message', unknown> & {
      details?: { name?: unknown };
    };
    const word = (value: unknown): string => (typeof value === 'string' ? value : '');
    return {
      hasForm: body.kind === 'Status' || body.type === 'error',
      ...{ reason: word(body.reason), message: word(body.message), objectName: word(body.details?.name) },
    };
  } catch {
    return { hasForm: false, reason: '', message: '', objectName: '' };
  }
}

const MAX_RETRY_AFTER_S = 60;

/**
 * A wish to wait, in milliseconds, bounded: a server must not be able to send us away for a day. Whoever waits takes it for a
 * lower bound of its own backoff, never in its place.
 *
 * Source: RFC 9110 10.2.3: whole seconds, or a date.
 *
 * @param header - `Retry-After`, or `details.retryAfterSeconds` of a Status
 * @param nowMs - the server's own time where it said it (`Date`), as its date counts from there
 */
export function retryAfterMs(header: string | number | undefined, nowMs = Date.now()): number | undefined {
  const text = String(header ?? '').trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text), MAX_RETRY_AFTER_S) * 1000;
  if (!HTTP_DATE.test(text)) return undefined;
  const waitMs = Date.parse(text) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(0, waitMs), MAX_RETRY_AFTER_S * 1000);
}

/** All three forms begin with the day of the week: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 …`, `Sun Nov  6 …`. */
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /;
