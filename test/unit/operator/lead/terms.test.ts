import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS } from '../../../../src/api/names.ts';
import { parseCluster, parsePropagation } from '../../../../src/api/parse-cluster.ts';
import { parseCredentialsSecret } from '../../../../src/api/parse-credentials.ts';
import { operatorConfig } from '../../../../src/config/operator.ts';
import { FencedError } from '../../../../src/errors.ts';
import type { Hasher } from '../../../../src/hash/hasher.ts';
import { HashStore } from '../../../../src/hash/pending.ts';
import type { Writer } from '../../../../src/kube/client.ts';
import type { Fence } from '../../../../src/kube/fence.ts';
import { shardOf } from '../../../../src/kube/sharding/layout.ts';
import { Transport } from '../../../../src/kube/transport.ts';
import { Term } from '../../../../src/operator/lead/term.ts';
import { Terms } from '../../../../src/operator/lead/terms.ts';
import type { ClusterPropagator } from '../../../../src/operator/propagate/propagator.ts';
import { DeletionEvidence } from '../../../../src/operator/upstream/deletions.ts';
import { Management } from '../../../../src/operator/upstream/management.ts';
import type { Log } from '../../../../src/telemetry/log.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';
import { rawCluster } from '../../../support/builders.ts';
import { eventually } from '../../../support/eventually.ts';

const LOG = { error() {}, warn() {}, info() {}, debug() {} } as unknown as Log;
const KEY = Buffer.alloc(32, 1).toString('base64');

let server: Server;
/** The installation key's Secret; undefined: the question for it is left without an answer. */
let secret: object | undefined;
/** With this status every question for it is refused, while it is set; with 401 whatever else is asked for by name, too. */
let refusal: number | undefined;
/** Names of the ConfigMaps that are there. */
let configMaps: Set<string>;
let unanswered: ServerResponse[];
/** Of each term, in order. */
let fences: Fence[];
/** Lists of ConfigMaps fail while it is true; so many were asked for. */
let isWithoutRecords: boolean;
let recordLists: number;
/** So often the installation key was read. */
let secretReads: number;
/** By which statuses were written. */
let statusClients: Writer[];
/** Lists of the management plane that were asked for, and the end of the wait for them. */
let refreshes: PromiseWithResolvers<void>[];
let terms: Terms;
let management: Management;
/** Clusters that this replica has, by the Leases. */
let owned: Set<string>;
let address: string;

beforeEach(async () => {
  [secret, unanswered, fences, refreshes] = [{ data: { key: KEY } }, [], [], []];
  [refusal, secretReads] = [undefined, 0];
  [isWithoutRecords, recordLists, statusClients, configMaps] = [false, 0, [], new Set()];
  server = createServer((request, response) => {
    const { method, url = '' } = request;
    const isOfRecords = method === 'GET' && url.includes('/configmaps?');
    if (isOfRecords) recordLists += 1;
    if (url.includes('/secrets/')) secretReads += 1;
    if (isOfRecords && isWithoutRecords) response.writeHead(500).end('{}');
    else if (url.includes('limit=')) {
      response.end(JSON.stringify({ items: [], metadata: { resourceVersion: '1' } }));
    } else if (url.includes('/configmaps')) void answerWrite(request, response);
    else if (refusal === 401 || (refusal !== undefined && url.includes('/secrets/')))
      response.writeHead(refusal).end('{}');
    else if (secret) response.end(JSON.stringify({ metadata: {}, ...secret }));
    else unanswered.push(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  address = `http://127.0.0.1:${port}`;
  owned = new Set();
  management = new Management(['ace-operator']);
  newTerms();
});

/** A write of a ConfigMap. */
async function answerWrite(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { metadata } = JSON.parse(await text(request)) as { metadata?: { name: string } };
  const name = metadata?.name ?? request.url?.split('?')[0]?.split('/').at(-1) ?? '';
  if (request.method === 'POST') configMaps.add(name);
  const missing = { kind: 'Status', reason: 'NotFound', code: 404, details: { name } };
  if (configMaps.has(name)) response.end(JSON.stringify({ metadata: { name, uid: 'uid-1' } }));
  else response.writeHead(404).end(JSON.stringify({ apiVersion: 'v1', status: 'Failure', ...missing }));
}

/** As the manager makes them. */
function newTerms(isSharded = false): void {
  const access = { server: new URL(address), tls: {}, headers: async () => ({}) };
  terms = new Terms({
    log: LOG,
    isSharded,
    newTerm: (shards) =>
      new Term({
        config: operatorConfig(isSharded ? { shards: '4' } : {}, {}),
        definitions: [],
        seen: { management, deletions: new DeletionEvidence() },
        plane: {
          connect: (mayWrite) => {
            fences.push(mayWrite);
            return new Transport(access, { connections: 1, timeoutMs: 5_000, userAgent: 'test', mayWrite });
          },
          onRequest: () => {},
          mayWrite: () => true,
          shards,
          owns: (cluster) => !isSharded || owned.has(cluster),
          statusHost: {
            refresh: () => {
              expect(isSharded).toBe(false);
              return readAnew();
            },
            catchUp: () => readAnew(),
            writeStatus: async (_name, _patch, client) => void statusClients.push(client),
          },
        },
        hashes: new HashStore({} as Hasher),
        metrics: new Metrics(),
        log: LOG,
        clocks: { now: Date.now, planeNow: Date.now },
      }),
  });
}

function readAnew(): Promise<void> {
  refreshes.push(Promise.withResolvers<void>());
  return refreshes.at(-1)?.promise ?? Promise.resolve();
}
afterEach(async () => {
  await terms.end();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const refreshed = (count: number): Promise<void> =>
  eventually(() => {
    expect(refreshes).toHaveLength(count);
    refreshes.at(-1)?.resolve();
  });
const works = (): Promise<void> => eventually(() => expect(terms.isWorking).toBe(true));

describe('a term', () => {
  test('does not begin to work before the management plane was read anew', async () => {
    terms.elected();
    await eventually(() => expect(refreshes).toHaveLength(1));
    expect(terms.isWorking).toBe(false);
    await refreshed(1);
    await works();
  });

  test('that was lost may never write again, also when the process leads again', async () => {
    terms.elected();
    await refreshed(1);
    await works();
    terms.lost('test');
    terms.elected();
    await refreshed(2);
    await works();
    expect(fences.map((mayWrite) => mayWrite())).toEqual([false, true]);
  });

  test('that is lost before it began never begins, and holds up nobody', async () => {
    terms.elected();
    await eventually(() => expect(refreshes).toHaveLength(1));
    terms.lost('test');
    await terms.end();
    expect(terms.isWorking).toBe(false);
    refreshes[0]?.resolve();

    secret = undefined;
    terms.elected();
    await eventually(() => expect(unanswered).toHaveLength(1));
    const answerless = unanswered[0];
    const hungUp = new Promise((resolve) => answerless?.on('close', resolve));
    terms.lost('test');
    await terms.end();
    await hungUp;
    expect([terms.isWorking, ...fences.map((mayWrite) => mayWrite())]).toEqual([false, false, false]);
  });

  test('of three in quick succession only the last one works', async () => {
    for (const why of ['one', 'two']) {
      terms.elected();
      terms.lost(why);
    }
    terms.elected();
    await eventually(() => {
      for (const refresh of refreshes) refresh.resolve();
      expect(terms.isWorking).toBe(true);
    });
    expect(fences.map((mayWrite) => mayWrite()).filter(Boolean)).toHaveLength(1);
    expect(fences.at(-1)?.()).toBe(true);
  });

  test('that is refused with 401 goes on trying, and works once its credential is good again', async () => {
    refusal = 401;
    terms.elected();
    // Each try begins with these: the second one proves that the first was not the end.
    await eventually(() => expect(recordLists).toBeGreaterThan(1));
    expect(terms.isWorking).toBe(false);
    refusal = undefined;
    await eventually(() => {
      for (const refresh of refreshes) refresh.resolve();
      expect(terms.isWorking).toBe(true);
    });
  });

  const unusable: Record<string, () => void> = {
    'holds nothing': () => {
      secret = { data: {} };
    },
    'may not be read': () => {
      refusal = 403;
    },
  };
  test.each(Object.entries(unusable))(
    'whose installation key %s works all the same, and says so until it is usable',
    async (_title, spoil) => {
      spoil();
      terms.elected();
      await refreshed(1);
      await works();
      expect(terms.keyProblem).toContain('ace-operator-installation-key');
      [secret, refusal] = [{ data: { key: KEY } }, undefined];
      await eventually(() => expect(terms.keyProblem).toBeUndefined());
      expect(terms.isWorking).toBe(true);
    },
  );
});

describe('what is kept in our namespace', () => {
  const RECORD = 'ace-operator-debts-c-1';
  const propagator = (): ClusterPropagator => {
    const [found] = terms.propagators();
    if (!found) throw new Error('no cluster is worked on');
    return found;
  };
  beforeEach(async () => {
    management.clusters.put(
      parseCluster(rawCluster({ spec: { localClusterAuthEndpoint: { enabled: true } } })),
    );
    const metadata = { name: 'c-1', uid: 'uid-p', resourceVersion: '1', generation: 1 };
    management.propagations.put(parsePropagation({ metadata, spec: {} }));
    terms.elected();
    await refreshed(1);
    await works();
    // Away, for want of credentials: what is owed is written at once.
    await eventually(() => expect(propagator().settings).toBeDefined());
    propagator().noteChange('token/t-1', 'revocation');
    await eventually(() => expect([...configMaps]).toEqual([RECORD]));
    configMaps.clear();
  });

  test('is written again when the namespace was made anew', async () => {
    terms.namespaceMade();
    await eventually(() => expect([...configMaps]).toEqual([RECORD]));
  });

  test('is written again when the installation key went with it, whoever made the namespace anew', async () => {
    terms.installationKeyChanged();
    await eventually(() => expect([...configMaps]).toEqual([RECORD]));
  });

  test('is let be when the installation key is merely another one', async () => {
    const metadata = {
      ...{ name: 'ace-operator-installation-key', namespace: 'ace-operator' },
      ...{ uid: 'uid-k', resourceVersion: '2' },
    };
    management.credentials.get('ace-operator')?.put(parseCredentialsSecret({ metadata, data: { key: KEY } }));
    const before = secretReads;
    terms.installationKeyChanged();
    await eventually(() => expect(secretReads).toBe(before + 1));
    await propagator().debts.writeDown();
    expect(configMaps.size).toBe(0);
  });
});

describe('a term with shards', () => {
  const CLUSTER = 'c-1';
  const SHARD = shardOf(CLUSTER, 4);
  const names = (): string[] => [...terms.propagators()].map(({ name }) => String(name));
  beforeEach(() => {
    newTerms(true);
    const spec = { localClusterAuthEndpoint: { enabled: true } };
    management.clusters.put(parseCluster(rawCluster({ spec }, { name: CLUSTER })));
    const metadata = { name: CLUSTER, uid: 'uid-p', resourceVersion: '1', generation: 1 };
    management.propagations.put(parsePropagation({ metadata, spec: {} }));
  });

  test('works on a cluster once it has its shard, and has read everything anew since then', async () => {
    terms.elected();
    await works();
    expect(refreshes).toHaveLength(0);
    owned.add(CLUSTER);
    terms.acquired([SHARD]);
    await eventually(() => expect(refreshes).toHaveLength(1));
    expect(names()).toEqual([]);
    refreshes[0]?.resolve();
    await eventually(() => expect(names()).toEqual([CLUSTER]));
  });

  test('reads once for all that came while it was reading', async () => {
    terms.elected();
    terms.acquired([SHARD]);
    await eventually(() => expect(refreshes).toHaveLength(1));
    for (const shard of [0, 1, 2, 3].filter((one) => one !== SHARD)) terms.acquired([shard]);
    refreshes[0]?.resolve();
    await refreshed(2);
    await terms.end();
    expect(refreshes).toHaveLength(2);
  });

  test('does not work on what was released while it was reading, until it is acquired again', async () => {
    terms.elected();
    terms.acquired([SHARD]);
    await eventually(() => expect(refreshes).toHaveLength(1));
    await terms.release([SHARD]);
    terms.acquired([(SHARD + 1) % 4]);
    refreshes[0]?.resolve();
    await refreshed(2);
    await eventually(() => expect(terms.isWorking).toBe(true));
    expect(names()).toEqual([]);
    terms.acquired([SHARD]);
    await refreshed(3);
    await eventually(() => expect(names()).toEqual([CLUSTER]));
    await terms.release([SHARD]);
    expect(names()).toEqual([]);
  });

  test('lets its watches be while the records of what is owed are not read', async () => {
    terms.elected();
    await works();
    isWithoutRecords = true;
    terms.acquired([SHARD]);
    await eventually(() => expect(recordLists).toBeGreaterThan(2));
    expect(refreshes).toHaveLength(0);
    isWithoutRecords = false;
    await refreshed(1);
    await eventually(() => expect(names()).toEqual([CLUSTER]));
  });

  test('writes nothing that was left behind when its shard went, also when it comes back', async () => {
    const write = (client: Writer | undefined): Promise<unknown> =>
      Promise.resolve(client?.patch({ resource: CLUSTER_PROPAGATIONS, name: CLUSTER }, {}));
    owned.add(CLUSTER);
    terms.elected();
    terms.acquired([SHARD]);
    await refreshed(1);
    await eventually(() => expect(statusClients.length).toBeGreaterThan(0));
    const before = statusClients.at(-1);
    await expect(write(before)).resolves.toBeDefined();
    await terms.release([SHARD]);
    terms.acquired([SHARD]);
    await refreshed(2);
    await eventually(() => expect(names()).toEqual([CLUSTER]));
    const count = statusClients.length;
    await eventually(() => expect(statusClients.length).toBeGreaterThan(count));
    await expect(write(statusClients.at(-1))).resolves.toBeDefined();
    await expect(write(before)).rejects.toBeInstanceOf(FencedError);
  });

  test('forgets its shards with the Lease', async () => {
    terms.elected();
    terms.acquired([SHARD]);
    await refreshed(1);
    await eventually(() => expect(names()).toEqual([CLUSTER]));
    terms.lost('test');
    await terms.end();
    terms.elected();
    await works();
    expect(names()).toEqual([]);
  });
});
