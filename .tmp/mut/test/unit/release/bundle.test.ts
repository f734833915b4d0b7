import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundle } from '../../../hack/executable/bundle.ts';
import { VERSION } from '../../../src/version.ts';

/** The one file that goes into an executable, before it is in one. */

let directory: string;
let inputs: readonly string[];
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ace-bundle-'));
  inputs = await bundle(join(directory, 'kubectl-ace.cjs'));
}, 60_000);
afterAll(() => rmSync(directory, { recursive: true }));

function run(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['kubectl-ace.cjs', ...args], {
    cwd: directory,
    env: { HOME: directory },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test('runs with nothing beside it, under the name that people know', () => {
  expect(run('--version')).toMatchObject({ status: 0, stdout: `${VERSION}\n` });
  expect(run('status')).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^kubectl ace: no kubeconfig/),
  });
});

test.each(['operator', 'authenticator'])('says of the %s where it runs instead', (service) => {
  expect(run(service)).toMatchObject({
    status: 2,
    stderr: expect.stringContaining(`the ${service} is not in this executable`),
  });
});

test('holds nothing of the services', () => {
  const services = inputs.filter((path) =>
    /\/serve\/run-|node_modules\/(piscina|prom-client|@dot-i\/k8s-operator)\//.test(path),
  );
  expect(services).toEqual([]);
});

test('is the same bytes each time', async () => {
  await bundle(join(directory, 'again.cjs'));
  const [first, second] = ['kubectl-ace.cjs', 'again.cjs'].map((name) => readFileSync(join(directory, name)));
  expect(first?.equals(second ?? Buffer.alloc(0))).toBe(true);
}, 60_000);
