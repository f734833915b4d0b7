/** Makes one file of the command line and its libraries, for an executable that needs no Node beside it. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HERE = import.meta.dirname;

/**
 * What the command line does without: the two services, which come as an image, and threads, which would need a file of their
 * own to start from. A command hashes at most a handful of secrets.
 */
const REPLACED: readonly (readonly [what: RegExp, by: string])[] = [
  [/\/serve\/(operator|authenticator)\.ts$/, 'services.ts'],
  [/^\.\/pool\.ts$/, 'no-threads.ts'],
];

const replacements: Plugin = {
  name: 'replacements',
  setup: ({ onResolve }) => {
    for (const [what, by] of REPLACED) onResolve({ filter: what }, () => ({ path: join(HERE, by) }));
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
    banner: { js: "const __executableUrl = require('node:url').pathToFileURL(__filename).href;" },
    plugins: [replacements],
    metafile: true,
    logLevel: 'error',
  });
  return Object.keys(metafile.inputs);
}
