/** The catalogue of faults. What a person must mend is terminal; what a machine may mend is retried. */

/** Retrying cannot help until some object changes. `reason` goes into status, metric and log. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** What can be wrong with a server's certificate: its authority, its names, its dates. */
export const CERTIFICATE_REASONS = ['CertificateInvalid', 'CertificateName', 'CertificateExpired'] as const;
export type CertificateReason = (typeof CERTIFICATE_REASONS)[number];

/** Which fault of the certificate a reason is; undefined: it is another one. */
export function certificateReasonIn(reason: string): CertificateReason | undefined {
  return CERTIFICATE_REASONS.find((known) => known === reason);
}

/** The API server could not be reached, or did not answer in time. Says nothing about the object. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  /** Of the certificate when TLS refused the peer, else `Unreachable`. */
  readonly reason: CertificateReason | 'Unreachable';

  constructor(reason: CertificateReason | 'Unreachable', message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** The API server answered, with something other than success. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status. */
  readonly code: number;
  /** Kubernetes' own word (`NotFound`, `AlreadyExists`, `Conflict`, `Expired`, …); empty when the body had none. */
  readonly statusReason: string;
  /** For a 404: true when the named object is missing, false when its whole kind (or path) is not served. */
  readonly objectMissing: boolean;
  /** How long the server asked us to wait. */
  readonly retryAfterMs: number | undefined;
  /** False: it said so in no form that an API server, or Rancher's proxy before it, has. */
  readonly hasForm: boolean;

  constructor(
    message: string,
    details: {
      code: number;
      statusReason: string;
      objectMissing: boolean;
      retryAfterMs?: number | undefined;
      hasForm?: boolean;
    },
  ) {
    super(message);
    this.code = details.code;
    this.statusReason = details.statusReason;
    this.objectMissing = details.objectMissing;
    this.retryAfterMs = details.retryAfterMs;
    this.hasForm = details.hasForm ?? true;
  }
}

/** The API server's history is not the one that we have seen: it was put back from a backup. */
export class RolledBackError extends Error {
  override readonly name = 'RolledBackError';
}

/** What was read was asked for before it was known that it is needed. It has to be read again. */
export class StaleReadError extends Error {
  override readonly name = 'StaleReadError';
}

/** Another cluster answers where one was before. Nothing that it says, least of all absence, is about the one we know. */
export class OtherPlaneError extends Error {
  override readonly name = 'OtherPlaneError';
  /** UIDs of the namespace `kube-system`: of the cluster we know, and of the one that answers. */
  readonly known: string;
  readonly answering: string;

  constructor(known: string, answering: string) {
    super(`another cluster answers: its kube-system has UID ${answering}, not ${known}`);
    this.known = known;
    this.answering = answering;
  }
}

/** A write was not sent: while it waited for its turn, what it would have given was taken back. */
export class OvertakenError extends Error {
  override readonly name = 'OvertakenError';

  constructor() {
    super('not written: it is not due any more');
  }
}

/** A write was not sent, because another replica may be the leader by now. It is that one's to make. */
export class FencedError extends Error {
  override readonly name = 'FencedError';

  constructor() {
    super('not written: this replica does not hold the lease');
  }
}

/** Whether a write was not sent by our own will: then it is no request. */
export function isHeldBack(error: unknown): error is FencedError | OvertakenError {
  return error instanceof FencedError || error instanceof OvertakenError;
}

/** A flag, environment variable or file that the user gave cannot be used. Exit code 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** What an answer takes cannot be seen: no answer, no right, no credentials. Exit code 3. */
export class UnseenError extends Error {
  override readonly name = 'UnseenError';
}

/** Positive evidence that one object does not exist; never true for a kind that is not served. */
export function isObjectMissing(error: unknown): boolean {
  return error instanceof ApiError && error.code === 404 && error.objectMissing;
}

/** Someone wrote first, or the object was replaced; retry from fresh state. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.code === 409 && error.statusReason !== 'AlreadyExists';
}

/**
 * A patch demanded the UID of an object whose name another has taken: the API server calls that "invalid". Only to be asked
 * about patches of fields that no object could refuse.
 */
export function isReplaced(error: unknown): boolean {
  return error instanceof ApiError && error.code === 422;
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof ApiError && error.code === 409 && error.statusReason === 'AlreadyExists';
}

/** Who is let in nowhere (401), or not here (403), is told so by an API server that is there and has judged. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 401 || error.code === 403);
}

/** The resourceVersion (or continue token) we asked from is too old: list again. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.code === 410;
}

const FILE_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is no directory',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left',
  EPIPE: 'its reader is gone',
};

/** Why a file that a person named could not be read or written. The path is theirs to put before it. */
export function describeFileError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return FILE_FAULTS[code] ?? describeError(error);
}

/** One line for logs and status. Only our own messages are shown; a foreign error may carry a body. */
export function describeError(error: unknown): string {
  if (
    error instanceof ApiError ||
    error instanceof ConnectionError ||
    error instanceof TerminalError ||
    error instanceof UnseenError ||
    error instanceof FencedError ||
    error instanceof ConfigError
  ) {
    return error.message;
  }
  return error instanceof Error
    ? `${error.name}: ${error.message.split('\n')[0]?.slice(0, 300)}`
    : 'unknown failure';
}
