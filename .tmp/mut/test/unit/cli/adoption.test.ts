import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runProgram } from '../../../src/cli/program/program.ts';
import { aRuntime } from '../../support/runtime.ts';

// One server in the place of both planes: cluster c-1, in which Rancher left five ClusterAuthTokens without a Token.

const NAMES = ['t-0', 't-1', 't-2', 't-3', 't-4'];

let server: Server;
let dir: string;
let file: string;
let deletions: string[] = [];

const list = (...items: readonly object[]): object => ({
  kind: 'List',
  metadata: { resourceVersion: '1' },
  items,
});

const metadata = (name: string, namespace: string, labels: object = {}): object => ({
  ...{ name, namespace, uid: `uid-${name}`, resourceVersion: '1', labels },
});

/** What there is of a kind; undefined: there is no such object. Only Tokens are asked for by name. */
function answerOf(path: string): object | undefined {
  const { namespace, name } =
    /(?:namespaces\/(?<namespace>[\w-]+)\/)?[a-z]+(?:\/(?<name>t-\d))?$/.exec(path)?.groups ?? {};
  if (name !== undefined) return undefined;
  switch (path.split('/').at(-1)) {
    case 'clusters':
      return list({ metadata: metadata('c-1', ''), spec: { localClusterAuthEndpoint: { enabled: true } } });
    case 'clusterauthtokens':
      return list(
        ...NAMES.map((one) => ({
          metadata: metadata(one, 'cattle-system', { 'cattle.io/creator': 'norman' }),
          ...{ userName: 'u-1', enabled: true },
        })),
      );
    case 'secrets':
      return namespace === 'ace-operator'
        ? list({
            metadata: metadata('c-1', namespace, { 'ace-operator.io/cluster': 'c-1' }),
            data: { kubeconfig: Buffer.from(kubeconfig()).toString('base64') },
          })
        : list();
    default:
      return list();
  }
}

function kubeconfig(): string {
  const { port } = server.address() as AddressInfo;
  return JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'x' },
    clusters: [
      { name: 'x', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
    ],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    users: [{ name: 'x', user: { token: 'not-a-real-bearer' } }],
  });
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ace-adoption-'));
  server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const name = path.split('/').at(-1) ?? '';
    response.setHeader('content-type', 'application/json');
    if (request.method === 'DELETE') {
      deletions.push(name);
      if (name !== 't-0') return void response.destroy();
      return void response.end(JSON.stringify({ kind: 'Status', status: 'Success' }));
    }
    const answer = answerOf(path);
    if (answer) return void response.end(JSON.stringify(answer));
    const status = { kind: 'Status', status: 'Failure', reason: 'NotFound', code: 404, details: { name } };
    response.writeHead(404).end(JSON.stringify(status));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  file = join(dir, 'kubeconfig');
  await writeFile(file, kubeconfig());
});
beforeEach(() => {
  deletions = [];
});
afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await rm(dir, { recursive: true, force: true });
});

async function remove(...more: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { runtime, told } = aRuntime({ isTerminal: false });
  const args = ['adoption', 'c-1', '--remove-leftovers', '--yes', '--kubeconfig', file, ...more];
  const code = await runProgram(args, runtime);
  return { code, ...told };
}

test('what was deleted is told when removal gives up, and then that it did', async () => {
  const { code, out, err } = await remove('-o', 'json');
  expect(code).toBe(3);
  const { items } = JSON.parse(out) as { items: { object: { name: string }; result: string }[] };
  const results = items.map(({ object, result }) => [object.name, result]);
  expect(results).toContainEqual(['t-0', 'deleted']);
  expect(results).toContainEqual(['t-1', 'failed']);
  expect(err).toContain('1 of ');
  expect(err).toContain('cluster c-1: given up');
});

test.each([[[]], [['--dry-run=server']]])(
  'nothing is taken out of what is not proven to be the cluster that is meant (%j)',
  async (more) => {
    const { code, err } = await remove('--downstream-kubeconfig', file, ...more);
    expect(code).toBe(2);
    expect(err).toContain('leave --downstream-kubeconfig out');
    expect(deletions).toEqual([]);
  },
);
