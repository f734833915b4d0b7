import { spawn } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findKubectl } from './binaries.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COLUMNS = 80;

/** Somebody who reads the pages in a checkout, and types what they say. */
export interface Reader {
  /** Where they are: what a command writes is there. */
  readonly directory: string;
  /** @throws {Error} with all that was said, when a line fails */
  type(lines: string, kubeconfig?: string): Promise<string>;
  /** What a terminal of 80 columns shows, without colours; whatever the exit code. */
  see(line: string): Promise<string>;
}

/**
 * @param directory - an empty one
 * @param kubeconfig - of the management plane, unless a line is typed with another
 * @param programs - further ones to be on PATH, by their names
 */
export async function aReader(
  directory: string,
  kubeconfig: string,
  programs: Readonly<Record<string, string>>,
): Promise<Reader> {
  const bin = join(directory, 'bin');
  await mkdir(bin, { recursive: true });
  const onPath = { 'kubectl-ace': `${ROOT}bin/ace-operator.js`, kubectl: findKubectl(), ...programs };
  await Promise.all(Object.entries(onPath).map(([name, path]) => symlink(path, join(bin, name))));
  const parts = ['charts', 'crds', 'manifests'];
  await Promise.all(parts.map((part) => symlink(join(ROOT, part), join(directory, part))));
  const { NO_COLOR: _, ...own } = process.env;
  const env = {
    ...own,
    PATH: `${bin}:${dirname(process.execPath)}:${own['PATH']}`,
    HOME: directory,
    TERM: 'dumb',
  };
  const run = (program: string, args: readonly string[], config = kubeconfig) =>
    new Promise<{ readonly code: number | null; readonly said: string }>((resolve, reject) => {
      const child = spawn(program, [...args], {
        cwd: directory,
        env: { ...env, KUBECONFIG: config },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          said += chunk;
        });
      }
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, said }));
    });
  return {
    directory,
    async type(lines, config) {
      const { code, said } = await run('bash', ['-euo', 'pipefail', '-c', lines], config);
      if (code !== 0) throw new Error(`exit code ${code}:\n${lines}\n${said}`);
      return said;
    },
    async see(line) {
      const { said } = await run('script', ['-qec', `stty cols ${COLUMNS} rows 40; ${line}`, '/dev/null']);
      return shown(said);
    },
  };
}

const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*[A-Za-z]`, 'g');

/** A line that was drawn over, as progress is, shows what was drawn last. */
function shown(screen: string): string {
  const lines = screen.replaceAll('\r\n', '\n').replaceAll(ESCAPES, '').split('\n');
  return lines.map((line) => (line.split('\r').at(-1) ?? '').trimEnd()).join('\n');
}
