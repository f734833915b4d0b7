import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { parseCluster, parsePropagation } from '../../../../src/api/parse-cluster.ts';
import { parseCredentialsSecret } from '../../../../src/api/parse-credentials.ts';
import { ClusterSession } from '../../../../src/clusters/session.ts';
import type { Hasher } from '../../../../src/hash/hasher.ts';
import { Marks } from '../../../../src/hash/marks.ts';
import { HashStore } from '../../../../src/hash/pending.ts';
import type { KubeClient } from '../../../../src/kube/client.ts';
import { DebtKeeper } from '../../../../src/operator/debts/debt-keeper.ts';
import { DebtRecords } from '../../../../src/operator/debts/debt-records.ts';
import { Clusters } from '../../../../src/operator/engage/clusters.ts';
import { EarlierIds } from '../../../../src/operator/installation/earlier-ids.ts';
import { installationOf } from '../../../../src/operator/installation/installation.ts';
import { TokenHashes } from '../../../../src/operator/reconcile/token-hashes.ts';
import { SyncBack } from '../../../../src/operator/report/sync-back.ts';
import { DeletionEvidence } from '../../../../src/operator/upstream/deletions.ts';
import { Management } from '../../../../src/operator/upstream/management.ts';
import type { Log } from '../../../../src/telemetry/log.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';
import { rawCluster } from '../../../support/builders.ts';
import { eventually } from '../../../support/eventually.ts';

const LOG = { error() {}, warn() {}, info() {}, debug() {} } as unknown as Log;

/** The management plane's API server, which answers a write when the test lets it. */
class SlowPlane {
  asked = 0;
  readonly #answer = Promise.withResolvers<void>();

  async write(): Promise<void> {
    this.asked += 1;
    await this.#answer.promise;
  }

  answer(): void {
    this.#answer.resolve();
  }
}

describe('when it is stopped, as at the end of a term, while the management plane owes an answer', () => {
  let management: Management;
  let plane: SlowPlane;
  let sessions: number;
  let clusters: Clusters;
  beforeEach(() => {
    plane = new SlowPlane();
    sessions = 0;
    management = new Management(['ace-operator']);
    management.clusters.put(
      parseCluster(rawCluster({ spec: { localClusterAuthEndpoint: { enabled: true } } })),
    );
    management.credentials.get('ace-operator')?.put(
      parseCredentialsSecret({
        metadata: {
          name: 'credentials',
          namespace: 'ace-operator',
          uid: 'uid-s',
          resourceVersion: '1',
          labels: { 'ace-operator.io/cluster': 'c-1' },
        },
        data: { kubeconfig: '' },
      }),
    );
    const client = { create: () => plane.write(), get: async () => undefined } as unknown as KubeClient;
    clusters = new Clusters({
      plane: { client, writeStatus: () => plane.write() },
      clocks: { now: Date.now, planeNow: Date.now },
      upstream: {
        ...{ management, live: client, deletions: new DeletionEvidence() },
        installation: installationOf(management, undefined),
        earlierIds: new EarlierIds(client, LOG),
      },
      hashing: {
        hashes: new TokenHashes(new HashStore({} as Hasher), new Marks(randomBytes(32))),
        keyProblem: () => undefined,
      },
      reports: { log: LOG, metrics: new Metrics(), notifyToken: () => {}, notifyCluster: () => {} },
      defaults: {
        ...{ namespace: 'cattle-system', algorithm: 'sha3-512', storage: 'secret' },
        sweepIntervalMs: 600_000,
      },
      sessions: {
        open: (cluster, way, listener) => {
          sessions += 1;
          return new ClusterSession({
            ...{ cluster, namespace: 'cattle-system', definitions: [], connections: 1, ...way, listener },
            ...{ timeoutMs: 1_000, userAgent: 'test', mayWrite: () => false },
          });
        },
        holdsOurs: async () => false,
        letsIn: async () => {},
      },
      books: {
        syncBack: new SyncBack(client, LOG),
        records: new DebtRecords(client, 'ace-operator', LOG),
        keepDebts: (of) =>
          new DebtKeeper({
            ...{ ...of, records: new DebtRecords(client, 'ace-operator', LOG), plane: 'p', log: LOG },
            ...{ management, now: Date.now },
          }),
      },
    });
  });

  test('no cluster is taken on any more', async () => {
    clusters.start();
    await eventually(() => expect(plane.asked).toBe(1));
    const stopped = clusters.stop();
    plane.answer();
    await stopped;
    expect([...clusters.propagators()]).toEqual([]);
    expect(sessions).toBe(0);
  });

  test('no cluster is connected any more', async () => {
    const conditions = [{ type: 'Drained', status: 'True' }];
    const metadata = { name: 'c-1', uid: 'uid-p', resourceVersion: '1', generation: 1 };
    management.propagations.put(parsePropagation({ metadata, spec: {}, status: { conditions } }));
    clusters.start();
    await eventually(() => expect(plane.asked).toBe(1));
    const stopped = clusters.stop();
    plane.answer();
    await stopped;
    expect(sessions).toBe(0);
  });
});
