import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { unpackTar } from 'modern-tar';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../../src/cli/program/program.ts';
import { stockLogLine } from '../../../src/sysdump/log-lines.ts';
import { metricsPort } from '../../../src/sysdump/metrics.ts';
import { listOf, PaperPlanes } from '../../support/paper-planes.ts';
import { aRuntime } from '../../support/runtime.ts';

const planes = new PaperPlanes();
let dir: string;
beforeAll(async () => {
  await planes.listen();
  dir = await mkdtemp(join(tmpdir(), 'ace-dump-'));
});
afterAll(async () => {
  await planes.close();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => {
  planes.setClusters('c-one');
  planes.answer = () => undefined;
  planes.requests.length = 0;
});

async function run(file: string, ...more: readonly string[]): Promise<{ code: number; err: string }> {
  const { runtime, told } = aRuntime();
  const args = ['sysdump', '--output-file', file, '--kubeconfig', planes.kubeconfig, ...more];
  return { code: await runProgram(args, runtime), err: told.err };
}

async function unpacked(file: string): Promise<Readonly<Record<string, string>>> {
  const entries = await unpackTar(gunzipSync(await readFile(file)));
  return Object.fromEntries(
    entries.map(({ header, data }) => [
      header.name.replace(/^[^/]+\//, ''),
      Buffer.from(data ?? []).toString('utf8'),
    ]),
  );
}

describe('a file that cannot be made', () => {
  test.each<[title: string, path: () => string]>([
    ['in a directory that is not there', () => join(dir, 'none', 'dump.tar.gz')],
    ['in what is no directory', () => join(planes.kubeconfig, 'dump.tar.gz')],
    ['where nobody may write', () => '/proc/dump.tar.gz'],
    ['under a name that is too long', () => join(dir, 'x'.repeat(300))],
  ])('%s is found before anything is asked', async (_title, path) => {
    const { code, err } = await run(path());
    expect(err).toMatch(/^ace-operator: --output-file \S+: /);
    expect(code).toBe(2);
    expect(planes.requests).toEqual([]);
  });

  test('the trial leaves nothing behind when the management plane is not there', async () => {
    const file = join(dir, 'gone.yaml');
    const text = (await readFile(planes.kubeconfig, 'utf8')).replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:1');
    await writeFile(file, text);
    expect((await run(join(dir, 'gone.tar.gz'), '--kubeconfig', file)).code).toBe(3);
    expect(await readdir(dir)).toEqual(['gone.yaml']);
  });
});

describe('a cluster that is named', () => {
  test('and not there ends it, as elsewhere, before a file is made', async () => {
    const file = join(dir, 'nope.tar.gz');
    const { code, err } = await run(file, 'c-one', 'c-nope');
    expect(err).toMatch(/^ace-operator: [^\n]*there is no Cluster c-nope; [^\n]+\n$/);
    expect(code).toBe(1);
    expect(await readdir(dir)).not.toContain('nope.tar.gz');
  });

  test('and deleted is looked at for as long as its ClusterPropagation is there', async () => {
    const gone = { metadata: { name: 'c-gone', uid: 'c-gone', resourceVersion: '1' } };
    planes.answer = ({ plural }) => (plural === 'clusterpropagations' ? listOf([gone]) : undefined);
    const file = join(dir, 'gone-cluster.tar.gz');
    const { code, err } = await run(file, 'c-gone');
    expect(err).toMatch(/^left out: clusters\/c-gone: /m);
    expect(code).toBe(3);
  });

  test('and not known of is looked for where nobody may list ClusterPropagations', async () => {
    planes.answer = ({ plural }) => (plural === 'clusterpropagations' ? { code: 403 } : undefined);
    expect((await run(join(dir, 'unlisted.tar.gz'), 'c-nope')).code).toBe(3);
  });
});

test('what runs in a cluster is asked on the way by which all else is, and told where that ends', async () => {
  planes.setClusters('c-one', 'c-ill');
  const containers = [{ image: 'ace-operator:v0.1.0' }];
  const set = { metadata: { name: 'ace-authenticator' }, spec: { template: { spec: { containers } } } };
  planes.answer = ({ cluster, plural, name }) => {
    if (cluster === 'c-ill') return { code: 500 };
    return cluster === 'c-one' && plural === 'daemonsets' && name === undefined ? listOf([set]) : undefined;
  };
  const file = join(dir, 'dump.tar.gz');
  expect((await run(file)).code).toBe(3);
  const files = await unpacked(file);
  const { parts } = JSON.parse(files['versions.json'] ?? '');
  expect(parts).toMatchObject([
    { part: 'operator' },
    { part: 'authenticator', where: 'c-ill', failure: { reason: 'Failing' } },
    { part: 'ace-authenticator', where: 'c-one', version: 'v0.1.0' },
  ]);
  expect(files['clusters/c-one/preflight.json']).toBeDefined();
  expect(files['left-out.json']).toContain('clusters/c-ill');
}, 60_000);

describe('where Clusters cannot be listed', () => {
  const refuse = (code: number): void => {
    const reported = { metadata: { name: 'c-one', uid: 'c-one', resourceVersion: '1' } };
    planes.answer = ({ cluster, plural, name }) => {
      if (cluster === undefined && plural === 'clusters') return { code };
      return plural === 'clusterpropagations' && name === undefined ? listOf([reported]) : undefined;
    };
  };
  const left = (files: Readonly<Record<string, string>>): readonly string[] =>
    JSON.parse(files['left-out.json'] ?? '[]').map(({ what }: { what: string }) => what);

  test.each([403, 500])('(%i) those that the operator reports on are looked at', async (code) => {
    refuse(code);
    const file = join(dir, `no-clusters-${code}.tar.gz`);
    const result = await run(file);
    expect(result.err).toMatch(/^left out: clusters: (Forbidden|Failing): .*name others as CLUSTER/m);
    expect(result.code).toBe(3);
    const files = await unpacked(file);
    expect(files['clusters/c-one/preflight.json']).toBeDefined();
    expect(left(files)).toContain('clusters');
  });

  test('one that is named is looked at, and no other is missed', async () => {
    refuse(403);
    const file = join(dir, 'no-clusters-named.tar.gz');
    await run(file, 'c-one');
    const files = await unpacked(file);
    expect(files['clusters/c-one/preflight.json']).toBeDefined();
    expect(left(files)).not.toContain('clusters');
  });

  test('whoever may list neither kind gets the rest', async () => {
    planes.answer = ({ plural, name }) =>
      ['clusters', 'clusterpropagations'].includes(plural) && name === undefined ? { code: 403 } : undefined;
    const file = join(dir, 'neither.tar.gz');
    expect((await run(file)).code).toBe(3);
    expect(Object.keys(await unpacked(file))).toContain('versions.json');
  });
});

describe('where an authenticator serves its metrics', () => {
  test.each<[args: readonly string[], port: number | undefined]>([
    [['authenticator'], undefined],
    [['authenticator', '--metrics-listen=$(NODE_IP):9465'], 9465],
    [['authenticator', '--metrics-listen', '[$(NODE_IP)]:9465'], 9465],
    [['authenticator', '--metrics-listen=127.0.0.1:6442'], undefined],
    [['--metrics-listen=127.0.0.1:6442', '--metrics-listen=$(NODE_IP):9466'], 9466],
    [['--metrics-listen=[::1]:1,localhost:2,10.0.0.1:9465'], 9465],
    [['--metrics-listen'], undefined],
    [['--metrics-listen=$(NODE_IP):99999'], undefined],
    [['--metrics-listen=x:1/../../secrets'], undefined],
  ])('%j', (args, port) => expect(metricsPort(args)).toBe(port));
});

describe('a line of kube-api-auth', () => {
  test.each<[line: string, kept: string | undefined]>([
    ['time="T" level=info msg="a \\"b\\" c" token="x"', 'time="T" level=info msg="a \\"b\\" c"'],
    ['level=error msg=short error="no such"', 'level=error msg=short error="no such"'],
    ['level=error token=x', undefined],
    ['{"msg":"x"}', undefined],
    ['anything else', undefined],
    ['panic: runtime error', 'panic: runtime error'],
  ])('%s', (line, kept) => expect(stockLogLine(line)).toBe(kept));
});
