import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CLUSTER_AUTH_TOKENS, FIELD_MANAGER, LABEL_MANAGED_BY, SECRETS } from '../src/api/names.ts';
import type { ControlPlaneOptions } from '../test/support/control-plane.ts';
import { eventually } from '../test/support/eventually.ts';
import { kubectl } from '../test/support/kubectl.ts';
import { type Downstream, startWorld, type World } from '../test/support/world.ts';
import { BareApi } from './bare-api.ts';
import { DelayProxy } from './delay-proxy.ts';
import { NAMESPACE, RAW_NAMESPACE } from './objects.ts';
import { nowMs, TokenWatch } from './token-watch.ts';

/** As many connections as the operator has workers in a cluster. */
export const CONCURRENCY = 16;
/** Everything that the operator has written in a namespace. */
const OURS = `${LABEL_MANAGED_BY}=${FIELD_MANAGER}`;

export interface BenchCluster {
  readonly downstream: Downstream;
  /** Over no proxy. */
  readonly bare: BareApi;
  /** What the operator and the raw writer reach it by. */
  readonly server: string;
  readonly kubeconfig: string;
}

export interface BenchWorldOptions {
  readonly plane?: ControlPlaneOptions;
  /** How far the clusters are away; the management plane and what counts are near. */
  readonly roundTripMs?: number;
}

/** A world whose clusters know our kinds already, so that no figure holds the establishing of a definition. */
export interface BenchWorld {
  readonly world: World;
  readonly ids: readonly string[];
  readonly clusters: readonly BenchCluster[];
  readonly management: BareApi;
  readonly watch: TokenWatch;
  /** Registers all clusters, and their credentials. */
  register(options?: { ace?: boolean }): Promise<void>;
  close(): Promise<void>;
}

const CRDS = fileURLToPath(new URL('../crds/', import.meta.url));

export async function startBenchWorld(count: number, options: BenchWorldOptions = {}): Promise<BenchWorld> {
  const { plane = {}, roundTripMs = 0 } = options;
  const ids = Array.from({ length: count }, (_, index) => `c-${index}`);
  const world = await startWorld({ clusters: ids, management: plane, downstream: plane });
  const proxies: DelayProxy[] = [];
  const clusters = await Promise.all(
    ids.map(async (id) => {
      const { url } = world.cluster(id).plane;
      const proxy = roundTripMs > 0 ? await DelayProxy.start(url, roundTripMs) : undefined;
      if (proxy) proxies.push(proxy);
      return prepare(world.cluster(id), proxy?.url ?? url);
    }),
  );
  const watch = await TokenWatch.open(clusters.map(({ downstream }) => downstream));
  const management = await BareApi.open(world.management.plane.adminKubeconfig, CONCURRENCY);
  return {
    ...{ world, ids, clusters, management, watch },
    async register({ ace = true } = {}) {
      for (const { downstream, server } of clusters) await world.register(downstream.id, { ace, server });
    },
    async close() {
      watch.close();
      await Promise.all([management, ...clusters.map(({ bare }) => bare)].map((api) => api.close()));
      await world.close();
      for (const proxy of proxies) proxy.close();
    },
  };
}

async function prepare(downstream: Downstream, server: string): Promise<BenchCluster> {
  const { plane } = downstream;
  const files = ['clusterauthtokens', 'clusteruserattributes'];
  const definitions = files.flatMap((file) => ['-f', `${CRDS}cluster.cattle.io_${file}.yaml`]);
  await kubectl(plane.adminKubeconfig, 'apply', ...definitions);
  await eventually(() => downstream.list(CLUSTER_AUTH_TOKENS, NAMESPACE), {
    what: 'the definitions to be served',
  });
  const bare = await BareApi.open(plane.adminKubeconfig, CONCURRENCY);
  for (const name of [NAMESPACE, RAW_NAMESPACE]) await bare.ensureNamespace(name);
  const kubeconfig = join(plane.dir, 'bench.kubeconfig');
  await writeFile(kubeconfig, plane.kubeconfigYaml({ server }), { mode: 0o600 });
  return { downstream, bare, server, kubeconfig };
}

/**
 * Waits until no ClusterAuthToken and no hash Secret of the operator is in any cluster.
 *
 * @returns when that was seen
 */
export async function whenNothingIsLeft(
  { clusters, watch }: BenchWorld,
  timeoutMs = 600_000,
): Promise<number> {
  await watch.whenCount(NAMESPACE, 0, timeoutMs);
  await Promise.all(
    clusters.map(({ bare }) =>
      eventually(
        async () => {
          if (await bare.hasAny(SECRETS, NAMESPACE, OURS)) throw new Error('there is one still');
        },
        { timeoutMs, what: 'all hash Secrets to be gone', intervalMs: 20 },
      ),
    ),
  );
  return nowMs();
}
