/**
 * Makes `kubectl-ace`, the command line as one file: Node's single executable applications.
 *
 * usage: node hack/executable/executable.ts OUT [OS/ARCH...]     OUT is a directory; without a platform, all of them
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.ts';
import { PLATFORMS, type Platform, providePlatforms } from './platforms.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HERE = import.meta.dirname;
/** What it is made on, and the only one that what V8 keeps is made for. */
const HOST = PLATFORMS[0] as Platform;
/** Where a Node looks for a program within itself; the word is Node's. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** What V8 keeps is of one run: of one that runs no command, and of one that loads what commands need. */
const COMPILED: readonly (readonly [file: string, words: readonly string[]])[] = [
  ['kubectl-ace.compiled', ['--version']],
  ['kubectl-ace.command', ['status', `--kubeconfig=${join(HERE, 'refused.kubeconfig')}`]],
];

/** postject says nothing of its types. */
interface Postject {
  inject(file: string, resource: string, data: Buffer, options: { sentinelFuse: string }): Promise<void>;
}

/** `kubectl-ace`, or with `.exe`. */
export const fileName = ({ os }: Platform): string => (os === 'windows' ? 'kubectl-ace.exe' : 'kubectl-ace');

/**
 * Writes OUT/OS_ARCH/kubectl-ace for each platform. The same sources give the same bytes.
 *
 * @throws {Error} when a step fails, naming it
 */
export async function makeExecutables(
  out: string,
  platforms: readonly Platform[],
): Promise<readonly string[]> {
  providePlatforms(platforms);
  const stage = mkdtempSync(join(tmpdir(), 'ace-executable-'));
  try {
    await prepare(stage);
    const [compiled, plain] = [preparation(stage, true), preparation(stage, false)];
    const files: string[] = [];
    for (const platform of platforms)
      files.push(await inject(out, platform, platform === HOST ? compiled : plain));
    return files;
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** The program as a function, what V8 keeps of it, and what starts it. */
async function prepare(stage: string): Promise<void> {
  const program = join(stage, 'kubectl-ace.cjs');
  await bundle(program);
  const text = readFileSync(program, 'utf8');
  // It is read as latin1 when it starts: anything else in it would be read as something else.
  if (/[^\0-\x7f]/.test(text)) throw new Error(`${program} is not ASCII`);
  writeFileSync(program, `(function (exports, require, module, __filename, __dirname) {${text}\n})`);
  copyFileSync(join(HERE, 'start.cjs'), join(stage, 'start.cjs'));
  for (const [file, words] of COMPILED) {
    // Without --predictable it would be other bytes each time.
    run(stage, ['--predictable', join(HERE, 'compile.cjs'), program, join(stage, file), ...words]);
  }
}

/** The blob that a Node takes into itself. It names its file, so that one is told as it lies in the stage. */
function preparation(stage: string, isCompiled: boolean): Buffer {
  const config = {
    main: 'start.cjs',
    output: 'kubectl-ace.blob',
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    // A Node that cannot use it would say so to whoever runs the program, each time; what starts the program is quiet about it.
    useCodeCache: false,
    assets: {
      program: 'kubectl-ace.cjs',
      ...(isCompiled ? { compiled: 'kubectl-ace.compiled', command: 'kubectl-ace.command' } : {}),
    },
  };
  writeFileSync(join(stage, 'sea.json'), JSON.stringify(config));
  run(stage, ['--experimental-sea-config', 'sea.json']);
  return readFileSync(join(stage, 'kubectl-ace.blob'));
}

/** Not by process.execPath: what is made must be of the very version that reads it. */
function run(stage: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(join(ROOT, HOST.node), args, { cwd: stage, encoding: 'utf8' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} failed: ${stderr}`);
}

async function inject(out: string, platform: Platform, program: Buffer): Promise<string> {
  const directory = join(out, `${platform.os}_${platform.arch}`);
  const file = join(directory, fileName(platform));
  mkdirSync(directory, { recursive: true });
  copyFileSync(join(ROOT, platform.node), file);
  chmodSync(file, 0o755);
  const { inject: put } = createRequire(import.meta.url)('postject') as Postject;
  await withoutNoise(() => put(file, 'NODE_SEA_BLOB', program, { sentinelFuse: FUSE }));
  return file;
}

/** postject warns of each section of a Node that has no name. Nothing is wrong with these, and a reader would think so. */
async function withoutNoise(work: () => Promise<void>): Promise<void> {
  const { warn } = console;
  console.warn = (...said: unknown[]) => {
    if (!String(said[0]).startsWith("warning: Can't find string offset for section name")) warn(...said);
  };
  try {
    await work();
  } finally {
    console.warn = warn;
  }
}

if (import.meta.filename === process.argv[1]) {
  const [out, ...names] = process.argv.slice(2);
  if (out === undefined) throw new Error('usage: executable.ts OUT [OS/ARCH...]');
  const wanted = PLATFORMS.filter(({ os, arch }) => names.length === 0 || names.includes(`${os}/${arch}`));
  for (const file of await makeExecutables(resolve(out), wanted)) console.log(file);
}
