import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * The process of the delaying proxy; it sends the port that it listens on, and ends with its parent.
 *
 * argv: host and port of the target, milliseconds one way
 */
const [HOST = '', PORT, DELAY] = process.argv.slice(2);
const DELAY_MS = Number(DELAY);

const server = createServer({ allowHalfOpen: true }, (client) => {
  const upstream = connect({ host: HOST, port: Number(PORT), allowHalfOpen: true });
  passOn(client, upstream);
  passOn(upstream, client);
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit(0));

/** Timers of one duration go off in the order in which they were set, so that bytes stay in order. */
function passOn(from: Socket, to: Socket): void {
  from.setNoDelay(true);
  from.on('data', (piece) => setTimeout(() => to.write(piece), DELAY_MS));
  from.on('end', () => setTimeout(() => to.end(), DELAY_MS));
  from.on('error', () => to.destroy());
  from.on('close', () => setTimeout(() => to.destroySoon(), DELAY_MS));
}
