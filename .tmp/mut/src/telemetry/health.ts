import type { Metrics } from './metrics.ts';
import { MonitorServer } from './monitor-server.ts';
import type { MonitorAnswer, MonitorRequest } from './one-request.ts';

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
export class HealthServer extends MonitorServer {
  constructor(metrics: Metrics, checks: readonly Check[]) {
    super((request) => answer(request, metrics, checks));
  }
}

async function answer(
  { path, query }: MonitorRequest,
  metrics: Metrics,
  checks: readonly Check[],
): Promise<MonitorAnswer> {
  const text = (status: number, body: string): MonitorAnswer => ({
    status,
    type: 'text/plain; charset=utf-8',
    body,
  });
  if (path === '/livez') return text(200, 'ok');
  if (path === '/metrics') {
    return { status: 200, type: metrics.registry.contentType, body: await metrics.shared.text() };
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
