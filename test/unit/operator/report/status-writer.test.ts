import { describe, expect, test } from 'vitest';
import type { PropagationStatus } from '../../../../src/api/types.ts';
import { PropagationStatusWriter } from '../../../../src/operator/report/status-writer.ts';
import { NOW } from '../../../support/builders.ts';
import { factsWith } from '../../../support/cluster-facts.ts';

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
