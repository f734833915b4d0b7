import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const ROOM = new URL('../../../../src/operator/decide/', import.meta.url);

test.each(readdirSync(ROOM))(
  '%s decides from facts alone: it waits for nothing and asks no clock',
  (file) => {
    const code = readFileSync(new URL(file, ROOM), 'utf8').replaceAll(/\/\*\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    expect(code.match(/\b(await|async|Promise|Date|performance|setTimeout|Math\.random)\b/g)).toBeNull();
  },
);
