import type { ConnectPace } from '../../clusters/connect-pace.ts';
import { holdsOurs } from '../../clusters/leftovers.ts';
import { letsIn } from '../../clusters/lets-in.ts';
import type { DownstreamDefinitions } from '../../clusters/prepare.ts';
import { ClusterSession, type SessionOptions } from '../../clusters/session.ts';
import type { OperatorConfig } from '../../config/operator.ts';
import type { Installation } from '../../derive/ownership.ts';
import type { Fence } from '../../kube/fence.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { Sessions } from '../propagate/propagator-deps.ts';
import { MAX_AT_A_TIME } from '../queue/workers.ts';

export interface SessionsDeps {
  readonly config: OperatorConfig;
  readonly definitions: DownstreamDefinitions;
  readonly installation: Installation;
  readonly metrics: Metrics;
  readonly pace: ConnectPace;
  /** The end of the term. */
  readonly ending: AbortSignal;
  /** Of all that is written to that cluster. */
  fenceFor(cluster: string): Fence;
}

/** One for each write that may be under way, and some for reads. */
const CLUSTER_CONNECTIONS = MAX_AT_A_TIME + 4;
const REQUEST_TIMEOUT_MS = 10_000;

/** The ways into clusters, as long as a term lasts. */
export function sessionsOf(deps: SessionsDeps): Sessions {
  const { installation, pace, ending } = deps;
  return {
    open: (cluster, way, listener) =>
      new ClusterSession({ ...optionsOf(cluster, deps), ...way, installation, listener, pace }),
    holdsOurs: async (cluster, access) => {
      await pace.turn(() => 'failing', ending);
      ending.throwIfAborted();
      return holdsOurs({ ...optionsOf(cluster, deps), installation, access: await access() });
    },
    letsIn: async (cluster, access) => letsIn({ ...optionsOf(cluster, deps), access: await access() }),
  };
}

function optionsOf(
  cluster: string,
  { config, definitions, metrics, fenceFor }: SessionsDeps,
): Omit<SessionOptions, 'access' | 'listener' | 'pace' | 'owes' | 'replaces'> {
  return {
    cluster,
    namespace: config.downstreamNamespace,
    definitions,
    connections: CLUSTER_CONNECTIONS,
    timeoutMs: REQUEST_TIMEOUT_MS,
    userAgent: config.userAgent,
    mayWrite: fenceFor(cluster),
    onRequest: (verb, code) => metrics.requests.inc({ cluster, verb, code }),
    onWatchRestart: (reason) => metrics.watchRestarts.inc({ cluster, reason }),
    onCorrections: (count) => metrics.corrections.inc({ cluster }, count),
  };
}
