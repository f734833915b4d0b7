import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface ConnectionLimits {
  /** One more and the oldest goes: whoever holds them open for long never keeps a probe out. */
  readonly connections: number;
  /** Milliseconds that a connection may last, however slowly its peer sends or reads. Undefined: as long as it likes. */
  readonly lifetimeMs?: number;
}

/**
 * Bounds what the peers of an HTTP(S) server can make it hold: so many connections, and one request at a time on each.
 * Who sends the next one without having read the answer to the last (pipelining, which no client of ours does) is cut off,
 * for its answers would be kept here. To be called before the server listens.
 */
export function guardConnections(server: Server, { connections, lifetimeMs }: ConnectionLimits): void {
  const open = new Set<Socket>();
  const busy = new WeakSet<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    const timer = lifetimeMs === undefined ? undefined : setTimeout(() => socket.destroy(), lifetimeMs);
    timer?.unref();
    socket.once('close', () => {
      clearTimeout(timer);
      open.delete(socket);
    });
    // A peer that resets its connection is no fault of ours.
    socket.on('error', () => socket.destroy());
    endWithoutTraces(socket);
    if (open.size > connections) for (const oldest of open) return void oldest.destroy();
  });
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    if (busy.has(socket)) return void socket.destroy();
    busy.add(socket);
    response.once('close', () => busy.delete(socket));
  });
  server.on('dropRequest', (request: IncomingMessage) => void request.socket.destroy());
}

const TRACE_LENGTH = Error.stackTraceLimit;
const withoutTraces = (): void => {
  Error.stackTraceLimit = 0;
};
const withTraces = (): void => {
  Error.stackTraceLimit = TRACE_LENGTH;
};

/**
 * When a connection ends, Node makes an error for each request that was not answered on it: of who pipelines there are a
 * thousand in one packet, and their stack traces, which nobody reads, would take all of the thread. To be called when the HTTP
 * server has the connection already.
 */
export function endWithoutTraces(socket: Socket): void {
  socket.prependListener('close', withoutTraces);
  socket.on('close', withTraces);
}
