import { shardOf } from '../../kube/sharding/layout.ts';
import type { TokenNeeds } from '../upstream/token-sources.ts';
import type { ReadyShards } from './ready-shards.ts';

/** Names of clusters come from Tokens, which anybody may create: beyond that, all are hashed anew. */
const MAX_CLUSTERS = 200_000;

/**
 * Tokens by need: whole are those of clusters whose shards this replica has.
 *
 * @param shards - how many there are
 * @param ready - those of the present membership; undefined: none
 */
export function neededTokens(shards: number, ready: () => ReadyShards | undefined): TokenNeeds {
  // A hash for each of a million tokens would be seconds in one turn.
  const known = new Map<string, number>();
  const shard = (cluster: string): number => {
    const found = known.get(cluster);
    if (found !== undefined) return found;
    if (known.size >= MAX_CLUSTERS) known.clear();
    const hashed = shardOf(cluster, shards);
    known.set(cluster, hashed);
    return hashed;
  };
  return {
    isNeeded: (cluster) => cluster !== '' && (ready()?.isOurs(shard(cluster)) ?? false),
    isReading: (cluster) => cluster !== '' && (ready()?.isReading(shard(cluster)) ?? false),
    isWorkedOn: (cluster) => cluster !== '' && (ready()?.has(shard(cluster)) ?? false),
  };
}
