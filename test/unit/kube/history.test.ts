import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { TOKENS } from '../../../src/api/names.ts';
import type { Identified } from '../../../src/api/types.ts';
import { ApiError, ConnectionError, OtherPlaneError, RolledBackError } from '../../../src/errors.ts';
import { KubeClient } from '../../../src/kube/client.ts';
import { checkHistory } from '../../../src/kube/history.ts';
import { Lists } from '../../../src/kube/lists.ts';
import { PlaneIdentity } from '../../../src/kube/plane-identity.ts';
import { Reflector } from '../../../src/kube/reflector.ts';
import { Store } from '../../../src/kube/store.ts';
import { Transport } from '../../../src/kube/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { createAuthority } from '../../support/pki.ts';

const AUTHORITY = createAuthority('one');
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

/** An API server with one object, and a namespace `kube-system`; watches stay silent, and lists as streams hold nothing. */
async function aPlane(uid: string, version: string, identity: 200 | 503 | 'silent' = 200): Promise<number> {
  const pair = AUTHORITY.issueServer('api', ['127.0.0.1']);
  const server = createSecureServer({ ...pair, allowHTTP1: true }, (request, response) => {
    const { url = '' } = request;
    const isAsked = url.includes('/namespaces/');
    if (isAsked && identity === 'silent') return;
    response.writeHead(isAsked ? Number(identity) : 200);
    if (url.includes('sendInitialEvents')) response.write(endOfList(version));
    else if (url.includes('watch=1')) response.write('\n');
    else if (isAsked) response.end(JSON.stringify({ metadata: { uid } }));
    else {
      const items = url.includes('t-1') ? [{ metadata: { name: 't-1', uid } }] : [];
      response.end(JSON.stringify({ metadata: { resourceVersion: version }, items }));
    }
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function endOfList(resourceVersion: string): string {
  const annotations = { 'k8s.io/initial-events-end': 'true' };
  return `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion, annotations } } })}\n`;
}

/** An address behind which another server comes, while connections to the first go on. */
async function anAddress(first: number): Promise<{ url: string; leadTo(port: number): void }> {
  let target = first;
  const front = createServer((socket) => {
    const behind = connect(target, '127.0.0.1');
    for (const one of [socket, behind]) one.on('error', () => undefined);
    socket.pipe(behind).pipe(socket);
    closing.push(() => {
      socket.destroy();
      behind.destroy();
    });
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  closing.push(() => front.close());
  const { port } = front.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    leadTo(next) {
      target = next;
    },
  };
}

describe('another cluster comes behind the address, ahead of the first, whose watch goes on', () => {
  const open = async (): Promise<{ client: KubeClient; move: () => void; end: AbortController }> => {
    const [a, b] = [await aPlane('uid-a', '100'), await aPlane('uid-b', '200')];
    const address = await anAddress(a);
    const access = { server: new URL(address.url), tls: { ca: AUTHORITY.cert }, headers: async () => ({}) };
    const transport = new Transport(access, {
      connections: 4,
      timeoutMs: 5_000,
      userAgent: 'test',
      idleMs: 50,
    });
    closing.push(() => void transport.close());
    const client = new KubeClient(transport);
    const end = new AbortController();
    await client.watch(TOKENS, { timeoutSeconds: 60, resourceVersion: '100' }, end.signal);
    return { client, move: () => address.leadTo(b), end };
  };

  test('it is noticed by whoever may ask for a witness only', async () => {
    const { client, move, end } = await open();
    const witness = { name: 't-1', namespace: '', uid: 'uid-a', resourceVersion: '90' };
    const known = { client, resource: TOKENS, parse: (raw: unknown) => raw, witness };
    const distrust = new AbortController();
    expect(await checkHistory(known, '100', end.signal, distrust)).toBe(true);
    move();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await checkHistory(known, '100', end.signal, distrust)).toBe(false);
    expect(distrust.signal.reason).toBeInstanceOf(RolledBackError);
  });

  test('it is noticed by whoever may ask the plane who it is', async () => {
    const { client, move, end } = await open();
    const plane = new PlaneIdentity(client);
    await plane.verify();
    const known = { client, resource: TOKENS, parse: (raw: unknown) => raw, plane };
    const distrust = new AbortController();
    expect(await checkHistory(known, '100', end.signal, distrust)).toBe(true);
    move();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await expect(plane.verify(true)).rejects.toThrow('uid-b');
    expect(await checkHistory(known, '100', end.signal, distrust)).toBe(false);
  });
});

test('another cluster that was behind the address for a moment is left at once, though what goes over its connections never rests', async () => {
  const [a, b] = [await aPlane('uid-a', '100'), await aPlane('uid-b', '200')];
  const address = await anAddress(b);
  const access = { server: new URL(address.url), tls: { ca: AUTHORITY.cert }, headers: async () => ({}) };
  // So long that nobody who waited for it would see the end.
  const transport = new Transport(access, {
    connections: 4,
    timeoutMs: 5_000,
    userAgent: 'test',
    idleMs: 600_000,
  });
  closing.push(() => void transport.close());
  const client = new KubeClient(transport);
  const plane = new PlaneIdentity(client, 'uid-a');
  const end = new AbortController();
  closing.push(() => end.abort());
  await client.watch(TOKENS, { timeoutSeconds: 60, resourceVersion: '100' }, end.signal);
  await expect(plane.verify(true, true)).rejects.toThrow(OtherPlaneError);
  address.leadTo(a);
  await plane.verify(true, true);
  expect(plane.stranger).toBeUndefined();
});

describe('another cluster is there for new connections, behind the first, to which those of requests still lead', () => {
  const open = async (
    identity: 200 | 503 | 'silent' = 200,
    { timeoutMs = 5_000, version = '50' } = {},
  ): Promise<{ client: KubeClient; plane: PlaneIdentity }> => {
    const [a, b] = [await aPlane('uid-a', '100'), await aPlane('uid-b', version, identity)];
    const address = await anAddress(a);
    const access = { server: new URL(address.url), tls: { ca: AUTHORITY.cert }, headers: async () => ({}) };
    const transport = new Transport(access, { connections: 1, timeoutMs, userAgent: 'test' });
    closing.push(() => void transport.close());
    const client = new KubeClient(transport);
    const plane = new PlaneIdentity(client);
    await plane.verify();
    address.leadTo(b);
    await plane.verify(true);
    return { client, plane };
  };

  test('the lower version is its own, and puts nobody back', async () => {
    const { client, plane } = await open();
    const known = { client, resource: TOKENS, parse: (raw: unknown) => raw, plane };
    const distrust = new AbortController();
    expect(await checkHistory(known, '100', new AbortController().signal, distrust)).toBe(false);
    expect(distrust.signal.reason).toBeInstanceOf(OtherPlaneError);
  });

  test.each([503, 'silent'] as const)(
    'where it does not say who it is (%s), nobody is put back, and everything is listed',
    async (identity) => {
      const { client, plane } = await open(identity, { timeoutMs: 1_000 });
      const known = { client, resource: TOKENS, parse: (raw: unknown) => raw, plane };
      const distrust = new AbortController();
      expect(await checkHistory(known, '100', new AbortController().signal, distrust)).toBe(false);
      expect(distrust.signal.reason).toBeInstanceOf(identity === 503 ? ApiError : ConnectionError);
    },
  );

  test('nor does a higher version make it the one that was there a moment ago', async () => {
    const { client, plane } = await open(200, { version: '200' });
    const known = { client, resource: TOKENS, parse: (raw: unknown) => raw, plane };
    const distrust = new AbortController();
    expect(await checkHistory(known, '100', new AbortController().signal, distrust)).toBe(false);
    expect(distrust.signal.reason).toBeInstanceOf(OtherPlaneError);
  });

  test('what the first list brings as a stream is asked for like every other', async () => {
    const { client, plane } = await open();
    const store = new Store<Identified>();
    const failed: unknown[] = [];
    const reflector = new Reflector<Identified>({
      ...{ client, plane, store, resource: TOKENS },
      parse: (raw) => raw as Identified,
      observer: { failed: (error) => failed.push(error) },
    });
    reflector.start();
    await eventually(() => expect(failed[0] ?? reflector.hasSynced).toBeInstanceOf(OtherPlaneError));
    expect([reflector.hasSynced, plane.stranger]).toEqual([false, 'uid-b']);
    await reflector.stop();
  });

  test('what it lists as a stream is asked for over the same connection', async () => {
    const { client, plane } = await open();
    const lists = new Lists({ client, resource: TOKENS, parse: (raw: unknown) => raw });
    const listed = await lists.all(new AbortController().signal);
    expect(listed.resourceVersion).toBe('50');
    await expect(plane.verify(true, listed.besideWatches)).rejects.toThrow('uid-b');
  });
});
