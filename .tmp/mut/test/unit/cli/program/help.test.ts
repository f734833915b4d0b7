import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../../src/cli/program/commands.ts';
import { runProgram } from '../../../../src/cli/program/program.ts';
import type { Command, CommandEntry } from '../../../../src/cli/terminal/command.ts';
import { aRuntime } from '../../../support/runtime.ts';

const CLI = new URL('../../../../src/cli/', import.meta.url);

interface Named {
  readonly path: readonly string[];
  readonly entry: CommandEntry;
  readonly command: Command;
}

async function everyCommand(
  entries: readonly CommandEntry[],
  above: readonly string[] = [],
): Promise<Named[]> {
  const found: Named[] = [];
  for (const entry of entries) {
    const path = [...above, entry.name];
    const command = await entry.load();
    found.push({ path, entry, command }, ...(await everyCommand(command.subcommands ?? [], path)));
  }
  return found;
}

const commands = await everyCommand(COMMANDS);

async function help(...args: readonly string[]): Promise<string> {
  const { runtime, told } = aRuntime({ program: 'kubectl ace', columns: 100 });
  expect(await runProgram([...args, '--help'], runtime)).toBe(0);
  expect(told.err).toBe('');
  return told.out;
}

describe('--help', () => {
  test('of the program lists every command, under the name it was called by', async () => {
    const page = await help();
    for (const { name, summary } of COMMANDS)
      expect(page).toMatch(new RegExp(`^  ${name} +${summary.slice(0, 20)}`, 'm'));
    expect(page).toContain('kubectl ace COMMAND [flags]');
  });

  test.each(commands.map((named) => [named.path.join(' '), named] as const))(
    'of %s has usage, examples, flags and exit codes, and fits the width',
    async (_title, { path, command }) => {
      const page = await help(...path);
      expect(page).toContain(`Usage:\n  kubectl ace ${path.join(' ')}`);
      expect(page).toContain('Exit codes:\n  0  ');
      if (!command.subcommands) expect(page).toContain('Examples:\n  # ');
      for (const { flag } of command.flags ?? []) expect(page).toContain(`--${flag}`);
      for (const line of page.split('\n')) expect(line.length, line).toBeLessThanOrEqual(110);
    },
  );

  test('is what `help COMMAND` says, too', async () => {
    const { runtime, told } = aRuntime({ program: 'kubectl ace', columns: 100 });
    expect(await runProgram(['help', 'operator'], runtime)).toBe(0);
    expect(told.out).toBe(await help('operator'));
  });

  test.each(commands.map(({ path, command }) => [path.join(' '), command] as const))(
    'every example of %s begins with its name, and no two flags share a letter',
    (name, { examples = [], flags = [] }) => {
      for (const { command } of examples) expect(command.startsWith(name.split(' ')[0] ?? '')).toBe(true);
      const letters = flags.flatMap(({ short }) => short ?? []);
      expect(new Set(letters).size).toBe(letters.length);
    },
  );
});

/** Packages and files that cost tens of milliseconds to load. */
const HEAVY =
  /^(@kubernetes|undici|winston|zod|yaml|lru-cache|prom-client|piscina|bcryptjs)|^node:(https?|crypto|tls)$/;

/** What is imported, at once or by way of others, before any command runs. */
function importsOf(file: URL, seen = new Set<string>()): Set<string> {
  if (seen.has(file.href)) return seen;
  seen.add(file.href);
  const text = readFileSync(file, 'utf8');
  for (const [, target = ''] of text.matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)';/gm)) {
    if (target.startsWith('.')) importsOf(new URL(target, file), seen);
    else seen.add(target);
  }
  return seen;
}

describe('what has to be loaded to show help', () => {
  const definitions = readdirSync(CLI, { recursive: true, encoding: 'utf8' }).filter((file) =>
    COMMANDS.some(({ name }) => basename(file) === `${name}.ts`),
  );
  test('every command has its definition in a file of its own', () => {
    const names = definitions.map((file) => basename(file, '.ts'));
    expect(names.sort()).toEqual(COMMANDS.map(({ name }) => name).sort());
  });

  test.each(['../main.ts', ...definitions])('%s imports nothing that is slow to load', (file) => {
    const imported = [...importsOf(new URL(file, CLI))];
    if (file === '../main.ts') expect(imported.length).toBeGreaterThan(1);
    expect(imported.filter((target) => HEAVY.test(target))).toEqual([]);
  });
});
