import type { AuthenticatorMetrics } from '../telemetry/authenticator-metrics.ts';
import type { MonitorHandler } from '../telemetry/monitor-server.ts';
import type { MonitorAnswer } from '../telemetry/one-request.ts';
import type { ClusterState } from './cluster-state.ts';

export interface MonitorDeps {
  readonly state: Pick<ClusterState, 'isFilled' | 'hasSynced' | 'confirmedAtMs'>;
  readonly metrics: AuthenticatorMetrics;
  readonly now: () => number;
}

const TEXT = 'text/plain; charset=utf-8';

/** What watches over the authenticator: probes and metrics. No token is taken here, and none is told of. */
export function monitorRoutes(deps: MonitorDeps): MonitorHandler {
  const paths: Readonly<Record<string, (query: URLSearchParams) => MonitorAnswer | Promise<MonitorAnswer>>> =
    {
      '/healthcheck': () => ({ status: 200, type: TEXT }),
      '/livez': () => ({ status: 200, type: TEXT, body: 'ok' }),
      '/readyz': (query) => readiness(deps, query.has('verbose')),
      '/metrics': async () => ({
        status: 200,
        type: deps.metrics.registry.contentType,
        body: await deps.metrics.shared.text(),
      }),
    };
  return async ({ method, path, query }) => {
    const known = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
    const answer = Object.hasOwn(paths, known) ? paths[known] : undefined;
    if (!answer) return { status: 404 };
    return method === 'GET' || method === 'HEAD' ? answer(query) : { status: 405 };
  };
}

function readiness({ state, now }: MonitorDeps, verbose: boolean): MonitorAnswer {
  const ready = state.isFilled;
  const ageSeconds = Math.max(0, Math.round((now() - state.confirmedAtMs) / 1000));
  const lines = [
    `[${ready ? '+' : '-'}] stores ${ready ? 'filled' : 'not filled yet'}`,
    `[${state.hasSynced ? '+' : '-'}] api-server ${state.hasSynced ? `told everything, last confirmed ${ageSeconds} s ago` : 'not heard yet'}`,
  ];
  return { status: ready ? 200 : 503, type: TEXT, body: verbose || !ready ? lines.join('\n') : 'ok' };
}
