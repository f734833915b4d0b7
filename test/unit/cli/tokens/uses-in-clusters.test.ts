import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../../../../src/cli/program/program.ts';
import { aRuntime } from '../../../support/runtime.ts';

const DAY_MS = 86_400_000;
const ago = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();

let server: Server;
let dir: string;
let file: string;

const token = (name: string, clusterName: string, lastUsedAt = ''): object => ({
  metadata: { name, uid: name, creationTimestamp: ago(100) },
  token: 'not-a-real-secret',
  userId: 'u-ada',
  clusterName,
  lastUsedAt,
  enabled: true,
});
const TOKENS = [
  token('daily', 'c-1', ago(90)),
  token('noted-nowhere', 'c-1'),
  token('used-there-alone', 'c-1'),
  token('idle', 'c-1', ago(90)),
  token('unseen', 'c-away', ago(90)),
  token('unscoped', '', ago(90)),
];

/** One server is the management plane and its cluster c-1. */
function answerTo(url: string): object | undefined {
  const items = (all: readonly object[]): object => ({
    kind: 'List',
    metadata: { resourceVersion: '1' },
    items: all,
  });
  if (url.includes('/tokens')) return items(TOKENS);
  if (url.includes('/clusterauthtokens'))
    return items(
      [
        ['daily', ago(0)],
        ['used-there-alone', ago(0)],
        ['idle', ago(60)],
        ['noted-nowhere', ''],
      ].map(([name, lastUsedAt]) => ({
        metadata: { name, namespace: 'cattle-system', uid: name },
        userName: 'u-ada',
        enabled: true,
        lastUsedAt,
      })),
    );
  if (url.includes('/cattle-tokens/')) return items([]);
  if (url.includes('/secrets'))
    return items([
      {
        metadata: {
          name: 'c-1',
          namespace: 'ace-operator',
          uid: '1',
          labels: { 'ace-operator.io/cluster': 'c-1' },
        },
        data: { kubeconfig: Buffer.from(kubeconfig()).toString('base64') },
      },
    ]);
  return undefined;
}

function kubeconfig(): string {
  const { port } = server.address() as AddressInfo;
  const cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'x',
    clusters: [{ name: 'x', cluster }],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    users: [{ name: 'x', user: { token: 'not-a-real-bearer' } }],
  });
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ace-uses-'));
  server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    const answer = answerTo(request.url ?? '');
    const missing = { kind: 'Status', reason: 'NotFound', code: 404, details: { name: 'x' } };
    response.writeHead(answer ? 200 : 404).end(JSON.stringify(answer ?? missing));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  file = join(dir, 'kubeconfig');
  await writeFile(file, kubeconfig());
});
afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await rm(dir, { recursive: true, force: true });
});

async function revoke(...filter: readonly string[]): Promise<{ names: readonly string[]; err: string }> {
  const { runtime, told } = aRuntime();
  const args = ['token', 'revoke', ...filter, '--dry-run', 'client', '-o', 'name', '--kubeconfig', file];
  expect(await runProgram(args, runtime)).toBe(0);
  return { names: told.out.split('\n').flatMap((line) => line.split('/')[1] ?? []), err: told.err };
}

test('a token that its cluster saw in use is not unused, whatever the management plane knows', async () => {
  const { names, err } = await revoke('--unused-since', '30d');
  expect(names).toEqual(['idle', 'unscoped']);
  expect(err).toContain('left out: 1 tokens of cluster c-away, which cannot be asked');
});

test('one of which no use was noted is meant by its own flag alone', async () => {
  expect((await revoke('--never-used', '30d')).names).toEqual(['noted-nowhere']);
  expect((await revoke('--never-used', '200d')).names).toEqual([]);
});
