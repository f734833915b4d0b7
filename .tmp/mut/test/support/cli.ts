import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../bin/ace-operator.js', import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** The built command line, run as a person runs it; nothing it prints may hold one of the known secrets. */
export interface Cli {
  /** `kubeconfig` is the management plane's; more arguments may name another. */
  run(...args: readonly string[]): Promise<CliResult>;
  with(options: CliOptions): Promise<CliResult>;
  /** Text that must be in no output: token values, hashes, credentials. Short ones would be found by chance. */
  hide(...secrets: readonly string[]): void;
}

/**
 * @param env - for every run, such as KUBECONFIG
 */
export function aCli(env: Readonly<Record<string, string>>): Cli {
  const secrets = new Set<string>();
  const run = async (options: CliOptions): Promise<CliResult> => {
    const result = await runProgram(options, env);
    for (const secret of secrets) {
      const where = [result.stdout, result.stderr].findIndex((text) => text.includes(secret));
      if (where < 0) continue;
      const stream = where === 0 ? 'stdout' : 'stderr';
      throw new Error(`${options.args.join(' ')}: ${stream} holds a secret of ${secret.length} characters`);
    }
    return result;
  };
  return {
    run: (...args) => run({ args }),
    with: run,
    hide(...more) {
      for (const secret of more) {
        if (secret.length < 8) throw new Error('a secret this short would be found by chance');
        secrets.add(secret);
        secrets.add(Buffer.from(secret).toString('base64'));
      }
    },
  };
}

function runProgram(options: CliOptions, env: Readonly<Record<string, string>>): Promise<CliResult> {
  const { KUBECONFIG: _, NO_COLOR: __, ...own } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(PROGRAM, [...options.args], {
      env: { ...own, HOME: '/nonexistent', ...env, ...options.env },
      stdio: 'pipe',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.stdin.on('error', () => undefined); // it ended without reading
    child.stdin.end(options.stdin ?? '');
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}
