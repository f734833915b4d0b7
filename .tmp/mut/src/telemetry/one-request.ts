import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

export interface MonitorAnswer {
  readonly status: number;
  readonly type?: string;
  readonly body?: string | Uint8Array;
}

export interface MonitorRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

const MAX_HEAD_BYTES = 8_192;
const END = '\r\n\r\n';
const REQUEST_LINE = /^([A-Z]+) (\S+) HTTP\/1\.[01]\r\n/;

/**
 * The one request that a connection may make, without a body. Node's own server parses everything that a peer has sent at once, two
 * hundred requests if it likes, before anybody can say that one was enough; here nothing is looked at behind the first.
 *
 * @returns undefined for what is none, or too long, or followed by more
 */
export function readRequest(socket: Socket): Promise<MonitorRequest | undefined> {
  return new Promise((resolve) => {
    let head = '';
    const done = (request: MonitorRequest | undefined): void => {
      socket.pause();
      socket.removeListener('data', take);
      resolve(request);
    };
    const take = (chunk: Buffer): void => {
      head += chunk.toString('latin1', 0, MAX_HEAD_BYTES + 1);
      const end = head.indexOf(END);
      if (end >= 0) done(requestOf(head, end + END.length));
      else if (head.length > MAX_HEAD_BYTES) done(undefined);
    };
    socket.on('data', take);
    socket.once('close', () => done(undefined));
  });
}

/** A body is left unread, and its request answered with no: whoever sends one is at the wrong address. */
function requestOf(head: string, length: number): MonitorRequest | undefined {
  const request = parsed(head.slice(0, length));
  const isFollowed = length < head.length;
  return isFollowed && ['GET', 'HEAD'].includes(request?.method ?? '') ? undefined : request;
}

function parsed(head: string): MonitorRequest | undefined {
  const [, method, target] = REQUEST_LINE.exec(head) ?? [];
  return method === undefined || target === undefined ? undefined : { method, ...requestTarget(target) };
}

/** Writes an answer, and ends the connection once it is on its way. */
export function writeAnswer(
  socket: Socket,
  method: string,
  { status, type, body = '' }: MonitorAnswer,
): void {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `Date: ${new Date().toUTCString()}`,
    'Connection: close',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(type === undefined ? [] : [`Content-Type: ${type}`]),
  ];
  socket.write(`${lines.join('\r\n')}${END}`);
  if (method !== 'HEAD' && body.length > 0) socket.write(body);
  // Unread bytes would end the connection before the answer is read.
  socket.resume();
  socket.destroySoon();
}

/** Path and query of a request line. Never throws: `new URL` does, for `//`, and peers choose what they send. */
export function requestTarget(url: string): { path: string; query: URLSearchParams } {
  const mark = url.indexOf('?');
  return mark < 0
    ? { path: url, query: new URLSearchParams() }
    : { path: url.slice(0, mark), query: new URLSearchParams(url.slice(mark + 1)) };
}
