import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Handler, type TlsFiles, WebhookServer } from '../../../src/authenticator/server.ts';
import { CANARY } from '../../support/builders.ts';
import { createAuthority } from '../../support/pki.ts';

let faults: unknown[];
const servers: WebhookServer[] = [];
beforeEach(() => {
  faults = [];
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.drain()));
});

function aServer(handler: Handler, tls?: TlsFiles): WebhookServer {
  const server = new WebhookServer({
    handler,
    tls,
    onReload: () => {},
    onFault: (error) => void faults.push(error),
  });
  servers.push(server);
  return server;
}

const echo: Handler = async ({ method, path, query, body }) => ({
  status: 200,
  body: JSON.stringify({ method, path, query: query.toString(), body }),
});

interface Got {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

function ask(address: string, options: { agent?: Agent; body?: string; path?: string } = {}): Promise<Got> {
  const { agent, body = '', path = '/' } = options;
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/[[\]]/g, '');
  return new Promise((resolve, reject) => {
    const sent = request(
      { ...(agent ? { agent } : {}), host, port: address.slice(at + 1), path, method: 'POST' },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text, headers: response.headers }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

describe('WebhookServer', () => {
  test('hands over method, path, query and body, and answers JSON with its length', async () => {
    const address = await aServer(echo).listen('127.0.0.1', 0);
    const { status, text, headers } = await ask(address, { path: '/a//b?c=d', body: 'é' });
    expect({ status, json: JSON.parse(text) }).toEqual({
      status: 200,
      json: { method: 'POST', path: '/a//b', query: 'c=d', body: 'é' },
    });
    expect(headers['content-type']).toBe('application/json');
    expect(Number(headers['content-length'])).toBe(Buffer.byteLength(text));
  });

  test('listens on several addresses, IPv6 too', async () => {
    const server = aServer(echo);
    const addresses = [
      await server.listen('127.0.0.1', 0),
      await server.listen('::1', 0),
      await server.listen('127.0.0.1', 0),
    ];
    expect(addresses[1]).toMatch(/^\[::1\]:\d+$/);
    for (const address of addresses) expect((await ask(address)).status).toBe(200);
  });

  test('a fault of the handler is a 500 that tells nothing', async () => {
    const address = await aServer(async () => {
      throw new Error(CANARY);
    }).listen('127.0.0.1', 0);
    expect(await ask(address)).toMatchObject({ status: 500, text: '' });
    expect(faults).toHaveLength(1);
  });

  test('an address that is taken by someone who does not share it is an error', async () => {
    const { createServer } = await import('node:net');
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    await expect(aServer(echo).listen('127.0.0.1', port)).rejects.toThrow('EADDRINUSE');
    other.close();
  });

  test('a body in many small pieces over the limit is refused, and the connection ended', async () => {
    const address = await aServer(echo).listen('127.0.0.1', 0);
    const socket = connect(Number(address.split(':')[1]), '127.0.0.1');
    const told = everything(socket);
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let sent = 0; sent < 80 && !socket.destroyed; sent += 1) {
      socket.write(`400\r\n${' '.repeat(1024)}\r\n`);
      await delay(1);
    }
    expect(await told).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('headers that are too large, and requests without end on one connection, are cut off; others are answered', async () => {
    const gate = Promise.withResolvers<void>();
    let asked = 0;
    const address = await aServer(async (request) => {
      asked += 1;
      if (request.path === '/slow') await gate.promise;
      return echo(request);
    }).listen('127.0.0.1', 0);
    const giant = connect(portOf(address), '127.0.0.1');
    const told = everything(giant);
    giant.write(`POST / HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(1024 * 1024)}\r\n\r\n`);
    expect(await told).toMatch(/^(HTTP\/1\.1 431 |$)/);
    const pipelining = connect(portOf(address), '127.0.0.1');
    const cut = everything(pipelining);
    pipelining.write('POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'.repeat(1_000));
    expect(await cut).toBe('');
    expect(asked).toBeLessThan(20);
    expect((await ask(address)).status).toBe(200);
    gate.resolve();
  });

  test('what is cut off with a thousand requests leaves no traces of each, and others as they were', async () => {
    const address = await aServer(() => new Promise(() => {})).listen('127.0.0.1', 0);
    const { prepareStackTrace, stackTraceLimit } = Error;
    let frames = 0;
    Error.prepareStackTrace = (error, sites) => {
      if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') frames += sites.length;
      return String(error);
    };
    try {
      const pipelining = connect(portOf(address), '127.0.0.1');
      const cut = everything(pipelining);
      pipelining.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'.repeat(1_000));
      expect(await cut).toBe('');
    } finally {
      Error.prepareStackTrace = prepareStackTrace;
    }
    expect(frames).toBe(0);
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
  });

  test('a fault in taking a connection is told, and no end, however often it comes', async () => {
    const { Server } = await import('node:net');
    const made: InstanceType<typeof Server>[] = [];
    const listen = Server.prototype.listen;
    Server.prototype.listen = function (this: InstanceType<typeof Server>, ...args: never[]) {
      made.push(this);
      return Reflect.apply(listen, this, args);
    } as typeof listen;
    const address = await aServer(echo).listen('127.0.0.1', 0);
    Server.prototype.listen = listen;
    for (let count = 0; count < 3; count += 1) made[0]?.emit('error', new Error('accept EMFILE'));
    expect(faults).toHaveLength(3);
    expect((await ask(address)).status).toBe(200);
  });

  test('what is no HTTP gets an answer or an end, and harms nobody', async () => {
    const address = await aServer(echo).listen('127.0.0.1', 0);
    for (const noise of [
      '\x16\x03\x01\x02\x00\x01\x00',
      'GARBAGE\r\n\r\n',
      'POST / HTTP/9.9\r\n\r\n',
      '\0'.repeat(100),
      `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n\r\n`,
    ]) {
      const socket = connect(Number(address.split(':')[1]), '127.0.0.1');
      const told = everything(socket);
      socket.write(noise);
      expect(await told).not.toMatch(/^HTTP\/1\.1 [25]00/);
    }
    // One that breaks off in the middle of its body.
    const socket = connect(Number(address.split(':')[1]), '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf');
    await delay(20);
    socket.destroy();
    expect((await ask(address)).status).toBe(200);
    expect(faults).toEqual([]);
  });
});

describe('drain', () => {
  test('answers what is under way, takes nothing more', async () => {
    const gate = Promise.withResolvers<void>();
    const server = aServer(async () => {
      await gate.promise;
      return { status: 200, body: '{}' };
    });
    const address = await server.listen('127.0.0.1', 0);
    const asked = ask(address);
    await delay(50);
    const drained = server.drain();
    await delay(50);
    await expect(ask(address)).rejects.toThrow('ECONNREFUSED');
    gate.resolve();
    expect(await asked).toMatchObject({ status: 200, headers: { connection: 'close' } });
    await drained;
  });

  test('fails no request of clients that keep their connections in use', async () => {
    const server = aServer(async () => ({ status: 200, body: '{}' }));
    const successor = aServer(async () => ({ status: 200, body: '{}' }));
    const address = await server.listen('127.0.0.1', await aFreePort());
    await successor.listen('127.0.0.1', Number(address.split(':')[1]));
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    let ended = false;
    let answered = 0;
    const failures: unknown[] = [];
    const clients = Array.from({ length: 16 }, async () => {
      while (!ended) {
        await ask(address, { agent, body: 'x' }).then(
          ({ status }) => {
            answered += 1;
            if (status !== 200) failures.push(status);
          },
          (error: unknown) => void failures.push(error),
        );
        await delay(Math.random() * 40);
      }
    });
    await delay(300);
    await server.drain();
    await delay(300);
    ended = true;
    await Promise.all(clients);
    agent.destroy();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(100);
  });

  test('still answers on an open connection what was on its way, and ends the connection with that', async () => {
    const server = aServer(async () => ({ status: 200, body: '{}' }));
    const address = await server.listen('127.0.0.1', 0);
    const [used, fresh] = [connect(portOf(address), '127.0.0.1'), connect(portOf(address), '127.0.0.1')];
    const ask = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx';
    used.write(ask);
    await new Promise((resolve) => used.once('data', resolve));
    const told = [everything(used), everything(fresh)];
    const drained = server.drain();
    await delay(100);
    used.write(ask);
    fresh.write(ask);
    for (const text of await Promise.all(told)) {
      expect(text).toMatch(/^HTTP\/1\.1 200 /);
      expect(text.toLowerCase()).toContain('connection: close');
    }
    await drained;
  });

  test('ends in seconds although a client keeps an idle connection', async () => {
    const server = aServer(echo);
    const address = await server.listen('127.0.0.1', 0);
    const agent = new Agent({ keepAlive: true });
    await ask(address, { agent });
    const startedMs = performance.now();
    await server.drain();
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    agent.destroy();
  });
});

describe('HTTPS', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'ace-tls-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  test('a certificate that cannot be read, or does not fit its key, is an error at the start', async () => {
    const tls = { certFile: join(dir, 'tls.crt'), keyFile: join(dir, 'tls.key') };
    await expect(aServer(echo, tls).listen('127.0.0.1', 0)).rejects.toThrow('ENOENT');
    const authority = createAuthority('test');
    await writeFile(tls.certFile, authority.issueServer('a', ['127.0.0.1']).cert);
    await writeFile(tls.keyFile, authority.issueServer('a', ['127.0.0.1']).key);
    await expect(aServer(echo, tls).listen('127.0.0.1', 0)).rejects.toThrow(/key values mismatch/);
  });
});

const portOf = (address: string): number => Number(address.split(':').at(-1));

function everything(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('error', () => undefined);
  return new Promise((resolve) => {
    socket.setTimeout(15_000, () => socket.destroy());
    socket.on('close', () => resolve(text));
  });
}

async function aFreePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
