import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { neededBy } from '../../../hack/image/base/elf.ts';
import { librariesHere } from '../../../hack/image/base/libraries.ts';

const isX64 = process.platform === 'linux' && process.arch === 'x64';
if (!isX64) console.warn('elf: skipped: it is compared with what ldd says of a Node for x64 Linux');

/** A header of ELF for x64, without sections. */
const header = (machine: number): Buffer => {
  const elf = Buffer.alloc(64);
  elf.write('\x7fELF\x02\x01', 'latin1');
  elf.writeUInt16LE(machine, 18);
  return elf;
};

test.skipIf(!isX64)('what Node and its libraries name is what the dynamic linker loads', () => {
  const loaded = librariesHere(process.execPath).map(({ source }) => source);
  const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
  const named = [process.execPath, ...loaded].flatMap((file) => neededBy(readFileSync(file), file, 'amd64'));
  expect(named.length).toBeGreaterThan(5);
  expect([...new Set(named)].sort()).toEqual(loaded.map(nameOf).sort());
});

test('what names none has none', () => {
  expect(neededBy(header(62), 'program', 'amd64')).toEqual([]);
});

test.each([
  ['for another machine', header(62), 'program is not for arm64'],
  ['a script', Buffer.from('#!/bin/sh\n'.repeat(10)), 'program is no program or library of 64 bits'],
  ['too short', Buffer.from('\x7fELF', 'latin1'), 'program is no program or library of 64 bits'],
])('what is %s is refused', (_, content, message) => {
  expect(() => neededBy(content, 'program', 'arm64')).toThrow(message);
});
