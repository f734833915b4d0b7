import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Child, startChild } from './child.ts';

export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly log: string;
  /** Asked again and again until it is true. */
  readonly ready: () => Promise<boolean>;
}

const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
const ATTEMPTS = 5;

/** Starts a server on a free port. Somebody may take the port between our look and its bind: then another one. */
export async function startOnFreePort(
  command: (port: number) => ServerCommand,
): Promise<{ port: number; child: Child }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      return { port, child: await startServer(command(port)) };
    } catch (error) {
      if (!isPortTaken(error) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Starts a server again on its own port, which the system may still hold for a moment. */
export async function startOnSamePort(command: ServerCommand): Promise<Child> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startServer(command);
    } catch (error) {
      if (!isPortTaken(error) || attempt === ATTEMPTS) throw error;
      await delay(200);
    }
  }
}

async function startServer(command: ServerCommand): Promise<Child> {
  const logged = await logText(command.log);
  const child = startChild(command.program, command.args, command.log);
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!(await command.ready().catch(() => false))) {
    await Promise.race([delay(POLL_MS), child.exited]);
    if (child.running && Date.now() < deadline) continue;
    const what = child.running ? `not ready after ${READY_TIMEOUT_MS / 1000} s` : 'ended while starting';
    await child.kill();
    throw await startError(`${command.program}: ${what}`, command.log, logged.length);
  }
  // Ready, but it may be somebody else's server that answers on a port we lost to it.
  if (child.running) return child;
  throw await startError(`${command.program}: ended while starting`, command.log, logged.length);
}

async function startError(what: string, log: string, from: number): Promise<Error> {
  const text = (await logText(log)).slice(from);
  const error = new Error(`${what}; log in ${log}, its end:\n${text.slice(-2000)}`);
  return Object.assign(error, { portTaken: /address already in use/.test(text) });
}

function isPortTaken(error: unknown): boolean {
  return error instanceof Error && 'portTaken' in error && error.portTaken === true;
}

async function logText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

/** Below the range from which systems serve outgoing connections: those would take a port while its server restarts. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 30_000);
    if (await canListen(port)) return port;
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
