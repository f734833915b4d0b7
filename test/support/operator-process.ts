import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/ace-operator.js', import.meta.url));

/** The built operator, run as a user runs it. */
export interface OperatorProcess {
  readonly pid: number;
  /** Everything it printed so far, one parsed JSON object a line. */
  logs(): readonly Record<string, unknown>[];
  /** Everything it printed so far. */
  output(): string;
  /** Body of a path of its health server. */
  http(path: string): Promise<{ status: number; body: string }>;
  /** Value of one metric series, by its text up to the space; 0 when it is not there. */
  metric(series: string): Promise<number>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the exit code when it has ended. */
  readonly exited: Promise<number | null>;
  /** SIGTERM, and waits. */
  stop(): Promise<number | null>;
}

/**
 * Starts the built operator and waits until it is ready.
 *
 * @param flags - beside kubeconfig and a free health port
 * @param options.untilReady - false: only until its health server listens
 */
export async function startOperator(
  kubeconfig: string,
  flags: readonly string[] = [],
  options: { env?: Readonly<Record<string, string>>; untilReady?: boolean } = {},
): Promise<OperatorProcess> {
  const child = spawn(
    PROGRAM,
    ['operator', '--kubeconfig', kubeconfig, '--listen', '127.0.0.1:0', '--leader-elect=false', ...flags],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...options.env } },
  );
  LIVE.add(child);
  const operator = wrap(child);
  try {
    await eventually(
      async () => {
        if (child.exitCode !== null) return;
        const { status } = await operator.http(options.untilReady === false ? '/livez' : '/readyz');
        if (status !== 200) throw new Error(`not ready: ${status}`);
      },
      { timeoutMs: 30_000, what: 'the operator to be ready' },
    );
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`operator did not get ready; it printed:\n${operator.output()}`, { cause: error });
  }
  if (child.exitCode !== null) throw new Error(`operator ended with ${child.exitCode}:\n${operator.output()}`);
  return operator;
}

const LIVE = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of LIVE) child.kill('SIGKILL');
});

function wrap(child: ChildProcess): OperatorProcess {
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  const exited = once(child, 'exit').then(([code]) => {
    LIVE.delete(child);
    return code as number | null;
  });
  const logs = (): readonly Record<string, unknown>[] =>
    output
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const http = async (path: string): Promise<{ status: number; body: string }> => {
    const address = logs().find(({ message }) => message === 'health and metrics')?.['address'];
    if (!address) throw new Error('health server not announced yet');
    const response = await fetch(`http://${address}${path}`);
    return { status: response.status, body: await response.text() };
  };
  return {
    pid: child.pid ?? 0,
    logs,
    output: () => output,
    http,
    async metric(series) {
      const { body } = await http('/metrics');
      const line = body.split('\n').find((candidate) => candidate.startsWith(`${series} `));
      return line ? Number(line.slice(series.length + 1)) : 0;
    },
    kill: (signal) => void child.kill(signal),
    exited,
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}
