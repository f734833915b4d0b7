import { beforeEach, describe, expect, test } from 'vitest';
import type { ClusterPropagator } from '../../../../src/operator/propagate/propagator.ts';
import { WorkQueue } from '../../../../src/operator/queue/workqueue.ts';
import { publishGauges } from '../../../../src/operator/report/gauges.ts';
import { WatchAge } from '../../../../src/operator/report/watch-age.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';
import { COUNTS, type FactChanges, factsWith } from '../../../support/cluster-facts.ts';

const SOME = { ...COUNTS, pending: 2, failed: 1, refused: { Malformed: 4 } };

let metrics: Metrics;
let wasReviewed: boolean;
let facts: FactChanges;
let queue: WorkQueue;
beforeEach(() => {
  wasReviewed = true;
  metrics = new Metrics();
  queue = new WorkQueue();
  facts = { counts: SOME };
  // What a scrape asks of a propagator, and no more.
  const propagator = {
    name: 'c-1',
    queue,
    lag: { oldestOwedSeconds: 12, pending: { changes: 0, revocations: 2 } },
    get wasReviewed() {
      return wasReviewed;
    },
    facts: () => factsWith(facts),
  } as unknown as ClusterPropagator;
  const freshness = new WatchAge(['tokens'], performance.now() - 5_000);
  const unread = new Map([['secrets of fleet-default', 'forbidden']]);
  publishGauges(
    metrics,
    () => [propagator],
    { pending: 7 },
    { watchAge: freshness, unread, identity: { stranger: undefined } },
    { mayWrite: () => true, shards: undefined },
  );
});

const lines = async (): Promise<readonly string[]> =>
  (await metrics.scrape()).split('\n').filter((line) => line.includes('cluster="c-1"'));

describe('publishGauges', () => {
  test('tells where a cluster stands when it is asked', async () => {
    queue.add('token/a', 'normal');
    expect(await lines()).toEqual(
      expect.arrayContaining([
        'ace_cluster_connected{ace_cluster="c-1"} 1',
        'ace_tokens{ace_cluster="c-1",state="synced"} 3',
        'ace_tokens{ace_cluster="c-1",state="pending"} 2',
        'ace_tokens{ace_cluster="c-1",state="failed"} 1',
        'ace_tokens_refused{ace_cluster="c-1",reason="Malformed"} 4',
        'ace_workqueue_depth{ace_cluster="c-1"} 1',
        'ace_revocation_oldest_pending_seconds{ace_cluster="c-1"} 12',
        'ace_revocations_pending{ace_cluster="c-1"} 2',
      ]),
    );
  });

  test('tells when a credential was made and ends, for as long as it is needed', async () => {
    const told = async () => (await lines()).filter((line) => line.startsWith('ace_credentials_'));
    expect(await told()).toEqual([]);
    facts = { lifetime: { fromMs: undefined, untilMs: 5_000 } };
    expect(await told()).toEqual(['ace_credentials_expiration_timestamp_seconds{ace_cluster="c-1"} 5']);
    facts = { lifetime: { fromMs: 2_000, untilMs: 5_000 } };
    expect(await told()).toEqual([
      'ace_credentials_expiration_timestamp_seconds{ace_cluster="c-1"} 5',
      'ace_credentials_issued_timestamp_seconds{ace_cluster="c-1"} 2',
    ]);
    facts = { ...facts, connection: { phase: 'ended' } };
    expect(await told()).toEqual([]);
  });

  test('tells of what all clusters share', async () => {
    const text = await metrics.scrape();
    expect(text).toContain('ace_leader 1');
    expect(text).toContain('ace_management_unread{resource="secrets of fleet-default"} 1');
    expect(text).toContain('ace_hashes_pending 7');
    const [, age] = /^ace_management_age_seconds (.*)$/m.exec(text) ?? [];
    expect(Number(age)).toBeGreaterThanOrEqual(5);
  });

  test('a cluster that is not reached is not connected, and the reason is told', async () => {
    const connection = { phase: 'disconnected', reason: 'Unreachable', message: '', nextTryMs: 0 } as const;
    facts = { ...facts, connection };
    expect(await lines()).toEqual(
      expect.arrayContaining([
        'ace_cluster_connected{ace_cluster="c-1"} 0',
        'ace_cluster_problem{ace_cluster="c-1",reason="Unreachable"} 1',
      ]),
    );
  });

  test('a cluster that was not compared yet is told to be unseen; one that is over is not', async () => {
    expect(await lines()).toContain('ace_cluster_unseen{ace_cluster="c-1"} 0');
    wasReviewed = false;
    expect(await lines()).toContain('ace_cluster_unseen{ace_cluster="c-1"} 1');
    facts = { ...facts, mode: 'drain', modeReason: 'AceDisabled', connection: { phase: 'ended' } };
    expect((await lines()).filter((line) => line.startsWith('ace_cluster_unseen'))).toEqual([]);
  });

  test('a problem that is over is not told any more', async () => {
    facts = { ...facts, gcBlocked: { objects: 30, limit: 20 } };
    expect(await lines()).toContain('ace_cluster_problem{ace_cluster="c-1",reason="GCBlocked"} 1');
    facts = { ...facts, gcBlocked: undefined };
    expect((await lines()).filter((line) => line.startsWith('ace_cluster_problem'))).toEqual([]);
  });

  test('a drained cluster needs no connection, so it is not one that lacks it', async () => {
    facts = { ...facts, mode: 'drain', modeReason: 'AceDisabled', connection: { phase: 'ended' } };
    expect((await lines()).filter((line) => line.startsWith('ace_cluster_connected'))).toEqual([]);
    expect(await lines()).toContain('ace_cluster_problem{ace_cluster="c-1",reason="AceDisabled"} 1');
  });

  test('a deleted cluster that is drained leaves no series behind', async () => {
    metrics.requests.inc({ cluster: 'c-1', verb: 'get', code: 200 });
    expect((await lines()).length).toBeGreaterThan(5);
    facts = { ...facts, mode: 'drain', modeReason: 'ClusterDeleted', connection: { phase: 'ended' } };
    expect(await lines()).toEqual([]);
  });

  test('a deleted cluster that still owes is told of', async () => {
    const connection = { phase: 'disconnected', reason: 'Unreachable', message: '', nextTryMs: 0 } as const;
    facts = { ...facts, mode: 'drain', modeReason: 'ClusterDeleted', connection };
    expect(await lines()).toContain('ace_revocation_oldest_pending_seconds{ace_cluster="c-1"} 12');
  });
});
