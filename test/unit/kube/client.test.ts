import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS, CLUSTERS, SECRETS } from '../../../src/api/names.ts';
import { ApiError, ConnectionError } from '../../../src/errors.ts';
import { KubeClient } from '../../../src/kube/client.ts';
import { collectionPath } from '../../../src/kube/paths.ts';
import { Transport } from '../../../src/kube/transport.ts';
import { CANARY } from '../../support/builders.ts';

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly type: string | undefined;
  readonly authorization: string | undefined;
  readonly body: unknown;
}
interface Answer {
  readonly status: number;
  readonly body?: string;
}

const KEY = { resource: CLUSTER_AUTH_TOKENS, namespace: 'ns', name: 't-1' };
const json = (status: number, body: object): Answer => ({ status, body: JSON.stringify(body) });
const NOT_FOUND = json(404, { kind: 'Status', reason: 'NotFound', message: 'no', details: { name: 't-1' } });

let server: Server;
let transport: Transport;
let client: KubeClient;
let seen: Seen[];
let counted: string[];
let onRequest: (seen: Seen) => Answer;
let credential: string;

beforeEach(async () => {
  seen = [];
  counted = [];
  credential = 'first';
  onRequest = () => json(200, {});
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://server');
      const text = Buffer.concat(chunks).toString();
      const one: Seen = {
        method: request.method ?? '',
        path: pathname,
        query: searchParams,
        type: request.headers['content-type'],
        authorization: request.headers.authorization,
        body: text === '' ? undefined : JSON.parse(text),
      };
      seen.push(one);
      const { status, body } = onRequest(one);
      response.writeHead(status).end(body ?? '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix/`);
  let shown = 'first';
  transport = new Transport(
    {
      server: url,
      tls: {},
      headers: async (fresh) => {
        if (fresh) shown = credential;
        return { authorization: `Bearer ${shown}` };
      },
    },
    { connections: 2, timeoutMs: 5_000, userAgent: 'test' },
  );
  client = new KubeClient(transport, (verb, code) => counted.push(`${verb} ${code}`));
});
afterEach(async () => {
  await transport.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('get', () => {
  test('answers with the live object', async () => {
    onRequest = () => json(200, { metadata: { name: 't-1' } });
    expect(await client.get(KEY)).toEqual({ metadata: { name: 't-1' } });
    expect(seen[0]).toMatchObject({
      method: 'GET',
      path: '/prefix/apis/cluster.cattle.io/v3/namespaces/ns/clusterauthtokens/t-1',
    });
  });

  test('an object that is missing is undefined', async () => {
    onRequest = () => NOT_FOUND;
    expect(await client.get(KEY)).toBeUndefined();
  });

  test('a kind that is not served is an error, never an absence', async () => {
    onRequest = () => ({ status: 404, body: '404 page not found' });
    await expect(client.get(KEY)).rejects.toMatchObject({ code: 404, objectMissing: false });
  });

  test('a name cannot leave its place in the path', async () => {
    await client.get({ ...KEY, name: '../../secrets/x' });
    expect(seen[0]?.path).toBe(
      '/prefix/apis/cluster.cattle.io/v3/namespaces/ns/clusterauthtokens/..%2F..%2Fsecrets%2Fx',
    );
  });

  test('an answer that is not JSON is an error that does not repeat it', async () => {
    onRequest = () => ({ status: 200, body: `<html>${CANARY}</html>` });
    const reading = client.get(KEY);
    await expect(reading).rejects.toThrow(ApiError);
    await expect(reading).rejects.not.toMatchObject({ message: expect.stringContaining(CANARY) });
  });
});

describe('writes', () => {
  test('a creation is posted to the collection, under our field manager', async () => {
    const object = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'ns' } };
    await client.create(SECRETS, object);
    expect(seen[0]).toMatchObject({
      method: 'POST',
      path: '/prefix/api/v1/namespaces/ns/secrets',
      type: 'application/json',
      body: object,
    });
    expect(seen[0]?.query.get('fieldManager')).toBe('ace-operator');
  });

  test('a patch is a merge patch', async () => {
    await client.patch(KEY, { enabled: false });
    expect(seen[0]).toMatchObject({
      method: 'PATCH',
      type: 'application/merge-patch+json',
      body: { enabled: false },
    });
  });

  test('a status is patched apart', async () => {
    await client.patch({ resource: CLUSTERS, name: 'c-1' }, {}, { subresource: 'status' });
    expect(seen[0]?.path).toBe('/prefix/apis/management.cattle.io/v3/clusters/c-1/status');
  });

  test('a deletion demands the UID', async () => {
    await client.delete(KEY, { uid: 'uid-1' });
    expect(seen[0]).toMatchObject({ method: 'DELETE', body: { preconditions: { uid: 'uid-1' } } });
  });

  test('deleting what is gone is done', async () => {
    onRequest = () => NOT_FOUND;
    await expect(client.delete(KEY, { uid: 'uid-1' })).resolves.toBeUndefined();
  });

  test('deleting of a kind that is not served is an error', async () => {
    onRequest = () => ({ status: 404, body: '404 page not found' });
    await expect(client.delete(KEY, { uid: 'uid-1' })).rejects.toThrow(ApiError);
  });

  test('a refusal does not repeat what was sent', async () => {
    onRequest = ({ body }) => json(422, { kind: 'Status', reason: 'Invalid', message: JSON.stringify(body) });
    const object = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'a', namespace: 'ns' },
      data: { hash: CANARY },
    };
    await expect(client.create(SECRETS, object)).rejects.not.toMatchObject({
      message: expect.stringContaining(CANARY),
    });
  });
});

describe('credentials', () => {
  test('after a 401 they are read again, once', async () => {
    onRequest = ({ authorization }) =>
      authorization === 'Bearer second' ? json(200, { ok: true }) : json(401, {});
    credential = 'second';
    expect(await client.get(KEY)).toEqual({ ok: true });
    expect(seen.map(({ authorization }) => authorization)).toEqual(['Bearer first', 'Bearer second']);
  });

  test('a second 401 is an error', async () => {
    onRequest = () => json(401, {});
    await expect(client.get(KEY)).rejects.toMatchObject({ code: 401 });
    expect(seen).toHaveLength(2);
  });
});

describe('no answer', () => {
  test('is a ConnectionError, and is counted as code 0', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(client.get(KEY)).rejects.toThrow(ConnectionError);
    expect(counted).toEqual(['get 0']);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  test('a signal ends a request', async () => {
    await expect(client.list(KEY.resource, { signal: AbortSignal.abort() })).rejects.toThrow(ConnectionError);
    expect(seen).toEqual([]);
  });
});

test('every answered request is counted with its code', async () => {
  await client.get(KEY);
  onRequest = () => NOT_FOUND;
  await client.get(KEY);
  expect(counted).toEqual(['get 200', 'get 404']);
});

describe('collectionPath', () => {
  const cases = {
    'the core group': { resource: SECRETS, namespace: 'ns', want: '/api/v1/namespaces/ns/secrets' },
    'across all namespaces': { resource: SECRETS, namespace: undefined, want: '/api/v1/secrets' },
    'a cluster-scoped kind has no namespace': {
      resource: CLUSTERS,
      namespace: 'ns',
      want: '/apis/management.cattle.io/v3/clusters',
    },
  };
  for (const [title, { resource, namespace, want }] of Object.entries(cases)) {
    test(title, () => {
      expect(collectionPath(resource, namespace)).toBe(want);
    });
  }
});

describe('a watch', () => {
  const options = { resourceVersion: '1', timeoutSeconds: 1 };

  test('is counted by its status, and as 0 when there is no answer', async () => {
    await client.watch(SECRETS, options, new AbortController().signal);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(client.watch(SECRETS, options, new AbortController().signal)).rejects.toThrow(
      ConnectionError,
    );
    expect(counted).toEqual(['watch 200', 'watch 0']);
  });

  test('that we end ourselves is no request without an answer', async () => {
    await expect(client.watch(SECRETS, options, AbortSignal.abort())).rejects.toThrow(ConnectionError);
    expect(counted).toEqual([]);
  });
});
