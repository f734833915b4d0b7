import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { splitAddress } from './address.ts';
import { requestTarget } from './one-request.ts';
import { type ProfileKind, takeProfile } from './profiles.ts';

const DEFAULT_SECONDS = 10;
const MAX_SECONDS = 60;
/** Whoever has the node or a port-forward; never a page in somebody's browser that asks by a name of its own. */
const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

const USAGE = `GET /debug/cpu?seconds=${DEFAULT_SECONDS}   a .cpuprofile
GET /debug/heap?seconds=${DEFAULT_SECONDS}  a .heapprofile: allocations by function, no values
1 to ${MAX_SECONDS} seconds, one at a time\n`;

/**
 * Hands out profiles on loopback. Off unless somebody asked for it: a profile costs time that others wait for.
 *
 * @param onProfile - told of each that begins
 */
export class DiagnosticsServer {
  readonly #server: Server;
  readonly #onProfile: (kind: ProfileKind, seconds: number) => void;
  readonly #stopping = new AbortController();
  #isBusy = false;

  constructor(onProfile: (kind: ProfileKind, seconds: number) => void) {
    this.#onProfile = onProfile;
    this.#server = createServer({ requestTimeout: 10_000 }, (request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    this.#server.maxConnections = 8;
  }

  /** @returns the address that is listened on @throws when it is taken */
  async listen(address: string): Promise<string> {
    const { host, port } = splitAddress(address);
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    const bound = this.#server.address() as AddressInfo;
    return `${host.includes(':') ? `[${host}]` : host}:${bound.port}`;
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { path, query } = requestTarget(request.url ?? '');
    const kind = /^\/debug\/(cpu|heap)$/.exec(path)?.[1] as ProfileKind | undefined;
    const seconds = Number(query.get('seconds') ?? DEFAULT_SECONDS);
    const refusal = this.#refusal(request, kind, seconds);
    if (refusal !== undefined || kind === undefined) return refuse(response, refusal ?? 404);
    this.#isBusy = true;
    try {
      this.#onProfile(kind, seconds);
      const text = await takeProfile(kind, this.#over(response, seconds));
      const name = `ace-operator.${kind}profile`;
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-disposition': `attachment; filename="${name}"`,
      });
      response.end(text);
    } finally {
      this.#isBusy = false;
    }
  }

  #refusal(request: IncomingMessage, kind: ProfileKind | undefined, seconds: number): number | undefined {
    const { host = '', origin } = request.headers;
    if (!LOOPBACK_HOST.test(host) || origin !== undefined) return 403;
    if (kind === undefined) return 404;
    if (request.method !== 'GET') return 405;
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_SECONDS) return 400;
    return this.#isBusy ? 409 : undefined;
  }

  /** Whoever went away waits for nothing; nor does one who stops this process. */
  async #over(response: ServerResponse, seconds: number): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, this.#stopping.signal]);
    await delay(seconds * 1_000, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(USAGE);
}
