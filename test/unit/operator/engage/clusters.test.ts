import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CLUSTER_PROPAGATIONS, CLUSTERS } from '../../../../src/api/names.ts';
import { parseCluster, parsePropagation } from '../../../../src/api/parse-cluster.ts';
import { parseCredentialsSecret } from '../../../../src/api/parse-credentials.ts';
import { parseToken } from '../../../../src/api/parse-token.ts';
import { parseUser } from '../../../../src/api/parse-user.ts';
import type { KubeObject } from '../../../../src/api/types.ts';
import { ConnectPace } from '../../../../src/clusters/connect-pace.ts';
import type { Connection } from '../../../../src/clusters/connection.ts';
import {
  ObservedState,
  parseClusterAuthToken,
  parseClusterUserAttribute,
} from '../../../../src/clusters/observed.ts';
import { ClusterSession, type SessionListener } from '../../../../src/clusters/session.ts';
import { ApiError, ConnectionError } from '../../../../src/errors.ts';
import type { Hasher } from '../../../../src/hash/hasher.ts';
import { Marks } from '../../../../src/hash/marks.ts';
import { HashStore } from '../../../../src/hash/pending.ts';
import type { KubeClient } from '../../../../src/kube/client.ts';
import type { ObjectKey } from '../../../../src/kube/paths.ts';
import { Refusals } from '../../../../src/kube/refusals.ts';
import { DebtKeeper } from '../../../../src/operator/debts/debt-keeper.ts';
import type { DebtRecord } from '../../../../src/operator/debts/debt-record.ts';
import { DebtRecords, type FoundRecord } from '../../../../src/operator/debts/debt-records.ts';
import { EarlierDeletions } from '../../../../src/operator/debts/earlier-deletions.ts';
import { Clusters } from '../../../../src/operator/engage/clusters.ts';
import { EarlierIds } from '../../../../src/operator/installation/earlier-ids.ts';
import { installationOf } from '../../../../src/operator/installation/installation.ts';
import { parseKey, tokenKey, userKey } from '../../../../src/operator/keys.ts';
import type { ClusterPropagator } from '../../../../src/operator/propagate/propagator.ts';
import { TokenHashes } from '../../../../src/operator/reconcile/token-hashes.ts';
import { SyncBack } from '../../../../src/operator/report/sync-back.ts';
import { DeletionEvidence } from '../../../../src/operator/upstream/deletions.ts';
import { Management } from '../../../../src/operator/upstream/management.ts';
import type { Log } from '../../../../src/telemetry/log.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';
import { rawCluster, rawToken, rawUser } from '../../../support/builders.ts';
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

let management: Management;
let plane: SlowPlane;
let sessions: number;
/** In the order in which they were connected to. */
let opened: string[];
/** What sessions tell, by cluster. */
let listeners: Map<string, SessionListener>;
let records: DebtRecords;
let clusters: Clusters;
let mayWorkOn: (cluster: string) => boolean;
/** Names of what was made and deleted in the management plane. */
let made: Set<string>;
let deleted: string[];
/** Clusters that are not there any more, though no watch told it yet. */
let lost: Set<string>;
/** Why nothing can be made there. */
let refusal: Error | undefined;
/** Why nobody can tell what was. */
let unreadable: Error | undefined;
beforeEach(() => {
  plane = new SlowPlane();
  sessions = 0;
  opened = [];
  listeners = new Map();
  [made, deleted, lost, refusal, unreadable] = [new Set(), [], new Set(), undefined, undefined];
  mayWorkOn = () => true;
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
  const client = {
    create: (_resource: unknown, { metadata }: KubeObject) => {
      if (refusal) return Promise.reject(refusal);
      made.add(metadata.name);
      return plane.write();
    },
    get: async ({ resource, name }: ObjectKey) => {
      if (resource === CLUSTERS) return lost.has(name) ? undefined : management.clusters.get(name);
      if (resource !== CLUSTER_PROPAGATIONS) return undefined;
      if (unreadable) throw unreadable;
      return made.has(name) ? {} : undefined;
    },
    delete: async ({ name }: { name: string }) => void deleted.push(name),
  } as unknown as KubeClient;
  records = new DebtRecords({ client, writerFor: () => client }, 'ace-operator', LOG);
  clusters = new Clusters({
    plane: { clientFor: () => client, writeStatus: () => plane.write() },
    mayWorkOn: (cluster) => mayWorkOn(cluster),
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
        opened.push(cluster);
        listeners.set(cluster, listener);
        return new ClusterSession({
          ...{ cluster, namespace: 'cattle-system', definitions: [], connections: 1, ...way, listener },
          ...{ timeoutMs: 1_000, userAgent: 'test', mayWrite: () => false, pace: new ConnectPace() },
        });
      },
      holdsOurs: async () => false,
      letsIn: async () => {},
    },
    books: {
      syncBack: new SyncBack(() => client, LOG),
      records,
      keepDebts: (of) =>
        new DebtKeeper({
          ...{
            ...of,
            records: new DebtRecords({ client, writerFor: () => client }, 'ace-operator', LOG),
            earlier: new EarlierDeletions({
              ...{ records, seen: { management, deletions: new DeletionEvidence() }, log: LOG },
              ...{ now: Date.now, refusals: new Refusals(), clusters: () => [] },
            }),
            log: LOG,
          },
          ...{ seen: { management, deletions: new DeletionEvidence() }, now: Date.now },
        }),
    },
  });
});

describe('a cluster whose ClusterPropagation', () => {
  const refused = (code: number, statusReason: string): ApiError =>
    new ApiError(`create clusterpropagations: ${code}`, {
      ...{ code, statusReason, objectMissing: false, retryAfterMs: undefined },
    });
  const put = (spec: object): void => {
    const metadata = { name: 'c-1', uid: 'uid-p', resourceVersion: '1', generation: 1 };
    management.propagations.put(parsePropagation({ metadata, spec }));
  };
  const propagator = (): ClusterPropagator | undefined => [...clusters.propagators()][0];
  const reading = () => propagator()?.settings?.reading;
  const tell = (): void => clusters.enqueueCluster('c-1');
  beforeEach(() => plane.answer());
  afterEach(() => clusters.stop());

  for (const [title, error] of [
    ['kind is not served', refused(404, 'NotFound')],
    ['may not be made', refused(403, 'Forbidden')],
    ['is not made for want of an answer', new ConnectionError('Unreachable', 'no answer')],
  ] as const) {
    test(`${title} is worked on all the same, adds nothing until it is made, and follows its credentials`, async () => {
      refusal = error;
      clusters.start();
      await eventually(() => expect(sessions).toBe(1));
      expect(reading()?.isUnknown).toBe(true);
      expect(reading()?.problem).toContain(error.message);
      const rotated = { name: 'credentials', namespace: 'ace-operator', uid: 'uid-s', resourceVersion: '2' };
      const labels = { 'ace-operator.io/cluster': 'c-1' };
      const secret = { metadata: { ...rotated, labels }, data: { kubeconfig: 'e30=' } };
      management.credentials.get('ace-operator')?.put(parseCredentialsSecret(secret));
      tell();
      await eventually(() => expect(sessions).toBe(2));
      // By itself: nothing is told of it.
      refusal = undefined;
      await eventually(() => expect(reading()?.isUnknown).toBe(false));
      expect([...made]).toEqual(['c-1']);
      expect(sessions).toBe(2);
    });
  }

  test('was deleted and cannot be made again goes on by what was in force', async () => {
    put({ suspend: true });
    clusters.start();
    await eventually(() => expect(propagator()?.spec.suspend).toBe(true));
    const before = management.propagations.get('c-1');
    if (before) management.propagations.remove(before);
    refusal = refused(403, 'Forbidden');
    tell();
    await eventually(() => expect(reading()?.problem).toBeDefined());
    expect([propagator()?.spec.suspend, reading()?.isUnknown]).toEqual([true, false]);
  });

  test('is there, and was not read yet, adds nothing before it is', async () => {
    refusal = refused(409, 'AlreadyExists');
    clusters.start();
    await eventually(() => expect(reading()?.isUnknown).toBe(true));
    put({ suspend: true });
    tell();
    await eventually(() => expect(propagator()?.spec.suspend).toBe(true));
    expect(reading()?.isUnknown).toBe(false);
  });

  describe('went with its Cluster, as where the management plane was put back to before both', () => {
    let worked: ClusterPropagator | undefined;
    beforeEach(async () => {
      clusters.start();
      await eventually(() => expect(propagator()?.mode).toBe('propagate'));
      worked = propagator();
      made.delete('c-1');
    });
    const isLetBe = async (): Promise<void> => {
      tell();
      await eventually(() => expect(propagator()).toBeUndefined());
      expect([worked?.mode, deleted, [...made]]).toEqual(['propagate', [], []]);
    };

    test('is let be where the watch of Clusters told it first: nothing is drained', async () => {
      put({});
      const cluster = management.clusters.get('c-1');
      if (cluster) management.clusters.remove(cluster, 'put-back');
      await isLetBe();
    });

    test('is let be where its own watch told it first: it is not made anew', async () => {
      lost.add('c-1');
      await isLetBe();
    });
  });

  test('cannot be read stops no drain: whether it was given up is asked again after that', async () => {
    unreadable = refused(404, 'NotFound');
    put({});
    clusters.start();
    await eventually(() => expect(propagator()?.mode).toBe('propagate'));
    const object = management.propagations.get('c-1');
    const cluster = management.clusters.get('c-1');
    if (object) management.propagations.remove(object);
    if (cluster) management.clusters.remove(cluster);
    tell();
    await eventually(() => expect(propagator()?.mode).toBe('drain'));
  });

  test('cannot be made was not given up when its Cluster goes', async () => {
    refusal = refused(403, 'Forbidden');
    clusters.start();
    await eventually(() => expect(reading()?.isUnknown).toBe(true));
    const cluster = management.clusters.get('c-1');
    if (cluster) management.clusters.remove(cluster);
    tell();
    await eventually(() => expect(propagator()?.mode).toBe('drain'));
    // It is for a person to find, and to give up.
    refusal = undefined;
    await eventually(() => expect([...made]).toEqual(['c-1']));
    await nextTurn();
    expect([propagator()?.mode, deleted]).toEqual(['drain', []]);
    made.delete('c-1');
    tell();
    await eventually(() => expect(propagator()).toBeUndefined());
  });
});

test('clusters that a revocation is owed to are taken on first', async () => {
  const names = ['c-1', 'c-2', 'c-3', 'c-owed'];
  for (const [index, name] of names.entries()) {
    const metadata = { name, uid: `uid-${name}`, resourceVersion: '1', generation: 1 };
    const spec = { localClusterAuthEndpoint: { enabled: true } };
    management.clusters.put(parseCluster(rawCluster({ spec }, metadata)));
    management.propagations.put(parsePropagation({ metadata, spec: {} }));
    const secret = {
      ...metadata,
      name: `s-${index}`,
      namespace: 'ace-operator',
      labels: { 'ace-operator.io/cluster': name },
    };
    management.credentials
      .get('ace-operator')
      ?.put(parseCredentialsSecret({ metadata: secret, data: { kubeconfig: '' } }));
  }
  const record = (cluster: string, owed: DebtRecord['owed']): FoundRecord => ({
    resourceVersion: '1',
    record: { ...{ cluster, owed, plane: 'p' }, ...{ known: new Set(), apis: new Map(), lately: 0 } },
  });
  const owed = new Map([['token/t-1', { sinceMs: 1, cause: 'token' } as const]]);
  vi.spyOn(records, 'found', 'get').mockReturnValue([record('c-2', new Map()), record('c-owed', owed)]);
  clusters.start();
  await eventually(() => expect(opened).toHaveLength(names.length));
  await clusters.stop();
  expect(opened[0]).toBe('c-owed');
});

describe('a change of a key is asked of', () => {
  const NAMES = ['t-1', 't-2', 'u-1'];
  const keyOf = (name: string): string => (name.startsWith('t') ? tokenKey(name) : userKey(name));
  const step = fc.record({
    cluster: fc.constantFrom('c-1', 'c-2', 'c-3'),
    name: fc.constantFrom(...NAMES),
    what: fc.constantFrom(
      ...['judge', 'settle', 'owe', 'see', 'see another’s', 'lose', 'another goes', 'another comes'],
      ...['connect', 'disconnect', 'release'],
    ),
  });

  test('one that an earlier process knew it of', async () => {
    // Good as it is: nothing is owed for it.
    const token = parseToken(rawToken({ clusterName: 'c-1', userId: 'u-1' }));
    management.tokens.put(token);
    management.users.put(parseUser(rawUser({}, { name: 'u-1' })));
    const key = tokenKey(token.name);
    const known = new Set([key]);
    const found = { cluster: 'c-1', plane: '', owed: new Map(), known, apis: new Map(), lately: 0 };
    const foundOf = vi.spyOn(DebtRecords.prototype, 'foundOf').mockReturnValue(found);
    plane.answer();
    clusters.start();
    await eventually(() =>
      expect([...clusters.concerned(key, new Set())].map(({ name }) => name)).toEqual(['c-1']),
    );
    foundOf.mockRestore();
    await clusters.stop();
  });

  test('all clusters that have to do with it, whatever was before, and of no others', async () => {
    for (const name of ['c-1', 'c-2', 'c-3']) {
      const metadata = { name, uid: `uid-${name}`, resourceVersion: '1', generation: 1 };
      const spec = { localClusterAuthEndpoint: { enabled: true } };
      management.clusters.put(parseCluster(rawCluster({ spec }, metadata)));
      management.propagations.put(parsePropagation({ metadata, spec: {} }));
      const labels = { 'ace-operator.io/cluster': name };
      const secret = { ...metadata, name: `s-${name}`, namespace: 'ace-operator', labels };
      const raw = { metadata: secret, data: { kubeconfig: '' } };
      management.credentials.get('ace-operator')?.put(parseCredentialsSecret(raw));
    }
    plane.answer();
    clusters.start();
    const connected = new Set<string>();
    const observed = new Map<string, ObservedState>();
    let isAnotherThere = true;
    const look = async (name: string): Promise<ClusterPropagator> => {
      const find = (): ClusterPropagator | undefined =>
        [...clusters.propagators()].find((one) => one.name === name);
      await eventually(() => expect(find()?.settings).toBeDefined());
      const found = find() as ClusterPropagator;
      if (vi.isMockFunction(Object.getOwnPropertyDescriptor(found, 'connection')?.get)) return found;
      const state = new ObservedState(name, () => {}, {
        ...{ id: 'i', isInUse: () => isAnotherThere, wasServed: () => true, isSourceOf: () => true },
      });
      observed.set(name, state);
      const connection = { observed: state } as Connection;
      vi.spyOn(found, 'connection', 'get').mockImplementation(() =>
        connected.has(name) ? connection : undefined,
      );
      return found;
    };
    const object = (cluster: string, name: string) => ({
      apiVersion: 'cluster.cattle.io/v3',
      kind: name.startsWith('t') ? 'ClusterAuthToken' : 'ClusterUserAttribute',
      metadata: {
        ...{ name, namespace: 'cattle-system', uid: `uid-${name}-${cluster}`, resourceVersion: '5' },
        labels: { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': cluster },
        annotations: { 'ace-operator.io/token-uid': 'uid', 'ace-operator.io/installation': 'i' },
      },
    });
    for (const { cluster, name, what } of fc.sample(step, 3_000)) {
      const propagator = await look(cluster);
      const key = keyOf(name);
      if (what === 'judge') propagator.outcomes.set(key, { state: 'synced', version: '1' });
      if (what === 'settle') propagator.outcomes.delete(key);
      if (what === 'owe') propagator.lag.owe(key, { sinceMs: 1, cause: 'token' });
      if (what === 'connect') connected.add(cluster);
      if (what === 'disconnect') connected.delete(cluster);
      if (what === 'another goes') isAnotherThere = false;
      if (what === 'another comes') isAnotherThere = true;
      if (what.startsWith('see') || what === 'lose') {
        const told = object(what === 'see' ? cluster : 'c-another', name);
        const parsed =
          told.kind === 'ClusterAuthToken' ? parseClusterAuthToken(told) : parseClusterUserAttribute(told);
        const state = observed.get(cluster);
        const store = told.kind === 'ClusterAuthToken' ? state?.tokens : state?.users;
        const held = store?.get(name);
        if (what !== 'lose') store?.put(parsed);
        else if (held) store?.remove(held);
        listeners.get(cluster)?.objectChanged(told, what === 'lose');
      }
      if (what === 'release') {
        await clusters.release((one) => one === cluster);
        clusters.enqueueCluster(cluster);
        await look(cluster);
      }
      for (const one of NAMES.map(keyOf)) {
        const asked = [...clusters.concerned(one, new Set())].map((found) => found.name);
        const wanted = [...clusters.propagators()].filter((found) => found.concerns(one, parseKey(one)));
        expect(asked.sort(), `${what} ${name} in ${cluster}`).toEqual(
          wanted.map((found) => found.name).sort(),
        );
      }
    }
    expect([...clusters.concerned('token/t-9', new Set(['c-2', 'c-9']))].map(({ name }) => name)).toEqual([
      'c-2',
    ]);
    await clusters.stop();
  });
});

test('while very many clusters are taken on, all else has its turns', async () => {
  const names = Array.from({ length: 1_000 }, (_, index) => `c-m-${index}`);
  for (const name of names) {
    const metadata = { name, uid: `uid-${name}`, resourceVersion: '1', generation: 1 };
    const spec = { localClusterAuthEndpoint: { enabled: true } };
    management.clusters.put(parseCluster(rawCluster({ spec }, metadata)));
    management.propagations.put(parsePropagation({ metadata, spec: {} }));
  }
  const taken = (): number => [...clusters.propagators()].length;
  plane.answer();
  const seen = new Set<number>();
  clusters.start();
  while (taken() < names.length) {
    await nextTurn();
    seen.add(taken());
  }
  await clusters.stop();
  // In one turn it would be none, and then all of them.
  expect([...seen].filter((count) => count > 0 && count < names.length).length).toBeGreaterThan(0);
});

describe('when it is stopped, as at the end of a term, while the management plane owes an answer', () => {
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

describe('with clusters that other replicas work on', () => {
  const names = (): string[] => [...clusters.propagators()].map(({ name }) => name);
  const put = (name: string): void => {
    const spec = { localClusterAuthEndpoint: { enabled: true } };
    management.clusters.put(parseCluster(rawCluster({ spec }, { name, uid: `uid-${name}` })));
    const metadata = { name, uid: `uid-p-${name}`, resourceVersion: '1', generation: 1 };
    management.propagations.put(parsePropagation({ metadata, spec: {} }));
  };
  beforeEach(() => {
    put('c-1');
    put('c-2');
    plane.answer();
  });

  test('those are let be until they are ours, whatever events come', async () => {
    mayWorkOn = (name) => name === 'c-2';
    clusters.start();
    await eventually(() => expect(names()).toEqual(['c-2']));
    expect(sessions).toBe(0);
    clusters.enqueueCluster('c-1');
    mayWorkOn = () => true;
    put('c-3');
    clusters.begin((name) => name === 'c-1');
    await eventually(() => expect(names().sort()).toEqual(['c-1', 'c-2']));
    expect(sessions).toBe(1);
    await clusters.stop();
  });

  test('one that was given up is ended by whoever finds no more of it than its way', async () => {
    const metadata = {
      name: 'ace-operator-way-c-9',
      namespace: 'ace-operator',
      uid: 'u',
      resourceVersion: '1',
    };
    management.credentials.get('ace-operator')?.put(parseCredentialsSecret({ metadata, data: {} }));
    clusters.start();
    await eventually(() => expect(names()).toContain('c-1'));
    await eventually(() => expect(deleted).toEqual(['ace-operator-way-c-9']));
    await clusters.stop();
  });

  test('one that is released is not worked on any more, and begins anew when it comes back', async () => {
    clusters.start();
    await eventually(() => expect(names().sort()).toEqual(['c-1', 'c-2']));
    const first = [...clusters.propagators()].find(({ name }) => name === 'c-1');
    mayWorkOn = (name) => name !== 'c-1';
    await clusters.release((name) => name === 'c-1');
    expect(names()).toEqual(['c-2']);
    expect(first?.queue.isClosed).toBe(true);
    clusters.enqueueCluster('c-1');
    clusters.enqueueCluster('c-3');
    put('c-3');
    await eventually(() => expect(names()).toContain('c-3'));
    expect(names()).not.toContain('c-1');
    mayWorkOn = () => true;
    clusters.begin((name) => name === 'c-1');
    await eventually(() => expect(names()).toContain('c-1'));
    expect([...clusters.propagators()].find(({ name }) => name === 'c-1')).not.toBe(first);
    await clusters.stop();
  });
});
