import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What the machine is capable of: a server that reads a body, parses it, and answers that everybody is let in, with the
 * limits that Node has by itself. Run as a process of its own; says its port.
 */
const ANSWER = JSON.stringify({ status: { authenticated: true } });

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const text = Buffer.concat(chunks).toString('utf8');
    if (text !== '') JSON.parse(text);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': ANSWER.length });
    response.end(ANSWER);
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => console.log(`${(server.address() as AddressInfo).port}`));
