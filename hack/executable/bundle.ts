/** Makes one file of the command line and its libraries, for an executable that needs no Node beside it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HERE = import.meta.dirname;
const SRC = join(ROOT, 'src/');

/**
 * What the command line does without: the two services, which come as an image, and threads, which would need a file of their
 * own to start from. A command hashes at most a handful of secrets.
 */
const REPLACED: readonly (readonly [what: RegExp, by: string])[] = [
  [/\/serve\/(operator|authenticator)\.ts$/, 'services.ts'],
  [/^\.\/pool\.ts$/, 'no-threads.ts'],
];

/** zod would compile a function for each shape, which takes longer than the few objects that a command reads. */
const BANNER = [
  "const __executableUrl = require('node:url').pathToFileURL(__filename).href;",
  'globalThis.__zod_globalConfig = { jitless: true };',
].join('\n');

/** What two libraries make when they are loaded: 20 ms of ICU. Nearly all that is printed is ASCII, for which they do not use it. */
const SEGMENTER = 'const segmenter = new Intl.Segmenter();';
const LATER =
  'let made; const segmenter = { segment: (text) => (made ??= new Intl.Segmenter()).segment(text) };';

/** @throws {Error} when the library is another than it was */
function withoutSegmenter(file: string): string {
  const source = readFileSync(file, 'utf8');
  if (source.split(SEGMENTER).length !== 2) throw new Error(`${file} has no line ${SEGMENTER}`);
  return source.replace(SEGMENTER, LATER);
}

const replacements: Plugin = {
  name: 'replacements',
  setup: ({ onLoad, onResolve }) => {
    onLoad({ filter: /node_modules\/(string-width|wrap-ansi)\/index\.js$/ }, ({ path }) => ({
      contents: withoutSegmenter(path),
    }));
    for (const [what, by] of REPLACED) onResolve({ filter: what }, () => ({ path: join(HERE, by) }));
    // client-node takes more of it.
    onResolve({ filter: /^undici$/ }, ({ importer }) =>
      importer.startsWith(SRC) ? { path: join(HERE, 'undici.cjs') } : undefined,
    );
  },
};

/**
 * @param out - where the file goes. The same sources make the same bytes.
 * @returns the paths of all sources that are in it, relative to the project
 * @throws {Error} when something cannot be resolved
 */
export async function bundle(out: string): Promise<readonly string[]> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/main.ts'],
    outfile: out,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    legalComments: 'none',
    minifySyntax: true,
    minifyWhitespace: true,
    define: { 'import.meta.url': '__executableUrl' },
    banner: { js: BANNER },
    plugins: [replacements],
    metafile: true,
    logLevel: 'error',
  });
  return Object.keys(metafile.inputs);
}
