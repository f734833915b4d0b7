import { describe, expect, test } from 'vitest';
import { isByRancher, type OtherWriter, otherWriterMessage } from '../../../src/derive/other-writer.ts';
import { rawCat } from '../../support/webhook-rig.ts';

const NOBODY: OtherWriter = { tokens: 0, byRancher: 0, inOurWay: 0, isInRanchersCare: false };

describe('who else writes a cluster', () => {
  test.each<[string, Partial<OtherWriter>, RegExp | undefined]>([
    ['nobody', {}, undefined],
    [
      'Rancher, before it has written anything',
      { isInRanchersCare: true },
      /^Rancher's own controller has tokens of/,
    ],
    [
      'Rancher',
      { tokens: 3, byRancher: 3 },
      /^Rancher's own controller writes this cluster, too: 3 ClusterAuthTokens/,
    ],
    [
      'Rancher, under our names',
      { tokens: 3, byRancher: 3, inOurWay: 2 },
      /, 2 of them under names of tokens that are/,
    ],
    ['somebody', { tokens: 1 }, /^someone else writes this cluster/],
  ])('%s', (_who, others, said) => {
    const message = otherWriterMessage({ ...NOBODY, ...others });
    if (said === undefined) expect(message).toBeUndefined();
    else expect(message).toMatch(said);
  });

  test('Rancher marks what it makes', () => {
    expect(isByRancher(rawCat('t', {}, { labels: { 'cattle.io/creator': 'norman' } }))).toBe(true);
    expect(isByRancher(rawCat('t', {}, { labels: { 'cattle.io/creator': 'me' } }))).toBe(false);
    expect(isByRancher(rawCat('t'))).toBe(false);
  });
});
