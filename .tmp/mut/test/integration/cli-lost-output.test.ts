import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS, CLUSTERS, TOKENS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import type { Any } from '../support/plane-client.ts';
import { shell } from '../support/shell.ts';
import { type Downstream, startWorld, type World } from '../support/world.ts';

/** What a command does must not depend on who reads what it prints. */
let world: World;
let one: Downstream;
let dir: string;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ace-cli-'));
  world = await startWorld({ clusters: ['c-one'] });
  one = world.cluster('c-one');
  await world.register('c-one');
  for (const user of ['u-ada', 'u-bob', 'u-eve']) await world.createUser(user);
  await world.createTokens('k', 30, 'c-one', 'u-eve');
  await world.startOperator();
  await world.waitSynced('c-one', '30/30');
  await world.stopOperator();
  env = { KUBECONFIG: world.management.plane.adminKubeconfig, DOWN: one.plane.adminKubeconfig, DIR: dir };
});
afterAll(async () => {
  await world?.close();
  await rm(dir, { recursive: true, force: true });
});

const tokensOf = async (user: string): Promise<readonly Any[]> =>
  (await world.management.list(TOKENS)).filter(({ userId }) => userId === user);
const run = (line: string) => shell(line, env);
const WENT_ON = /nobody read stdout to its end; the command went on, and ends with exit code 0/;

describe('a reader that has read enough', () => {
  test.each([
    ['revoke', 'token revoke --user u-ada --cluster c-one --yes', 'deleted'],
    ['delete', 'token delete $(seq -f "t-%g" 0 29)', 'deleted'],
    ['disable', 'token disable $(seq -f "t-%g" 0 29)', 'disabled'],
  ])('stops no token %s', async (_title, command, done) => {
    const names = await world.createTokens('t', 30, 'c-one', 'u-ada');
    const { codes, stderr } = await run(`ace-operator.js ${command} | head -1`);
    expect(codes).toEqual([0, 0]);
    expect(stderr).toContain(`30 of 30 tokens ${done}`);
    expect(stderr).toMatch(WENT_ON);
    const left = await tokensOf('u-ada');
    expect(left.filter(({ enabled }) => enabled)).toEqual([]);
    expect(left).toHaveLength(done === 'disabled' ? 30 : 0);
    for (const name of left.length > 0 ? names : []) await world.deleteToken(name);
  });

  test('does not even read, and a single token is reported on stderr', async () => {
    await world.createTokens('t', 1, 'c-one', 'u-ada');
    const { codes, stderr } = await run('ace-operator.js token delete t-0 > >(exec 0<&-; sleep 0.1)');
    expect({ codes, left: await tokensOf('u-ada') }).toEqual({ codes: [0], left: [] });
    expect(stderr).toContain('1 of 1 tokens deleted');
  });

  test('of what only looks ends it, and that is fine', async () => {
    const { codes, stdout, stderr } = await run('ace-operator.js token list | head -1');
    expect({ codes, stderr }).toEqual({ codes: [0, 0], stderr: '' });
    expect(stdout).toMatch(/^NAME/);
  });
});

describe('a disk that is full', () => {
  test('stops no revocation, and is told by the exit code', async () => {
    await world.createTokens('t', 30, 'c-one', 'u-ada');
    const { codes, stderr } = await run('ace-operator.js token revoke --user u-ada --yes >/dev/full');
    expect({ codes, left: await tokensOf('u-ada') }).toEqual({ codes: [1], left: [] });
    expect(stderr).toContain('30 of 30 tokens deleted');
    expect(stderr).toContain('stdout: no space is left');
  });

  test('makes an answer that is lost no success', async () => {
    const { codes, stderr } = await run('ace-operator.js token list >/dev/full');
    expect(codes).toEqual([1]);
    expect(stderr).toContain('stdout: no space is left');
  });
});

describe('a new token whose bearer could not be written', () => {
  const create = 'token create --user u-bob --output-file -';
  const kubeconfig = 'kubeconfig c-one --user u-bob --create-token --output-file -';
  beforeAll(async () => {
    await world.management.patch(CLUSTERS, 'c-one', {
      spec: { localClusterAuthEndpoint: { fqdn: 'one.example' } },
    });
  });
  test.each([
    [create, '>/dev/full', /stdout: no space is left/],
    [kubeconfig, '>/dev/full', /stdout: no space is left/],
    [create, '> >(exec 0<&-)', /stdout: its reader is gone/],
    [kubeconfig, '> >(exec 0<&-)', /stdout: its reader is gone/],
    [create.replace('-file -', '-file "$DIR/none/there"'), '', /no such file/],
  ])('%s %s is taken back', async (command, redirection, why) => {
    // The reader is gone for certain before anything is written: the command takes longer to start.
    const { codes, stderr } = await run(`ace-operator.js ${command} ${redirection}`);
    expect(stderr).toMatch(why);
    expect(stderr).not.toContain('uncaught');
    expect(codes[0]).not.toBe(0);
    expect(await tokensOf('u-bob')).toEqual([]);
  });
});

describe('what goes in a cluster', () => {
  test('goes, whoever reads gc --apply', async () => {
    await world.setAce('c-one', false);
    const { codes, stderr } = await run('ace-operator.js gc --apply c-one | head -1');
    expect(codes).toEqual([0, 0]);
    expect(stderr).toMatch(WENT_ON);
    expect(stderr).toMatch(/61 of 61 objects deleted/);
    expect(await one.ours()).toEqual([]);
    await world.setAce('c-one', true);
  });

  test('goes, whoever reads cleanup', async () => {
    await world.startOperator();
    await eventually(async () => expect(await one.ours()).toHaveLength(61), { timeoutMs: 30_000 });
    await world.stopOperator();
    const { codes, stderr } = await run(
      'ace-operator.js cleanup --kubeconfig "$DOWN" --cluster c-one --yes | head -1',
    );
    expect(codes).toEqual([0, 0]);
    expect(stderr).toMatch(WENT_ON);
    expect(await one.ours()).toEqual([]);
  });

  test('is waited for, whoever reads drain', async () => {
    const { codes, stderr } = await run('ace-operator.js drain c-one --wait --timeout 2s > >(exec 0<&-)');
    expect(codes).toEqual([1]);
    expect(stderr).toContain('not drained after 2s');
    expect((await world.management.get(CLUSTER_PROPAGATIONS, 'c-one')).spec.drain).toBe(true);
  });
});

const PROGRAM = fileURLToPath(new URL('../../bin/ace-operator.js', import.meta.url));

/** Starts a command, sends a signal as soon as `when` holds of its stdout, and waits for its end. */
async function interrupted(
  args: readonly string[],
  signal: NodeJS.Signals,
  when: (stdout: string) => boolean,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { KUBECONFIG: _, ...own } = process.env;
  const child = spawn(PROGRAM, [...args], { env: { HOME: '/nonexistent', ...own, ...env }, stdio: 'pipe' });
  const told = { stdout: '', stderr: '' };
  child.stderr.on('data', (chunk: Buffer) => {
    told.stderr += chunk.toString();
  });
  let isSent = false;
  child.stdout.on('data', (chunk: Buffer) => {
    told.stdout += chunk.toString();
    if (isSent || !when(told.stdout)) return;
    isSent = true;
    child.kill(signal);
  });
  if (when('')) child.kill(signal);
  const [code] = await once(child, 'close');
  return { code, ...told };
}

describe('a signal', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s ends a revocation between two tokens, and what is left is said', async (signal, code) => {
    const names = await world.createTokens('s', 150, 'c-one', 'u-ada');
    const ended = await interrupted(['token', 'delete', ...names], signal, (text) =>
      text.includes('deleted'),
    );
    const left = await tokensOf('u-ada');
    expect(ended.code).toBe(code);
    expect(ended.stdout.match(/deleted/g)).toHaveLength(150 - left.length);
    expect(ended.stderr).toContain(`${150 - left.length} of ${150 - left.length} tokens deleted`);
    expect(ended.stderr).toContain(`interrupted: ${left.length} tokens were left as they are`);
    expect(left.length).toBeGreaterThan(0);
    for (const { metadata } of left) await world.deleteToken(metadata.name);
  });
});

describe('Ctrl-C while a new token is being stored', () => {
  let plane: Server;
  const seen: string[] = [];
  let answersPost = true;
  let interrupt: () => void = () => {};
  beforeAll(async () => {
    plane = createServer((request, response) => {
      seen.push(`${request.method} ${request.url?.split('?')[0]?.split('/').at(-1)}`);
      response.setHeader('content-type', 'application/json');
      const name = {
        apiVersion: 'management.cattle.io/v3',
        kind: 'Token',
        metadata: { name: 'new', uid: '7' },
      };
      const token = JSON.stringify({ ...name, userId: 'u-ada', token: 'x', enabled: true });
      if (request.method === 'POST') {
        interrupt();
        if (answersPost) setTimeout(() => response.writeHead(201).end(token), 300);
        return;
      }
      if (request.method === 'DELETE') return void response.end('{"kind":"Status","status":"Success"}');
      if (request.url?.includes('/users/'))
        return void response.end(JSON.stringify({ metadata: { name: 'u-ada', uid: '1' }, enabled: true }));
      if (request.url === '/api') return void response.end('{"kind":"APIVersions","versions":["v1"]}');
      const status = { kind: 'Status', reason: 'NotFound', code: 404, details: { name: 'x' } };
      response.writeHead(404).end(JSON.stringify(status));
    });
    await new Promise<void>((resolve) => plane.listen(0, '127.0.0.1', resolve));
    const { port } = plane.address() as AddressInfo;
    const cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
    const kubeconfig = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'x',
      clusters: [{ name: 'x', cluster }],
      contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
      users: [{ name: 'x', user: { token: 'not-a-real-bearer' } }],
    };
    await writeFile(join(dir, 'slow'), JSON.stringify(kubeconfig));
  });
  afterAll(() => {
    plane?.closeAllConnections();
    plane?.close();
  });

  async function create(): Promise<{ code: number | null; stderr: string; files: readonly string[] }> {
    const args = ['token', 'create', '--user', 'u-ada', '--name', 'new', '--request-timeout', '2s'];
    const file = join(dir, 'bearer');
    const child = spawn(PROGRAM, [...args, '--output-file', file, '--kubeconfig', join(dir, 'slow')]);
    interrupt = () => child.kill('SIGINT');
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const [code] = await once(child, 'close');
    return { code, stderr, files: (await readdir(dir)).filter((name) => name.startsWith('bearer')) };
  }

  test('takes it back', async () => {
    const { code, stderr, files } = await create();
    expect({ code, files }).toEqual({ code: 130, files: [] });
    expect(stderr).toContain('token new was deleted again');
    expect(seen.at(-1)).toBe('DELETE new');
  });

  test('names it where nobody knows whether it was stored', async () => {
    answersPost = false;
    const { code, stderr, files } = await create();
    expect({ code, files }).toEqual({ code: 3, files: [] });
    expect(stderr).toContain('if token new exists now, delete it');
  });
});
