import { describe, expect, test } from 'vitest';
import { width } from '../../../src/print/lines.ts';
import {
  type Answer,
  AnswerInParts,
  type OutputFormat,
  printAnswer,
  printObject,
} from '../../../src/print/output.ts';
import { printable } from '../../../src/print/printable.ts';
import { paint } from '../../../src/print/style.ts';

interface Row {
  readonly id: string;
  readonly count: number;
}

const ROWS: readonly Row[] = [
  { id: 'c-berlin', count: 3 },
  { id: 'é', count: 120 },
];

const answer = (rows: readonly Row[], single = false): Answer<Row> => ({
  columns: [
    { title: 'NAME', cell: ({ id }) => id },
    { title: 'NOTE', wide: true, cell: () => '' },
    { title: 'COUNT', cell: ({ count }) => ({ text: String(count), tone: count > 100 ? 'bad' : 'good' }) },
  ],
  rows,
  object: ({ id, count }) => ({ metadata: { name: id }, count }),
  name: ({ id }) => `cluster/${id}`,
  single,
  empty: 'no clusters',
});

async function printed(
  format: OutputFormat,
  rows = ROWS,
  options: { headers?: boolean; isTerminal?: boolean; env?: Record<string, string>; single?: boolean } = {},
): Promise<string> {
  let out = '';
  await printAnswer(answer(rows, options.single), {
    format,
    headers: options.headers ?? true,
    isTerminal: options.isTerminal ?? false,
    env: options.env ?? {},
    write: (text) => {
      out += text;
    },
  });
  return out;
}

describe('an answer', () => {
  test('is aligned by characters, without blanks at the ends of lines', async () => {
    expect(await printed('table')).toBe('NAME       COUNT\nc-berlin   3\né          120\n');
  });

  test('has columns where names take two cells a letter', async () => {
    const rows = [
      { id: '北京', count: 1 },
      { id: 'abcd', count: 2 },
    ];
    expect(await printed('table', rows)).toBe('NAME   COUNT\n北京   1\nabcd   2\n');
  });

  test('may have more rows than a call may have arguments', async () => {
    const rows = Array.from({ length: 200_000 }, (_, index) => ({ id: `c-${index}`, count: index }));
    expect((await printed('table', rows)).split('\n')).toHaveLength(rows.length + 2);
  });

  test('has further columns in wide, and no titles when they are not wanted', async () => {
    expect(await printed('wide', ROWS, { headers: false })).toBe(
      'c-berlin   <none>   3\né          <none>   120\n',
    );
  });

  test('is a list in json and yaml, or the one object', async () => {
    const object = { metadata: { name: 'c-berlin' }, count: 3 };
    expect(JSON.parse(await printed('json'))).toMatchObject({
      kind: 'List',
      items: [object, { count: 120 }],
    });
    expect(JSON.parse(await printed('json', ROWS.slice(0, 1), { single: true }))).toEqual(object);
    expect(await printed('yaml', ROWS.slice(0, 1), { single: true })).toBe(
      'metadata:\n  name: "c-berlin"\ncount: 3\n',
    );
    expect(JSON.parse(await printed('json', []))).toMatchObject({ items: [] });
  });

  test('says of which version an object of ours is, and leaves those of servers as they are', async () => {
    const as = async (object: object): Promise<string> => {
      const written: string[] = [];
      const write = (text: string): void => void written.push(text);
      await printObject(object, 'json', { format: 'json', headers: true, isTerminal: false, env: {}, write });
      return written.join('');
    };
    expect(JSON.parse(await as({ kind: 'ClusterStatus', name: 'c' }))).toEqual({
      apiVersion: 'cli.ace-operator.io/v1alpha1',
      kind: 'ClusterStatus',
      name: 'c',
    });
    expect(JSON.parse(await as({ apiVersion: 'v1', kind: 'Secret' }))).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
    });
  });

  test('is one name a line', async () => {
    expect(await printed('name')).toBe('cluster/c-berlin\ncluster/é\n');
  });

  test('without rows is a sentence in a table, and nothing as names', async () => {
    expect(await printed('table', [])).toBe('no clusters\n');
    expect(await printed('name', [])).toBe('');
  });
});

describe('colour', () => {
  const CSI = '\u001b[';
  test('is there on a terminal', async () => {
    expect(await printed('table', ROWS, { isTerminal: true })).toContain(`${CSI}31m120${CSI}39m`);
  });

  test.each([
    ['not on a terminal', false, {}],
    ['NO_COLOR is set', true, { NO_COLOR: '1' }],
    ['the terminal is dumb', true, { TERM: 'dumb' }],
  ])('is not there when %s', async (_title, isTerminal, env) => {
    expect(await printed('table', ROWS, { isTerminal, env })).not.toContain(CSI);
    expect(paint(isTerminal, env)('bad', 'x')).toBe('x');
  });

  test('an empty NO_COLOR asks for nothing', () => {
    expect(paint(true, { NO_COLOR: '' })('bad', 'x')).not.toBe('x');
  });
});

test('what a cluster says cannot move the cursor or break a line', () => {
  expect(printable('a\u001b[2Jb\nc\u202ed')).toBe('a [2Jb c d');
});

test.each([
  ['漢字', 4],
  ['ｶﾅ', 2],
  ['e\u0301', 1],
  ['👍', 2],
  ['Ａ', 2],
])('%s takes %i cells of a terminal', (text, cells) => {
  expect(width(text)).toBe(cells);
});

test('an answer in parts is printed as it comes, in columns that make room for what is known', async () => {
  const parts: string[] = [];
  const write = (text: string): void => void parts.push(text);
  const inParts = new AnswerInParts(answer([]), {
    ...{ format: 'table', headers: true, isTerminal: false, env: {}, write },
  });
  inParts.reserve(ROWS);
  inParts.add(ROWS.slice(1));
  expect(parts).toEqual(['NAME       COUNT\né          120\n']);
  inParts.add(ROWS.slice(0, 1));
  await inParts.end();
  expect(parts.slice(1)).toEqual(['c-berlin   3\n']);
});
