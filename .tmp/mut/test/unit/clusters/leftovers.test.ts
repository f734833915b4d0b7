import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { holdsOurs } from '../../../src/clusters/leftovers.ts';
import { downstreamAccess } from '../../../src/kube/kubeconfig.ts';

let server: Server;

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Asks a server that answers each path so. */
async function ask(answer: (path: string) => { status: number; body: object }): Promise<boolean> {
  server = createServer((request, response) => {
    const { status, body } = answer(request.url ?? '');
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/k8s/clusters/c-1`;
  const access = await downstreamAccess(
    JSON.stringify({
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server: address, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: { token: 'x' } }],
    }),
  );
  return holdsOurs({
    access,
    cluster: 'c-1',
    namespace: 'cattle-system',
    connections: 1,
    timeoutMs: 5_000,
    userAgent: 'test',
  });
}

const absent = { status: 404, body: { type: 'error', code: 'NotFound' } };
const empty = { status: 200, body: { metadata: { resourceVersion: '1' }, items: [] } };

describe('whether anything of ours is left', () => {
  test('is not known from a proxy that does not reach the cluster', async () => {
    await expect(ask(() => absent)).rejects.toThrow('404');
  });

  test('nothing is, where our kinds are not defined and the cluster has no Secret of ours', async () => {
    expect(await ask((path) => (path.includes('/secrets') ? empty : absent))).toBe(false);
  });

  test('something is, where a Secret of ours is there', async () => {
    const labels = { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': 'c-1' };
    const secret = { metadata: { name: 's', namespace: 'cattle-system', labels } };
    const list = { ...empty, body: { ...empty.body, items: [secret] } };
    expect(await ask((path) => (path.includes('/secrets') ? list : absent))).toBe(true);
  });
});
