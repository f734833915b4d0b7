import type { Resource } from '../api/names.ts';
import { DENIAL_REASONS, type DenialReason, MAY_CHANGE } from '../api/reasons.ts';
import type { Plane } from './plane.ts';
import type { Reading } from './reading.ts';

const resource = (group: string, plural: string, kind: string): Resource => ({
  group,
  version: 'v1',
  plural,
  kind,
  namespaced: false,
});
const TOKEN_REVIEWS = resource('authentication.k8s.io', 'tokenreviews', 'TokenReview');
const SELF_ACCESS = resource('authorization.k8s.io', 'selfsubjectaccessreviews', 'SelfSubjectAccessReview');
const ACCESS = resource('authorization.k8s.io', 'subjectaccessreviews', 'SubjectAccessReview');

/** What an API server makes of a bearer, by way of all its authenticators. */
export type ReviewAnswer =
  | {
      readonly kind: 'accepted';
      readonly username: string;
      readonly groups: readonly string[];
      /** As our authenticator reports it; empty when another let the bearer in. */
      readonly tokenId: string;
    }
  /** Our authenticator was asked, and this is its reason. */
  | {
      readonly kind: 'refused';
      readonly reason: DenialReason;
      /** What would let it in may be on its way, says our authenticator; otherwise the refusal is for good. */
      readonly mayChange: boolean;
    }
  /** An authenticator was asked and refused, without a reason that we know: kube-api-auth, or one of ours that is newer. */
  | { readonly kind: 'refusedByOther' }
  /** The API server has a webhook, and what came of asking it is no refusal: nobody with a good token is let in either. */
  | { readonly kind: 'webhookFailed'; readonly cause: WebhookFailure }
  /** Something was said that is neither an authenticator's word, as far as we know them, nor a failure that we know. */
  | { readonly kind: 'unclear' }
  /** No trace of a webhook. */
  | { readonly kind: 'notAsked' };

/** In words, for people. */
export type WebhookFailure = 'no answer' | 'not ready' | 'wrong path or protocol' | 'an error of its own';

/** Asks an API server what it makes of a bearer. Takes the right to create tokenreviews. */
export function reviewToken(plane: Plane, token: string): Promise<Reading<ReviewAnswer>> {
  return plane.review(TOKEN_REVIEWS, { token }, readReview);
}

interface ReviewStatus {
  readonly authenticated?: boolean;
  readonly error?: string;
  readonly user?: {
    readonly username?: string;
    readonly groups?: readonly string[];
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
}

/**
 * The API server joins the errors of all its authenticators into one text: `[invalid bearer token, UnknownToken]`. The
 * first is its own, for service accounts; what a webhook said, or why it could not, follows. Seen with 1.20.
 */
export function readReview(status: unknown): ReviewAnswer {
  const { authenticated, error = '', user } = status as ReviewStatus;
  if (authenticated === true) {
    return {
      kind: 'accepted',
      username: user?.username ?? '',
      groups: user?.groups ?? [],
      tokenId: user?.extra?.['ace-operator.io/token-id']?.[0] ?? '',
    };
  }
  const said = error
    .replace(/^\[(.*)\]$/s, '$1')
    .replaceAll(/(token lookup failed|invalid bearer token)(, )?/g, '');
  const reason = DENIAL_REASONS.find((candidate) => new RegExp(`\\b${candidate}\\b`).test(said));
  if (reason) return { kind: 'refused', reason, mayChange: said.includes(`${reason}${MAY_CHANGE}`) };
  if (said.trim() === '') return { kind: 'notAsked' };
  const failure = FAILURES.find(([, text]) => text.test(said));
  if (failure) return { kind: 'webhookFailed', cause: failure[0] };
  return REFUSAL.test(said) ? { kind: 'refusedByOther' } : { kind: 'unclear' };
}

/** A bare 401 is all that kube-api-auth says; a reason in one word is that of an authenticator of ours that is newer than this. */
const REFUSAL = new RegExp(
  `the server has asked for the client to provide credentials|^[A-Z][A-Za-z]+(${MAY_CHANGE})?$`,
);

/**
 * As apimachinery words an HTTP status that is no answer, its codec a body that is no TokenReview, and Go's HTTP client all that
 * keeps it from an answer (`Post "URL": …`). The first that fits counts: what is of the wrong protocol is told by that client, too.
 */
const FAILURES: readonly (readonly [cause: WebhookFailure, text: RegExp])[] = [
  [
    'wrong path or protocol',
    new RegExp(
      [
        // 404, 405, 400, 406, 415, 422, 3xx and other codes without a text of their own, 403 and 401 of an API server.
        'could not find the requested resource|does not allow this method|rejected our request',
        'unable to respond with a content type|responded with the status code|^forbidden: | is forbidden: |^Unauthorized$',
        'HTTP response to HTTPS client|malformed HTTP|first record does not look like a TLS handshake',
        `json parse error|invalid character|no kind "|Object 'Kind' is missing|0-length response`,
      ].join('|'),
    ),
  ],
  [
    'not ready',
    /unable to handle the request|unavailable|not ready|\b503\b|too many requests|unable to return a response in the time/i,
  ],
  ['an error of its own', /an error on the server \(/],
  [
    'no answer',
    /\b(Post|Get) "|dial tcp|connection refused|timeout|deadline|EOF|no such host|connection reset|x509|tls:|reading response body|webhook call failed/i,
  ],
];

/** A verb and what it is done to, as `kubectl auth can-i` takes them. */
export interface Wish {
  readonly verb: string;
  /** Empty: every resource in the sense of a path. */
  readonly resource: string;
  readonly subresource: string;
  readonly group: string;
  readonly path: string;
  readonly namespace: string;
  /** Of one object; empty for all of them. */
  readonly name?: string;
}

export interface Permission {
  readonly allowed: boolean;
  readonly reason: string;
}

/** Whether the credential of this plane may do that. */
export function mayI(plane: Plane, wish: Wish): Promise<Reading<Permission>> {
  return plane.review(SELF_ACCESS, attributes(wish), readPermission);
}

/** Whether somebody may do that. Takes the right to create subjectaccessreviews. */
export function mayThey(
  plane: Plane,
  user: string,
  groups: readonly string[],
  wish: Wish,
): Promise<Reading<Permission>> {
  const spec = { user, groups: [...groups, 'system:authenticated'], ...attributes(wish) };
  return plane.review(ACCESS, spec, readPermission);
}

function attributes({
  verb,
  path,
  namespace,
  group,
  resource: plural,
  subresource,
  name = '',
}: Wish): object {
  if (path !== '') return { nonResourceAttributes: { verb, path } };
  return { resourceAttributes: { verb, group, resource: plural, subresource, namespace, name } };
}

function readPermission(status: unknown): Permission {
  const { allowed, reason } = status as { allowed?: unknown; reason?: unknown };
  return { allowed: allowed === true, reason: typeof reason === 'string' ? reason : '' };
}
