import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const DIRECTORY = new URL('../golden/', import.meta.url);

/**
 * Compares output with `test/golden/<name>.txt`, after what differs from run to run is taken out of it.
 * To write the files anew: `UPDATE_GOLDEN=1 npx vitest run <test file>`, and read the diff.
 *
 * @param replacements - further texts, such as a port's, and what stands for them
 */
export function expectGolden(
  name: string,
  output: string,
  replacements: Readonly<Record<string, string>> = {},
): void {
  const file = fileURLToPath(new URL(`${name}.txt`, DIRECTORY));
  const shown = normalised(output, replacements);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, shown);
    return;
  }
  expect(existsSync(file), `${file} is missing; write it with UPDATE_GOLDEN=1`).toBe(true);
  expect(shown).toBe(readFileSync(file, 'utf8'));
}

/** Without times, lengths of time, ports, UIDs, temporary paths, and the blanks that make columns. */
export function normalised(output: string, replacements: Readonly<Record<string, string>> = {}): string {
  let text = output;
  for (const [found, instead] of Object.entries(replacements)) text = text.replaceAll(found, instead);
  return (
    text
      .replaceAll(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'UID')
      .replaceAll(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME')
      .replaceAll(/(127\.0\.0\.1|localhost):\d+/g, '$1:PORT')
      .replaceAll(/\b(\d+y)?(\d+d)?(\d+h)?(\d+m)?\d+[ydhms]\b/g, 'AGE')
      // An authenticator reports a use when it comes to it.
      .replaceAll(/last used AGE ago|never used/g, 'USE')
      .replaceAll(/\/tmp\/[^\s:'",]+/g, 'FILE')
      .replaceAll(/(?<=\S) {2,}(?=\S)/g, '  ')
      .replaceAll(/[ \t]+$/gm, '')
  );
}
