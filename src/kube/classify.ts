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
  reply: { status: number; text: string; retryAfter?: string | undefined },
): ApiError {
  const status = parseStatus(reply.text);
  const said = isHarmless(request, reply.status, status.message) ? `: ${status.message.slice(0, 300)}` : '';
  return new ApiError(`${request}: ${reply.status}${status.reason ? ` ${status.reason}` : ''}${said}`, {
    code: reply.status,
    statusReason: status.reason,
    objectMissing: reply.status === 404 && status.reason === 'NotFound' && status.objectName !== '',
    retryAfterMs: retryAfterMs(reply.retryAfter),
  });
}

/** A request without a body cannot be quoted back; a denial by RBAC, or by our own guard, names subject, verb and kind. */
function isHarmless(request: string, code: number, message: string): boolean {
  if (message === '' || ![401, 403, 404].includes(code)) return false;
  return /^(GET|WATCH|DELETE) /.test(request) || DENIAL.test(message);
}

const DENIAL =
  /^[\w.-]+( "[^"]*")? is forbidden: (User "|ValidatingAdmissionPolicy 'ace-operator-(identities|hashes)' )/;

interface Status {
  readonly reason: string;
  readonly message: string;
  readonly objectName: string;
}

/** A proxy's HTML, an empty body or a truncated one is a Status without a reason. */
function parseStatus(text: string): Status {
  try {
    const body = JSON.parse(text) as { reason?: unknown; message?: unknown; details?: { name?: unknown } };
    const word = (value: unknown): string => (typeof value === 'string' ? value : '');
    return { reason: word(body.reason), message: word(body.message), objectName: word(body.details?.name) };
  } catch {
    return { reason: '', message: '', objectName: '' };
  }
}

const MAX_RETRY_AFTER_S = 60;

/** A wish to wait, in milliseconds, bounded: a server must not be able to send us away for a day. */
export function retryAfterMs(header: string | number | undefined): number | undefined {
  const seconds = Number(header);
  if (header === undefined || !Number.isFinite(seconds) || seconds < 0) return undefined;
  return Math.min(seconds, MAX_RETRY_AFTER_S) * 1000;
}
