import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shellPlaces } from '../../../../src/cli/completion/shell-table.ts';
import { COMMANDS } from '../../../../src/cli/program/commands.ts';
import { runProgram } from '../../../../src/cli/program/program.ts';
import { aRuntime } from '../../../support/runtime.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ace-completion-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

async function script(shell: string): Promise<string> {
  const { runtime, told } = aRuntime();
  expect(await runProgram(['completion', shell], runtime)).toBe(0);
  expect(told.err).toBe('');
  return told.out;
}

const isHere = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

/** What a real bash offers with the cursor at the end of these words. */
function offered(
  text: string,
  words: readonly string[],
  path = process.env['PATH'] ?? '',
): readonly string[] {
  const file = join(dir, 'completion.bash');
  writeFileSync(file, text);
  const run = `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ace_operator; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const result = spawnSync('bash', ['--norc', '-c', run, file, ...words], {
    encoding: 'utf8',
    env: { PATH: path, HOME: process.env['HOME'] },
  });
  expect(result.stderr).toBe('');
  return result.stdout.split('\n').filter((line) => line !== '');
}

describe('in bash', () => {
  test('every command and every flag of the table is offered at its place, and no others', async () => {
    const text = await script('bash');
    for (const { chain, subcommands, flags } of await shellPlaces(COMMANDS)) {
      const words = ['ace-operator', ...chain.split(' ').filter((word) => word !== '')];
      if (subcommands.length > 0)
        expect(offered(text, [...words, '']), chain).toEqual(subcommands.map(({ name }) => name));
      expect([...offered(text, [...words, '--'])].sort(), chain).toEqual(
        [...flags.map(({ flag }) => `--${flag}`), '--help'].sort(),
      );
    }
  });

  const cases: readonly [readonly string[], readonly string[]][] = [
    [['tok'], ['token']],
    [['token', 'dis'], ['disable']],
    [
      ['token', 'list', '-o', ''],
      ['table', 'wide', 'json', 'yaml', 'name'],
    ],
    [['token', 'list', '--output', 'j'], ['json']],
    [['token', 'list', '--output', '=', 'y'], ['yaml']],
    [['token', 'revoke', '--dry-run', 's'], ['server']],
    [['completion', 'z'], ['zsh']],
    // The value of a flag is no command, whatever it says.
    [['token', 'list', '--user', 'revoke', '--keep'], []],
    [['token', 'list', '--user', 'revoke', '--expiring'], ['--expiring-within']],
    [['operator', '--log-level', ''], []],
  ];
  test.each(cases)('after %j it offers %j', async (words, want) => {
    expect(offered(await script('bash'), ['ace-operator', ...words])).toEqual(want);
  });

  test('files are offered where a file is meant', async () => {
    writeFileSync(join(dir, 'down.kubeconfig'), '');
    const words = ['ace-operator', 'cleanup', '--kubeconfig', join(dir, 'down')];
    expect(offered(await script('bash'), words)).toEqual([join(dir, 'down.kubeconfig')]);
  });

  test('names of tokens are asked of the program, with the kubeconfig that was typed', async () => {
    const asked = join(dir, 'asked');
    const program = join(dir, 'ace-operator');
    const answer = 'token/t-one\\ntoken/t-two\\ntoken/$(touch pwned)\\n';
    writeFileSync(program, `#!/bin/sh\necho "$@" >${asked}\nprintf '${answer}'\necho noise >&2\n`);
    chmodSync(program, 0o755);
    const words = ['ace-operator', 'token', 'disable', '--kubeconfig', 'my file', 't-t'];
    const path = [dir, process.env['PATH']].join(delimiter);
    const text = await script('bash');
    expect(offered(text, words, path)).toEqual(['t-two']);
    expect(spawnSync('cat', [asked], { encoding: 'utf8' }).stdout).toBe(
      'token list -o name --kubeconfig=my file\n',
    );
    expect(offered(text, [...words.slice(0, -1), ''], path)).toEqual(['t-one', 't-two']);
  });

  test('names of clusters are asked of the management plane alone: a cluster that is away holds up no shell', async () => {
    const asked = join(dir, 'asked');
    writeFileSync(join(dir, 'ace-operator'), `#!/bin/sh\necho "$@" >${asked}\necho cluster/c-one\n`);
    chmodSync(join(dir, 'ace-operator'), 0o755);
    const path = [dir, process.env['PATH']].join(delimiter);
    expect(offered(await script('bash'), ['ace-operator', 'status', 'c-'], path)).toEqual(['c-one']);
    expect(spawnSync('cat', [asked], { encoding: 'utf8' }).stdout).toBe('status --management-only -o name\n');
    for (const shell of ['zsh', 'fish', 'kubectl'])
      expect(await script(shell)).toContain('status --management-only -o name');
    expect(await script('powershell')).toContain("@('status', '--management-only')");
  });

  test.each([
    ['~/x', `${process.env['HOME']}/x`],
    ['"$HOME/x"', `${process.env['HOME']}/x`],
    ['$HOME/x', `${process.env['HOME']}/x`],
    ['/x/~/y', '/x/~/y'],
    ['"$(touch pwned)"', '$(touch pwned)'],
  ])('a kubeconfig typed as %s is found', async (typed, meant) => {
    const asked = join(dir, 'asked');
    writeFileSync(join(dir, 'ace-operator'), `#!/bin/sh\nprintf '%s' "$5" >${asked}\n`);
    chmodSync(join(dir, 'ace-operator'), 0o755);
    const words = ['ace-operator', 'token', 'disable', '--kubeconfig', typed, 't'];
    offered(await script('bash'), words, [dir, process.env['PATH']].join(delimiter));
    expect(spawnSync('cat', [asked], { encoding: 'utf8' }).stdout).toBe(`--kubeconfig=${meant}`);
  });
});

test('kubectl gets words, and how they are meant', async () => {
  const file = join(dir, 'kubectl_complete-ace');
  writeFileSync(file, await script('kubectl'));
  chmodSync(file, 0o755);
  const ask = (...words: readonly string[]) => spawnSync(file, words, { encoding: 'utf8' }).stdout;
  expect(ask('token', '')).toBe('create\nlist\ndisable\nenable\ndelete\nrevoke\n:4\n');
  expect(ask('cleanup', '--kubeconfig', '')).toBe(':0\n');
});

for (const shell of ['bash', 'zsh', 'fish'] as const) {
  test(`the script for ${shell} is one that ${shell} can read`, async ({ skip }) => {
    if (!isHere(shell)) {
      console.log(`${shell} is not installed: its completion script was not read`);
      skip();
    }
    const file = join(dir, `read.${shell}`);
    writeFileSync(file, await script(shell));
    expect(spawnSync(shell, ['-n', file], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });
}

test('fish offers what the table says', async ({ skip }) => {
  if (!isHere('fish')) {
    console.log('fish is not installed: its completion was not tried');
    skip();
  }
  const file = join(dir, 'try.fish');
  writeFileSync(file, await script('fish'));
  const ask = (line: string): readonly string[] =>
    spawnSync('fish', ['--no-config', '-c', `source ${file}; complete -C '${line}'`], { encoding: 'utf8' })
      .stdout.trim()
      .split('\n')
      .map((row) => row.split('\t')[0] ?? '');
  expect([...ask('ace-operator ')].sort()).toEqual(COMMANDS.map(({ name }) => name).sort());
  expect(ask('ace-operator token list --user revoke --expiring')).toEqual(['--expiring-within']);
  expect(ask('ace-operator token list --output j')).toEqual(['json']);
});

describe('in PowerShell', () => {
  /** Braces and parentheses outside of quotes and comments, as PowerShell pairs them. */
  function balance(text: string): string {
    const code = text
      .split('\n')
      .filter((line) => !/^\s*#/.test(line))
      .join('\n')
      .replaceAll(/'(?:[^']|'')*'|"[^"]*"/g, '');
    const open: string[] = [];
    const pairs: Readonly<Record<string, string>> = { '}': '{', ')': '(', ']': '[' };
    for (const char of code.replaceAll(/[^{}()[\]]/g, ''))
      if (pairs[char] === undefined) open.push(char);
      else if (open.pop() !== pairs[char]) return `unexpected ${char}`;
    return open.join('');
  }

  test('every command, flag and choice is in the table, each once whatever its case', async () => {
    const text = await script('powershell');
    expect(balance(text)).toBe('');
    for (const { chain, subcommands, flags } of await shellPlaces(COMMANDS)) {
      const [, place = ''] = text.split(`    '${chain}' = @{\n`);
      const [words = '', offered = '', values = ''] = place.split('\n');
      for (const { name } of subcommands) expect(words).toContain(`'${name}'`);
      for (const { flag, choices = [] } of flags) {
        expect(offered).toContain(`'--${flag}'`);
        for (const choice of choices) expect(values).toContain(`'${choice}'`);
      }
      const keys = [...values.matchAll(/'(-[^']+)' = /g)].map(([, key = '']) => key.toLowerCase());
      expect(new Set(keys).size).toBe(keys.length);
    }
  });

  test('it offers what the table says', async ({ skip }) => {
    if (spawnSync('pwsh', ['-NoProfile', '-Command', 'exit 0']).status !== 0) {
      console.log('pwsh is not installed: completion in PowerShell was not tried');
      skip();
    }
    const file = join(dir, 'completion.ps1');
    writeFileSync(file, await script('powershell'));
    const ask = (line: string): readonly string[] =>
      spawnSync(
        'pwsh',
        [
          ...['-NoProfile', '-Command'],
          `. ${file}; (TabExpansion2 -inputScript '${line}' -cursorColumn ${line.length}).CompletionMatches.CompletionText`,
        ],
        { encoding: 'utf8' },
      )
        .stdout.trim()
        .split(/\r?\n/);
    expect([...ask('ace-operator ')].sort()).toEqual(COMMANDS.map(({ name }) => name).sort());
    expect(ask('ace-operator token list --user revoke --expiring')).toEqual(['--expiring-within']);
    expect(ask('ace-operator token list --output j')).toEqual(['json']);
  });
});

test('another shell is refused', async () => {
  const { runtime, told } = aRuntime();
  expect(await runProgram(['completion', 'tcsh'], runtime)).toBe(2);
  expect(told.err).toBe("ace-operator: wanted bash, zsh, fish, powershell, kubectl; got 'tcsh'\n");
});
