import { connect, type Socket } from 'node:net';
import { reviewBody } from '../../support/webhook-rig.ts';

const ANSWER_MS = 5_000;

/** Connections that are open and say nothing. */
export async function holdConnections(port: number, count: number): Promise<{ close(): void }> {
  const sockets = await Promise.all(Array.from({ length: count }, () => open(port)));
  return {
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    // One that is refused is one less to hold.
    socket.on('error', () => resolve(socket)).resume();
  });
}

/** One question over a connection of its own. @returns false, too, where there was no answer */
export async function isLetIn(port: number, bearer: string): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/authenticate`, {
    method: 'POST',
    headers: { connection: 'close' },
    body: reviewBody(bearer),
    signal: AbortSignal.timeout(ANSWER_MS),
  }).catch(() => undefined);
  const text = (await answer?.text().catch(() => '')) ?? '';
  return text.includes('"authenticated":true');
}
