import type { ClientHttp2Session } from 'node:http2';
import type { Client } from 'undici';
import type { Connector } from './proxy.ts';

/** Nothing came in the time that it may take. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError';
  readonly code = 'TIMEOUT';
}

type Socket = NonNullable<Parameters<Parameters<Connector>[1]>[1]>;

/** Whether HTTP/2 was agreed on. */
export function isHttp2(socket: Socket): boolean {
  return 'alpnProtocol' in socket && socket.alpnProtocol === 'h2';
}

const MISSED_PINGS = 3;

/**
 * Ends a connection that receives nothing for three intervals. The peer answers each PING, which undici sends at the same interval,
 * so that one that is alive never stops receiving.
 *
 * @param pingMs - the interval
 * @param onSilence - told when it is ended
 */
export function endWhenSilent(socket: Socket, pingMs: number, onSilence: () => void): void {
  let received = socket.bytesRead;
  let missed = 0;
  let lookedAtMs = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    // When this process itself stood still, the answers may lie there unread.
    const stoodStill = now - lookedAtMs > 2 * pingMs;
    lookedAtMs = now;
    missed = socket.bytesRead !== received || stoodStill ? 0 : missed + 1;
    received = socket.bytesRead;
    if (missed < MISSED_PINGS) return;
    clearInterval(timer);
    socket.destroy(new SilenceError('the connection gives no sign of life'));
    onSilence();
  }, pingMs);
  timer.unref();
  socket.once('close', () => clearInterval(timer));
}

/**
 * Lets what is under way over a connection of HTTP/2 end in its time after the server said, by a GOAWAY, that it takes nothing new
 * there, and has it be asked for signs of life until then.
 *
 * @param client - that has just connected
 * @param pingMs - how often it is asked
 * @param onGoaway - told once: what is new belongs elsewhere
 */
export function followGoaway(client: Client, pingMs: number, onGoaway: () => void): void {
  const session = sessionOf(client);
  session?.once('goaway', () => {
    // Node sends no PING any more then; SETTINGS that set nothing are answered as well (RFC 9113, 6.5.3).
    const timer = setInterval(() => {
      if (!session.destroyed) session.settings({});
    }, pingMs);
    timer.unref();
    session.once('close', () => clearInterval(timer));
    // What the server had not taken yet would wait until all that it took has ended: undici counts those, too, while not connected.
    client.pipelining = Number.MAX_SAFE_INTEGER;
    onGoaway();
  });
}

/** undici keeps the session under a symbol, and tells it nowhere. */
function sessionOf(client: Client): ClientHttp2Session | undefined {
  const held = Object.getOwnPropertySymbols(client).map((symbol) => Reflect.get(client, symbol));
  return held.find(isSession);
}

function isSession(value: unknown): value is ClientHttp2Session {
  return typeof (value as Partial<ClientHttp2Session> | undefined)?.settings === 'function';
}
