import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { PropagationStatus } from '../../../../src/api/types.ts';
import { PropagationStatusWriter } from '../../../../src/operator/report/status-writer.ts';
import { NOW } from '../../../support/builders.ts';
import { COUNTS, factsWith } from '../../../support/cluster-facts.ts';

/** A writer whose write comes to what `write` says, and what the source was told. */
function aWriter(write: () => Promise<void>): { writer: PropagationStatusWriter; told: PropagationStatus[] } {
  const told: PropagationStatus[] = [];
  const writer = new PropagationStatusWriter({
    ...{ cluster: 'c-1', log: {} as never, now: () => NOW, written: () => ({}), write },
    source: {
      isSettling: false,
      facts: () => factsWith(),
      statusWritten: (_before, after) => void told.push(after),
    },
  });
  return { writer, told };
}

describe('whose status it is', () => {
  test('is told what was written, once it is', async () => {
    let isWritten = false;
    const { writer, told } = aWriter(async () => {
      expect(told).toEqual([]);
      isWritten = true;
    });
    await writer.publish();
    expect(isWritten).toBe(true);
    expect(told).toMatchObject([{ tokens: '3/3' }]);
  });

  test('is told nothing of what could not be', async () => {
    const { writer, told } = aWriter(async () => {
      throw new Error('no answer');
    });
    await expect(writer.publish()).rejects.toThrow('no answer');
    expect(told).toEqual([]);
  });
});

describe('while a process that has just begun looks at ten tokens', () => {
  let synced: number;
  let isSettling: boolean;
  let written: string[];
  let writer: PropagationStatusWriter;
  beforeEach(() => {
    vi.useFakeTimers();
    [isSettling, written] = [true, []];
  });
  afterEach(() => {
    writer.stop();
    vi.useRealTimers();
  });

  /** @param before - so many are in sync by the status that is there */
  function begin(before: number): void {
    let status: PropagationStatus = { synced: before };
    writer = new PropagationStatusWriter({
      ...{ cluster: 'c-1', log: {} as never, now: () => NOW, written: () => status },
      source: {
        get isSettling() {
          return isSettling;
        },
        facts: () => factsWith({ counts: { ...COUNTS, synced, pending: 10 - synced } }),
        statusWritten: (_before, after) => {
          status = after;
        },
      },
      write: async (patch) => void written.push((patch as PropagationStatus).tokens ?? ''),
    });
  }
  async function see(count: number, ms = 10_000): Promise<void> {
    synced = count;
    writer.changed();
    await vi.advanceTimersByTimeAsync(ms);
  }

  test('it says nothing of fewer in sync than are written: it has not come to them', async () => {
    begin(10);
    for (const count of [3, 6, 9]) await see(count);
    expect(written).toEqual([]);
    isSettling = false;
    await see(9);
    expect(written).toEqual(['9/10']);
  });

  test('it says how far it has come with those that nobody has put there', async () => {
    begin(0);
    for (const count of [3, 6, 9]) await see(count);
    expect(written).toEqual(['3/10', '6/10', '9/10']);
  });

  test('it says so after a minute all the same', async () => {
    begin(10);
    await see(3, 70_000);
    expect(written).toEqual(['3/10']);
  });
});
