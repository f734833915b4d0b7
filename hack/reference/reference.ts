/**
 * Writes the pages of docs/reference/, which are made of what the programs are made of.
 *
 * usage: node hack/reference/reference.ts          a unit test fails while a committed page is another
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { apiPage } from './api.ts';
import { commandsPage } from './commands.ts';
import { flagsPage } from './flags.ts';
import { marksPage } from './marks.ts';

const DIRECTORY = new URL('../../docs/reference/', import.meta.url);

/** Text of each page, by the name of its file in docs/reference. */
export async function referencePages(): Promise<Readonly<Record<string, string>>> {
  return {
    'api.md': apiPage(),
    'commands.md': await commandsPage(),
    'flags.md': flagsPage(),
    'labels-and-annotations.md': marksPage(),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of Object.entries(await referencePages())) {
    writeFileSync(new URL(name, DIRECTORY), text);
  }
}
