import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FencedError, OvertakenError } from '../../../src/errors.ts';
import { Transport } from '../../../src/kube/transport.ts';

let server: Server;
let received: string[];
let answer: (() => void)[];
let holdAnswers: boolean;
let open: boolean;
let transport: Transport;

beforeEach(async () => {
  received = [];
  answer = [];
  holdAnswers = false;
  open = true;
  server = createServer((request, response) => {
    received.push(`${request.method} ${request.url}`);
    const end = (): void => void response.end('{}');
    if (holdAnswers) answer.push(end);
    else end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await transport.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function aTransport(headers: () => Promise<Record<string, string>> = async () => ({})): Transport {
  const { port } = server.address() as AddressInfo;
  transport = new Transport(
    { server: new URL(`http://127.0.0.1:${port}`), tls: {}, headers },
    { connections: 1, timeoutMs: 5_000, userAgent: 'test', mayWrite: () => open },
  );
  return transport;
}

describe('the fence', () => {
  it.each(['POST', 'PUT', 'PATCH', 'DELETE'] as const)(
    'lets %s pass only while it is open',
    async (method) => {
      aTransport();
      expect((await transport.request(method, '/one', { body: '{}' })).status).toBe(200);
      open = false;
      await expect(transport.request(method, '/two', { body: '{}' })).rejects.toBeInstanceOf(FencedError);
      open = true;
      expect((await transport.request(method, '/three', { body: '{}' })).status).toBe(200);
      expect(received).toEqual([`${method} /one`, `${method} /three`]);
    },
  );

  it('never stops a read', async () => {
    aTransport();
    open = false;
    expect((await transport.request('GET', '/read')).status).toBe(200);
    const stream = await transport.stream('/watch', new AbortController().signal);
    expect(stream.status).toBe(200);
  });

  it('stops a write that was decided before it closed and was waiting for a connection', async () => {
    aTransport();
    holdAnswers = true;
    const first = transport.request('POST', '/first', { body: '{}' });
    while (answer.length === 0) await new Promise((resolve) => setImmediate(resolve));
    // One connection, and it is busy: this one waits in the pool.
    const second = transport.request('POST', '/second', { body: '{}' });
    const outcome = expect(second).rejects.toBeInstanceOf(FencedError);
    await new Promise((resolve) => setImmediate(resolve));
    open = false;
    for (const end of answer) end();
    expect((await first).status).toBe(200);
    await outcome;
    expect(received).toEqual(['POST /first']);
  });

  it('stops a write that was overtaken while it was waiting for a connection', async () => {
    aTransport();
    holdAnswers = true;
    const first = transport.request('POST', '/first', { body: '{}' });
    while (answer.length === 0) await new Promise((resolve) => setImmediate(resolve));
    let isDue = true;
    const isStillDue = (): boolean => isDue;
    const second = transport.request('POST', '/overtaken', { body: '{}', isStillDue });
    const third = transport.request('POST', '/due', { body: '{}', isStillDue: () => true });
    const outcome = expect(second).rejects.toBeInstanceOf(OvertakenError);
    await new Promise((resolve) => setImmediate(resolve));
    isDue = false;
    holdAnswers = false;
    for (const end of answer) end();
    expect([(await first).status, (await third).status]).toEqual([200, 200]);
    await outcome;
    expect(received).toEqual(['POST /first', 'POST /due']);
  });

  it('stops a write that was waiting for its credential', async () => {
    const credential = Promise.withResolvers<Record<string, string>>();
    aTransport(() => credential.promise);
    const outcome = expect(transport.request('POST', '/late', { body: '{}' })).rejects.toBeInstanceOf(
      FencedError,
    );
    open = false;
    credential.resolve({});
    await outcome;
    expect(received).toEqual([]);
  });
});
