import type { Plane } from './plane.ts';
import type { Reading } from './reading.ts';

/** What an API server makes of the one who asks it. */
export type LiveAnswer =
  | { readonly kind: 'refused' }
  /** `username`: as whom, by its own word; undefined: it lets somebody in, and does not say whom. */
  | { readonly kind: 'letIn'; readonly username: string | undefined };

/** The user of a request that shows no credential, or whose credential was lost on its way. */
export const ANONYMOUS = 'system:anonymous';

/** Servers from 1.28 on have the first; one or the other of the next two may be there from 1.26 on. */
const REVIEWS = ['v1', 'v1beta1', 'v1alpha1'];

/** There is no such path. `plainly`: without an API server's form, in which API servers say it, too: of a version that no API has. */
type NotServed = 'notServed' | 'plainly notServed';

/**
 * As whom the credential of this plane is let in, if at all: by a SelfSubjectReview. Servers that have none refuse it by name to
 * whoever may not create one, which is nearly everybody; who may do everything is named as the requestor of a
 * CertificateSigningRequest that is tried and not stored (`dryRun`). A mere 200 says nothing: what anonymous users may read is read
 * with any bearer, also with one that a balancer has dropped.
 *
 * Only what has an API server's form counts, whatever a load balancer or a log-in page says in its place.
 *
 * @param throughRancher - its proxy refuses in a form of its own
 */
export async function whoAmI(plane: Plane, throughRancher: boolean): Promise<Reading<LiveAnswer>> {
  for (const version of REVIEWS) {
    const apiVersion = `authentication.k8s.io/${version}`;
    const path = `/apis/${apiVersion}/selfsubjectreviews`;
    const answer = await ask(plane, path, { apiVersion, kind: 'SelfSubjectReview' }, throughRancher);
    if (typeof answer !== 'string') return answer;
  }
  const answer = await ask(plane, REQUESTS, REQUEST, throughRancher);
  if (answer === 'plainly notServed') return failing(plane, REQUESTS, 'NoApiServer', noForm(404));
  return answer === 'notServed' ? { ok: true, value: { kind: 'letIn', username: undefined } } : answer;
}

async function ask(
  plane: Plane,
  path: string,
  body: object,
  throughRancher: boolean,
): Promise<Reading<LiveAnswer> | NotServed> {
  const reply = await plane.post(path, body);
  if (!reply.ok) return reply;
  const { status, text } = reply.value;
  const said = readAnswer(text);
  if (status === 401 && (throughRancher || said?.kind === 'Status'))
    return { ok: true, value: { kind: 'refused' } };
  // Who is in trouble, or has too much to do, says neither yes nor no: API servers say that in plain text, and so do balancers.
  if (status === 429 || status >= 500) return failing(plane, path, 'Failing', `status ${status}`);
  if (status === 404) return said === undefined ? 'plainly notServed' : 'notServed';
  if (said === undefined) return failing(plane, path, 'NoApiServer', noForm(status));
  if (status === 403 || status === 200 || status === 201)
    return { ok: true, value: { kind: 'letIn', username: said.username } };
  return failing(plane, path, 'Failing', `status ${status}`);
}

const noForm = (status: number): string => `status ${status}, and not in the form of an API server`;

function failing(
  { server }: Plane,
  path: string,
  reason: 'Failing' | 'NoApiServer',
  what: string,
): Reading<never> {
  const message = `POST ${server}${path.split('?')[0]}: ${what}`;
  return { ok: false, failure: { reason, message } };
}

interface Said {
  readonly kind: 'Status' | 'SelfSubjectReview' | 'CertificateSigningRequest';
  readonly username: string | undefined;
}

/**
 * Who asked, by an API server's answer: an object that says it, or a refusal (`… is forbidden: User "u-ada" cannot create …`).
 *
 * @returns undefined for what has not the form of one. Pure.
 */
export function readAnswer(text: string): Said | undefined {
  const answer = parsed(text);
  switch (answer?.kind) {
    case 'Status':
      return { kind: answer.kind, username: namedIn(String(answer.message ?? '')) };
    case 'SelfSubjectReview':
      return { kind: answer.kind, username: nameOf(answer.status?.userInfo?.username) };
    case 'CertificateSigningRequest':
      return { kind: answer.kind, username: nameOf(answer.spec?.username) };
    default:
      return undefined;
  }
}

interface Answer {
  readonly kind?: unknown;
  readonly message?: unknown;
  readonly status?: { readonly userInfo?: { readonly username?: unknown } };
  readonly spec?: { readonly username?: unknown };
}

function parsed(text: string): Answer | undefined {
  try {
    return (JSON.parse(text) as Answer | null) ?? undefined;
  } catch {
    return undefined;
  }
}

function nameOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Go quotes the name as JSON does, but for characters that no name of ours has. */
function namedIn(message: string): string | undefined {
  const quoted = /(?:^|: )User ("(?:[^"\\]|\\.)*") cannot /.exec(message)?.[1];
  if (quoted === undefined) return undefined;
  try {
    return nameOf(JSON.parse(quoted));
  } catch {
    return undefined;
  }
}

/** PEM in Base64, for a key that was thrown away, in the name of nobody. */
const CSR = [
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlITE1ITUNBUUF3RVRFUE1BMEdBMVVFQXd3R2JtOWliMlI1TUZr',
  'd0V3WUhLb1pJemowQ0FRWUlLb1pJemowRApBUWNEUWdBRUp5d0xWM2lwY20yNU11bTlnRXZkSDdDRXNvaWsyWkpvZmx5Q0hCRldG',
  'dHRRUUlRcFMzK05FaDZHCjZHNnZ0RGRobUJqVlNDSzVKUzRHVE5iZkJMNWNkYUFBTUFvR0NDcUdTTTQ5QkFNQ0EwZ0FNRVVDSVFE',
  'L2Jzb2YKdm1OQkpjOEQ2L0w3NDZiQmk1NXozbFcvSjh1eTJTdzRNekdmekFJZ2RkWm95a24zcWxUK3FhQm13Wk5Md2ZEbwpnY2tT',
  'UTlYTDBJaVBkd05ZbU5nPQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K',
].join('');

const REQUESTS = '/apis/certificates.k8s.io/v1/certificatesigningrequests?dryRun=All';

/** No signer has that name, and it is not stored: nothing is ever signed. */
const REQUEST = {
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { generateName: 'ace-explain-' },
  spec: {
    signerName: 'ace-operator.io/nobody',
    usages: ['client auth'],
    request: CSR,
  },
};
