import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve as resolvePath } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const SCRIPTS = fileURLToPath(new URL('../../../hack/deploy/', import.meta.url));
/** Writes down how it is called; the cases that a test gives come first, and everything else is fine and silent. */
const KUBECTL = (cases: string): string => `#!/bin/sh
echo "$*" >> "$0.calls"
case "$*" in
"config current-context") [ -z "$NONE" ] || exit 1; cat "$0.current"; exit ;;
"config view"*server*) printf https://plane.example; exit ;;
"config view"*) echo "copy of $*"; exit ;;
*) [ -z "$KUBECONFIG" ] || echo "$(stat -c %a "$KUBECONFIG") $(cat "$KUBECONFIG")" >> "$0.pinned" ;;
esac
case "$*" in
"kustomize"*) [ -n "$NO_IMAGE" ] || echo "image: ace-operator:latest" ;;
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
async function run(
  script: string,
  cases: string,
  given: NodeJS.ProcessEnv = { CONTEXT: 'one' },
): Promise<Ran> {
  const file = join(directory, 'kubectl');
  await writeFile(file, KUBECTL(cases));
  await chmod(file, 0o755);
  await writeFile(`${file}.current`, 'one\n');
  for (const name of ['calls', 'pinned', 'applied']) await writeFile(`${file}.${name}`, '');
  const env = { ...process.env, PATH: `${directory}:${process.env['PATH']}`, TMPDIR: directory, ...given };
  const ended = await new Promise<Pick<Ran, 'code' | 'said'>>((resolve) => {
    const child = execFile('bash', [resolvePath(SCRIPTS, script)], { env }, (error, _out, said) =>
      resolve({ code: Number(error?.code ?? 0), said }),
    );
    child.stdin?.end();
  });
  const linesOf = async (name: string): Promise<readonly string[]> =>
    (await readFile(`${file}.${name}`, 'utf8')).split('\n').filter((line) => line !== '');
  return {
    ...ended,
    calls: await linesOf('calls'),
    pinned: [...new Set(await linesOf('pinned'))],
    applied: await linesOf('applied'),
  };
}

interface Ran {
  readonly code: number;
  readonly said: string;
  readonly calls: readonly string[];
  /** Mode and content of the kubeconfigs by which clusters were asked. */
  readonly pinned: readonly string[];
  /** What a case has written down of what it was given. */
  readonly applied: readonly string[];
}

const PINNED = '600 copy of config view --minify --flatten --raw --context one';

describe('one cluster for all calls', () => {
  const MOVES =
    '"get crd"*) echo two > "$0.current"; echo crd/one ;;\n"get clusterpropagations"*) echo cprop/a ;;';

  test.each([
    ['deploy.sh', {}],
    ['deploy.sh', { CONTEXT: 'one' }],
    ['undeploy.sh', { CONTEXT: 'one' }],
  ])('%s with %j goes to one context, also when another becomes current meanwhile', async (script, given) => {
    const { code, said, pinned } = await run(script, MOVES, given);
    expect(code).toBe(0);
    expect(said).toContain('one (https://plane.example)');
    expect(pinned).toEqual([PINNED]);
    expect((await readdir(directory)).filter((name) => !name.startsWith('kubectl'))).toEqual([]);
  });

  test('undeploy takes nothing away from a context that nobody named', async () => {
    const { code, said, pinned } = await run('undeploy.sh', '', { CONTEXT: '' });
    expect(code).toBe(1);
    expect(said).toContain('which context? say it by CONTEXT=one');
    expect(pinned).toEqual([]);
  });

  test.each(['deploy.sh', 'undeploy.sh'])('%s stops where there is none', async (script) => {
    const none = await run(script, '', {
      CONTEXT: '',
      PATH: `${directory}:${process.env['PATH']}`,
      NONE: '1',
    });
    expect(none.code).not.toBe(0);
  });
});

describe('the image', () => {
  const APPLY = '"apply -f -") cat >> "$0.applied" ;;';
  test.each([
    [{}, 'ace-operator:latest'],
    [{ IMAGE: 'r.example/ace', TAG: '1.2' }, 'r.example/ace:1.2'],
    [{ IMAGE: 'r.example:5000/a&b@sha256:0a' }, 'r.example:5000/a&b@sha256:0a'],
  ])('of %j is %s', async (given, image) => {
    expect((await run('deploy.sh', APPLY, given)).applied).toEqual([`image: ${image}`]);
  });

  test('that cannot be set is not replaced by another', async () => {
    const other = await run('deploy.sh', APPLY, { IMAGE: 'x' });
    expect(other.applied).toEqual(['image: x:latest']);
    const none = await run('deploy.sh', `${APPLY}\n`, { IMAGE: 'x', NO_IMAGE: '1' });
    expect(none.code).not.toBe(0);
    expect(none.applied).toEqual([]);
  });
});

describe('the lines of docs/uninstall.md', () => {
  test.each([
    ['a cluster cannot be drained', 'wait*) exit 1 ;;'],
    ['a cluster cannot be told to drain', 'patch*) exit 1 ;;'],
  ])('delete nothing when %s, pasted at once', async (_title, cases) => {
    const page = await readFile(join(SCRIPTS, '../../docs/uninstall.md'), 'utf8');
    const lines = /```sh\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    await writeFile(join(directory, 'kubectl-lines.sh'), lines);
    const { calls } = await run(
      join(directory, 'kubectl-lines.sh'),
      `"get cprop"*) echo cprop/a ;;\n${cases}`,
    );
    expect(calls.length).toBeGreaterThan(0);
    expect(calls.filter((call) => call.startsWith('delete'))).toEqual([]);
  });
});

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

  test('takes the rights that were given beside the operator, after it and whether or not they are there', async () => {
    const { code, calls } = await run('undeploy.sh', '');
    expect(code).toBe(0);
    const rendered = calls.flatMap((call) => /^kustomize .*\/manifests\/(.*)$/.exec(call)?.[1] ?? []);
    expect(rendered).toEqual(['operator', 'operator-ext-tokens', 'operator-rancher-credentials']);
    expect(calls.filter((call) => call === 'delete --ignore-not-found --wait -f -')).toHaveLength(3);
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
