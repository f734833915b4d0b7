import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const SCRIPTS = fileURLToPath(new URL('../../../hack/deploy/', import.meta.url));
/** Writes down how it is called; the cases that a test gives come first, and everything else is fine and silent. */
const KUBECTL = (cases: string): string => `#!/bin/sh
echo "$*" >> "$0.calls"
case "$*" in
${cases}
esac
`;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ace-deploy-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** Runs a script with a kubectl of ours. */
async function run(script: string, cases: string): Promise<{ code: number; calls: readonly string[] }> {
  const file = join(directory, 'kubectl');
  await writeFile(file, KUBECTL(cases));
  await chmod(file, 0o755);
  const env = { ...process.env, PATH: `${directory}:${process.env['PATH']}` };
  const code = await new Promise<number>((resolve) => {
    execFile('bash', [join(SCRIPTS, script)], { env }, (error) => resolve(Number(error?.code ?? 0)));
  });
  const calls = await readFile(`${file}.calls`, 'utf8');
  return { code, calls: calls.split('\n').filter((line) => line !== '') };
}

describe('undeploy', () => {
  const DELETES = /^delete /;

  test('deletes nothing when the API server does not say whether there is something to drain', async () => {
    const { code, calls } = await run('undeploy.sh', '"get crd"*) exit 1 ;;');
    expect(code).not.toBe(0);
    expect(calls.filter((call) => DELETES.test(call))).toEqual([]);
  });

  test('drains every cluster before it deletes', async () => {
    const { code, calls } = await run(
      'undeploy.sh',
      '"get crd"*) echo customresourcedefinition/one ;;\n"get clusterpropagations"*) printf "cprop/a\\ncprop/b\\n" ;;',
    );
    expect(code).toBe(0);
    const begun = calls.findIndex((call) => DELETES.test(call));
    expect(calls.slice(0, begun).filter((call) => /^(patch|wait) /.test(call))).toEqual([
      'patch --type merge --patch {"spec":{"drain":true}} cprop/a',
      'patch --type merge --patch {"spec":{"drain":true}} cprop/b',
      'wait --for=condition=Drained --timeout=120s cprop/a cprop/b',
    ]);
  });

  test('deletes nothing when a cluster cannot be drained', async () => {
    const { code, calls } = await run(
      'undeploy.sh',
      '"get crd"*) echo customresourcedefinition/one ;;\n"get clusterpropagations"*) echo cprop/a ;;\nwait*) exit 1 ;;',
    );
    expect(code).toBe(1);
    expect(calls.filter((call) => DELETES.test(call))).toEqual([]);
  });
});

describe('deploy', () => {
  const FOREIGN = /^apply .*management\.cattle\.io_/;

  test('leaves the definitions of Rancher alone when the API server does not say whether they are there', async () => {
    const { code, calls } = await run('deploy.sh', '"get crd"*) exit 1 ;;');
    expect(code).not.toBe(0);
    expect(calls.filter((call) => FOREIGN.test(call))).toEqual([]);
  });

  test('installs them where they are missing, and fails when one is refused', async () => {
    const fine = await run('deploy.sh', '');
    expect(fine.code).toBe(0);
    expect(fine.calls.filter((call) => FOREIGN.test(call))).toHaveLength(5);
    const refused = await run('deploy.sh', '"apply -f"*management.cattle.io_settings.yaml) exit 1 ;;');
    expect(refused.code).not.toBe(0);
  });
});
