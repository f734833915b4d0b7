import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { findControlPlane } from '../test/support/binaries.ts';
import type { Row, ScenarioResult } from './scenario.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly node: string;
  readonly apiServer: string;
  readonly etcd: string;
  readonly commit: string;
  /** Of the last minute, when the run began: above about 0.5 somebody else was at work and the figures are worth less. */
  readonly loadAtStart: number;
}

export interface Report {
  readonly date: string;
  readonly machine: Machine;
  readonly scenarios: Readonly<Record<string, ScenarioResult>>;
}

const RESULTS = fileURLToPath(new URL('./results/', import.meta.url));

export function describeMachine(): Machine {
  const binaries = findControlPlane();
  const say = (program: string, ...args: string[]): string => {
    try {
      return (
        execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split(
          '\n',
        )[0] ?? ''
      );
    } catch {
      return 'unknown';
    }
  };
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    apiServer: say(binaries.apiServer, '--version'),
    etcd: say(binaries.etcd, '--version'),
    commit: say('git', 'describe', '--always', '--dirty'),
    loadAtStart: loadavg()[0] ?? 0,
  };
}

/** Writes `<date>.json` with every measurement, and `latest.md` for people. @returns their paths */
export function writeReport(report: Report): readonly string[] {
  mkdirSync(RESULTS, { recursive: true });
  const json = `${RESULTS}${report.date.slice(0, 16).replaceAll(':', '')}.json`;
  const markdown = `${RESULTS}latest.md`;
  writeFileSync(json, `${JSON.stringify(report, roundNumbers, 1)}\n`);
  writeFileSync(markdown, markdownOf(report));
  return [json, markdown];
}

/** The table of one scenario, for a terminal. */
export function tableOf(rows: readonly Row[]): string {
  const cells = [HEAD, ...rows.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  return cells
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const HEAD = ['what', 'measured', 'yardstick', 'ratio', 'bar', 'met'];

function cellsOf({ what, value, unit, yardstick, bar }: Row): string[] {
  return [
    what,
    `${formatted(value)} ${unit}`,
    yardstick ? `${formatted(yardstick.value)} (${yardstick.what})` : '',
    yardstick ? (value / yardstick.value).toFixed(2) : '',
    bar?.text ?? '',
    bar ? (bar.met ? 'yes' : 'NO') : '',
  ];
}

function formatted(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

function markdownOf({ date, machine, scenarios }: Report): string {
  const sections = Object.entries(scenarios).map(([name, { how, rows }]) =>
    [
      `## ${name}`,
      '',
      ...how.map((line) => `- ${line}`),
      '',
      `| ${HEAD.join(' | ')} |`,
      `|${HEAD.map(() => '---|').join('')}`,
      ...rows.map((row) => `| ${cellsOf(row).join(' | ')} |`),
      '',
    ].join('\n'),
  );
  return [
    '# Measured by `make bench`',
    '',
    `${date}, commit ${machine.commit}. ${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, Node ${machine.node}, kube-apiserver ${machine.apiServer}, ${machine.etcd}; load ${machine.loadAtStart.toFixed(1)} when it began.`,
    'API servers, etcd, operator and benchmark share these cores.',
    '',
    ...sections,
  ].join('\n');
}

function roundNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1000) / 1000 : value;
}
