import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { freePort } from '../test/support/authenticator-process.ts';
import type { ControlPlane } from '../test/support/control-plane.ts';
import { eventually } from '../test/support/eventually.ts';
import { reviewBody } from '../test/support/webhook-rig.ts';
import { NAMESPACE } from './objects.ts';
import { bearer } from './scenario-authenticator-load.ts';
import { GROUPS, userOf } from './scenario-authenticator-peer-cluster.ts';
import { portOf, SERVER_CORE, startShipped } from './scenario-authenticator-process.ts';

const START_MS = 60_000;

/** An authenticator that knows its tokens, on the server's core alone. */
export interface Contestant {
  readonly pid: number;
  readonly port: number;
  /** How it answers for a name that it does not know. */
  readonly refusal: '200 UnknownToken' | '401';
  stop(): Promise<unknown>;
}

export async function startOurs({ adminKubeconfig }: ControlPlane): Promise<Contestant> {
  const service = await startShipped(adminKubeconfig);
  return {
    ...{ pid: service.pid, port: portOf(service), refusal: '200 UnknownToken' },
    stop: () => service.stop(),
  };
}

/** It listens only when its informers are synced. What it logs goes to a file, as under a container runtime. */
export async function startPeer(
  program: string,
  { adminKubeconfig, dir }: ControlPlane,
): Promise<Contestant> {
  const port = await freePort();
  const log = await open(`${dir}/peer.log`, 'w');
  // taskset becomes the program: one process, which sees one core from its start.
  const command = ['-c', SERVER_CORE, program, '--kubeconfig', adminKubeconfig, '--namespace', NAMESPACE];
  const child = spawn('taskset', [...command, 'serve', '--listen', `127.0.0.1:${port}`], {
    stdio: ['ignore', log.fd, log.fd],
  });
  const exited = once(child, 'exit');
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  const stop = async (): Promise<void> => {
    end();
    await exited;
    process.off('exit', end);
    await log.close();
  };
  try {
    await eventually(() => requireListening(child, port), { timeoutMs: START_MS, intervalMs: 100 });
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
  } catch (error) {
    await stop();
    const said = (await readFile(`${dir}/peer.log`, 'utf8')).slice(-2_000);
    throw new Error(`the peer did not start; it printed:\n${said}`, { cause: error });
  }
  return { pid: child.pid ?? 0, port, refusal: '401', stop };
}

/** Returns also when it has ended: then there is nothing to wait for. */
async function requireListening(child: ChildProcess, port: number): Promise<void> {
  if (child.exitCode !== null) return;
  const { status } = await fetch(`http://127.0.0.1:${port}/healthcheck`);
  if (status !== 200) throw new Error(`/healthcheck answers ${status}`);
}

/** What a program says that it is, in one line. @throws {Error} when it cannot be run */
export function versionOf(program: string): string {
  return execFileSync(program, ['--version'], { encoding: 'utf8' }).trim().split('\n')[0] ?? '';
}

/**
 * That it really authenticates: the user and the groups of a right secret, nobody for a wrong one.
 *
 * @throws {Error} when it does not
 */
export async function requireRight(what: string, port: number): Promise<void> {
  const right = bearer('ours', 0);
  const { authenticated, user } = (await ask(port, right)) ?? {};
  const asExpected =
    authenticated === true && user?.username === userOf(0) && isDeepStrictEqual(user.groups, GROUPS);
  if (!asExpected) throw new Error(`${what} does not let a good token in as its user with its groups`);
  const wrong = await ask(port, `${right.slice(0, -1)}x`);
  if (wrong?.authenticated === true) throw new Error(`${what} lets a wrong secret in`);
}

interface Status {
  readonly authenticated?: boolean;
  readonly user?: { readonly username?: string; readonly groups?: readonly string[] };
}

/** Undefined when it answers with an error. */
async function ask(port: number, token: string): Promise<Status | undefined> {
  const headers = { 'content-type': 'application/json' };
  const url = `http://127.0.0.1:${port}/v1/authenticate`;
  const answer = await fetch(url, { method: 'POST', headers, body: reviewBody(token) });
  const text = await answer.text();
  return answer.ok ? JSON.parse(text).status : undefined;
}
