import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');

const component = parse(read('manifests/authenticator/components/kept-state/volume.yaml'));
/** What makes the key on a node, as Node gets it. */
const SCRIPT: string = component.spec.template.spec.initContainers[0].command[2];

let dir: string;
let key: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ace-kept-'));
  key = join(dir, 'key');
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Runs it as on a node, but in a directory of ours, for ourselves. */
function run(): void {
  const own = SCRIPT.replaceAll('/var/lib/ace-authenticator', dir).replaceAll(
    '65532',
    String(process.getuid?.()),
  );
  const { status, stderr } = spawnSync(process.execPath, ['-e', own], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
}

test('a key is made once, for its owner alone', () => {
  run();
  const made = readFileSync(key);
  expect(made).toHaveLength(32);
  expect(statSync(key).mode & 0o777).toBe(0o400);
  expect(statSync(dir).mode & 0o777).toBe(0o700);
  run();
  expect(readFileSync(key)).toEqual(made);
});

test.each([0, 15])('one of %i bytes, as a loss of power leaves it, is made anew', (bytes) => {
  writeFileSync(key, Buffer.alloc(bytes));
  chmodSync(key, 0o400);
  // What another loss of power left half done.
  writeFileSync(`${key}.new`, 'x');
  run();
  expect(readFileSync(key)).toHaveLength(32);
  expect(statSync(key).mode & 0o777).toBe(0o400);
});

test('one of sixteen bytes or more, as somebody put it there, is kept', () => {
  writeFileSync(key, 'a key of sixteen');
  run();
  expect(readFileSync(key, 'utf8')).toBe('a key of sixteen');
});

test('it is on the disk before it has its name', () => {
  expect(SCRIPT).toMatch(/writeFileSync\(key \+ '\.new', .*flush: true/);
});

test('the chart makes it in the same way', () => {
  const lines = read('charts/ace-authenticator/templates/daemonset.yaml')
    .split('\n')
    .map((line) => line.trim());
  for (const line of SCRIPT.trimEnd().split('\n')) expect(lines).toContain(line.trim());
});
