import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import { BodyTooLongError, Exchange } from '../../../src/kube/exchange.ts';

type Answering = (request: IncomingMessage, reply: ServerResponse) => void;

describe('Exchange', () => {
  const ends: (() => Promise<unknown> | unknown)[] = [];
  const seen: string[] = [];
  let progress = 0;

  const serve = async (answer: Answering): Promise<Pool> => {
    seen.length = 0;
    progress = 0;
    const server = createServer((request, reply) => {
      seen.push(`${request.method} ${request.url}`);
      answer(request, reply);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 1 });
    ends.push(
      () => pool.destroy(),
      () => server.closeAllConnections(),
      () => server.close(),
    );
    return pool;
  };
  const run = (pool: Pool, path = '/', signal = new AbortController().signal) =>
    Exchange.run(
      pool,
      { method: 'GET', path },
      { maxBytes: 200_000, maxRefusalBytes: 10, onProgress: () => (progress += 1) },
      signal,
    );

  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  test('gives status, headers and the whole text, whatever its pieces', async () => {
    const text = 'ä'.repeat(70_000);
    const pool = await serve((_, reply) => {
      const bytes = Buffer.from(text);
      reply.writeEarlyHints({ link: '</x>; rel=preload' });
      reply.writeHead(201, { 'retry-after': '7' });
      // In the middle of a letter.
      reply.write(bytes.subarray(0, 70_001));
      reply.end(bytes.subarray(70_001));
    });
    const { headers, ...answer } = await run(pool);
    expect(answer).toEqual({ status: 201, text, bytes: 140_000 });
    expect(headers['retry-after']).toBe('7');
    expect(progress).toBeGreaterThan(0);
  });

  test('puts small and large pieces together in their order', async () => {
    const pieces = [
      ...Array.from({ length: 5_000 }, (_, index) => String(index % 10)),
      'x'.repeat(30_000),
      ...Array.from({ length: 1_500 }, () => 'y'),
      'z'.repeat(4_096),
      'the end',
    ];
    const pool = await serve((_, reply) => {
      reply.socket?.setNoDelay(true);
      for (const piece of pieces) reply.write(piece);
      reply.end();
    });
    expect(await run(pool)).toMatchObject({ text: pieces.join('') });
  });

  test('refuses an answer that is too long, and reads nothing more of it', async () => {
    let ended = false;
    const pool = await serve((request, reply) => {
      request.socket.on('close', () => (ended = true));
      const more = (): void => {
        if (reply.destroyed) return;
        reply.write('x'.repeat(65_536));
        setImmediate(more);
      };
      more();
    });
    await expect(run(pool)).rejects.toBeInstanceOf(BodyTooLongError);
    await expect.poll(() => ended).toBe(true);
  });

  test('takes the beginning of a refusal that is too long', async () => {
    const pool = await serve((_, reply) => {
      reply.writeHead(403);
      reply.end('0123456789 and more');
    });
    expect(await run(pool)).toMatchObject({ status: 403, text: '0123456789' });
    // What was left unread is no part of the next answer.
    expect(await run(pool)).toMatchObject({ status: 403, text: '0123456789' });
  });

  test('does not send what was given up while it waited for a connection', async () => {
    const held: ServerResponse[] = [];
    const pool = await serve((_, reply) => held.push(reply));
    const first = run(pool, '/first');
    await expect.poll(() => held.length).toBe(1);
    const controller = new AbortController();
    const second = run(pool, '/second', controller.signal);
    controller.abort(new Error('nobody waits'));
    await expect(second).rejects.toThrow('nobody waits');
    held[0]?.end('one');
    expect(await first).toMatchObject({ text: 'one' });
    const third = run(pool, '/third');
    await expect.poll(() => held.length).toBe(2);
    held[1]?.end('three');
    expect(await third).toMatchObject({ text: 'three' });
    expect(seen).toEqual(['GET /first', 'GET /third']);
  });

  test('ends with the signal in the middle of an answer, and with the connection that breaks off', async () => {
    const pool = await serve((request, reply) => {
      reply.writeHead(200, { 'content-length': '100' });
      reply.write('half');
      if (request.url === '/broken') setTimeout(() => request.socket.destroy(), 10);
    });
    const controller = new AbortController();
    const asked = run(pool, '/slow', controller.signal);
    await expect.poll(() => seen).toEqual(['GET /slow']);
    controller.abort(new Error('it took too long'));
    await expect(asked).rejects.toThrow('it took too long');
    await expect(run(pool, '/broken')).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' });
  });

  test('begins nothing after the signal', async () => {
    const pool = await serve((_, reply) => reply.end());
    await expect(run(pool, '/', AbortSignal.abort(new Error('over')))).rejects.toThrow('over');
    expect(seen).toEqual([]);
  });
});
