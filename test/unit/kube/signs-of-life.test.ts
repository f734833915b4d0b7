import { once } from 'node:events';
import { createSecureServer, type Http2ServerResponse, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Access, TlsMaterial } from '../../../src/kube/access.ts';
import { type Reply, type Stream, Transport } from '../../../src/kube/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { createAuthority } from '../../support/pki.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

const AUTHORITY = createAuthority('one');
const PAIR = AUTHORITY.issueServer('api', ['127.0.0.1']);
/** What RFC 9113, 6.8, has a server say that lets all streams of so far go on. */
const ALL_STREAMS = 2 ** 31 - 1;
const PING_MS = 30;
/** A dozen of intervals in which something would be taken for dead. */
const LONG_MS = 15 * PING_MS;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe('a connection of watches', () => {
  let sessions: ServerHttp2Session[];
  let watches: Http2ServerResponse[];
  let proxy: TcpProxy;
  let tls: TlsMaterial;
  let transport: Transport;

  beforeEach(async () => {
    [sessions, watches, tls] = [[], [], { ca: AUTHORITY.cert }];
    const server = createSecureServer({ ...PAIR, allowHTTP1: true }, (request, response) => {
      const isLate = request.url === '/late' && sessions.length === 1;
      if (isLate) sessions[0]?.goaway(0, (request.stream.id as number) - 2);
      if (isLate) return;
      response.writeHead(200);
      if (request.url === '/watch') watches.push(response);
      if (request.url === '/watch') response.write('\n');
      else setTimeout(() => response.end('{}'), LONG_MS);
    });
    const sockets = new Set<{ destroy(): void }>();
    server.on('secureConnection', (socket) => sockets.add(socket));
    server.on('session', (session) => sessions.push(session));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    proxy = await startTcpProxy(url);
    closing.push(() => proxy.close());
    const access: Access = {
      server: new URL(proxy.url(url)),
      get tls() {
        return tls;
      },
      headers: async () => ({}),
    };
    const options = { connections: 4, timeoutMs: 5_000, userAgent: 'test', pingMs: PING_MS };
    transport = new Transport(access, options);
    closing.push(() => transport.close());
  });

  const open = (): Promise<Stream> => transport.stream('/watch', new AbortController().signal);
  const write = (): Promise<Reply> => transport.request('PATCH', '/slow', { body: '{}' });
  /** How it ended, and what it told until then. */
  const read = (stream: Stream): { how?: string; told: string } => {
    const seen: { how?: string; told: string } = { told: '' };
    const drain = async (): Promise<void> => {
      for await (const chunk of stream.body) seen.told += Buffer.from(chunk).toString();
    };
    drain().then(
      () => Object.assign(seen, { how: 'ended' }),
      () => Object.assign(seen, { how: 'broken' }),
    );
    return seen;
  };
  /** Says that it takes no more requests, as an API server that shuts down, or by its `--goaway-chance`; then nothing happens. */
  const sayGoodbye = async (): Promise<void> => {
    sessions[0]?.goaway(0, ALL_STREAMS);
    await new Promise((resolve) => setTimeout(resolve, LONG_MS));
  };

  test('goes on to its end after a GOAWAY, however quiet, and requests on other connections with it', async () => {
    const seen = read(await open());
    const written = write();
    await sayGoodbye();
    await open();
    expect([(await written).status, seen, sessions.length]).toEqual([200, { told: '\n' }, 2]);
    watches[0]?.write('event\n');
    await eventually(() => expect(seen.told).toBe('\nevent\n'));
    watches[0]?.end();
    await eventually(() => expect(seen.how).toBe('ended'));
  });

  test('that does not take a watch any more lets it be opened elsewhere at once, and not only when all others have ended', async () => {
    const seen = read(await open());
    expect((await transport.stream('/late', new AbortController().signal)).status).toBe(200);
    expect([seen, sessions.length]).toEqual([{ told: '\n' }, 2]);
  });

  test('that dies in silence after a GOAWAY is noticed, and takes no request along: it was to go', async () => {
    const seen = read(await open());
    await sayGoodbye();
    expect(seen.how).toBeUndefined();
    proxy.strand();
    expect((await write()).status).toBe(200);
    expect(seen.how).toBe('broken');
  });

  test('that falls silent after the certificates changed takes no request along: those have connections of later', async () => {
    const seen = read(await open());
    proxy.strand();
    tls = { ca: [AUTHORITY.cert, createAuthority('another').cert] };
    expect((await write()).status).toBe(200);
    expect(seen.how).toBe('broken');
  });
});
