import { describe, expect, test } from 'vitest';
import type { PropagationStatus } from '../../../../src/api/types.ts';
import { deriveStatus } from '../../../../src/derive/status.ts';
import { credentialsNotices } from '../../../../src/operator/propagate/cluster-notices.ts';
import { DAY, HOUR, NOW, timeText } from '../../../support/builders.ts';
import { factsWith } from '../../../support/cluster-facts.ts';

const WAY = 'Secret ace-operator/ace-cluster-c-1 (label)';
const SOON: PropagationStatus = {
  ...{ credentials: WAY, credentialsExpireTime: timeText(NOW), credentialsState: 'EndsSoon' },
};
const reasons = (before: PropagationStatus, after: PropagationStatus): readonly string[] =>
  credentialsNotices(before, after).map(({ reason }) => reason);

describe('of a credential', () => {
  test('that ends soon a person is told when it ends, which it is, and what to do', () => {
    expect(credentialsNotices({}, SOON)).toEqual([
      {
        reason: 'CredentialsEndSoon',
        message: `the credential by which the cluster is reached ends ${timeText(NOW)}: ${WAY}; put a new one in its place, by kubectl ace join where join made it`,
        warning: true,
      },
    ]);
  });

  test.each<[title: string, before: PropagationStatus, after: PropagationStatus, told: readonly string[]]>([
    ['nothing is told that was told, whoever tells', SOON, { ...SOON, synced: 3 }, []],
    ['the end is told, too', SOON, { ...SOON, credentialsState: 'Ended' }, ['CredentialsEnded']],
    ['and not again', { ...SOON, credentialsState: 'Ended' }, { ...SOON, credentialsState: 'Ended' }, []],
    [
      'another one is told of anew',
      SOON,
      { ...SOON, credentialsExpireTime: timeText(NOW + HOUR) },
      ['CredentialsEndSoon'],
    ],
    ['nothing is told where there is nothing to do', SOON, { ...SOON, credentialsState: null }, []],
    ['nothing is told where no end is known', {}, { credentialsExpireTime: null }, []],
  ])('%s', (_title, before, after, told) => expect(reasons(before, after)).toEqual(told));

  test('each of a life of looks, with restarts, is told once', () => {
    const lifetime = { fromMs: NOW, untilMs: NOW + DAY };
    let written: PropagationStatus = {};
    const told: string[] = [];
    for (let nowMs = NOW; nowMs < NOW + 2 * DAY; nowMs += HOUR / 4) {
      // Nothing but what is written is known to each look.
      const next = deriveStatus(factsWith({ lifetime, way: WAY }), written, nowMs);
      if (!next) continue;
      told.push(...reasons(written, next));
      written = next;
    }
    expect(told).toEqual(['CredentialsEndSoon', 'CredentialsEnded']);
  });
});
