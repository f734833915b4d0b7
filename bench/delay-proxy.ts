import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./delay-proxy-process.ts', import.meta.url));

/**
 * A wire that is long: what goes in at one end comes out at the other some time later, however much is under way.
 * (The TCP proxy of the tests lets each piece wait for the one before, so that many requests on one connection would queue in it.)
 *
 * In a process of its own, as the network is, so that it does not hold up the counting.
 */
export class DelayProxy {
  readonly #child: ChildProcess;
  /** Where it listens, in place of the target. */
  readonly url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  /** @param roundTripMs - half of it each way */
  static async start(target: string, roundTripMs: number): Promise<DelayProxy> {
    const { hostname, port } = new URL(target);
    const child = fork(PROGRAM, [hostname, port, String(roundTripMs / 2)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const [own] = (await once(child, 'message')) as [number];
    return new DelayProxy(child, `https://127.0.0.1:${own}`);
  }

  close(): void {
    this.#child.disconnect();
  }
}
