import { fileURLToPath } from 'node:url';
import { CLUSTER_AUTH_TOKENS } from '../src/api/names.ts';
import type { ControlPlaneOptions } from '../test/support/control-plane.ts';
import { eventually } from '../test/support/eventually.ts';
import { kubectl } from '../test/support/kubectl.ts';
import { type Downstream, startWorld, type World } from '../test/support/world.ts';
import { BareApi } from './bare-api.ts';
import { NAMESPACE, RAW_NAMESPACE } from './objects.ts';
import { TokenWatch } from './token-watch.ts';

/** As many connections as the operator has workers in a cluster. */
export const CONCURRENCY = 16;

export interface BenchCluster {
  readonly downstream: Downstream;
  readonly bare: BareApi;
}

/** A world whose clusters know our kinds already, so that no figure holds the establishing of a definition. */
export interface BenchWorld {
  readonly world: World;
  readonly ids: readonly string[];
  readonly clusters: readonly BenchCluster[];
  readonly management: BareApi;
  readonly watch: TokenWatch;
  close(): Promise<void>;
}

const CRDS = fileURLToPath(new URL('../crds/', import.meta.url));

export async function startBenchWorld(count: number, plane: ControlPlaneOptions = {}): Promise<BenchWorld> {
  const ids = Array.from({ length: count }, (_, index) => `c-${index}`);
  const world = await startWorld({ clusters: ids, management: plane, downstream: plane });
  const clusters = await Promise.all(ids.map((id) => prepare(world.cluster(id))));
  const watch = await TokenWatch.open(clusters.map(({ downstream }) => downstream));
  const management = await BareApi.open(world.management.plane.adminKubeconfig, CONCURRENCY);
  return {
    ...{ world, ids, clusters, management, watch },
    async close() {
      watch.close();
      await Promise.all([management, ...clusters.map(({ bare }) => bare)].map((api) => api.close()));
      await world.close();
    },
  };
}

async function prepare(downstream: Downstream): Promise<BenchCluster> {
  const files = ['clusterauthtokens', 'clusteruserattributes'];
  const definitions = files.flatMap((file) => ['-f', `${CRDS}cluster.cattle.io_${file}.yaml`]);
  await kubectl(downstream.plane.adminKubeconfig, 'apply', ...definitions);
  await eventually(() => downstream.list(CLUSTER_AUTH_TOKENS, NAMESPACE), {
    what: 'the definitions to be served',
  });
  const bare = await BareApi.open(downstream.plane.adminKubeconfig, CONCURRENCY);
  for (const name of [NAMESPACE, RAW_NAMESPACE]) await bare.ensureNamespace(name);
  return { downstream, bare };
}
