import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/ace-operator.js', import.meta.url));

/** The built program, run as a user runs it. */
export interface ServiceProcess {
  readonly pid: number;
  /** Everything it printed so far, one parsed JSON object a line. */
  logs(): readonly Record<string, unknown>[];
  /** Everything it printed so far. */
  output(): string;
  /** Answer of a path of its HTTP server. */
  http(path: string, init?: RequestInit): Promise<{ status: number; body: string; headers: Headers }>;
  /** Value of one metric series, by its text up to the space; 0 when it is not there. */
  metric(series: string): Promise<number>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the exit code when it has ended. */
  readonly exited: Promise<number | null>;
  /** SIGTERM, and waits. */
  stop(): Promise<number | null>;
}

export interface ServiceOptions {
  /** Another program than the built one; `args` are then its. */
  readonly program?: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The log messages that announce the address of its HTTP servers; the first that was printed counts. */
  readonly announcement: string | readonly string[];
  /** It counts as started when this path answers 200. */
  readonly startedPath: string;
  /** Asks its server for a path where plain HTTP will not do; gives the status. */
  readonly probe?: (address: string, path: string) => Promise<number>;
}

const LIVE = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of LIVE) child.kill('SIGKILL');
});

/** Starts the built program and waits until it answers. */
export async function startService(options: ServiceOptions): Promise<ServiceProcess> {
  const child = spawn(options.program ?? PROGRAM, [...options.args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  LIVE.add(child);
  const service = wrap(child, options.announcement);
  try {
    await eventually(
      async () => {
        if (child.exitCode !== null) return;
        const status = await statusOf(service, options);
        if (status !== 200) throw new Error(`${options.startedPath} answers ${status}`);
      },
      { timeoutMs: 90_000, what: `${options.args[0]} to start` },
    );
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`${options.args[0]} did not start; it printed:\n${service.output()}`, { cause: error });
  }
  if (child.exitCode !== null) {
    throw new Error(`${options.args[0]} ended with ${child.exitCode}:\n${service.output()}`);
  }
  return service;
}

async function statusOf(
  service: ServiceProcess,
  { startedPath, announcement, probe }: ServiceOptions,
): Promise<number> {
  if (!probe) return (await service.http(startedPath)).status;
  const address = announced(service.logs(), announcement);
  if (!address) throw new Error('its address is not announced yet');
  return probe(String(address), startedPath);
}

function announced(
  logs: readonly Record<string, unknown>[],
  announcement: string | readonly string[],
): unknown | undefined {
  return [announcement]
    .flat()
    .map((wanted) => logs.find(({ message }) => message === wanted)?.['address'])
    .find((address) => address !== undefined);
}

function wrap(child: ChildProcess, announcement: string | readonly string[]): ServiceProcess {
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
  const http: ServiceProcess['http'] = async (path, init) => {
    const address = announced(logs(), announcement);
    if (!address) throw new Error('its address is not announced yet');
    const response = await fetch(`http://${address}${path}`, init ?? {});
    return { status: response.status, body: await response.text(), headers: response.headers };
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
