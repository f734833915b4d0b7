import { LEASE } from '../../api/names.ts';
import { shardOf } from '../../kube/sharding/layout.ts';
import { readLeader } from '../../plane/leader.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { type Division, readDivision, shardsOf } from '../../plane/shards.ts';
import { age } from '../../print/duration.ts';
import { toldNow } from '../reach/clocks.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { note } from '../terminal/say.ts';

/** Which clusters are shown: one, with its tokens; or all. */
export interface Shown {
  readonly clusters: readonly string[];
  readonly isOne: boolean;
}

/** Whether an operator works, which keeps up what is shown; and where clusters are divided over replicas, whether each has one. */
export async function tellOperator(
  namespace: string,
  management: ManagementPlane,
  runtime: Runtime,
  shown: Shown,
): Promise<void> {
  const now = (): number => toldNow(management, runtime);
  const leader = await readLeader(namespace, management, now);
  const lease = `Lease ${namespace}/${LEASE}`;
  if (!leader.ok) {
    note(`not known whether an operator works: ${lease}: ${leader.failure.message}`, runtime);
    return;
  }
  const { holder = '', vacantSinceMs } = leader.value ?? {};
  if (vacantSinceMs !== undefined) {
    const ago = age(vacantSinceMs, now());
    note(
      `no operator works: nobody has held ${lease} for ${ago}; READY, TOKENS and LAG are of then`,
      runtime,
    );
    return;
  }
  const shards = shardsOf(holder);
  if (shards === 0) return;
  const division = await readDivision(namespace, shards, management);
  note(
    division.ok ? divisionText(division.value, shown) : unknownText(shards, division.failure.message),
    runtime,
  );
}

const unknownText = (shards: number, why: string): string =>
  `clusters are divided into ${shards} shards; which replica has which cannot be seen: ${why}`;

/** One line in plain words. Pure. */
export function divisionText(division: Division, { clusters, isOne }: Shown): string {
  const { shards, replicas, owners } = division;
  const [one = ''] = clusters;
  if (isOne) {
    const shard = shardOf(one, shards);
    const owner = owners[shard];
    const which = `cluster ${one} is in shard ${shard} of ${shards}, which`;
    return owner === undefined
      ? `${which} nobody has: ${NOTHING} there`
      : `${which} the replica ${owner} has`;
  }
  const whole = `clusters are divided into ${shards} shards over ${counted(replicas.length, 'replica')}`;
  const free = [...owners.entries()].filter(([, owner]) => owner === undefined).map(([shard]) => shard);
  if (free.length === 0) return whole;
  const orphans = clusters.filter((cluster) => free.includes(shardOf(cluster, shards)));
  const which = orphans.length === 0 ? 'no cluster is in them' : `${NOTHING} in ${shortened(orphans)}`;
  return `${whole}; nobody has ${free.length} of the shards (${shortened(free)}): ${which}`;
}

const NOTHING = 'until a replica takes it, nothing is propagated or revoked';
const MAX_TOLD = 10;

function shortened(names: readonly (string | number)[]): string {
  const more = names.length - MAX_TOLD;
  return names.slice(0, MAX_TOLD).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
