import type { IncomingMessage, ServerResponse } from 'node:http';

/** The answer to a program, by HTTP/1.1 or HTTP/2. */
export type Reply = ServerResponse;

/** What happens to events of watches, each with its share of all events. A watch that lost or swapped one is torn soon after. */
export interface WatchFaults {
  readonly duplicate: number;
  /** Passed on after its successor. */
  readonly swap: number;
  /** It, and all that follow on that watch, never come. */
  readonly lose: number;
}

const TORN_WITHIN_MS = 800;

export function relayBody(answer: IncomingMessage, reply: Reply): void {
  answer.on('error', () => reply.destroy());
  answer.on('aborted', () => reply.destroy());
  answer.pipe(reply);
}

/** Ends in the middle of the body: what was sent is a beginning of what was to come. */
export function relayTorn(answer: IncomingMessage, reply: Reply, random: () => number): void {
  const chunks: Buffer[] = [];
  answer.on('error', () => reply.destroy());
  answer.on('data', (chunk: Buffer) => chunks.push(chunk));
  answer.on('end', () => {
    const whole = Buffer.concat(chunks);
    reply.write(whole.subarray(0, Math.floor(whole.length * random())), () => reply.destroy());
  });
}

/** Passes a watch on event by event, and does to each what the faults of that moment say. */
export function relayWatch(
  answer: IncomingMessage,
  reply: Reply,
  faults: () => WatchFaults | undefined,
  random: () => number,
): void {
  let rest = '';
  let held: string | undefined;
  let lost = false;
  const tearSoon = (): void => {
    const timer = setTimeout(() => reply.destroy(), random() * TORN_WITHIN_MS);
    reply.on('close', () => clearTimeout(timer));
  };
  const take = (line: string): void => {
    const { duplicate, swap, lose } = faults() ?? { duplicate: 0, swap: 0, lose: 0 };
    const dice = random();
    if (lost) return;
    if (held !== undefined) {
      reply.write(`${line}\n${held}\n`);
      held = undefined;
      lost = true;
    } else if (dice < lose) {
      lost = true;
      tearSoon();
    } else if (dice < lose + swap) {
      held = line;
      tearSoon();
    } else reply.write(dice < lose + swap + duplicate ? `${line}\n${line}\n` : `${line}\n`);
  };
  answer.setEncoding('utf8');
  answer.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
  answer.on('error', () => reply.destroy());
  answer.on('aborted', () => reply.destroy());
  answer.on('end', () => reply.end(rest));
}
