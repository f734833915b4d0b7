import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Check, checklist } from '../../../src/print/checklist.ts';
import { cut, hanging, padded, width, wrapped } from '../../../src/print/lines.ts';
import { printable } from '../../../src/print/printable.ts';
import { paint } from '../../../src/print/style.ts';
import { table } from '../../../src/print/table.ts';

const plain = paint(false, {});
const coloured = paint(true, {});

describe('a text in cells', () => {
  const cases = {
    'a letter takes one': ['abc', 3],
    'a letter of a wide script takes two': ['東京', 4],
    'a half-width form takes one': ['ﾄｳ', 2],
    'an emoji takes two': ['🚀', 2],
    'a flag is one sign': ['🇯🇵', 2],
    'a mark on a letter takes none': ['e\u0301', 1],
    'colour takes none': [coloured('bad', 'no'), 2],
  } as const;
  test.each(Object.entries(cases))('%s', (_title, [text, want]) => {
    expect(width(text)).toBe(want);
  });

  test('is cut between what is seen as one', () => {
    expect(cut('e\u0301東🚀x', 3)).toBe('e\u0301東');
    expect(cut('東京', 3)).toBe('東');
  });
});

const word = fc.stringMatching(/^[a-z東京é🚀]{1,12}$/u);

describe('wrapped text', () => {
  test('never breaks a word, loses none, and stays within the width where its words do', () => {
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 24, max: 80 }),
        (words, cells) => {
          const lines = wrapped(words.join(' '), cells);
          expect(lines.flatMap((line) => line.split(' '))).toEqual(words);
          for (const line of lines) expect(width(line)).toBeLessThanOrEqual(cells);
        },
      ),
    );
  });

  test('leaves a word that is longer than a line whole', () => {
    const name = 'x'.repeat(50);
    expect(wrapped(`a ${name} b`, 20)).toEqual(['a', name, 'b']);
  });

  test('is one line where there is no terminal', () => {
    expect(hanging('  ✓ ', 'word '.repeat(100).trim(), undefined)).not.toContain('\n');
  });
});

const CHECKS: readonly Check[] = [
  { title: 'Groups', state: 'ok', detail: '経理部 🚀 group '.repeat(12).trim() },
  {
    title: 'Authenticator',
    state: 'broken',
    reason: 'CannotVerify',
    detail: 'word '.repeat(30).trim(),
    remedy: 'do '.repeat(40),
  },
  {
    title: 'Scope',
    state: 'skipped',
    detail: 'not looked at, for a reason that takes more than one line to say in full',
  },
];

describe('a list of checks', () => {
  test.each([60, 80, 120])('on a terminal of %i columns goes on below its own text', (columns) => {
    const text = stripVTControlCharacters(checklist(CHECKS, { paint: coloured, remedies: true, columns }));
    const lines = text.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(CHECKS.length);
    for (const line of lines) {
      expect(width(line)).toBeLessThanOrEqual(columns);
      expect(line).toMatch(/^( {2}[✓✗-] \S+ +| {19})\S/);
    }
  });

  test('elsewhere has a line for each', () => {
    const text = checklist(CHECKS, { paint: plain, remedies: false, columns: undefined });
    expect(text.trimEnd().split('\n')).toHaveLength(CHECKS.length);
  });
});

test('names of any script do not shift the columns behind them, nor do those that try to', () => {
  const hostile = [
    'plain',
    '東京クラスタ',
    '🚀🚀',
    'e\u0301te\u0301',
    'a\u200b\u200db\u202e',
    'tab\tnew\nline\u001b[31m',
    '\u2800'.repeat(5),
  ];
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: 'grapheme' })), { minLength: 1 }),
      (names) => {
        const columns = [
          { title: 'NAME', cell: (name: string) => name },
          { title: 'NEXT', cell: () => 'x' },
        ];
        const lines = table(columns, names, { headers: true, paint: plain }).trimEnd().split('\n');
        expect(lines).toHaveLength(names.length + 1);
        const before = lines.slice(1).map((line) => width(line.slice(0, line.lastIndexOf('x'))));
        expect(new Set(before).size).toBe(1);
        for (const line of lines) expect(printable(line)).toBe(line);
      },
    ),
  );
});

test('padding fills cells, and cuts nothing', () => {
  expect(padded('東', 4)).toBe('東  ');
  expect(padded('long', 2)).toBe('long');
});
