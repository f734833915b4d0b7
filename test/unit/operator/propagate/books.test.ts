import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { KubeObject } from '../../../../src/api/types.ts';
import { ApiError } from '../../../../src/errors.ts';
import { ResourceEventType } from '../../../../src/kube/operator-base.ts';
import { Refusals } from '../../../../src/kube/refusals.ts';
import { DebtKeeper } from '../../../../src/operator/debts/debt-keeper.ts';
import { pack } from '../../../../src/operator/debts/debt-record.ts';
import { DebtRecords } from '../../../../src/operator/debts/debt-records.ts';
import { EarlierDeletions } from '../../../../src/operator/debts/earlier-deletions.ts';
import { type Knowing, KnownKeys } from '../../../../src/operator/engage/known-keys.ts';
import { type Books, openBooks } from '../../../../src/operator/propagate/books.ts';
import type { PropagatorDeps } from '../../../../src/operator/propagate/propagator-deps.ts';
import { DeletionEvidence } from '../../../../src/operator/upstream/deletions.ts';
import { Management } from '../../../../src/operator/upstream/management.ts';
import { type ConcernedCluster, Watches } from '../../../../src/operator/upstream/watches.ts';
import type { Log } from '../../../../src/telemetry/log.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';
import { aToken, aUser } from '../../../support/builders.ts';

const LOG = { error() {}, warn() {}, info() {}, debug() {} } as unknown as Log;
const CLUSTER = 'c-1';
const PLANE = 'kube-system/tokens/users';

/** Reading records is refused. */
let isRefusing: boolean;
let stored: KubeObject;
let books: Books;
let management: Management;
let watches: Watches;

const client = {
  list: async () => {
    if (isRefusing) throw refusal();
    return { items: [stored], resourceVersion: '7', continue: '' };
  },
  patch: async () => stored,
};

const refusal = (): ApiError =>
  new ApiError('no', { code: 403, statusReason: 'Forbidden', objectMissing: false });

const uids: Readonly<Record<string, string>> = {
  'kube-system': 'kube-system',
  'tokens.management.cattle.io': 'tokens',
  'users.management.cattle.io': 'users',
};

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const token = aToken();
  const key = `token/${token.name}`;
  const { bytes } = await pack({
    ...{ cluster: CLUSTER, plane: PLANE, known: new Set([key]), lately: 0 },
    ...{ owed: new Map(), apis: new Map([[key, 'v3' as const]]) },
  });
  const metadata = { name: 'ace-operator-debts-c-1', uid: 'uid-1', resourceVersion: '3' };
  stored = {
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata },
    binaryData: { record: bytes.toString('base64') },
  };
  isRefusing = true;
  management = new Management(['ace-operator']);
  management.users.put(aUser());
  management.tokens.put(token);
  await open();
});
afterEach(async () => {
  await books.debts.stop();
  vi.useRealTimers();
});

/** What belongs to a cluster that is away, in a process that was refused its record for long enough to begin without. */
async function open(): Promise<void> {
  const deletions = new DeletionEvidence();
  const seen = { management, deletions };
  const access = { client, writerFor: () => client } as never;
  const records = new DebtRecords(access, 'ace-operator', LOG);
  await expect(records.load()).rejects.toThrow();
  await vi.advanceTimersByTimeAsync(30_000);
  await records.load();
  const clusters = (): [] => [];
  const earlier = new EarlierDeletions({
    ...{ records, seen, refusals: new Refusals(), now: Date.now, log: LOG, clusters },
  });
  await earlier.read({
    get: async ({ name }) => ({ metadata: { uid: uids[name] } }),
    list: async () => ({ items: [], resourceVersion: '9', continue: '' }),
  });
  const cluster: Knowing & ConcernedCluster = {
    ...{ name: CLUSTER, connection: undefined, enqueue: () => {} },
    concerns: (key) => books.outcomes.has(key) || books.debts.has(key),
    noteChange: (key, lane, told) =>
      books.lag.changed({
        ...told,
        key,
        isRevocation: lane === 'revocation',
        outcome: undefined,
        isAway: true,
      }),
  };
  const known = new KnownKeys<typeof cluster>(() => cluster);
  const deps = {
    upstream: seen,
    reports: { metrics: new Metrics() },
    books: {
      keepDebts: (of: object) =>
        new DebtKeeper({ ...of, records, earlier, seen, log: LOG, now: Date.now } as never),
    },
    engagement: {
      keyKnown: (key: string, name: string) => known.add(key, name),
      keyEnded: (key: string, name: string) => known.ended(key, name),
    },
    clocks: { now: Date.now },
  } as unknown as PropagatorDeps;
  books = openBooks(CLUSTER, deps, { isAway: () => true, isElsewhere: () => false }, () => {});
  watches = new Watches(management, deletions, {
    concerned: (key, named) => known.concerned(key, named),
    propagators: () => [cluster],
    ...{ enqueueCluster() {}, installationKeyChanged() {}, readAtLast() {}, putBack() {} },
  });
}

test('a deletion is owed to a cluster of which only a record that was read late says that it is concerned', async () => {
  isRefusing = false;
  await vi.waitFor(async () => {
    await vi.advanceTimersByTimeAsync(1_000);
    expect(books.debts.has('token/t-1')).toBe(true);
  });
  expect(books.lag.debtOf('token/t-1')).toBeUndefined();
  // A token that is gone names no cluster.
  management.tokens.remove(aToken());
  watches.onToken('t-1', ResourceEventType.Deleted, aToken());
  expect(books.lag.debtOf('token/t-1')).toMatchObject({ cause: 'token' });
});
