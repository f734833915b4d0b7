import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTar } from '../../hack/image/archive.ts';
import { assemble } from '../../hack/image/assemble.ts';
import { type Base, baseOfArm64, provided } from '../../hack/image/base/base.ts';
import { configOf } from '../../hack/image/config.ts';
import { nodeVersion, readJson } from '../../hack/packages.ts';
import { HASH_ALGORITHMS } from '../../src/hash/algorithms.ts';
import { hashNow } from '../../src/hash/formats.ts';
import { VERSION } from '../../src/version.ts';
import { kubeconfig } from '../support/kubeconfig.ts';
import { createAuthority } from '../support/pki.ts';
import { startService } from '../support/service-process.ts';

/** The image for arm64, entered by chroot and run by an emulator: with its own files, on this machine's kernel. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EPOCH_S = 1_790_000_000;
/** PATH is not handed on, and has no sbin for everyone. */
const CHROOT = '/usr/sbin/chroot';
const EMULATOR = 'qemu-aarch64-static';
const { user, entrypoint } = configOf('arm64');

const able = preparation();

/** What the image is made of and what runs it; undefined, with the reason printed, where they cannot be had. */
function preparation(): { readonly base: Base; readonly emulator: string } | undefined {
  try {
    if (process.getuid?.() !== 0 || process.platform !== 'linux' || process.arch !== 'x64')
      throw new Error('chroot and the emulator need root on x64 Linux');
    return { base: baseOfArm64(EPOCH_S), emulator: join(provided('emulator'), EMULATOR) };
  } catch (error) {
    console.warn(`image-arm64: skipped: ${(error as Error).message}`);
    return undefined;
  }
}

describe.skipIf(able === undefined)('the image for arm64', () => {
  let directory: string;
  let rootfs: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'ace-image-arm64-test-'));
    rootfs = join(directory, 'rootfs');
    able?.base.fill(rootfs);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** As `chroot` wants it. */
  const command = (...args: readonly string[]): string[] => [
    `--userspec=${user}`,
    rootfs,
    `/${EMULATOR}`,
    ...args,
  ];

  function run(...args: readonly string[]): { status: number | null; output: string } {
    const { status, stdout, stderr } = spawnSync(CHROOT, command(...args), { encoding: 'utf8', env: {} });
    return { status, output: stdout + stderr };
  }

  test('has a base that is the same to the last byte when it is made again', () => {
    const again = join(directory, 'again');
    able?.base.fill(again);
    const [first, second] = [rootfs, again].map((base) => {
      createTar(`${base}.tar`, base, ['.'], EPOCH_S);
      return createHash('sha256')
        .update(readFileSync(`${base}.tar`))
        .digest('hex');
    });
    expect(second).toBe(first);
  });

  test('has the libraries that Node loads, of packages that are known by their digest', () => {
    const libraries = readdirSync(join(rootfs, 'lib/aarch64-linux-gnu')).sort();
    expect(libraries).toEqual(expect.arrayContaining(['libc.so.6', 'libgcc_s.so.1', 'libstdc++.so.6']));
    expect(readdirSync(join(rootfs, 'lib')).sort()).toEqual(['aarch64-linux-gnu', 'ld-linux-aarch64.so.1']);
    expect(able?.base.packages.map(({ name, architecture }) => [name, architecture])).toEqual([
      ['libc6', 'arm64'],
      ['libgcc-s1', 'arm64'],
      ['libstdc++6', 'arm64'],
    ]);
    for (const { name, sha256 } of able?.base.packages ?? []) {
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(readFileSync(join(rootfs, 'usr/share/doc', name, 'copyright'), 'utf8')).toMatch(/GNU|GCC/);
    }
  });

  describe('run under emulation', () => {
    beforeAll(() => {
      assemble(join(rootfs, 'app'), join(ROOT, 'node_modules'), EPOCH_S);
      copyFileSync(able?.emulator ?? '', join(rootfs, EMULATOR));
    });

    test('says its version, and what it can do', () => {
      expect(run(...entrypoint, '--version')).toEqual({ status: 0, output: `${VERSION}\n` });
      expect(run(...entrypoint, '--help')).toEqual({
        status: 0,
        output: expect.stringContaining('authenticator'),
      });
    });

    test('loads every library, and verifies in a thread what was hashed on another machine', () => {
      const { dependencies } = readJson(join(ROOT, 'package.json')) as { dependencies: object };
      const imports = Object.keys(dependencies).map((name) => `await import('${name}');\n`);
      const secret = 'not-a-real-secret';
      const jobs = HASH_ALGORITHMS.map((format) => ({
        kind: 'verify',
        format,
        secret,
        hash: hashNow(format, secret, 4),
      }));
      mkdirSync(join(rootfs, 'app/test'));
      writeFileSync(
        join(rootfs, 'app/test/all.mjs'),
        `${imports.join('')}
         import { HashPool } from '../dist/hash/pool.js';
         const pool = new HashPool({ threads: 1, maxQueue: Infinity });
         const results = await Promise.all(${JSON.stringify(jobs)}.map((job) => pool.run(job)));
         await pool.close();
         console.log(process.getuid(), process.arch, process.version, ...results);`,
      );
      expect(run(entrypoint[0] ?? '', '/app/test/all.mjs')).toEqual({
        status: 0,
        output: `65532 arm64 v${nodeVersion(ROOT)} true true true\n`,
      });
    });

    test('has an authenticator that lives while its API server is not there, and ends when told to', async () => {
      const authority = createAuthority('nobody');
      const content = kubeconfig({
        server: 'https://127.0.0.1:1',
        ca: authority.cert,
        user: 'ace',
        credentials: authority.issueClient('ace', []),
      });
      writeFileSync(join(rootfs, 'tmp/kubeconfig'), content);
      const flags = ['--kubeconfig=/tmp/kubeconfig', '--listen=127.0.0.1:0', '--metrics-listen=127.0.0.1:0'];
      const authenticator = await startService({
        program: CHROOT,
        args: command(...entrypoint, 'authenticator', ...flags),
        announcement: 'metrics and probes',
        startedPath: '/livez',
      });
      expect((await authenticator.http('/livez')).status).toBe(200);
      expect((await authenticator.http('/readyz')).status).not.toBe(200);
      expect(await authenticator.stop()).toBe(0);
    });
  });
});
