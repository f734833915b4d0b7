import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Run as a process of its own, so that what it costs is not taken for the time of an answer: opens idle connections to a port
 * of loopback, says `open`, and from then on sends what holds a server up, until it is ended.
 *
 * usage: flood-process.ts PORT IDLE
 */
const [port = 0, idle = 0] = process.argv.slice(2).map(Number);
const HEAD = 'POST /v1/authenticate HTTP/1.1\r\nhost: 127.0.0.1\r\n';
const AT_ONCE = 200;
const ROUND_MS = 100;

function dial(sent: string): Socket {
  const socket = connect(port, '127.0.0.1', () => socket.write(sent));
  socket.on('error', () => undefined);
  return socket.resume();
}

/** One request each, so that they may stay for as long as an API server's may. */
function opened(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = dial('GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
    socket.once('data', () => resolve());
    socket.once('close', () => reject(new Error('an idle connection was ended')));
  });
}

for (let open = 0; open < idle; open += AT_ONCE) {
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, idle - open) }, opened));
}
console.log('open');
for (;;) {
  for (let slow = 0; slow < 5; slow += 1) dial(HEAD);
  for (let pipelined = 0; pipelined < 2; pipelined += 1) {
    dial('GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'.repeat(1_000));
  }
  for (let giant = 0; giant < 5; giant += 1) dial(`${HEAD}x-giant: ${'x'.repeat(200_000)}\r\n\r\n`);
  await delay(ROUND_MS);
}
