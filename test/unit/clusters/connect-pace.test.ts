import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { ConnectPace, type Urgency } from '../../../src/clusters/connect-pace.ts';

let nowMs: number;
/** How late the event loop is with a timer. */
let lateMs: () => number;
let begun: { readonly name: string; readonly atMs: number }[];
let pace: ConnectPace;
const forEver = new AbortController().signal;

beforeEach(() => {
  nowMs = 1_000;
  lateMs = () => 0;
  begun = [];
  pace = new ConnectPace({
    now: () => nowMs,
    wait: async (ms) => {
      // Whoever was let begin does so before the next is.
      await new Promise((resolve) => setImmediate(resolve));
      nowMs += ms + lateMs();
    },
  });
});

async function begin(
  name: string,
  urgency: Urgency = 'promising',
  signal: AbortSignal = forEver,
): Promise<void> {
  await pace.turn(() => urgency, signal);
  begun.push({ name, atMs: nowMs });
}

const many = (count: number, urgency: Urgency = 'promising'): Promise<void>[] =>
  Array.from({ length: count }, (_, index) => begin(`${urgency} ${index}`, urgency));
const names = (): string[] => begun.map(({ name }) => name);

describe('ConnectPace', () => {
  test('one cluster alone does not wait, nor does one that comes a while later', async () => {
    await begin('a');
    expect(nowMs).toBe(1_000);
    nowMs += 1_000;
    await begin('b');
    expect(nowMs).toBe(2_000);
  });

  test('a thousand begin one after the other, within ten seconds where the process keeps up', async () => {
    await Promise.all(many(1_000));
    expect(names()).toEqual(Array.from({ length: 1_000 }, (_, index) => `promising ${index}`));
    expect(nowMs - 1_000).toBeLessThan(10_000);
    expect(nowMs - 1_000).toBeGreaterThan(4_000);
  });

  test('where the event loop is late they come more slowly, but five a second at least', async () => {
    lateMs = () => 30;
    await Promise.all(many(50));
    const last = begun.at(-1)?.atMs ?? 0;
    expect(last - (begun.at(-2)?.atMs ?? 0)).toBe(230);
  });

  test('those for whom revocations wait come before the others, and those that were tried in vain after them', async () => {
    await begin('first');
    await Promise.all([...many(2, 'failing'), ...many(2, 'promising'), ...many(4, 'urgent')]);
    expect(names()).toEqual([
      'first',
      ...['urgent 0', 'urgent 1', 'promising 0', 'failing 0'],
      ...['urgent 2', 'urgent 3', 'promising 1', 'failing 1'],
    ]);
  });

  test('one that becomes urgent while it waits is moved forward', async () => {
    await begin('first');
    let urgency: Urgency = 'failing';
    const all = many(10);
    all.push(pace.turn(() => urgency, forEver).then(() => void begun.push({ name: 'owes', atMs: nowMs })));
    urgency = 'urgent';
    await Promise.all(all);
    expect(names().slice(0, 3)).toEqual(['first', 'owes', 'promising 0']);
  });

  test('whatever comes without end, all others get their turns, too', async () => {
    let isOver = false;
    const flood = async (urgency: Urgency): Promise<void> => {
      while (!isOver) await begin('flood', urgency);
    };
    const floods = [...Array(50).keys()].flatMap(() => [flood('urgent'), flood('promising')]);
    await begin('was tried in vain', 'failing');
    expect(begun.length).toBeLessThan(20);
    isOver = true;
    await Promise.all(floods);
  });

  test('one that need not any more is not waited for, and takes nobody its turn', async () => {
    await begin('first');
    const ending = new AbortController();
    const given = begin('given up', 'promising', ending.signal);
    const rest = many(2);
    ending.abort();
    await given;
    const atMs = nowMs;
    await Promise.all(rest);
    expect(names()).toEqual(['first', 'given up', 'promising 0', 'promising 1']);
    expect(nowMs - atMs).toBeLessThanOrEqual(40);
    await begin('ended before', 'urgent', ending.signal);
    expect(names()).toContain('ended before');
  });

  test('whatever comes when, and however late the loop is, each gets its turn, and never two within five milliseconds', async () => {
    const urgency = fc.constantFrom<Urgency>('urgent', 'promising', 'failing');
    const arrivals = fc.array(fc.record({ urgency, afterMs: fc.nat(300), lateMs: fc.nat(400) }), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(arrivals, async (all) => {
        begun = [];
        const turns: Promise<void>[] = [];
        nowMs += 10_000;
        for (const [index, { urgency: one, afterMs, lateMs: late }] of all.entries()) {
          lateMs = () => late;
          if (afterMs > 200) await Promise.all(turns);
          nowMs += afterMs;
          turns.push(begin(`${index}`, one));
          await new Promise((resolve) => setImmediate(resolve));
        }
        await Promise.all(turns);
        expect(begun).toHaveLength(all.length);
        const gaps = begun.slice(1).map(({ atMs }, index) => atMs - (begun[index]?.atMs ?? 0));
        expect(gaps.every((gap) => gap >= 5)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});
