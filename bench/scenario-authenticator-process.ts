import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { eventually } from '../test/support/eventually.ts';
import { type ServiceProcess, startService } from '../test/support/service-process.ts';
import { type Population, serveCluster } from './scenario-authenticator-cluster.ts';
import type { LoadPlan, LoadResult } from './scenario-authenticator-load.ts';

export const SERVER_CORE = '0';
export const LOAD_CORE = '1';
const run = promisify(execFile);

/** True where server and generator can each have a core of their own. */
export const isPinned = cpus().length > 1 && answers('taskset', '--version');

/** The built authenticator, with that many tokens, as its DaemonSet runs it. @param env - further variables */
export async function startFilled(
  population: Population,
  env: Readonly<Record<string, string>> = {},
): Promise<ServiceProcess> {
  const kubeconfig = join(await mkdtemp(join(tmpdir(), 'ace-bench-authenticator-')), 'kubeconfig');
  const end = await serveCluster(population, kubeconfig);
  const service = await startShipped(kubeconfig, env);
  void service.exited.then(end);
  return service;
}

/** The built authenticator of that cluster, as its DaemonSet runs it; ready, and from then on on the server's core alone. */
export async function startShipped(
  kubeconfig: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ServiceProcess> {
  const service = await startService({
    args: ['authenticator', '--kubeconfig', kubeconfig, '--listen', '127.0.0.1:0'],
    announcement: 'authenticator listens',
    startedPath: '/livez',
    env: { ...(await shippedEnvironment()), ...env },
  });
  await eventually(
    async () => {
      if ((await service.http('/readyz')).status !== 200) throw new Error('not ready');
    },
    { timeoutMs: 60_000, intervalMs: 100 },
  );
  pin(service.pid);
  return service;
}

/** What the DaemonSet sets. */
async function shippedEnvironment(): Promise<Record<string, string>> {
  const file = new URL('../manifests/authenticator/daemonset.yaml', import.meta.url);
  const [container] = parse(await readFile(file, 'utf8')).spec.template.spec.containers;
  const variables: { name: string; value: string }[] = container.env;
  return Object.fromEntries(variables.map(({ name, value }) => [name, value]));
}

export const portOf = (service: ServiceProcess): number => {
  const address = service.logs().find(({ message }) => message === 'authenticator listens')?.['address'];
  return Number(String(address).split(':').at(-1));
};

/** The yardstick, on the same core as the authenticator. */
export async function startBare(): Promise<{ readonly port: number; readonly pid: number; stop(): void }> {
  const program = fileURLToPath(new URL('./scenario-authenticator-bare.ts', import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(child.stdout, 'data');
  pin(child.pid ?? 0);
  return { port: Number(port), pid: child.pid ?? 0, stop: () => void child.kill('SIGKILL') };
}

/** One run of the load generator, on its own core. */
export async function load(plan: LoadPlan): Promise<LoadResult> {
  const program = fileURLToPath(new URL('./scenario-authenticator-load.ts', import.meta.url));
  const command = [process.execPath, program, JSON.stringify(plan)];
  const [first = '', ...rest] = isPinned ? ['taskset', '-c', LOAD_CORE, ...command] : command;
  const { stdout } = await run(first, rest);
  return JSON.parse(stdout) as LoadResult;
}

/** A figure of refusals where answers were meant would look splendid. @throws {Error} when anything else was answered */
export function requireOnly(what: string, { answers }: LoadResult, expected: string): void {
  const others = Object.entries(answers).filter(([answer]) => answer !== expected);
  if (others.length > 0)
    throw new Error(`${what}: wanted '${expected}' only, got ${JSON.stringify(answers)}`);
}

/** Where a process may run: on the server's core alone, or anywhere. Threads that it starts later inherit it. */
export function pin(pid: number, cores: string = SERVER_CORE): void {
  if (isPinned) execFileSync('taskset', ['-a', '-c', '-p', cores, String(pid)], { stdio: 'ignore' });
}

export function unpin(pid: number): void {
  pin(pid, `0-${cpus().length - 1}`);
}

function answers(program: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
