import { randomBytes } from 'node:crypto';
import { ApiError, describeError, TerminalError } from '../../errors.ts';
import { Marks } from '../../hash/marks.ts';
import { backoffMs, pause } from '../../kube/backoff.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Log } from '../../telemetry/log.ts';
import { loadInstallationKey } from './installation-key.ts';

/** So long a server is given that answers for everything else, and not for this Secret. */
const PATIENCE_MS = 5_000;
const RETRY_BASE_MS = 500;
const RETRY_MAX_MS = 15_000;

export interface HeldKeyDeps {
  readonly client: KubeClient;
  /** The operator's own. */
  readonly namespace: string;
  readonly log: Log;
  /** It can be used from now on, or the other way round. */
  onChange(): void;
}

/**
 * The installation key, for one term. Whoever revokes needs none: where there is none that can be used, nothing is added or
 * repaired anywhere, which a person is told, and all that is to go goes.
 */
export class HeldKey {
  readonly marks: Marks;
  readonly #deps: HeldKeyDeps;
  #problem: string | undefined;

  private constructor(marks: Marks, problem: string | undefined, deps: HeldKeyDeps) {
    this.marks = marks;
    this.#problem = problem;
    this.#deps = deps;
  }

  /**
   * Reads it, or makes it where it is missing.
   *
   * @throws {ApiError | ConnectionError | FencedError} when nothing is answered at all, or we are not known
   */
  static async load(
    deps: HeldKeyDeps,
    signal: AbortSignal,
    patienceMs: number = PATIENCE_MS,
  ): Promise<HeldKey> {
    const startMs = performance.now();
    for (let failures = 1; ; failures += 1) {
      try {
        return new HeldKey(
          new Marks(await loadInstallationKey(deps.client, deps.namespace)),
          undefined,
          deps,
        );
      } catch (error) {
        if (!concernsKeyAlone(error)) throw error;
        const mayPass = error instanceof ApiError && (error.code >= 500 || error.code === 429);
        const delayMs = backoffMs(failures, RETRY_BASE_MS, RETRY_MAX_MS);
        if (mayPass && performance.now() - startMs + delayMs < patienceMs) {
          await pause(delayMs, signal);
          continue;
        }
        deps.log.error('installation key not usable', {
          error,
          detail: 'nothing is added anywhere, revocations go on',
        });
        // Nothing is ever signed by it.
        return new HeldKey(new Marks(randomBytes(32)), describeError(error), deps);
      }
    }
  }

  /** Why there is none that can be used; undefined: there is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * The Secret was changed, or deleted: its key signs from now on, and what the old one signed is still known to this process,
   * so that no hash has to be checked.
   *
   * @throws as {@link loadInstallationKey}; the key that was in force is kept
   */
  async renew(): Promise<void> {
    const { client, namespace, log, onChange } = this.#deps;
    this.marks.renew(await loadInstallationKey(client, namespace));
    if (this.#problem === undefined) return;
    this.#problem = undefined;
    log.info('installation key is usable again');
    onChange();
  }

  /** Looks again and again until it can be used, for as long as `signal` lets it. */
  async untilUsable(signal: AbortSignal): Promise<void> {
    for (let failures = 1; this.#problem !== undefined && !signal.aborted; failures += 1) {
      await pause(backoffMs(failures, RETRY_BASE_MS, RETRY_MAX_MS), signal);
      await this.renew().catch((error: unknown) => {
        if (concernsKeyAlone(error)) this.#problem = describeError(error);
      });
    }
  }
}

/** What cannot be read is the key, and not the management plane. */
function concernsKeyAlone(error: unknown): boolean {
  return error instanceof TerminalError || (error instanceof ApiError && error.code !== 401);
}
