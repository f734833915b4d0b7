import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { splitAddress } from './address.ts';
import type { Metrics } from './metrics.ts';

/** One thing that must be so for the process to be ready. */
export interface Check {
  readonly name: string;
  readonly ok: () => boolean;
  /** Where it does not hold, the process is ready all the same; `?verbose` says so. */
  readonly isAdvice?: boolean;
  /** What is wrong, for people; asked where it does not hold. */
  readonly detail?: () => string;
}

/**
 * `/livez` (the event loop turns, and nothing else: docs/metrics.md), `/readyz` (every check holds; `?verbose` lists them) and `/metrics`.
 * Probes are not logged.
 */
export class HealthServer {
  readonly #server: Server;

  constructor(metrics: Metrics, checks: readonly Check[]) {
    this.#server = createServer({ requestTimeout: 10_000 }, (request, response) => {
      answer(request.url ?? '/', metrics, checks).then(
        ({ status, type, body }) => void response.writeHead(status, { 'content-type': type }).end(body),
        () => void response.writeHead(500).end(),
      );
    });
  }

  /**
   * @param address - `host:port`, `[::1]:port`; port 0 takes a free one
   * @returns the address that is listened on
   * @throws when the address is taken
   */
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
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Path and query of a request line. Never throws: `new URL` does, for `//`, and peers choose what they send. */
export function requestTarget(url: string): { path: string; query: URLSearchParams } {
  const mark = url.indexOf('?');
  return mark < 0
    ? { path: url, query: new URLSearchParams() }
    : { path: url.slice(0, mark), query: new URLSearchParams(url.slice(mark + 1)) };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

async function answer(url: string, metrics: Metrics, checks: readonly Check[]): Promise<Answer> {
  const { path, query } = requestTarget(url);
  const text = (status: number, body: string): Answer => ({
    status,
    type: 'text/plain; charset=utf-8',
    body,
  });
  if (path === '/livez') return text(200, 'ok');
  if (path === '/metrics') {
    return { status: 200, type: metrics.registry.contentType, body: await metrics.scrape() };
  }
  if (path !== '/readyz') return text(404, 'not found');
  const results = checks.map((check) => ({ check, ok: holds(check.ok) }));
  const ready = results.every(({ check, ok }) => ok || check.isAdvice);
  const lines = results.map(({ check, ok }) => (ok ? `[+] ${check.name} ok` : failure(check)));
  return text(ready ? 200 : 503, query.has('verbose') || !ready ? lines.join('\n') : 'ok');
}

function failure({ name, isAdvice, detail }: Check): string {
  return `[${isAdvice ? '!' : '-'}] ${name} failed${detail ? `: ${detail()}` : ''}`;
}

/** A check that cannot be made does not hold. */
function holds(check: () => boolean): boolean {
  try {
    return check();
  } catch {
    return false;
  }
}
