import { fileURLToPath } from 'node:url';
import { CLUSTER_AUTH_TOKENS, NAMESPACES } from '../../src/api/names.ts';
import { eventually } from '../../test/support/eventually.ts';
import { type Fleet, startFleet } from '../../test/support/fleet-proxy.ts';
import { kubectl } from '../../test/support/kubectl.ts';
import { type OperatorProcess, startOperator } from '../../test/support/operator-process.ts';
import { type Downstream, startWorld, type World } from '../../test/support/world.ts';
import { inParallel } from '../stats.ts';
import { createTokens, createUsers } from '../upstream.ts';

const CRDS = fileURLToPath(new URL('../../crds/', import.meta.url));
const CONCURRENCY = 16;

/** Many clusters, which are namespaces of one real API server, and replicas of the built operator. */
export interface FleetWorld {
  readonly world: World;
  readonly downstream: Downstream;
  readonly fleet: Fleet;
  readonly ids: readonly string[];
  /** Writes downstream so far. */
  writes(): number;
  close(): Promise<void>;
}

export interface FleetSize {
  readonly clusters: number;
  /** In each cluster. */
  readonly tokens: number;
  readonly users: number;
  /** Of each user. */
  readonly groups?: number;
}

/** Everything is there but the operator. */
export async function startFleetWorld({ clusters, tokens, users, groups }: FleetSize): Promise<FleetWorld> {
  const world = await startWorld({ clusters: ['fleet'] });
  const downstream = world.cluster('fleet');
  let writes = 0;
  const fleet = await startFleet(downstream.plane, { onWrite: () => (writes += 1) });
  const ids = Array.from({ length: clusters }, (_, index) => `f-${String(index).padStart(4, '0')}`);
  const definitions = ['clusterauthtokens', 'clusteruserattributes'].flatMap((kind) => [
    ...['-f', `${CRDS}cluster.cattle.io_${kind}.yaml`],
  ]);
  await kubectl(downstream.plane.adminKubeconfig, 'apply', ...definitions);
  await eventually(() => downstream.list(CLUSTER_AUTH_TOKENS, 'default'), { what: 'the definitions' });
  await createUsers(world, users, groups === undefined ? {} : { groups });
  await inParallel(clusters, CONCURRENCY, async (index) => {
    const name = ids[index] ?? '';
    await downstream.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    await world.register(name, { credentials: false });
    await world.setCredentials(name, { kubeconfig: fleet.kubeconfig(name) });
  });
  await createTokens(world, {
    ...{ count: clusters * tokens, kind: 'hashed', prefix: 'fleet', clusters: ids, users },
  });
  return {
    ...{ world, downstream, fleet, ids },
    writes: () => writes,
    async close() {
      await world.stopOperator();
      await fleet.close();
      await world.close();
    },
  };
}

/** Starts replicas at once; each is ready when this resolves. */
export function startReplicas(
  { world }: FleetWorld,
  count: number,
  flags: readonly string[],
): Promise<readonly OperatorProcess[]> {
  const { adminKubeconfig } = world.management.plane;
  const all = ['--leader-elect=true', ...flags];
  return Promise.all(Array.from({ length: count }, () => startOperator(adminKubeconfig, all)));
}
