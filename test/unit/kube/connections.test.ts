import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConnectionError } from '../../../src/errors.ts';
import type { Access, TlsMaterial } from '../../../src/kube/access.ts';
import { Transport, type TransportOptions } from '../../../src/kube/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { createAuthority } from '../../support/pki.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

const AUTHORITY = createAuthority('one');
const OPTIONS: TransportOptions = { connections: 4, timeoutMs: 5_000, userAgent: 'test' };
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function transportTo(access: Partial<Access> & { server: URL }, options = {}): Transport {
  const transport = new Transport(
    { tls: {}, headers: async () => ({}), ...access },
    { ...OPTIONS, ...options },
  );
  closing.push(() => transport.close());
  return transport;
}

async function listen(server: Server | Http2SecureServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function proxied(target: string): Promise<TcpProxy> {
  const proxy = await startTcpProxy(target);
  closing.push(() => proxy.close());
  return proxy;
}

/** An API server as far as this is about: HTTP/2 and HTTP/1.1, watches that stay silent. */
async function startServer(pair = AUTHORITY.issueServer('api', ['127.0.0.1'])): Promise<{
  url: string;
  versions: string[];
  /** Of each connection: whether it went on with the session of one before. */
  resumed: boolean[];
}> {
  const versions: string[] = [];
  const resumed: boolean[] = [];
  const server = createSecureServer({ ...pair, allowHTTP1: true }, (request, response) => {
    versions.push(request.httpVersion);
    response.writeHead(200);
    if (request.url === '/watch') response.write('\n');
    else response.end('{}');
  });
  const sockets = new Set<{ destroy(): void }>();
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    resumed.push(socket.isSessionReused());
  });
  const url = `https://127.0.0.1:${await listen(server)}`;
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url, versions, resumed };
}

/** Whether a ClientHello has extension `pre_shared_key` (RFC 8446, 4.2.11), which is always its last one. */
function offersSession(hello: Buffer): boolean {
  let at = 5 + 4 + 2 + 32;
  at += 1 + (hello[at] ?? 0);
  at += 2 + hello.readUInt16BE(at);
  at += 1 + (hello[at] ?? 0);
  const end = Math.min(hello.length, at + 2 + hello.readUInt16BE(at));
  for (at += 2; at + 4 <= end; at += 4 + hello.readUInt16BE(at + 2))
    if (hello.readUInt16BE(at) === 41) return true;
  return false;
}

test('an idle connection is ended, also where the server would keep it', async () => {
  const server = createServer((_, response) => void response.end('{}'));
  server.keepAliveTimeout = 600_000;
  const url = new URL(`http://127.0.0.1:${await listen(server)}`);
  closing.push(
    async () => server.closeAllConnections(),
    async () => void server.close(),
  );
  const proxy = await proxied(url.href);
  const transport = transportTo({ server: new URL(proxy.url(url.href)) }, { idleMs: 50 });
  expect((await transport.request('GET', '/')).status).toBe(200);
  await eventually(async () => expect(proxy.openConnections).toBe(0));
});

describe('a connection that died in silence', () => {
  let proxy: TcpProxy;
  let url: string;
  let versions: string[];
  beforeEach(async () => {
    const server = await startServer();
    versions = server.versions;
    proxy = await proxied(server.url);
    url = proxy.url(server.url);
  });
  const access = (): { server: URL; tls: TlsMaterial } => ({
    server: new URL(url),
    tls: { ca: AUTHORITY.cert },
  });
  const drain = async (body: AsyncIterable<unknown>): Promise<void> => {
    for await (const _ of body);
  };

  test('is noticed under watches, whose next one takes another; a quiet one that lives is left alone', async () => {
    const transport = transportTo(access(), { pingMs: 30 });
    const stream = await transport.stream('/watch', new AbortController().signal);
    const end = drain(stream.body).then(
      () => 'ended',
      () => 'broken',
    );
    // It outlives a dozen pings in which nothing happens.
    expect(await Promise.race([end, new Promise((resolve) => setTimeout(resolve, 400, 'quiet'))])).toBe(
      'quiet',
    );
    expect([versions, proxy.acceptedConnections]).toEqual([['2.0'], 1]);
    proxy.strand();
    expect(await end).toBe('broken');
    expect((await transport.stream('/watch', new AbortController().signal)).status).toBe(200);
  });

  test('under watches takes along what waits for an answer on the others', async () => {
    const transport = transportTo(access(), { pingMs: 30, timeoutMs: 3_600_000 });
    const stream = await transport.stream('/watch', new AbortController().signal);
    const end = drain(stream.body).catch(() => 'broken');
    await Promise.all([transport.request('GET', '/a'), transport.request('GET', '/a')]);
    proxy.strand();
    // A read is asked again, a write is its owner's to decide about.
    const write = transport.request('PATCH', '/b', { body: '{}' });
    const read = transport.request('GET', '/c');
    await expect(write).rejects.toThrow(ConnectionError);
    expect((await read).status).toBe(200);
    await end;
  });

  test('takes the idle ones along at the first request that gets no answer: there is no second wait', async () => {
    const transport = transportTo(access(), { timeoutMs: 500 });
    await Promise.all([1, 2, 3].map(() => transport.request('GET', '/a')));
    const before = proxy.acceptedConnections;
    proxy.strand();
    await expect(transport.request('DELETE', '/b')).rejects.toThrow(ConnectionError);
    expect((await transport.request('DELETE', '/b')).status).toBe(200);
    expect(proxy.acceptedConnections).toBe(before + 1);
  });

  test('costs a read nothing but the wait', async () => {
    const transport = transportTo(access(), { timeoutMs: 500 });
    await Promise.all([1, 2, 3].map(() => transport.request('GET', '/a')));
    proxy.strand();
    expect((await transport.request('GET', '/c')).status).toBe(200);
  });
});

describe('connections of requests', () => {
  test('are kept, whatever is asked: a thousand revocations shake hands no more often than a thousand tokens', async () => {
    let connections = 0;
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.end('{}'));
    });
    server.on('connection', () => {
      connections += 1;
    });
    const url = new URL(`http://127.0.0.1:${await listen(server)}`);
    closing.push(async () => server.close());
    const transport = transportTo({ server: url }, { connections: 1 });
    for (const method of ['POST', 'PATCH', 'DELETE', 'GET', 'DELETE', 'PUT'] as const)
      await transport.request(method, '/', method === 'GET' ? {} : { body: '{}' });
    expect(connections).toBe(1);
  });

  test('one after the other take one, though there may be four', async () => {
    const { url, resumed } = await startServer();
    const transport = transportTo({ server: new URL(url), tls: { ca: AUTHORITY.cert } });
    for (let sent = 0; sent < 10; sent += 1) await transport.request('GET', '/a');
    expect(resumed).toHaveLength(1);
  });

  test('a small read beside watches takes theirs, and no other one when that fell silent: it is asked about this one', async () => {
    const server = await startServer();
    const proxy = await proxied(server.url);
    const access = { server: new URL(proxy.url(server.url)), tls: { ca: AUTHORITY.cert } };
    const transport = transportTo(access, { timeoutMs: 500, pingMs: 3_600_000 });
    await transport.stream('/watch', new AbortController().signal);
    expect((await transport.request('GET', '/a', { besideWatches: true })).text).toBe('{}');
    expect([server.versions, server.resumed.length]).toEqual([['2.0', '2.0'], 1]);
    proxy.strand();
    await expect(transport.request('GET', '/a', { besideWatches: true })).rejects.toThrow('no answer');
    expect(server.versions).toEqual(['2.0', '2.0']);
  });

  test('go on with the session of the one before, of watches, too; not with another authority', async () => {
    const { url, resumed } = await startServer();
    let tls: TlsMaterial = { ca: AUTHORITY.cert };
    const access = {
      server: new URL(url),
      get tls() {
        return tls;
      },
      headers: async () => ({}),
    };
    const transport = new Transport(access, { ...OPTIONS, idleMs: 50 });
    closing.push(() => transport.close());
    await transport.request('GET', '/a');
    await transport.stream('/watch', new AbortController().signal);
    await Promise.all([transport.request('GET', '/a'), transport.request('GET', '/a')]);
    expect(resumed).toEqual([false, true, ...resumed.slice(2).map(() => true)]);
    const before = resumed.length;
    tls = { ca: [AUTHORITY.cert, createAuthority('another').cert] };
    await transport.request('GET', '/a');
    expect(resumed.slice(before)).toEqual([false]);
  });

  test('a session that is not borne is not offered again', async () => {
    const server = await startServer();
    const target = new URL(server.url);
    let [isDelicate, refused] = [false, 0];
    // A pool of servers of which some are set up otherwise answers like this.
    const front = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (hello: Buffer) => {
        if (isDelicate && offersSession(hello)) {
          refused += 1;
          socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 47]));
          return;
        }
        const upstream = connectTcp(Number(target.port), target.hostname);
        upstream.on('error', () => undefined);
        upstream.write(hello);
        socket.pipe(upstream).pipe(socket);
      });
    });
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    closing.push(async () => void front.close());
    const { port } = front.address() as AddressInfo;
    const access = { server: new URL(`https://127.0.0.1:${port}`), tls: { ca: AUTHORITY.cert } };
    const transport = transportTo(access, { idleMs: 50 });
    await transport.request('GET', '/a');
    await eventually(async () => {
      await Promise.all([transport.request('GET', '/a'), transport.request('GET', '/a')]);
      expect(server.resumed.at(-1)).toBe(true);
    });
    isDelicate = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
    await expect(transport.request('PATCH', '/a', { body: '{}' })).rejects.toThrow(ConnectionError);
    expect((await transport.request('PATCH', '/a', { body: '{}' })).status).toBe(200);
    expect(refused).toBe(1);
  });

  test('shake hands anew when the server showed its certificate too long ago, however often resumed since', async () => {
    const { url, resumed } = await startServer();
    const transport = transportTo(
      { server: new URL(url), tls: { ca: AUTHORITY.cert } },
      { idleMs: 50, sessionMs: 500 },
    );
    const deadlineMs = performance.now() + 5_000;
    while (resumed.filter((isResumed) => !isResumed).length < 2) {
      if (performance.now() > deadlineMs) throw new Error(`no handshake after ${resumed.join()}`);
      await transport.request('GET', '/a');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(resumed.slice(0, 2)).toEqual([false, true]);
  });
});

describe('certificates that are replaced', () => {
  test('an authority that is read again is trusted at the next connection, in the same request', async () => {
    const server = await startServer();
    let tls: TlsMaterial = { ca: createAuthority('another').cert };
    let reads = 0;
    const access: Access = {
      server: new URL(server.url),
      get tls() {
        return tls;
      },
      headers: async (fresh) => {
        if (fresh) {
          reads += 1;
          tls = { ca: AUTHORITY.cert };
        }
        return {};
      },
    };
    const transport = new Transport(access, OPTIONS);
    closing.push(() => transport.close());
    expect((await transport.request('PATCH', '/a', { body: '{}' })).status).toBe(200);
    expect(reads).toBe(1);
  });

  test('without a better one the server stays untrusted', async () => {
    const server = await startServer();
    const transport = transportTo({
      server: new URL(server.url),
      tls: { ca: createAuthority('another').cert },
    });
    await expect(transport.request('GET', '/a')).rejects.toMatchObject({ reason: 'CertificateInvalid' });
    await expect(transport.stream('/watch', new AbortController().signal)).rejects.toMatchObject({
      reason: 'CertificateInvalid',
    });
  });
});

describe('what a hostile server sends', () => {
  let respond: (request: IncomingMessage, response: ServerResponse) => void;
  let transport: Transport;
  let sent: number;
  beforeEach(async () => {
    sent = 0;
    const server = createServer((request, response) => respond(request, response));
    const port = await listen(server);
    closing.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    transport = transportTo({ server: new URL(`http://127.0.0.1:${port}`) }, { timeoutMs: 500 });
  });
  /** Bytes without end, as fast as they are taken. */
  const endless = (status: number) => (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(status);
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const more = (): void => {
      if (response.destroyed) return;
      sent += chunk.length;
      if (response.write(chunk)) setImmediate(more);
      else response.once('drain', more);
    };
    more();
  };
  const MIB = 1024 * 1024;

  test('an answer without end is refused, and its connection ended', async () => {
    respond = endless(200);
    const request = transport.request('GET', '/a', { maxBytes: MIB });
    await expect(request).rejects.toMatchObject({ code: 502, statusReason: 'ResponseTooLarge' });
    expect(sent).toBeLessThan(8 * MIB);
  });

  test('of a refusal without end the beginning is read', async () => {
    respond = endless(500);
    const reply = await transport.request('GET', '/a');
    expect([reply.status, reply.text.length]).toEqual([500, 64 * 1024]);
    expect(sent).toBeLessThan(8 * MIB);
  });

  test('of a refused watch without end likewise', async () => {
    respond = endless(500);
    const stream = await transport.stream('/a', new AbortController().signal);
    expect([stream.status, (await stream.refusal()).length]).toEqual([500, 64 * 1024]);
    expect(sent).toBeLessThan(8 * MIB);
  });

  test('an answer that drips is given up, and one that is only slow is not', async () => {
    let size = 1;
    respond = (_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'.repeat(size)), 100);
      setTimeout(() => {
        clearInterval(timer);
        response.end();
      }, 2_500);
      response.on('close', () => clearInterval(timer));
    };
    // A timer of ours; the second try is dripping, too.
    await expect(transport.request('PATCH', '/a', { body: '{}' })).rejects.toThrow('TIMEOUT');
    size = 64 * 1024;
    expect((await transport.request('GET', '/a')).bytes).toBeGreaterThan(MIB);
  });

  test('nothing at all is a silence', async () => {
    respond = () => {};
    await expect(transport.request('GET', '/a')).rejects.toThrow(ConnectionError);
  });

  test('many at once do not hold up each other', async () => {
    respond = (request, response) => {
      if (request.url === '/bad') endless(500)(request, response);
      else response.end('{}');
    };
    const bad = [1, 2, 3].map(() => transport.request('GET', '/bad'));
    expect((await transport.request('GET', '/good')).text).toBe('{}');
    await Promise.all(bad);
    await eventually(() => expect(sent).toBeLessThan(64 * MIB));
  });
});
