import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LEASE } from '../../../src/api/names.ts';
import { ApiError } from '../../../src/errors.ts';
import { KubeClient } from '../../../src/kube/client.ts';
import { Elector, type ElectorOptions, type Leadership } from '../../../src/kube/elector.ts';
import { ShardElector } from '../../../src/kube/sharding/shard-elector.ts';
import { Transport } from '../../../src/kube/transport.ts';
import { eventually } from '../../support/eventually.ts';

const NAMESPACE = 'ace-operator';
const LEASES = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`;
const TIMING = { leaseMs: 1_500, renewMs: 1_000, retryMs: 100 };

interface Lease {
  metadata: { name: string; uid?: string; resourceVersion?: string };
}

/** Leases in one namespace, as an API server keeps them; a deleted namespace takes them along. */
class LeaseServer {
  readonly server: Server = createServer((request, response) => void this.#answer(request, response));
  readonly leases = new Map<string, Lease>();
  hasNamespace = true;
  /** What is created next is, but nobody is told so. */
  losesAnswer = false;
  #version = 0;

  deleteNamespace(): void {
    this.hasNamespace = false;
    this.leases.clear();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://server');
    const sent = await text(request);
    const name = pathname.slice(LEASES.length + 1);
    if (searchParams.has('watch')) {
      response.writeHead(200).write('\n');
      return;
    }
    const { code, body } = this.#served(request.method ?? '', name, sent && JSON.parse(sent));
    if (request.method === 'POST' && this.losesAnswer) {
      this.losesAnswer = false;
      request.socket.destroy();
    } else response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  /** Where it listens from now on. */
  async connect(): Promise<Transport> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    const server = new URL(`http://127.0.0.1:${(this.server.address() as AddressInfo).port}`);
    const access = { server, tls: {}, headers: async () => ({}) };
    return new Transport(access, { connections: 4, timeoutMs: 1_000, userAgent: 'test' });
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  #served(method: string, name: string, sent: Lease): { code: number; body: object } {
    const items = [...this.leases.values()];
    if (name === '' && method === 'GET')
      return {
        code: 200,
        body: { kind: 'LeaseList', metadata: { resourceVersion: `${this.#version}` }, items },
      };
    if (method === 'POST') {
      if (!this.hasNamespace) return status(404, 'NotFound', NAMESPACE);
      if (this.leases.has(sent.metadata.name)) return status(409, 'AlreadyExists', sent.metadata.name);
      return { code: 201, body: this.#store(sent) };
    }
    const lease = this.leases.get(name);
    if (!lease) return status(404, 'NotFound', name);
    if (method === 'GET') return { code: 200, body: lease };
    const isCurrent = sent.metadata.resourceVersion === lease.metadata.resourceVersion;
    return isCurrent ? { code: 200, body: this.#store(sent) } : status(409, 'Conflict', name);
  }

  #store(sent: Lease): Lease {
    this.#version += 1;
    const { name, uid = `${this.#version}` } = sent.metadata;
    const lease = { ...sent, metadata: { ...sent.metadata, uid, resourceVersion: `${this.#version}` } };
    this.leases.set(name, lease);
    return lease;
  }
}

function status(code: number, reason: string, name: string): { code: number; body: object } {
  return { code, body: { kind: 'Status', code, reason, details: { name }, message: `${name}: ${reason}` } };
}

const kinds: Record<string, (options: ElectorOptions) => Leadership> = {
  'a leader of all clusters': (options) => new Elector(options),
  'a member of those who divide shards': (options) =>
    new ShardElector({
      ...options,
      shards: 4,
      listener: { ...options.listener, acquired: () => {}, release: async () => {} },
    }),
};

describe.each(Object.entries(kinds))('%s whose namespace is gone', (_, electorOf) => {
  let plane: LeaseServer;
  let transport: Transport;
  let elector: Leadership;
  let errors: unknown[];
  let made: number;
  let mayMake: boolean;

  beforeEach(async () => {
    [plane, errors, made, mayMake] = [new LeaseServer(), [], 0, false];
    transport = await plane.connect();
    elector = electorOf({
      ...{
        client: new KubeClient(transport),
        namespace: NAMESPACE,
        name: LEASE,
        identity: 'me',
        timing: TIMING,
      },
      listener: { elected: () => {}, lost: () => {} },
      onError: (error) => errors.push(error),
      makeNamespace: async () => {
        made += 1;
        if (!mayMake) throw new Error('not allowed');
        plane.hasNamespace = true;
      },
    });
    elector.start();
    await eventually(() => expect(elector.mayWrite()).toBe(true));
    plane.deleteNamespace();
  });
  afterEach(async () => {
    await elector.stop(async () => {});
    await transport.close();
    plane.close();
  });

  test('says so at every try, and that it cannot be made', async () => {
    await eventually(() => expect(errors.length).toBeGreaterThan(3));
    const missing = errors.filter((error) => error instanceof ApiError && error.objectMissing);
    expect(missing.length).toBeGreaterThan(1);
    expect(errors).toContainEqual(new Error('not allowed'));
    await eventually(() => expect(elector.mayWrite()).toBe(false));
  });

  test('has it made, and leads again', async () => {
    mayMake = true;
    await eventually(() => expect(made).toBeGreaterThan(0));
    await eventually(() => expect(elector.mayWrite()).toBe(true));
    await eventually(() => expect(plane.leases.has(LEASE)).toBe(true));
    const told = errors.length;
    await new Promise((resolve) => setTimeout(resolve, 3 * TIMING.retryMs));
    expect([elector.mayWrite(), errors.length]).toEqual([true, told]);
  });
});

test('an elector whose first write had no answer leads as soon as it has read that it holds the Lease', async () => {
  const plane = new LeaseServer();
  plane.losesAnswer = true;
  const transport = await plane.connect();
  const errors: unknown[] = [];
  const elector = new Elector({
    ...{ client: new KubeClient(transport), namespace: NAMESPACE, name: LEASE, identity: 'me' },
    // So long that nobody who had to wait for it would lead before the test has given up.
    timing: { leaseMs: 90_000, renewMs: 60_000, retryMs: 100 },
    listener: { elected: () => {}, lost: () => {} },
    onError: (error) => errors.push(error),
    makeNamespace: async () => {},
  });
  try {
    elector.start();
    await eventually(() => expect(elector.mayWrite()).toBe(true));
    expect(errors).toHaveLength(1);
  } finally {
    await elector.stop(async () => {});
    await transport.close();
    plane.close();
  }
});
