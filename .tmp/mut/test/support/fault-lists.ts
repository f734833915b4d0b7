import type { IncomingMessage } from 'node:http';
import type { Reply } from './fault-relay.ts';

/** Where a list without end goes on. */
const MORE = 'for-ever';
const END_OF_STREAM = '"k8s.io/initial-events-end"';
const TRICKLE_MS = 500;

/** Whether that asks for what follows a page of a list without end. */
export const isAfterEndless = (path: string): boolean => path.includes(`continue=${MORE}`);

/** The path without that: each page is the first one. */
export const beginning = (path: string): string => path.replace(`continue=${MORE}`, '').replace('?&', '?');

/**
 * Answers with a list that has no end: a page says that more follows; a stream tells what is there again and again, and never that this was all.
 *
 * @param isFaulty - asked while a stream goes on; it is cut once that is over
 * @returns false, and does nothing, where the path is not of a list
 */
export function relayEndless(
  path: string,
  answer: IncomingMessage,
  reply: Reply,
  isFaulty: () => boolean,
): boolean {
  const { searchParams } = new URL(path, 'http://plane');
  answer.on('error', () => reply.destroy()).on('aborted', () => reply.destroy());
  if (searchParams.get('sendInitialEvents') === 'true') stream(answer, reply, isFaulty);
  else if (!searchParams.has('watch') && searchParams.has('limit')) page(answer, reply);
  else return false;
  return true;
}

function page(answer: IncomingMessage, reply: Reply): void {
  const chunks: Buffer[] = [];
  answer.on('data', (chunk: Buffer) => chunks.push(chunk));
  answer.on('end', () => {
    const list = JSON.parse(Buffer.concat(chunks).toString());
    list.metadata = { ...list.metadata, continue: MORE, remainingItemCount: 1_000 };
    reply.writeHead(200, { 'content-type': 'application/json' });
    reply.end(JSON.stringify(list));
  });
}

function stream(answer: IncomingMessage, reply: Reply, isFaulty: () => boolean): void {
  let rest = '';
  let first = '';
  reply.writeHead(200, { 'content-type': 'application/json' });
  reply.flushHeaders?.();
  answer.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter((one) => !one.includes(END_OF_STREAM))) {
      first ||= line;
      reply.write(`${line}\n`);
    }
  });
  const timer = setInterval(() => {
    if (!isFaulty()) reply.destroy();
    else if (first !== '') reply.write(`${first}\n`);
  }, TRICKLE_MS);
  reply.on('close', () => clearInterval(timer));
  answer.on('end', () => reply.destroy());
}
