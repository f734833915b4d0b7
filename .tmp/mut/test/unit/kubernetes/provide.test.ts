import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const HACK = fileURLToPath(new URL('../../../hack/', import.meta.url));
const PROVIDE = join(HACK, 'control-plane', 'provide.sh');
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/** Programs that do nothing but say their version: which of them is chosen is all that is looked at. */
let scratch: string;
const cached = (minor: string) => join(scratch, 'cache', 'ace-operator', 'control-plane', minor, 'bin');

async function programs(directory: string, version: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  for (const name of ['etcd', 'kube-apiserver', 'kubectl'])
    await writeFile(join(directory, name), `#!/bin/sh\necho "Kubernetes v${version}"\n`, { mode: 0o755 });
  return directory;
}

async function installed(env: Record<string, string> = {}): Promise<string> {
  const own = { PATH, HOME: scratch, XDG_CACHE_HOME: join(scratch, 'cache'), ...env };
  return (await promisify(execFile)(PROVIDE, ['--installed'], { env: own })).stdout.trim();
}

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ace-provide-'));
});
afterEach(() => rm(scratch, { recursive: true }));

describe('the control plane of tests and demo', () => {
  test('is that of KUBEBUILDER_ASSETS, then that of PATH, then the newest of the cache, and 1.20 last', async () => {
    const assets = await programs(join(scratch, 'assets'), '1.33.1');
    const onPath = await programs(join(scratch, 'path'), '1.32.1');
    for (const minor of ['1.20', '1.9', '1.36', '1.100']) await programs(cached(minor), `${minor}.4`);
    const path = { PATH: `${onPath}:${PATH}` };

    expect(await installed({ ...path, KUBEBUILDER_ASSETS: assets })).toBe(assets);
    expect(await installed(path)).toBe(onPath);
    expect(await installed()).toBe(cached('1.100'));
    await Promise.all(['1.100', '1.36', '1.9'].map((minor) => rm(cached(minor), { recursive: true })));
    expect(await installed()).toBe(cached('1.20'));
  });

  test('is of the version that ACE_KUBERNETES names, wherever another one may be', async () => {
    const assets = await programs(join(scratch, 'assets'), '1.37.1');
    for (const minor of ['1.20', '1.37']) await programs(cached(minor), `${minor}.2`);

    expect(await installed({ KUBEBUILDER_ASSETS: assets, ACE_KUBERNETES: '1.20' })).toBe(cached('1.20'));
    expect(await installed({ KUBEBUILDER_ASSETS: assets, ACE_KUBERNETES: '1.37' })).toBe(assets);
  });

  test('is none where a program is missing', async () => {
    await rm(join(await programs(cached('1.37'), '1.37.2'), 'etcd'));

    await expect(installed()).rejects.toMatchObject({ code: 1, stdout: '' });
  });

  test('of a version that nobody can make is refused, and those that can be are named', async () => {
    const answer = installed({ ACE_KUBERNETES: '1.19' });

    await expect(answer).rejects.toMatchObject({ code: 2, stdout: '' });
    await expect(answer).rejects.toThrow(/ACE_KUBERNETES=1\.19 is none of 1\.20 .*1\.37/);
  });
});

describe('the Go modules that the programs are built from', async () => {
  const directory = join(HACK, 'kubernetes', 'modules');

  test.each((await readdir(directory)).filter((name) => name.startsWith('1.')))(
    'Kubernetes %s takes every staging module at the release of its own',
    async (minor) => {
      const { stdout } = await promisify(execFile)('cat', [join(directory, minor, 'go.mod')]);
      const release = /^\tk8s\.io\/kubernetes v1\.(\d+\.\d+)( .*)?$/m.exec(stdout)?.[1];

      expect(release?.startsWith(`${minor.slice(2)}.`)).toBe(true);
      const replaced = [...stdout.matchAll(/^\t(k8s\.io\/\S+) => (\S+) v(\S+)$/gm)];
      expect(replaced.length).toBeGreaterThan(20);
      for (const [, from, to, version] of replaced)
        expect([to, version], from).toEqual([from, `0.${release}`]);
    },
  );
});
