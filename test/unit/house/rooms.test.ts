import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const SRC = new URL('../../../src/', import.meta.url);
/** Above this nobody reads a file to its end. */
const MAX_LINES = 300;

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
