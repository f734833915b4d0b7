import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/', import.meta.url));

export interface ShellResult {
  /** Of each program of the last pipe, in its order. */
  readonly codes: readonly number[];
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a line of bash as a person types it, with `ace-operator.js` on PATH. */
export function shell(line: string, env: Readonly<Record<string, string>> = {}): Promise<ShellResult> {
  const { KUBECONFIG: _, NO_COLOR: __, ...own } = process.env;
  const script = `${line}\ncodes="\${PIPESTATUS[*]}"; echo "$codes" >&3`;
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', script], {
      env: { ...own, HOME: '/nonexistent', ...env, PATH: `${BIN}:${own['PATH']}` },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    const texts = ['', '', '', ''];
    for (const fd of [1, 2, 3]) {
      child.stdio[fd]?.on('data', (chunk: Buffer) => {
        texts[fd] += chunk.toString();
      });
    }
    child.once('error', reject);
    child.once('close', () => {
      const [, stdout = '', stderr = '', codes = ''] = texts;
      resolve({ codes: codes.trim().split(' ').map(Number), stdout, stderr });
    });
  });
}
