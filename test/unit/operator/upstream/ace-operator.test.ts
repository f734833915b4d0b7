import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CLUSTER_PROPAGATIONS, TOKENS } from '../../../../src/api/names.ts';
import { KubeClient } from '../../../../src/kube/client.ts';
import { OperatorBase } from '../../../../src/kube/operator-base.ts';
import { Transport } from '../../../../src/kube/transport.ts';
import { AceOperator } from '../../../../src/operator/upstream/ace-operator.ts';
import { DeletionEvidence } from '../../../../src/operator/upstream/deletions.ts';
import { Management } from '../../../../src/operator/upstream/management.ts';
import { Watches } from '../../../../src/operator/upstream/watches.ts';
import { eventually } from '../../../support/eventually.ts';

/** Base methods that we keep, and why none of them does I/O. */
const KEPT: Readonly<Record<string, string>> = {
  start: 'awaits init(), which is ours',
  errorToJson: 'formats an error; called by methods that are overridden only',
  resourceStatusRequest: 'private; called by the two status methods, which are overridden',
};

const methodsOf = (prototype: object): readonly string[] =>
  Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor');
const basePrototype: object = OperatorBase.prototype;

describe('the methods of the base class', () => {
  test.each(methodsOf(basePrototype))('%s is overridden, or kept for a reason', (name) => {
    const isOverridden = Object.hasOwn(AceOperator.prototype, name);
    expect({ name, isOverridden }).toEqual({ name, isOverridden: !(name in KEPT) });
  });

  test('that are kept are there at all', () => {
    expect(methodsOf(basePrototype)).toEqual(expect.arrayContaining(Object.keys(KEPT)));
  });

  test('that are kept call none of the others but those that are overridden', () => {
    const start = Reflect.get(basePrototype, 'start') as () => unknown;
    // The package is compiled, so its text names what it calls.
    expect(start.toString().match(/this\.\w+/g)).toEqual(['this.init']);
  });
});

describe('an AceOperator that runs', () => {
  let api: FakeServer;
  let management: Management;
  let operator: AceOperator;
  let transport: Transport;
  const seen: string[] = [];

  beforeEach(async () => {
    vi.spyOn(process, 'exit').mockImplementation((() => undefined) as never);
    for (const name of Object.keys(KEPT).filter((kept) => kept !== 'start')) {
      vi.spyOn(basePrototype as Record<string, () => void>, name);
    }
    api = await startFakeServer();
    transport = new Transport(
      { server: new URL(api.url), tls: {}, headers: async () => ({}) },
      { connections: 4, timeoutMs: 5_000, userAgent: 'test' },
    );
    management = new Management(['ace-operator', 'fleet-default']);
    management.tokens.onChange(({ type, object }) => seen.push(`${type} ${object.name}`));
    operator = new AceOperator({
      client: new KubeClient(transport),
      management,
      watches: new Watches(management, new DeletionEvidence(), NO_QUEUES),
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      observer: () => ({}),
      timing: { backoffBaseMs: 5, backoffMaxMs: 10 },
      patienceMs: 50,
    });
  });
  afterEach(async () => {
    await transport.close();
    await api.close();
    vi.restoreAllMocks();
    seen.length = 0;
  });

  test('lists, watches and writes status past everything of the base class, and stops', async () => {
    await operator.start();
    await operator.synced();
    expect(management.tokens.get('t-listed')).toBeDefined();
    await eventually(() => expect(api.watches(TOKENS.plural)).toBe(1));
    api.send(TOKENS.plural, 'ADDED', { name: 't-watched', uid: 'u2', resourceVersion: '2' });
    await eventually(() => expect(management.tokens.get('t-watched')).toBeDefined());
    // A watch that breaks ends the process in the base class.
    api.breakWatches();
    await eventually(() => expect(api.watches(TOKENS.plural)).toBe(2));
    await operator.writeStatus('c-one', { tokens: '0/0' }, new KubeClient(transport));
    await operator.stop();

    expect(seen).toEqual(['added t-listed', 'added t-watched']);
    expect(api.patches).toEqual([
      `/apis/ace-operator.io/v1alpha1/${CLUSTER_PROPAGATIONS.plural}/c-one/status`,
    ]);
    for (const name of Object.keys(KEPT).filter((kept) => kept !== 'start')) {
      expect(Reflect.get(basePrototype, name), name).not.toHaveBeenCalled();
    }
    expect(process.exit).not.toHaveBeenCalled();
  });

  test('opens no watch any more once it is stopped', async () => {
    await operator.start();
    await operator.synced();
    await operator.stop();
    // What was on its way when it stopped may still arrive.
    let before = -1;
    await eventually(async () => {
      before = api.requests;
      await delay(20);
      expect(api.requests).toBe(before);
    });
    api.breakWatches();
    await delay(100);
    expect(api.requests).toBe(before);
  });

  test('does not wait for a namespace that it may not read, says so, and reads it when it may', async () => {
    api.refused.add('/api/v1/namespaces/fleet-default/secrets');
    await operator.start();
    await operator.synced();
    await operator.refresh();
    expect(management.tokens.get('t-listed')).toBeDefined();
    await eventually(() =>
      expect([...management.unread]).toEqual([['secrets of fleet-default', expect.stringContaining('403')]]),
    );
    api.refused.clear();
    await eventually(() => expect(management.unread.size).toBe(0));
    await operator.stop();
  });

  test('waits for Tokens for as long as it takes', async () => {
    const path = '/apis/management.cattle.io/v3/tokens';
    api.refused.add(path);
    await operator.start();
    let isRead = false;
    const synced = operator.synced().then(() => {
      isRead = true;
    });
    await eventually(() => expect(management.unread.get('tokens')).toContain('403'));
    expect({ isRead, hasSynced: operator.hasSynced }).toEqual({ isRead: false, hasSynced: false });
    api.refused.clear();
    await synced;
    await operator.stop();
  });

  const refused = [
    'setResourceStatus',
    'setResourceFinalizers',
    'handleResourceFinalizer',
    'registerCustomResourceDefinition',
    'applyAxiosKubeConfigAuth',
    'applyGaxiosKubeConfigAuth',
  ];
  test.each(refused)('refuses %s without a request', async (name) => {
    const method = Reflect.get(operator, name) as () => Promise<unknown>;
    await expect(method.call(operator)).rejects.toThrow(`${name} is not available`);
    expect(api.requests).toBe(0);
  });

  test('refuses to make a path by way of the base class', () => {
    const method = Reflect.get(operator, 'getCustomResourceApiUri') as () => string;
    expect(() => method.call(operator)).toThrow('not used');
  });
});

const NO_QUEUES: ConstructorParameters<typeof Watches>[2] = {
  propagators: () => [],
  concerned: () => [],
  enqueueCluster: () => {},
  installationKeyChanged: () => {},
  readAtLast: () => {},
  putBack: () => {},
};

interface FakeServer {
  readonly url: string;
  readonly requests: number;
  readonly patches: readonly string[];
  /** Paths that are answered 403. */
  readonly refused: Set<string>;
  /** How many watches of the kind were ever opened. */
  watches(plural: string): number;
  send(plural: string, type: string, metadata: object): void;
  breakWatches(): void;
  close(): Promise<void>;
}

/** Lists of one token and nothing else, watches that stay open, patches that are taken. */
async function startFakeServer(): Promise<FakeServer> {
  const open = new Map<string, Set<{ write(text: string): void; destroy(): void }>>();
  const opened: string[] = [];
  const patches: string[] = [];
  const refused = new Set<string>();
  let requests = 0;
  let version = 1;
  const server: Server = createServer((request, response) => {
    requests += 1;
    const url = new URL(request.url ?? '/', 'http://fake');
    const plural = url.pathname.split('/').at(-1) ?? '';
    response.setHeader('content-type', 'application/json');
    if (refused.has(url.pathname)) response.writeHead(403).end('{}');
    else if (request.method === 'PATCH') {
      patches.push(url.pathname);
      response.end('{}');
    } else if (url.searchParams.has('sendInitialEvents')) {
      // As a server of before 1.32 does: lists come in pages.
      response.statusCode = 422;
      response.end(JSON.stringify({ kind: 'Status', reason: 'Invalid' }));
    } else if (url.searchParams.has('watch')) {
      opened.push(plural);
      open.set(plural, (open.get(plural) ?? new Set()).add(response));
      response.flushHeaders();
    } else {
      const items =
        plural === TOKENS.plural ? [{ metadata: { name: 't-listed', uid: 'u1', resourceVersion: '1' } }] : [];
      response.end(JSON.stringify({ metadata: { resourceVersion: String(version) }, items }));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return requests;
    },
    patches,
    refused,
    watches: (plural) => opened.filter((name) => name === plural).length,
    send(plural, type, metadata) {
      version += 1;
      for (const response of open.get(plural) ?? [])
        response.write(`${JSON.stringify({ type, object: { metadata } })}\n`);
    },
    breakWatches() {
      for (const responses of open.values()) for (const response of responses) response.destroy();
      open.clear();
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
