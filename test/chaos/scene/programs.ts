import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../support/authenticator-process.ts';
import type { ProgramChange } from '../messages.ts';

const PROGRAM = fileURLToPath(new URL('../../../bin/ace-operator.js', import.meta.url));
const LIVE = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of LIVE) child.kill('SIGKILL');
});

export interface ProgramOptions {
  /** `operator-0`, or `c-1/0` of an authenticator. */
  readonly name: string;
  readonly role: 'operator' | 'authenticator';
  readonly args: readonly string[];
  /** Where it answers probes. */
  readonly probePort: number;
  readonly dir: string;
  readonly tell: (change: ProgramChange) => void;
  /** Instead of the built program, for stand-ins: what to run. */
  readonly command?: readonly string[];
}

/** One of our programs, which is started and ended many times over; its output goes on in one file. */
export class Program {
  readonly name: string;
  readonly #options: ProgramOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();
  #asked = false;
  #diagnosticsPort: number | undefined;
  env: Readonly<Record<string, string>> = {};
  starts = 0;

  constructor(options: ProgramOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** From its next start on it hands out profiles. */
  async offerDiagnostics(): Promise<void> {
    this.#diagnosticsPort = await freePort();
  }

  /** Has it collect its garbage: V8 does so before it says what is still held of what was allocated. Takes a second. */
  async collectGarbage(): Promise<void> {
    const url = `http://127.0.0.1:${this.#diagnosticsPort}/debug/heap?seconds=1`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`GET ${url}: ${answer.status}`);
  }

  /** Does not wait until it is ready. */
  start(): void {
    if (this.#child) return;
    const { name, role, args, dir, tell, command = [PROGRAM] } = this.#options;
    const log = openSync(join(dir, `${name.replaceAll('/', '-')}.log`), 'a');
    const [program = PROGRAM, ...before] = command;
    const diagnostics = this.#diagnosticsPort
      ? { ACE_DIAGNOSTICS_LISTEN: `127.0.0.1:${this.#diagnosticsPort}` }
      : {};
    const child = spawn(program, [...before, ...args], {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...this.env, ...diagnostics },
    });
    closeSync(log);
    this.#child = child;
    this.#asked = false;
    this.starts += 1;
    LIVE.add(child);
    const about = { name, role, pid: child.pid ?? 0 };
    tell({ ...about, atMs: Date.now(), event: 'started' });
    this.#exited = once(child, 'exit').then(([code, signal]) => {
      LIVE.delete(child);
      this.#child = undefined;
      const how = `code ${code}, signal ${signal}`;
      tell({ ...about, atMs: Date.now(), event: 'ended', asked: this.#asked, how });
    });
  }

  async kill(): Promise<void> {
    this.#asked = true;
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  /** SIGTERM, and waits; one that does not end is killed after ten seconds. */
  async stop(): Promise<void> {
    this.#asked = true;
    const child = this.#child;
    child?.kill('SIGCONT');
    child?.kill('SIGTERM');
    const timer = setTimeout(() => child?.kill('SIGKILL'), 10_000);
    await this.#exited;
    clearTimeout(timer);
  }

  pause(on: boolean): void {
    this.#child?.kill(on ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Whether it answers 200 there. */
  async answers(path: string): Promise<boolean> {
    const url = `http://127.0.0.1:${this.#options.probePort}${path}`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    await answer?.arrayBuffer().catch(() => undefined);
    return answer?.status === 200;
  }

  async metric(series: string): Promise<number> {
    const url = `http://127.0.0.1:${this.#options.probePort}/metrics`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    const text = (await answer?.text().catch(() => '')) ?? '';
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
    return line ? Number(line.slice(series.length + 1)) : 0;
  }
}
