import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type WatchEvent, WatchLineError, watchEvents } from '../../../src/kube/watch-lines.ts';
import { CANARY } from '../../support/builders.ts';

async function* chunks(...parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === 'string' ? Buffer.from(part) : part;
}

async function read(...parts: readonly (string | Uint8Array)[]): Promise<readonly WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const event of watchEvents(chunks(...parts))) events.push(event);
  return events;
}

const line = (type: string, name: string): string =>
  `${JSON.stringify({ type, object: { metadata: { name } } })}\n`;

describe('watchEvents', () => {
  test('one event a line, in order', async () => {
    const events = await read(
      line('ADDED', 'a') + line('MODIFIED', 'a') + line('DELETED', 'a') + line('BOOKMARK', 'b'),
    );
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']);
  });

  test('an event is there as soon as its line is complete', async () => {
    const events = watchEvents(
      (async function* (): AsyncGenerator<Uint8Array> {
        yield Buffer.from(line('ADDED', 'a'));
        await new Promise(() => {});
      })(),
    );
    expect((await events.next()).value).toMatchObject({ type: 'ADDED' });
  });

  test('a last line that was cut in half is dropped', async () => {
    const half = line('DELETED', 'b').slice(0, -9);
    expect(await read(line('ADDED', 'a'), half)).toHaveLength(1);
  });

  test('a last line without its newline is dropped, although it happens to be JSON', async () => {
    expect(await read(line('ADDED', 'a'), line('DELETED', 'b').trimEnd())).toHaveLength(1);
  });

  test('empty lines are nothing', async () => {
    expect(await read(`\n${line('ADDED', 'a')}\n\n`)).toHaveLength(1);
  });

  test('an empty stream has no events', async () => {
    expect(await read()).toEqual([]);
  });

  const garbage = {
    'text that is no JSON': `${CANARY}\n`,
    'half of an event, and then the next': `${line('ADDED', 'a').slice(0, 20)}\n`,
    'a page of HTML': '<html>502</html>\n',
    null: 'null\n',
    'a number': '5\n',
    'a list': '[]\n',
    'an unknown type': line('CHANGED', 'a'),
    'a type that is no text': '{"type":5,"object":{}}\n',
    'an event without object': '{"type":"ADDED"}\n',
    'an event whose object is null': '{"type":"ADDED","object":null}\n',
    'an event whose object is text': `{"type":"ADDED","object":"${CANARY}"}\n`,
  };
  for (const [title, text] of Object.entries(garbage)) {
    test(`${title} ends the stream with an error that does not repeat it`, async () => {
      const seen: WatchEvent[] = [];
      const reading = (async (): Promise<void> => {
        for await (const event of watchEvents(chunks(line('ADDED', 'a'), text, line('ADDED', 'b'))))
          seen.push(event);
      })();
      await expect(reading).rejects.toThrow(WatchLineError);
      await expect(reading).rejects.not.toMatchObject({ message: expect.stringContaining(CANARY) });
      expect(seen).toHaveLength(1);
    });
  }

  test('wherever the stream is split, also inside a character, the events are the same', async () => {
    const objects = fc.array(
      fc.record({ name: fc.string({ unit: 'binary', maxLength: 10 }), emoji: fc.constant('é😀\uE000') }),
      {
        minLength: 1,
        maxLength: 4,
      },
    );
    await fc.assert(
      fc.asyncProperty(
        objects,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
        async (all, cuts) => {
          const events = all.map((object) => ({ type: 'ADDED', object }));
          const bytes = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
          const at = [0, ...cuts.map((cut) => Math.floor(cut * bytes.length)), bytes.length].sort(
            (a, b) => a - b,
          );
          const parts = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
          // JSON cannot hold a lone surrogate in UTF-8; what was written is what is compared.
          const wanted = bytes
            .toString('utf8')
            .trimEnd()
            .split('\n')
            .map((text) => JSON.parse(text) as unknown);
          expect(await read(...parts)).toEqual(wanted);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('byte by byte', async () => {
    const bytes = Buffer.from(line('ADDED', 'ключ-😀'));
    const events = await read(...Array.from(bytes, (byte) => Uint8Array.of(byte)));
    expect(events).toEqual([{ type: 'ADDED', object: { metadata: { name: 'ключ-😀' } } }]);
  });

  test('however early a stream ends, what came out is a beginning of the whole', async () => {
    const text = Buffer.from(line('ADDED', 'a') + line('MODIFIED', '😀') + line('DELETED', 'c'));
    const whole = await read(text);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: text.length }), async (end) => {
        const events = await read(text.subarray(0, end));
        expect(events).toEqual(whole.slice(0, events.length));
      }),
    );
  });

  const MIB = 1024 * 1024;

  test('a line that never ends ends the stream instead, after a bounded number of bytes', async () => {
    let sent = 0;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from(line('ADDED', 'a'));
      // An end, too, for a reader that would take it all.
      for (const chunk = Buffer.alloc(MIB, 'x'); sent < 64; sent += 1) yield chunk;
    };
    const seen: WatchEvent[] = [];
    const reading = (async (): Promise<void> => {
      for await (const event of watchEvents(endless())) seen.push(event);
    })();
    await expect(reading).rejects.toThrow(WatchLineError);
    expect(seen).toHaveLength(1);
    expect(sent).toBeLessThanOrEqual(17);
  });

  test('an object as large as any can be is read, and so is what is more than that in many lines', async () => {
    const large = line('ADDED', 'x'.repeat(3 * MIB));
    const cut = MIB + 7;
    const parts = Array.from({ length: 8 }, () => [large.slice(0, cut), large.slice(cut)]).flat();
    const events = await read(...parts);
    expect(events.map(({ object }) => JSON.stringify(object).length > 3 * MIB)).toEqual(Array(8).fill(true));
  });
});
