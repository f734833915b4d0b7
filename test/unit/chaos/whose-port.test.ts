import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ownerOfConnection } from '../../chaos/scene/whose-port.ts';

/** Connects from a port of its own to a server, and stays. */
const CLIENT = `
const [from, to] = process.argv.slice(1).map(Number);
require('node:net').connect({ host: '127.0.0.1', port: to, localAddress: '127.0.0.1', localPort: from });
`;

let servers: Server[];
let children: ChildProcess[];

beforeEach(async () => {
  children = [];
  servers = [createServer(), createServer()];
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const server of servers) server.close();
});

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function connectFrom(port: number, server: Server): Promise<{ pid: number; port: number }> {
  const child = spawn(process.execPath, ['-e', CLIENT, String(port), String(portOf(server))]);
  children.push(child);
  const [socket] = (await once(server, 'connection')) as [Socket];
  socket.on('error', () => {});
  return { pid: child.pid ?? 0, port: socket.remotePort ?? 0 };
}

test('two processes may have one port, for connections to two servers', async () => {
  const [one, other] = servers as [Server, Server];
  const first = await connectFrom(0, one);
  const second = await connectFrom(first.port, other);
  const pids = [first.pid, second.pid];
  const of = (server: Server, among: readonly number[]): number | undefined =>
    ownerOfConnection({ port: first.port, serverPort: portOf(server) }, among);
  expect([second.port, of(one, pids), of(other, pids)]).toEqual([first.port, ...pids]);
  expect(of(one, [second.pid])).toBeUndefined();
  expect(ownerOfConnection({ port: 1, serverPort: portOf(one) }, pids)).toBeUndefined();
});
