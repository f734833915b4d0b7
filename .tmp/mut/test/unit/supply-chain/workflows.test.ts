import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const DIRECTORY = `${ROOT}/.github/workflows`;
const files = readdirSync(DIRECTORY);
const targets = new Set(
  [...readFileSync(`${ROOT}/Makefile`, 'utf8').matchAll(/^([a-z][a-z0-9-]*):/gm)].map(([, target]) => target),
);

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly 'timeout-minutes'?: number;
  readonly steps: readonly Step[];
}

test('there is a workflow for lint and tests, the end-to-end suite, the image and a release', () => {
  expect(files.toSorted()).toEqual(['ci.yml', 'e2e.yml', 'image.yml', 'release.yml']);
});

test('the makefile is found to have targets', () => {
  for (const target of ['lint', 'test', 'image']) expect(targets).toContain(target);
});

describe.each(files)('%s', (file) => {
  const document = parseDocument(readFileSync(`${DIRECTORY}/${file}`, 'utf8'), { strict: true });
  const workflow = document.toJS();
  const jobs: Job[] = Object.values(workflow.jobs);
  const steps = jobs.flatMap((job) => job.steps);

  test('is YAML without faults', () => {
    expect([...document.errors, ...document.warnings]).toEqual([]);
    expect(steps.length).toBeGreaterThan(0);
  });

  test('runs nothing but targets of the Makefile', () => {
    for (const { run } of steps.filter((step) => step.run !== undefined)) {
      const [command, ...asked] = (run ?? '').split(' ');
      expect(command).toBe('make');
      expect(asked.length).toBeGreaterThan(0);
      for (const target of asked) expect(targets).toContain(target);
    }
  });

  test('pins every action by commit and says which version that is', () => {
    const text = readFileSync(`${DIRECTORY}/${file}`, 'utf8');
    const uses = [...text.matchAll(/uses: (.*)$/gm)].map(([, use]) => use);
    expect(uses).toHaveLength(steps.filter((step) => step.uses !== undefined).length);
    for (const use of uses) expect(use).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test('may read the contents, and nothing else unless a tag is published', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
    expect(Object.keys(workflow.on)).not.toContain('pull_request_target');
    for (const [name, job] of Object.entries<Job & { if?: string }>(workflow.jobs)) {
      if (job.permissions === undefined) continue;
      expect(`${file} ${name}`).toBe('release.yml release');
      expect(job.permissions).toEqual({
        contents: 'write',
        'id-token': 'write',
        attestations: 'write',
        packages: 'write',
      });
      expect(job.if).toBe("startsWith(github.ref, 'refs/tags/v')");
    }
  });

  test('ends some time', () => {
    for (const job of jobs) expect(job['timeout-minutes']).toBeLessThanOrEqual(60);
  });
});

test('the targets that the workflows name can be planned by make', () => {
  const { status, stderr } = spawnSync(
    'make',
    [
      '-n',
      ...['lint', 'audit', 'sbom', 'image', 'licences'],
      ...['release', 'release-in-debian', 'release-sign', 'release-upload'],
    ],
    {
      cwd: ROOT,
      encoding: 'utf8',
      // bash takes a socket as its stdin for a login from afar, and reads the machine's bashrc.
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  expect(stderr.replace(/^make.*warning.*$/gm, '')).toBe('');
  expect(status).toBe(0);
});

test('actionlint finds nothing to complain of in them', () => {
  const cache = process.env['XDG_CACHE_HOME'] ?? `${homedir()}/.cache`;
  const version = /^version=(.+)$/m.exec(readFileSync(`${ROOT}/hack/actionlint.sh`, 'utf8'))?.[1];
  const program = `${cache}/ace-operator/actionlint/${version}/bin/actionlint`;
  if (!existsSync(program))
    return console.warn(`skipped: there is no ${program}; make lint-workflows builds it`);
  const { status, stdout } = spawnSync(
    program,
    files.map((file) => `${DIRECTORY}/${file}`),
    { encoding: 'utf8' },
  );
  expect([status, stdout]).toEqual([0, '']);
});
