import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS } from '../../../src/api/names.ts';
import { lookAtManagement } from '../../../src/explain/preflight-evidence.ts';
import { bearerAccess } from '../../../src/kube/kubeconfig.ts';
import { Plane } from '../../../src/plane/plane.ts';
import { reading, required } from '../../../src/plane/reading.ts';
import { whoAmI } from '../../../src/plane/who-am-i.ts';
import { createAuthority } from '../../support/pki.ts';

/** Whether an API server answered, or what stands in its place: by the form of an answer, and by what API servers say without one. */

type Said = readonly [status: number, body: string];

const status = (code: number, reason: string, message = ''): Said => [
  code,
  JSON.stringify({ kind: 'Status', status: 'Failure', code, reason, message }),
];
/** As Go's own mux says it, in API servers (of a path that no API has) as in anything else. */
const PLAIN: Said = [404, '404 page not found\n'];
const NONE = status(404, 'NotFound', 'the server could not find the requested resource');
/** As a gateway of clusters says it, in an API server's form. */
const UNKNOWN_CLUSTER: Said = [
  404,
  JSON.stringify({
    ...{ kind: 'Status', status: 'Failure', reason: 'NotFound', code: 404 },
    message: 'clustergateways.cluster.core.oam.dev "dev" not found',
    details: { name: 'dev' },
  }),
];
const PROBLEM: Said = [404, '{"type":"about:blank","title":"Not Found","status":404}'];
const LOGIN = '<html><title>Log in</title></html>';
const CSR: Said = [201, '{"kind":"CertificateSigningRequest","spec":{"username":"u-ada"}}'];

const authority = createAuthority('other servers');
let server: Server;
let answer: (path: string) => Said = () => PLAIN;
let asked: string[] = [];

beforeAll(async () => {
  server = createServer(authority.issueServer('other', ['127.0.0.1']), (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    asked.push(path);
    const [code, body] = answer(path);
    response.writeHead(code, { date: new Date().toUTCString() }).end(body);
    request.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function withPlane<T>(say: (path: string) => Said, ask: (plane: Plane) => Promise<T>): Promise<T> {
  [answer, asked] = [say, []];
  const { port } = server.address() as AddressInfo;
  const access = await bearerAccess(`https://127.0.0.1:${port}`, authority.cert, 'name:not-a-real-secret');
  const plane = new Plane(access, { timeoutMs: 30_000, userAgent: 'test' });
  try {
    return await ask(plane);
  } finally {
    await plane.close();
  }
}

describe('as whom a bearer is let in', () => {
  const isReview = (path: string): boolean => path.includes('selfsubjectreviews');
  const letIn = (username: string | undefined): object => ({ ok: true, value: { kind: 'letIn', username } });
  const failed = (reason: string): object => ({ ok: false, failure: { reason } });

  test.each<[title: string, say: (path: string) => Said, expected: object]>([
    ['1.20: a plain 404 of an unknown version', (path) => (isReview(path) ? PLAIN : CSR), letIn('u-ada')],
    [
      'a 404 in form, then a plain one',
      (path) => (path.includes('/v1/self') ? NONE : isReview(path) ? PLAIN : CSR),
      letIn('u-ada'),
    ],
    ['no review, no requests either', () => NONE, letIn(undefined)],
    ['nothing but plain 404s', () => PLAIN, failed('NoApiServer')],
    [
      'plain 404s, then a log-in page',
      (path) => (isReview(path) ? PLAIN : [200, LOGIN]),
      failed('NoApiServer'),
    ],
    [
      'plain 404s, then a refusal',
      (path) => (isReview(path) ? PLAIN : status(401, 'Unauthorized')),
      { ok: true, value: { kind: 'refused' } },
    ],
    [
      'too many requests, as API servers say it',
      () => [429, 'Too many requests, please try again later.\n'],
      failed('Failing'),
    ],
    ['a balancer without a server behind it', () => [503, '<html>503</html>'], failed('Failing')],
    ['a wall that refuses', () => [403, '<html>Request blocked</html>'], failed('NoApiServer')],
    ['a log-in page that says 401', () => [401, LOGIN], failed('NoApiServer')],
    ['a log-in page', () => [200, LOGIN], failed('NoApiServer')],
    ['a redirection', () => [302, ''], failed('NoApiServer')],
  ])('%s', async (_title, say, expected) => {
    expect(await withPlane(say, (plane) => whoAmI(plane, false))).toMatchObject(expected);
  });
});

describe('what is read of a kind', () => {
  const isApi = (path: string): boolean => path === '/api';
  const API: Said = [200, '{"kind":"APIVersions","versions":["v1"]}'];

  test.each<[title: string, say: (path: string) => Said, reason: string]>([
    ['a plain 404, of an API server', (path) => (isApi(path) ? API : PLAIN), 'KindMissing'],
    [
      'a plain 404, of one that shows nobody its APIs',
      (path) => (isApi(path) ? status(403, 'Forbidden') : PLAIN),
      'KindMissing',
    ],
    ['a plain 404 of everything', () => PLAIN, 'NoApiServer'],
    [
      'a 404 of everything else, and a log-in page',
      (path) => (isApi(path) ? [200, LOGIN] : PLAIN),
      'NoApiServer',
    ],
    [
      'a 404, and then too much to do',
      (path) => (isApi(path) ? [429, 'Too many requests'] : PLAIN),
      'Failing',
    ],
    [
      "a 404 of an API server by way of Rancher's proxy, which shows nobody its APIs",
      (path) => (isApi(path) ? [403, '{"type":"error","status":403}'] : PLAIN),
      'KindMissing',
    ],
    [
      'a default backend, and then nothing behind it',
      (path) => (isApi(path) ? [503, 'no'] : PLAIN),
      'Failing',
    ],
    ['a proxy that does not know the cluster, in form', () => UNKNOWN_CLUSTER, 'NoApiServer'],
    [
      "Rancher's, which does not know it",
      () => [404, '{"type":"error","status":404,"code":"NotFound"}'],
      'NoApiServer',
    ],
    ['a 404 as problem details (RFC 9457)', () => PROBLEM, 'NoApiServer'],
    [
      'a 404, and a refusal as problem details',
      (path) => (isApi(path) ? [403, PROBLEM[1]] : PLAIN),
      'NoApiServer',
    ],
    [
      'a 404, and JSON of something else',
      (path) => (isApi(path) ? [200, '{"kind":"x"}'] : PLAIN),
      'NoApiServer',
    ],
    ['a log-in page', () => [200, LOGIN], 'NoApiServer'],
    ['JSON of something else', () => [200, '{"status":"UP"}'], 'NoApiServer'],
    ['a redirection to a log-in page', () => [302, ''], 'NoApiServer'],
    ['a wall', () => [403, '<html>Request blocked</html>'], 'NoApiServer'],
    ['401 of a proxy', () => [401, 'Authorization Required'], 'NoApiServer'],
    ['401 of an API server', () => status(401, 'Unauthorized'), 'CredentialsRejected'],
    ['403 of an API server', () => status(403, 'Forbidden'), 'Forbidden'],
    [
      "401 of Rancher's proxy",
      () => [401, '{"type":"error","status":"401","message":"must authenticate"}'],
      'CredentialsRejected',
    ],
    ['503 of whoever', () => [503, LOGIN], 'Failing'],
    ['429 of an API server', () => [429, 'Too many requests, please try again later.\n'], 'Failing'],
  ])('%s', async (_title, say, reason) => {
    const list = await withPlane(say, (plane) => plane.list(CLUSTER_AUTH_TOKENS, (raw) => raw));
    expect(list).toMatchObject({ ok: false, failure: { reason } });
  });

  test('whether it is one is asked once', async () => {
    const say = (path: string): Said => (isApi(path) ? API : PLAIN);
    await withPlane(say, async (plane) => {
      for (let time = 0; time < 3; time += 1) await plane.list(CLUSTER_AUTH_TOKENS, (raw) => raw);
    });
    expect(asked.filter(isApi)).toHaveLength(1);
  });

  test('whether it is one is asked again when it did not say', async () => {
    let isBusy = true;
    const say = (path: string): Said => (!isApi(path) ? PLAIN : isBusy ? [503, ''] : API);
    const reasons = await withPlane(say, async (plane) => {
      const read = async (): Promise<unknown> => {
        const list = await plane.list(CLUSTER_AUTH_TOKENS, (raw) => raw);
        return list.ok ? undefined : list.failure.reason;
      };
      const first = await read();
      isBusy = false;
      return [first, await read()];
    });
    expect(reasons).toEqual(['Failing', 'KindMissing']);
  });

  test.each([401, 403])(
    '%i of a Pod, by way of its proxy, is not of what stands before the API server',
    async (code) => {
      const path = '/api/v1/namespaces/a/pods/b:9/proxy/metrics';
      const read = await withPlane(
        () => [code, 'no'],
        (plane) => plane.text(path, 1_000),
      );
      expect(read).toMatchObject({ ok: false, failure: { reason: 'Failing' } });
    },
  );

  test('a kind that is not served is told as that, with what to do', async () => {
    const read = await withPlane(
      (path) => (isApi(path) ? API : PLAIN),
      (plane) => reading(() => plane.client.list(CLUSTER_AUTH_TOKENS)),
    );
    expect(read).toMatchObject({ failure: { message: expect.stringContaining('is not served there') } });
    expect(() => required(read)).toThrow(
      /^KindMissing: .*; apply crds\/, or give the kubeconfig of the right /,
    );
  });

  test('a clock is no proof of an API server', async () => {
    const { skewMs } = await withPlane(
      () => [200, LOGIN],
      (plane) => lookAtManagement(plane, Date.now),
    );
    expect(skewMs).toMatchObject({ ok: false, failure: { reason: 'NoApiServer' } });
  });
});
