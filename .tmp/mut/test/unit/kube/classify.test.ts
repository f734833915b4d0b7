import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isObjectMissing } from '../../../src/errors.ts';
import { apiError } from '../../../src/kube/classify.ts';
import { CANARY } from '../../support/builders.ts';

const REQUEST = 'GET /apis/cluster.cattle.io/v3/namespaces/cattle-system/clusterauthtokens/t-1';

/** A Status as a Kubernetes API server sends it. */
const statusText = (code: number, reason: string, message: string, details?: object): string =>
  JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code,
    reason,
    message,
    ...(details ? { details } : {}),
  });

describe('apiError', () => {
  const missing = {
    'an object that does not exist is missing': {
      text: statusText(404, 'NotFound', 'clusterauthtokens "t-1" not found', {
        name: 't-1',
        kind: 'clusterauthtokens',
      }),
      want: true,
    },
    'a kind that is not served is not a missing object': { text: '404 page not found\n', want: false },
    'a kind that is not served, said in JSON': {
      text: statusText(404, 'NotFound', 'the server could not find the requested resource', {}),
      want: false,
    },
    'a proxy’s own 404 is not a missing object': { text: '<html>not found</html>', want: false },
    'a 404 without a body is not a missing object': { text: '', want: false },
    'a proxy that does not reach its cluster says so of the cluster, in the form of a missing object': {
      text: statusText(404, 'NotFound', 'clusters.management.cattle.io "c-1" not found', {
        name: 'c-1',
        kind: 'clusters',
      }),
      want: false,
    },
    'the namespace that an object is to be in may be what is missing': {
      request: 'POST /apis/cluster.cattle.io/v3/namespaces/cattle-system/clusterauthtokens',
      text: statusText(404, 'NotFound', 'namespaces "cattle-system" not found', { name: 'cattle-system' }),
      want: true,
    },
    'a 404 of another reason is not a missing object': {
      text: statusText(404, 'Unknown', 'x', { name: 't-1' }),
      want: false,
    },
    'a body that is null is not a missing object': { text: 'null', want: false },
  };
  for (const [title, { text, want, request = REQUEST }] of Object.entries<{
    readonly text: string;
    readonly want: boolean;
    readonly request?: string;
  }>(missing)) {
    test(title, () => {
      expect(isObjectMissing(apiError(request, { status: 404, text }))).toBe(want);
    });
  }

  test('the error names request, status and Kubernetes’ own word', () => {
    const error = apiError(REQUEST, { status: 409, text: statusText(409, 'AlreadyExists', 'x') });
    expect(error).toMatchObject({
      code: 409,
      statusReason: 'AlreadyExists',
      message: `${REQUEST}: 409 AlreadyExists`,
    });
  });

  for (const status of [401, 403, 404]) {
    test(`what the server says of a ${status} is shown: it names subject, verb and object`, () => {
      expect(
        apiError(REQUEST, { status, text: statusText(status, 'Forbidden', 'user x cannot get') }).message,
      ).toContain('user x cannot get');
    });
  }

  for (const status of [400, 409, 410, 413, 422, 429, 500, 503]) {
    test(`what the server says of a ${status} is not shown: it quotes what was sent`, () => {
      const error = apiError(REQUEST, {
        status,
        text: statusText(status, 'Invalid', `Invalid value: "${CANARY}"`),
      });
      expect(`${error.message} ${JSON.stringify(error)}`).not.toContain(CANARY);
    });
  }

  const OBJECT = '/api/v1/namespaces/cattle-system/secrets';
  const DENIALS = {
    webhook: `admission webhook "check.example.com" denied the request: data.hash "${CANARY}" is weak`,
    policy: `secrets "t-1" is forbidden: ValidatingAdmissionPolicy 'check' with binding 'all' denied request: "${CANARY}" is weak`,
    plugin: `secrets "t-1" is forbidden: data.hash "${CANARY}" is weak`,
    rbac: 'secrets is forbidden: User "system:serviceaccount:ace:operator" cannot create resource "secrets"',
    rbacNamed: 'secrets "t-1" is forbidden: User "ace" cannot patch resource "secrets" in API group ""',
    guard: `secrets "t-1" is forbidden: ValidatingAdmissionPolicy 'ace-operator-hashes' with binding 'ace-operator-hashes' denied request: ann may not create`,
  };
  const said = (request: string, message: string, code = 403): string =>
    apiError(request, { status: code, text: statusText(code, 'Forbidden', message) }).message;

  for (const request of [`POST ${OBJECT}`, `PATCH ${OBJECT}/t-1`, `PUT ${OBJECT}/t-1`]) {
    test(`a webhook’s denial of a ${request.split(' ')[0]} is not shown: it may quote what was sent`, () => {
      for (const code of [401, 403, 404]) {
        for (const message of [DENIALS.webhook, DENIALS.policy, DENIALS.plugin]) {
          const shown = said(request, message, code);
          expect(shown).toBe(`${request}: ${code} Forbidden`);
        }
      }
    });

    test(`RBAC’s own denial of a ${request.split(' ')[0]} is shown: it names subject, verb and kind`, () => {
      expect(said(request, DENIALS.rbac)).toContain(DENIALS.rbac);
      expect(said(request, DENIALS.rbacNamed)).toContain(DENIALS.rbacNamed);
    });

    test(`our own guard’s denial of a ${request.split(' ')[0]} is shown: it names who and what, and never a value`, () => {
      expect(said(request, DENIALS.guard)).toContain(DENIALS.guard);
    });
  }

  for (const verb of ['GET', 'WATCH', 'DELETE']) {
    test(`any denial of a ${verb} is shown: nothing was sent that it could quote`, () => {
      expect(said(`${verb} ${OBJECT}/t-1`, 'a proxy says no')).toContain('a proxy says no');
    });
  }

  test('a message that is shown is cut', () => {
    const error = apiError(REQUEST, { status: 403, text: statusText(403, 'Forbidden', 'x'.repeat(10_000)) });
    expect(error.message.length).toBeLessThan(600);
  });

  const retries = {
    seconds: { header: '7', want: 7_000 },
    zero: { header: '0', want: 0 },
    none: { header: undefined, want: undefined },
    'a minute is the most': { header: '86400', want: 60_000 },
    'nothing in it': { header: '', want: undefined },
    'a hexadecimal number is not understood': { header: '0x10', want: undefined },
    'a number with an exponent is not understood': { header: '1e3', want: undefined },
    'a date': { header: 'Wed, 21 Oct 2026 07:28:07 GMT', want: 7_000 },
    'a date of the old form': { header: 'Wednesday, 21-Oct-26 07:28:07 GMT', want: 7_000 },
    'a date that is over': { header: 'Wed, 21 Oct 2026 07:27:00 GMT', want: 0 },
    'a minute is the most of a date, too': { header: 'Thu, 22 Oct 2026 07:28:00 GMT', want: 60_000 },
    'what only begins like a date': { header: 'Wed, whenever', want: undefined },
    'a date without a day of the week': { header: '2026-10-21', want: undefined },
    'a negative number is not understood': { header: '-1', want: undefined },
    'infinity is not understood': { header: 'Infinity', want: undefined },
  };
  for (const [title, { header, want }] of Object.entries(retries)) {
    test(`Retry-After: ${title}`, () => {
      const reply = { status: 429, text: '', retryAfter: header, date: 'Wed, 21 Oct 2026 07:28:00 GMT' };
      expect(apiError(REQUEST, reply).retryAfterMs).toBe(want);
    });
  }

  test('any body of any status is an error, never a throw', () => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 599 }), fc.oneof(fc.string(), fc.json()), (status, text) => {
        expect(apiError(REQUEST, { status, text }).code).toBe(status);
      }),
    );
  });
});
