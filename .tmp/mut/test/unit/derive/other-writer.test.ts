import { describe, expect, test } from 'vitest';
import {
  intentOf,
  isByRancher,
  type OtherWriter,
  othersInStatus,
  otherWriterMessage,
  planOf,
} from '../../../src/derive/other-writer.ts';
import { rawCat } from '../../support/webhook-rig.ts';

const NOBODY: OtherWriter = {
  ...{ tokens: 0, byRancher: 0, inOurWay: 0, moved: 0, isInRanchersCare: false },
  plan: planOf([]),
};

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
    [
      'kube-api-auth, which moves our hashes',
      { moved: 2 },
      /^kube-api-auth has moved 2 inline hashes into Secrets/,
    ],
    ['somebody', { tokens: 1 }, /^someone else writes this cluster/],
  ])('%s', (_who, others, said) => {
    const message = otherWriterMessage({ ...NOBODY, ...others });
    if (said === undefined) expect(message).toBeUndefined();
    else expect(message).toMatch(said);
  });

  test.each([
    ['adopt', { wanted: true, expiresAtMs: undefined, userDisabled: false }],
    ['switchOff', { wanted: false, reason: 'Disabled' }],
    ['switchOff', { wanted: false, reason: 'UserNotFound' }],
    ['leave', { wanted: false, reason: 'OtherCluster' }],
    ['leave', { wanted: false, reason: 'HashPending' }],
    ['orphan', undefined],
  ] as const)('what adoption does with it: %s', (intent, verdict) => {
    expect(intentOf(verdict)).toBe(intent);
  });

  test('the status counts them, and says nothing where there are none', () => {
    const plan = planOf(['adopt', 'orphan', 'adopt']);
    expect(plan).toEqual({ adopt: 2, switchOff: 0, leave: 0, orphan: 1 });
    expect(othersInStatus({ ...NOBODY, tokens: 3, plan })).toBe(plan);
    expect(othersInStatus({ ...NOBODY, plan })).toBeNull();
    expect(othersInStatus(undefined)).toBeNull();
  });

  test('Rancher marks what it makes', () => {
    expect(isByRancher(rawCat('t', {}, { labels: { 'cattle.io/creator': 'norman' } }))).toBe(true);
    expect(isByRancher(rawCat('t', {}, { labels: { 'cattle.io/creator': 'me' } }))).toBe(false);
    expect(isByRancher(rawCat('t'))).toBe(false);
  });
});
