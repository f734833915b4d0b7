import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { LEASE } from '../../api/names.ts';
import type { OperatorConfig } from '../../config/operator.ts';
import type { KubeClient } from '../../kube/client.ts';
import { alwaysLeader, Elector, type Leadership } from '../../kube/elector.ts';
import { shardOf } from '../../kube/sharding/layout.ts';
import { ShardElector, type ShardListener } from '../../kube/sharding/shard-elector.ts';
import type { Log } from '../../telemetry/log.ts';
import type { ScrapedShards } from '../report/gauges.ts';

/** What this replica may write, as the Leases stand at this moment. */
export interface Ownership extends Pick<Leadership, 'start' | 'stop'> {
  /** Anything that concerns no single cluster. */
  mayWrite(): boolean;
  /** What concerns that cluster. */
  owns(cluster: string): boolean;
  /** How clusters are divided; undefined: one replica works on all of them. */
  readonly shards: ScrapedShards | undefined;
}

export interface OwnershipDeps {
  readonly config: OperatorConfig;
  /** Not fenced, and of its own. */
  readonly client: KubeClient;
  readonly listener: ShardListener & { worksOn(shard: number): boolean };
  readonly log: Log;
}

/** By one Lease for all clusters, by a Lease for each shard of them, or by the word of whoever started the only replica. */
export function ownershipOf({ config, client, listener, log }: OwnershipDeps): Ownership {
  if (!config.leaderElect) return ofAll(alwaysLeader(listener));
  const options = {
    ...{ client, listener, namespace: config.namespace, name: LEASE, timing: config.leaseTiming },
    identity: `${hostname()}_${randomUUID()}`,
    onError: (error: unknown) => log.warn('lease not renewed or read', { error }),
  };
  if (config.shards === 0) return ofAll(new Elector(options));
  const elector = new ShardElector({ ...options, shards: config.shards });
  return {
    start: () => elector.start(),
    stop: (stopWork) => elector.stop(stopWork),
    mayWrite: () => elector.mayWrite(),
    owns: (cluster) => elector.owns(shardOf(cluster, config.shards)),
    shards: {
      ownership: () => elector.ownership(),
      get moves() {
        return elector.moves;
      },
      isWorkedOn: (shard) => elector.owns(shard) && listener.worksOn(shard),
    },
  };
}

function ofAll(leadership: Leadership): Ownership {
  return {
    start: () => leadership.start(),
    stop: (stopWork) => leadership.stop(stopWork),
    mayWrite: () => leadership.mayWrite(),
    owns: () => leadership.mayWrite(),
    shards: undefined,
  };
}
