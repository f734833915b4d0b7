import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const CLI = new URL('../../../src/cli/', import.meta.url);

const rooms = readdirSync(CLI, { withFileTypes: true });

test('every file of the command line is in a room', () => {
  expect(rooms.filter((entry) => !entry.isDirectory()).map(({ name }) => name)).toEqual([]);
});

test.each(rooms.map(({ name }) => name))(
  '%s has fewer than nine files, one of which says what it is for',
  (room) => {
    const files = readdirSync(new URL(`${room}/`, CLI));
    expect(files.length).toBeLessThan(9);
    const opening = files.filter((file) =>
      readFileSync(new URL(`${room}/${file}`, CLI), 'utf8').startsWith(`// ${room}/: `),
    );
    expect(opening).toHaveLength(1);
  },
);
