import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

let server: Server;
let proxy: TcpProxy;
let clients: Socket[];

beforeEach(async () => {
  clients = [];
  server = createServer((socket) => socket.on('error', () => {}).pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await startTcpProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterEach(async () => {
  for (const client of clients) client.destroy();
  await proxy.close();
  server.close();
});

/** Connects and asks; resolves with what came of it. */
async function ask(): Promise<string> {
  const client = connect({ host: '127.0.0.1', port: proxy.port });
  clients.push(client);
  client.write('hello');
  return new Promise((resolve) => {
    client.on('data', (data) => resolve(String(data)));
    client.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? ''));
  });
}

test('it refuses and listens again beside connections that are half-open', async () => {
  expect(await ask()).toBe('hello');
  proxy.strand();
  await proxy.refuse();
  expect(await ask()).toBe('ECONNREFUSED');
  await proxy.heal();
  expect(await ask()).toBe('hello');
  expect(clients[0]?.destroyed).toBe(false);
});
