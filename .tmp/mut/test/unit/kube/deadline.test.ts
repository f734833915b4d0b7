import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConnectionError } from '../../../src/errors.ts';
import { Transport } from '../../../src/kube/transport.ts';

let server: Server;
const sockets = new Set<Socket>();

/** Takes connections, and never says a word of TLS. */
beforeEach(async () => {
  server = createServer((socket) => void sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

test('no request outlives the deadline, also one that gets no connection', async () => {
  const deadline = AbortSignal.timeout(200);
  const access = {
    server: new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`),
    tls: {},
    headers: async () => ({}),
  } as unknown as ConstructorParameters<typeof Transport>[0];
  // Longer than this test may take.
  const transport = new Transport(access, {
    timeoutMs: 300_000,
    userAgent: 'test',
    connections: 1,
    deadline,
  });
  for (const path of ['/first', '/second'])
    await expect(transport.request('GET', path)).rejects.toMatchObject({
      constructor: ConnectionError,
      cause: { name: 'TimeoutError' },
    });
  expect(sockets.size).toBe(1);
  await transport.close();
}, 60_000);
