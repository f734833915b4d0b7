/**
 * Runs the test projects one after the other and ends with a line of its own, `N passed, N failed`, over all of them.
 *
 * usage: [ACE_REPEAT_FAILED=1] node hack/test-summary.ts PROJECT...
 *
 * A runner that crashes, and a file that cannot even be loaded, count as one failure: nothing is lost in silence. With
 * ACE_REPEAT_FAILED the files that failed are run once more, and that run counts for them: on a machine that everything
 * shares, what fails once may be the machine's doing. Both runs are in the output.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

interface FileResult {
  readonly name: string;
  readonly status: string;
  readonly assertionResults: readonly { readonly status: string }[];
}

interface Run {
  readonly files: readonly FileResult[];
  readonly counts: Counts;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));

function main(projects: readonly string[]): void {
  const counts = projects.map(runProject);
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

function runProject(project: string): Counts {
  const first = run(project, []);
  const failed = first.files.filter(({ status }) => status === 'failed');
  if (process.env['ACE_REPEAT_FAILED'] === undefined || failed.length === 0) return first.counts;
  console.log(`once more, because they failed:\n${failed.map(({ name }) => `  ${name}`).join('\n')}`);
  const again = run(
    project,
    failed.map(({ name }) => name),
  );
  const kept = countsOf(first.files.filter((file) => !failed.includes(file)));
  return { passed: kept.passed + again.counts.passed, failed: again.counts.failed };
}

/** @param files - all of the project when empty */
function run(project: string, files: readonly string[]): Run {
  const reportFile = join(ROOT, '.work', `tests-${project}.json`);
  mkdirSync(join(ROOT, '.work'), { recursive: true });
  rmSync(reportFile, { force: true });
  const runner = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const { status, signal } = spawnSync(
    process.execPath,
    [runner, 'run', '--project', project, ...reporters, ...files],
    {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const results = readResults(reportFile);
  const counts = countsOf(results);
  if (status === 0 || counts.failed > 0) return { files: results, counts };
  console.error(`the ${project} tests ended with ${signal ?? `exit code ${status}`}`);
  return { files: results, counts: { ...counts, failed: 1 } };
}

/** None when there is no report: the exit code decides. */
function readResults(reportFile: string): readonly FileResult[] {
  try {
    return (JSON.parse(readFileSync(reportFile, 'utf8')) as { testResults: FileResult[] }).testResults;
  } catch {
    return [];
  }
}

function countsOf(files: readonly FileResult[]): Counts {
  const statuses = files.flatMap(({ status, assertionResults }) => {
    const own = assertionResults.map((test) => test.status);
    return status === 'failed' && !own.includes('failed') ? [...own, 'failed'] : own;
  });
  const count = (wanted: string): number => statuses.filter((status) => status === wanted).length;
  return { passed: count('passed'), failed: count('failed') };
}

main(process.argv.slice(2));
