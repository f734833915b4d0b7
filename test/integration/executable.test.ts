import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { makeExecutables } from '../../hack/executable/executable.ts';
import { PLATFORMS } from '../../hack/executable/platforms.ts';
import { VERSION } from '../../src/version.ts';

/** The command line as one file, in a root that has nothing but it and the C and C++ libraries of this machine. */

const isAble = process.getuid?.() === 0 && process.platform === 'linux' && process.arch === 'x64';
if (!isAble) console.warn('executable: skipped: chroot needs root on x64 Linux');

describe.skipIf(!isAble)('kubectl-ace in a bare root', () => {
  let directory: string;
  const warned = vi.spyOn(console, 'warn');
  beforeAll(async () => {
    warned.mockClear();
    directory = mkdtempSync(join(tmpdir(), 'ace-executable-test-'));
    const [program = ''] = await makeExecutables(directory, PLATFORMS.slice(0, 1));
    const libraries = execFileSync('ldd', [program], { encoding: 'utf8', env: { LC_ALL: 'C' } });
    for (const [, path = ''] of libraries.matchAll(/(?:^|\s)(\/\S+) \(0x/gm)) {
      mkdirSync(join(directory, 'root', dirname(path)), { recursive: true });
      copyFileSync(path, join(directory, 'root', path));
    }
    copyFileSync(program, join(directory, 'root', 'kubectl-ace'));
  }, 600_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const run = (...args: readonly string[]) =>
    spawnSync('/usr/sbin/chroot', [join(directory, 'root'), '/kubectl-ace', ...args], {
      env: {},
      encoding: 'utf8',
    });

  test('is made without a word that a reader would take for trouble', () => {
    expect(warned.mock.calls).toEqual([]);
  });

  test('starts, and says its version', () => {
    expect(statSync(join(directory, 'root', 'kubectl-ace')).mode & 0o777).toBe(0o755);
    expect(run('--version')).toMatchObject({ status: 0, stdout: `${VERSION}\n`, stderr: '' });
  });

  test('explains what it can without a server, and ends as it does elsewhere', () => {
    const { status, stdout } = run('explain', 'token-abcde', '-o', 'json');
    expect(status).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'Explanation', verdict: 'unknown' });
  });

  test('says of what it lacks where that is', () => {
    expect(run('operator')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('kubectl ace: the operator is not'),
    });
  });
});
