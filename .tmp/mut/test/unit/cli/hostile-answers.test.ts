import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../../../src/cli/program/program.ts';
import { aRuntime } from '../../support/runtime.ts';

const ESC = '\u001b';
/** Sets the title of a window, clears the screen, says that all is well, turns the direction of writing. */
const HOSTILE = `x${ESC}]0;owned\u0007${ESC}[2J\u009b32mall is well\u202e\u2028`;
const UNSEEN = /[^\p{L}\p{M}\p{N}\p{P}\p{S} \n]/u;

let server: Server;
let dir: string;
let file: string;
let mode: 'forbid' | 'names' = 'forbid';
const bearers = new Set<string>();

const list = (items: readonly object[]): object => ({
  kind: 'List',
  metadata: { resourceVersion: '1' },
  items,
});
const meta = (name: string): object => ({
  name,
  namespace: 'cattle-system',
  uid: `uid-${name.length}`,
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
  labels: { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': HOSTILE },
});

/** What a management plane and a cluster that were taken over would answer: every text in it is meant for a terminal. */
function answerOf({ method, url = '' }: IncomingMessage): object {
  const kind = /(\w+)(\?|$)/.exec(url)?.[1] ?? '';
  if (method === 'DELETE') return { kind: 'Status', status: 'Success' };
  if (kind === 'clusters')
    return list([
      {
        metadata: meta('c-evil'),
        spec: { displayName: HOSTILE, localClusterAuthEndpoint: { enabled: true, fqdn: HOSTILE } },
      },
    ]);
  if (kind === 'tokens')
    return list([
      {
        metadata: meta(HOSTILE),
        token: 'x',
        userId: HOSTILE,
        clusterName: 'c-evil',
        description: HOSTILE,
        authProvider: HOSTILE,
      },
    ]);
  if (kind === 'clusterauthtokens')
    return list([{ metadata: meta(HOSTILE), userName: HOSTILE, enabled: true }]);
  if (kind === 'clusterpropagations')
    return list([
      {
        metadata: meta('c-evil'),
        spec: {},
        status: {
          conditions: [{ type: 'Ready', status: 'False', reason: HOSTILE, message: HOSTILE }],
          lastError: HOSTILE,
        },
      },
    ]);
  if (kind === 'secrets' && url.includes('/ace-operator/'))
    return list([
      {
        metadata: {
          name: 'evil',
          namespace: 'ace-operator',
          uid: '1',
          labels: { 'ace-operator.io/cluster': 'c-evil' },
        },
        data: { kubeconfig: Buffer.from(kubeconfig()).toString('base64') },
      },
    ]);
  return list([]);
}

function kubeconfig(context = 'x'): string {
  const { port } = server.address() as AddressInfo;
  const cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': context,
    clusters: [{ name: 'x', cluster }],
    contexts: [{ name: context, context: { cluster: 'x', user: 'x' } }],
    users: [{ name: 'x', user: { token: 'not-a-real-bearer' } }],
  });
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ace-hostile-'));
  server = createServer((request, response) => {
    bearers.add(String(request.headers.authorization));
    response.setHeader('content-type', 'application/json');
    if (mode === 'names') return void response.end(JSON.stringify(answerOf(request)));
    const status = { kind: 'Status', status: 'Failure', reason: 'Forbidden', code: 403, message: HOSTILE };
    response.writeHead(403).end(JSON.stringify(status));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  file = join(dir, 'kubeconfig');
  await writeFile(file, kubeconfig());
  await writeFile(join(dir, 'given'), kubeconfig(HOSTILE));
});
afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await rm(dir, { recursive: true, force: true });
});

async function run(...args: readonly string[]): Promise<string> {
  const { runtime, told } = aRuntime({ isTerminal: false });
  await runProgram(args, runtime);
  return told.out + told.err;
}

const FORMATS = ['table', 'wide', 'json', 'yaml', 'name'];
const COMMANDS: readonly (readonly string[])[] = [
  ['status'],
  ['status', 'c-evil'],
  ['gc'],
  ['gc', '--apply', 'c-evil'],
  ['gc', '--allow', 'c-evil'],
  ['adoption'],
  ['adoption', 'c-evil', '--remove-leftovers', '--yes'],
  ['preflight'],
  ['preflight', 'c-evil'],
  ['explain', 'nobody', '--cluster', 'c-evil'],
  ['wait', 'nobody', '--for=revoked', '--cluster', 'c-evil', '--timeout', '0s'],
  ['token', 'list'],
  ['token', 'revoke', '--cluster', 'c-evil', '--dry-run', 'client'],
  ['token', 'revoke', '--all'],
  ['cleanup', '--yes', '--dry-run', 'client'],
  ['cleanup', '--yes'],
  ['drain', 'c-evil'],
  ['kubeconfig', 'c-evil'],
];
const WITHOUT_FORMAT = new Set(['drain', 'kubeconfig']);

describe.each(['forbid', 'names'] as const)('where every answer is hostile (%s)', (how) => {
  test.each(COMMANDS.map((args) => [args.join(' '), args] as const))(
    '%s says something, and nothing that moves a cursor',
    async (_title, args) => {
      mode = how;
      for (const format of WITHOUT_FORMAT.has(args[0] ?? '') ? [''] : FORMATS) {
        const text = await run(...args, '--kubeconfig', file, ...(format === '' ? [] : ['-o', format]));
        expect(text).not.toMatch(UNSEEN);
        expect(text).not.toContain('TypeError');
      }
      expect(await run(...args, '--kubeconfig', file)).not.toBe('');
    },
  );
});

test('a kubeconfig whose context is hostile is explained in letters that can be seen', async () => {
  mode = 'forbid';
  for (const format of FORMATS) {
    const text = await run('explain', '-f', join(dir, 'given'), '--kubeconfig', file, '-o', format);
    expect(text).not.toMatch(UNSEEN);
  }
});

test('a bearer that a handed-in kubeconfig only points to goes nowhere', async () => {
  mode = 'names';
  await writeFile(join(dir, 'secret'), 'token-mine:of-the-reader');
  const pointing = JSON.parse(kubeconfig()) as { users: { user: object }[] };
  pointing.users = [{ name: 'x', user: { tokenFile: join(dir, 'secret') } } as { user: object }];
  await writeFile(join(dir, 'pointing'), JSON.stringify(pointing));
  bearers.clear();
  const said = await run('explain', '-f', join(dir, 'pointing'), '--kubeconfig', file);
  expect(said).toContain('--follow-files');
  // Read, it still goes to no server that the management plane does not know, nor over plain HTTP.
  await run('explain', '-f', join(dir, 'pointing'), '--kubeconfig', file, '--follow-files');
  expect([...bearers]).toEqual(['Bearer not-a-real-bearer']);
});

test('text leaves through the few places that filter it, or that have to write it as it is', async () => {
  const cli = new URL('../../../src/cli/', import.meta.url);
  const writing: string[] = [];
  for (const name of await readdir(cli, { recursive: true })) {
    if (!name.endsWith('.ts')) continue;
    if (/std(out|err)\s*\.write|\{ stdout \}/.test(await readFile(new URL(name, cli), 'utf8')))
      writing.push(name);
  }
  // Help and completion are our own words, an archive is no text; a bearer, a drawn picture, a printed answer have been filtered by field.
  expect(writing.sort()).toEqual([
    'ask/run-sysdump.ts',
    'completion/run-completion.ts',
    'follow/run-status.ts',
    'issue/secret-file.ts',
    'program/program.ts',
    'terminal/printer.ts',
    'terminal/progress.ts',
    'terminal/say.ts',
  ]);
});
