/**
 * Runs the test projects one after the other and ends with a line of its own, `N passed, N failed`, over all of them.
 *
 * usage: node hack/test-summary.ts PROJECT...
 *
 * A runner that crashes, and a file that cannot even be loaded, count as one failure: nothing is lost in silence.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { status: string; assertionResults: readonly { status: string }[] }[];
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
  const reportFile = join(ROOT, '.work', `tests-${project}.json`);
  mkdirSync(join(ROOT, '.work'), { recursive: true });
  rmSync(reportFile, { force: true });
  const runner = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const { status, signal } = spawnSync(
    process.execPath,
    [runner, 'run', '--project', project, ...reporters],
    {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const counts = readCounts(reportFile);
  if (status === 0 || counts.failed > 0) return counts;
  console.error(`the ${project} tests ended with ${signal ?? `exit code ${status}`}`);
  return { ...counts, failed: 1 };
}

function readCounts(reportFile: string): Counts {
  try {
    const report = JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
    const broken = report.testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.every(({ status }) => status !== 'failed'),
    );
    return { passed: report.numPassedTests, failed: report.numFailedTests + broken.length };
  } catch {
    return { passed: 0, failed: 0 }; // no report: the exit code decides
  }
}

main(process.argv.slice(2));
