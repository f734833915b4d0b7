import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// The yardstick, run as a process of its own: reads a body, parses it as JSON, answers 200. Prints its port.
const ANSWER = JSON.stringify({ status: { authenticated: true } });

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    JSON.parse(Buffer.concat(chunks).toString('utf8'));
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': ANSWER.length });
    response.end(ANSWER);
  });
});
server.listen(0, '127.0.0.1', () => console.log(`${(server.address() as AddressInfo).port}`));
