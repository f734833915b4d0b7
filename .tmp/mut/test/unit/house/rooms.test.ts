import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const SRC = new URL('../../../src/', import.meta.url);
/** Above this nobody reads a file to its end. */
const MAX_LINES = 300;
/** Above this nobody sees what a function needs of what it is given. */
const MAX_FIELDS = 8;

describe.each(['cli', 'operator'])('%s/', (house) => {
  const entries = readdirSync(new URL(`${house}/`, SRC), { withFileTypes: true });
  const rooms = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);

  test.each(rooms)('%s has fewer than nine files, one of which says what it is for', (room) => {
    const files = readdirSync(new URL(`${house}/${room}/`, SRC));
    expect(files.length).toBeLessThan(9);
    const opening = files.filter((file) =>
      readFileSync(new URL(`${house}/${room}/${file}`, SRC), 'utf8').startsWith(`// ${room}/: `),
    );
    expect(opening).toHaveLength(1);
  });

  test('has nothing outside of its rooms but what opens the door', () => {
    const outside = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
    expect(outside).toEqual(house === 'operator' ? ['keys.ts', 'manager.ts'] : []);
  });
});

test(`no file is longer than ${MAX_LINES} lines`, () => {
  const long = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .filter((file) => readFileSync(new URL(file, SRC), 'utf8').split('\n').length - 1 > MAX_LINES);
  expect(long).toEqual([]);
});

test(`nothing in operator/ is handed around with more than ${MAX_FIELDS} fields`, () => {
  const records = readdirSync(new URL('operator/', SRC), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => recordsOf(readFileSync(new URL(`operator/${file}`, SRC), 'utf8')));
  expect(records.length).toBeGreaterThan(50);
  expect(records.filter(({ fields }) => fields > MAX_FIELDS)).toEqual([]);
});

/** Interfaces and object types at the outer level of a file, as the formatter lays them out. */
function recordsOf(source: string): readonly { readonly name: string; readonly fields: number }[] {
  const found = source.matchAll(/^(?:export )?(?:interface (\w+)[^\n]*|type (\w+) = )\{\n(.*?)^\}/gms);
  return [...found].map(([, interfaceName, typeName, body = '']) => ({
    name: interfaceName ?? typeName ?? '',
    fields: [...body.matchAll(/^ {2}(?:readonly )?\w+\??[:(<]/gm)].length,
  }));
}
