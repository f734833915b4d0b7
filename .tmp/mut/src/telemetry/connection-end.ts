import type { Socket } from 'node:net';

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
