import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { LEASE } from '../../api/names.ts';
import type { OperatorConfig } from '../../config/operator.ts';
import { describeError, isObjectMissing, isRefusal } from '../../errors.ts';
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
  /** Why no Lease can be had, as lately as one lasts; undefined: nobody refused. */
  refusal(): string | undefined;
  /** How clusters are divided; undefined: one replica works on all of them. */
  readonly shards: ScrapedShards | undefined;
}

export interface OwnershipDeps {
  readonly config: OperatorConfig;
  /** Not fenced, and of its own. */
  readonly client: KubeClient;
  readonly listener: ShardListener & { worksOn(shard: number): boolean };
  readonly log: Log;
  /** Makes the namespace of the Leases where it is missing. */
  readonly makeNamespace: () => Promise<void>;
}

/** By one Lease for all clusters, by a Lease for each shard of them, or by the word of whoever started the only replica. */
export function ownershipOf(deps: OwnershipDeps): Ownership {
  const { config, client, listener, log, makeNamespace } = deps;
  if (!config.leaderElect) return ofAll(alwaysLeader(listener), () => undefined);
  const refusals = new Refusals(config.leaseTiming.leaseMs);
  const options = {
    ...{ client, listener, namespace: config.namespace, name: LEASE, timing: config.leaseTiming },
    identity: `${hostname()}_${randomUUID()}`,
    makeNamespace,
    onError: (error: unknown) => {
      const remedy = remedyOf(error, config.namespace);
      if (remedy !== undefined) refusals.note(`${describeError(error)}; ${remedy}`);
      log.warn('lease not renewed or read', { error, ...(remedy === undefined ? {} : { detail: remedy }) });
    },
  };
  if (config.shards === 0) return ofAll(new Elector(options), () => refusals.latest);
  const elector = new ShardElector({ ...options, shards: config.shards });
  return {
    start: () => elector.start(),
    stop: (stopWork) => elector.stop(stopWork),
    mayWrite: () => elector.mayWrite(),
    owns: (cluster) => elector.owns(shardOf(cluster, config.shards)),
    refusal: () => refusals.latest,
    shards: {
      count: config.shards,
      ownership: () => elector.ownership(),
      get moves() {
        return elector.moves;
      },
      isWorkedOn: (shard) => elector.owns(shard) && listener.worksOn(shard),
    },
  };
}

function ofAll(leadership: Leadership, refusal: Ownership['refusal']): Ownership {
  return {
    start: () => leadership.start(),
    stop: (stopWork) => leadership.stop(stopWork),
    mayWrite: () => leadership.mayWrite(),
    owns: () => leadership.mayWrite(),
    refusal,
    shards: undefined,
  };
}

/** What it takes where no Lease can be had, however often it is tried; undefined: it may pass. */
function remedyOf(error: unknown, namespace: string): string | undefined {
  if (isObjectMissing(error)) return `namespace ${namespace} is missing: nobody leads without it`;
  return isRefusal(error)
    ? 'it takes the Role of manifests/operator, with shards that of manifests/operator-shards, too'
    : undefined;
}

/** Whoever may not have a Lease stands by for good, and must not take the place of one that works. */
class Refusals {
  readonly #lastMs: number;
  #noted: { readonly text: string; readonly atMs: number } | undefined;

  /** @param lastMs - so long one counts; it is tried again much sooner */
  constructor(lastMs: number) {
    this.#lastMs = lastMs;
  }

  note(text: string): void {
    this.#noted = { text, atMs: performance.now() };
  }

  get latest(): string | undefined {
    if (!this.#noted || performance.now() - this.#noted.atMs > this.#lastMs) return undefined;
    return this.#noted.text;
  }
}
