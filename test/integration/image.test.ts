import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REPOSITORY } from '../../src/version.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NAME = 'local/ace-operator:test';
const isRoot = process.getuid?.() === 0;
if (!isRoot)
  console.warn('image: not root, so nothing can be run within the image (chroot): those tests are skipped');

interface Entry {
  readonly mode: string;
  readonly owner: string;
  readonly path: string;
}

let directory: string;
let rootfs: string;
let entries: readonly Entry[];
let files: readonly string[];
let config: {
  config: { Entrypoint: string[]; User: string; Labels: Record<string, string> };
  created: string;
};
let manifest: { Config: string; RepoTags: string[]; Layers: string[] };

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ace-image-test-'));
  rootfs = join(directory, 'rootfs');
  mkdirSync(rootfs);
  build('image.tar');
  execFileSync('tar', ['-C', directory, '-xf', join(directory, 'image.tar')]);
  [manifest] = JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8'));
  config = JSON.parse(readFileSync(join(directory, manifest.Config), 'utf8'));
  entries = manifest.Layers.flatMap((layer) => unpack(join(directory, layer)));
  files = entries.filter(({ mode }) => mode.startsWith('-')).map(({ path }) => path);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function build(name: string): void {
  const { status, stderr } = spawnSync(
    join(ROOT, 'hack/image/build-offline.sh'),
    [join(directory, name), NAME],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(`build-offline.sh: ${stderr}`);
}

function unpack(layer: string): Entry[] {
  execFileSync('tar', ['-C', rootfs, '--no-same-owner', '-xpf', layer]);
  const listing = execFileSync('tar', ['--numeric-owner', '-tvf', layer], { encoding: 'utf8' });
  return listing
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [, mode = '', owner = '', path = ''] =
        /^(\S+) (\S+) +\d+ \S+ \S+ \.\/(.*?)(?: -> .*)?$/.exec(line) ?? [];
      return { mode, owner, path };
    });
}

/** Runs the image's Node as its user, with the image's files and nothing else. */
function run(...args: string[]): { status: number | null; output: string } {
  const { User, Entrypoint } = config.config;
  const command = args[0]?.endsWith('.mjs') ? Entrypoint.slice(0, 1) : Entrypoint;
  const { status, stdout, stderr } = spawnSync(
    'chroot',
    [`--userspec=${User}`, rootfs, ...command, ...args],
    { encoding: 'utf8', env: { PATH: process.env['PATH'] } },
  );
  return { status, output: stdout + stderr };
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

test('built twice, it is the same to the last byte, whoever may read what its builder writes', async () => {
  const usual = process.umask(0o077);
  try {
    build('again.tar');
  } finally {
    process.umask(usual);
  }
  expect(await digest(join(directory, 'again.tar'))).toBe(await digest(join(directory, 'image.tar')));
});

test('bears the name that was asked for, and says what it is', () => {
  expect(manifest.RepoTags).toEqual([NAME]);
  const { version, license } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  expect(config.config.Labels).toMatchObject({
    'org.opencontainers.image.title': 'ace-operator',
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.source': REPOSITORY,
    'org.opencontainers.image.licenses': license,
    'org.opencontainers.image.revision': expect.stringMatching(/^[0-9a-f]{40}$|^unknown$/),
  });
});

describe('holds', () => {
  test('exactly the packages that npm would install for production, without those that are types only', () => {
    const listed = execFileSync('npm', ['ls', '--all', '--parseable', '--omit=dev', '--omit=optional'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const wanted = listed
      .split('\n')
      .map((path) => path.slice(ROOT.length))
      .filter((path) => path.startsWith('node_modules/'))
      // npm ls shows optional ones all the same. They are native code.
      .filter((path) => !/\/(@types\/[^/]+|undici-types|@napi-rs\/nice[^/]*)$/.test(path));
    const held = files
      .filter((path) => /node_modules\/(@[^/]+\/)?[^/@]+\/package\.json$/.test(path))
      .map((path) => path.slice('app/'.length, -'/package.json'.length));
    expect(held.toSorted()).toEqual(wanted.toSorted());
  });

  test('the program, the definitions, licences, and of the system only libraries and accounts', () => {
    const places = new Set(
      files.map((path) => path.replace(/^(app\/(?:dist|crds|node_modules)|lib)\/.*/, '$1/…')),
    );
    expect([...places].filter((place) => !place.startsWith('lib64/')).toSorted()).toEqual([
      'app/LICENSE',
      'app/crds/…',
      'app/dist/…',
      'app/licences.md',
      'app/node_modules/…',
      'app/package.json',
      'etc/group',
      'etc/nsswitch.conf',
      'etc/passwd',
      'lib/…',
      'usr/local/bin/node',
      'usr/local/share/doc/node/LICENSE',
      'usr/share/doc/libc6/copyright',
      'usr/share/doc/libgcc-s1/copyright',
      'usr/share/doc/libstdc++6/copyright',
    ]);
    expect(files).toContain('app/crds/cluster.cattle.io_clusterauthtokens.yaml');
  });

  test('the terms on which each library is passed on, as Debian states them', () => {
    const termsOf = (name: string): string =>
      readFileSync(join(rootfs, `usr/share/doc/${name}/copyright`), 'utf8');
    expect(termsOf('libc6')).toContain('GNU Lesser General Public');
    for (const name of ['libgcc-s1', 'libstdc++6'])
      expect(termsOf(name)).toContain('GCC RUNTIME LIBRARY EXCEPTION');
  });

  test('no types, no source maps, no TypeScript, no native code but Node and its libraries', () => {
    expect(
      files.filter((path) => /^app\/.*(\.[cm]?ts|\.map|\.node|\.bare|\.so|\.c|\.cc)$/.test(path)),
    ).toEqual([]);
  });

  test('no shell and no other program', () => {
    expect(
      files.filter((path) => /(^|\/)s?bin\//.test(path) && !path.startsWith('app/node_modules/')),
    ).toEqual(['usr/local/bin/node']);
    expect(files.filter((path) => /(^|\/)((ba|da|z|k)?sh|busybox|env|npm|npx|.*\.sh)$/.test(path))).toEqual(
      [],
    );
  });

  test('no secret, no configuration of the machine that built it', () => {
    const names = /(^|\/)(\.npmrc|\.env.*|\.git.*|id_[a-z0-9]+|kubeconfig|.*\.(pem|key|p12|kubeconfig))$/;
    expect(files.filter((path) => names.test(path))).toEqual([]);
    const found = spawnSync('grep', [
      '-rlE',
      '^-----BEGIN [A-Z ]*PRIVATE KEY-----$',
      join(rootfs, 'app'),
      join(rootfs, 'etc'),
    ]);
    expect(found.status).toBe(1);
    const traces = spawnSync('grep', ['-rlF', ROOT.replace(/\/$/, ''), join(rootfs, 'app')], {
      encoding: 'utf8',
    });
    expect(traces.stdout).toBe('');
  });
});

describe('is owned', () => {
  test('by root altogether, and only /tmp can be written by another', () => {
    expect(entries.length).toBeGreaterThan(1_000);
    expect(entries.filter(({ owner }) => owner !== '0/0')).toEqual([]);
    const writable = entries.filter(({ mode }) => mode[5] === 'w' || mode[8] === 'w');
    expect(writable.map(({ mode, path }) => `${mode} ${path}`)).toEqual(['drwxrwxrwt tmp/']);
  });

  test('with no set-uid, no set-gid, no device and no file that its user cannot read', () => {
    expect(entries.filter(({ mode }) => /s|S/.test(mode.slice(1)) || !/^[-dl]/.test(mode))).toEqual([]);
    expect(entries.filter(({ mode }) => mode[7] !== 'r')).toEqual([]);
  });

  test('and runs as the user that /etc/passwd calls nonroot', () => {
    expect(config.config.User).toBe('65532:65532');
    expect(readFileSync(join(rootfs, 'etc/passwd'), 'utf8')).toContain('\nnonroot:x:65532:65532:');
  });
});

describe.skipIf(!isRoot)('runs with nothing but its own files (needs root: chroot)', () => {
  test.each(['--help', 'operator --help', 'authenticator --help'])('%s', (line) => {
    expect(run(...line.split(' '))).toEqual({ status: 0, output: expect.stringContaining('ace-operator') });
  });

  test('and loads every library that the program names', () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const imports = Object.keys(dependencies).map((name) => `await import('${name}');\n`);
    writeFileSync(
      join(rootfs, 'app/all.mjs'),
      `${imports.join('')}console.log(process.getuid(), process.version);`,
    );
    const { version } = process;
    expect(run('/app/all.mjs')).toEqual({ status: 0, output: `65532 ${version}\n` });
  });

  test('and says in one line what it lacks', () => {
    const { status, output } = run('operator', '--kubeconfig=/nowhere');
    expect(status).toBe(2);
    expect(output).toMatch(/^ace-operator: [^\n]*\/nowhere[^\n]*\n$/);
  });
});
