import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ClusterReason } from '../../../src/api/reasons.ts';
import type { Condition, ConditionType, PropagationStatus } from '../../../src/api/types.ts';
import type { ClusterFacts } from '../../../src/derive/cluster-facts.ts';
import { deriveStatus } from '../../../src/derive/status.ts';
import { HOUR, NOW, NOW_TEXT, SECOND, timeText } from '../../support/builders.ts';
import { COUNTS, type FactChanges, factsWith } from '../../support/cluster-facts.ts';

const DOWN: ClusterFacts['connection'] = {
  phase: 'disconnected',
  reason: 'Unreachable',
  message: 'no answer',
  nextTryMs: NOW + 10 * SECOND,
};

const derive = (
  facts: FactChanges,
  previous: PropagationStatus = {},
  nowMs = NOW,
): PropagationStatus | undefined => deriveStatus(factsWith(facts), previous, nowMs);

const conditionsOf = (status: PropagationStatus | undefined): Record<ConditionType, Condition> =>
  Object.fromEntries((status?.conditions ?? []).map((condition) => [condition.type, condition])) as Record<
    ConditionType,
    Condition
  >;

/** `Ready=True/AllSynced …` for what a case names. */
const words = (status: PropagationStatus | undefined, types: readonly string[]): readonly string[] =>
  types.map((type) => {
    const condition = conditionsOf(status)[type as ConditionType];
    return `${type}=${condition.status}/${condition.reason}`;
  });

describe('deriveStatus', () => {
  const cases: Record<string, { facts: FactChanges; want: readonly string[] }> = {
    'connected and in sync': {
      facts: {},
      want: [
        'Ready=True/AllSynced',
        'Connected=True/Connected',
        'Synced=True/AllSynced',
        'GCBlocked=False/NotBlocked',
        'Drained=False/InUse',
      ],
    },
    connecting: {
      facts: { connection: { phase: 'connecting' }, reviewed: false },
      want: ['Ready=False/Connecting', 'Connected=Unknown/Connecting', 'Synced=Unknown/Connecting'],
    },
    'not connected: nobody knows whether it is in sync': {
      facts: { connection: DOWN },
      want: ['Ready=False/Unreachable', 'Connected=False/Unreachable', 'Synced=Unknown/Unreachable'],
    },
    'without credentials': {
      facts: {
        connection: { phase: 'disconnected', reason: 'NoCredentials', message: 'none', nextTryMs: undefined },
      },
      want: ['Ready=False/NoCredentials', 'Connected=False/NoCredentials', 'Synced=Unknown/NoCredentials'],
    },
    'connected, not looked at everything yet': {
      facts: { reviewed: false },
      want: ['Ready=False/Syncing', 'Connected=True/Connected', 'Synced=False/Syncing'],
    },
    'a token is pending': {
      facts: { counts: { ...COUNTS, pending: 1 } },
      want: ['Ready=False/Syncing', 'Synced=False/Syncing'],
    },
    'a user is pending': {
      facts: { counts: { ...COUNTS, usersPending: 1 } },
      want: ['Ready=False/Syncing', 'Synced=False/Syncing'],
    },
    'a token fails': {
      facts: { counts: { ...COUNTS, failed: 1, firstFailure: 'token/a: no' } },
      want: ['Ready=False/Failing', 'Synced=False/Failing'],
    },
    'a user fails': {
      facts: { counts: { ...COUNTS, usersFailed: 1 } },
      want: ['Ready=False/Failing', 'Synced=False/Failing'],
    },
    'failing outweighs what is not looked at yet': {
      facts: { reviewed: false, counts: { ...COUNTS, failed: 1 } },
      want: ['Synced=False/Failing'],
    },
    'refused tokens are no failure': {
      facts: { counts: { ...COUNTS, refused: { Expired: 4 } } },
      want: ['Ready=True/AllSynced', 'Synced=True/AllSynced'],
    },
    'suspended: in sync is still said, ready is not': {
      facts: { suspended: true },
      want: ['Ready=False/Suspended', 'Synced=True/AllSynced'],
    },
    'an invalid spec': {
      facts: { specProblem: 'spec.suspend: expected boolean' },
      want: ['Ready=False/InvalidSpec', 'Synced=True/AllSynced'],
    },
    'a sweep is blocked': {
      facts: { gcBlocked: { objects: 30, limit: 20 } },
      want: ['Ready=False/GCBlocked', 'GCBlocked=True/GCBlocked', 'Synced=True/AllSynced'],
    },
    'on hold: the switch cannot be read': {
      facts: { mode: 'hold', modeReason: 'Malformed', modeMessage: 'enabled: expected boolean' },
      want: [
        'Ready=False/Malformed',
        'Connected=True/Connected',
        'Synced=True/AllSynced',
        'Drained=False/InUse',
      ],
    },
    draining: {
      facts: { mode: 'drain', modeReason: 'AceDisabled', modeMessage: 'ACE is off' },
      want: [
        'Ready=False/AceDisabled',
        'Connected=True/Connected',
        'Synced=False/AceDisabled',
        'Drained=False/Draining',
      ],
    },
    'to be drained, but away: the debt is kept': {
      facts: { mode: 'drain', modeReason: 'ClusterDeleted', modeMessage: 'gone', connection: DOWN },
      want: ['Ready=False/ClusterDeleted', 'Connected=False/Unreachable', 'Drained=False/Draining'],
    },
    drained: {
      facts: {
        mode: 'drain',
        modeReason: 'AceDisabled',
        modeMessage: 'ACE is off',
        drained: true,
        connection: { phase: 'ended' },
      },
      want: [
        'Ready=False/AceDisabled',
        'Connected=False/Drained',
        'Synced=False/AceDisabled',
        'Drained=True/Drained',
      ],
    },
  };
  for (const [title, { facts, want }] of Object.entries(cases)) {
    test(title, () => {
      expect(
        words(
          derive(facts),
          want.map((word) => word.split('=')[0] ?? ''),
        ),
      ).toEqual(want);
    });
  }

  describe('tells who has to act next', () => {
    const down = (reason: ClusterReason): FactChanges => ({ connection: { ...DOWN, reason } });
    const drain = { mode: 'drain', modeReason: 'DrainRequested', modeMessage: 'asked for' } as const;
    const NOBODY = ['Reconciling=False', 'Stalled=False'];
    const OPERATOR = ['Reconciling=True', 'Stalled=False'];
    const PERSON = ['Reconciling=False', 'Stalled=True'];
    const rows: [string, FactChanges, readonly string[]][] = [
      ['in sync', {}, NOBODY],
      ['connecting', { connection: { phase: 'connecting' } }, OPERATOR],
      ['not all looked at', { reviewed: false }, OPERATOR],
      ['a token is pending', { counts: { ...COUNTS, pending: 1 } }, OPERATOR],
      ['a token fails', { counts: { ...COUNTS, failed: 1 } }, OPERATOR],
      ['unreachable', down('Unreachable'), OPERATOR],
      ['no credentials', down('NoCredentials'), PERSON],
      ['credentials that do not parse', down('CredentialsInvalid'), PERSON],
      ['credentials that are refused', down('CredentialsRejected'), PERSON],
      ['a certificate that does not fit', down('CertificateInvalid'), PERSON],
      ['rights are missing', down('Forbidden'), PERSON],
      ['a sweep is blocked', { gcBlocked: { objects: 30, limit: 20 } }, PERSON],
      ['an invalid spec', { specProblem: 'spec.suspend: expected boolean' }, PERSON],
      ['on hold', { mode: 'hold', modeReason: 'Malformed', modeMessage: 'no' }, PERSON],
      ['suspended', { suspended: true }, NOBODY],
      ['suspended, and rights are missing', { suspended: true, ...down('Forbidden') }, PERSON],
      ['draining', drain, OPERATOR],
      ['draining without credentials', { ...drain, ...down('NoCredentials') }, PERSON],
      ['drained', { ...drain, drained: true, connection: { phase: 'ended' } }, NOBODY],
    ];
    test.each(rows)('%s', (_, facts, want) => {
      const { Reconciling, Stalled } = conditionsOf(derive(facts));
      expect([`Reconciling=${Reconciling.status}`, `Stalled=${Stalled.status}`]).toEqual(want);
    });

    test('with the reason and the words of what is the matter', () => {
      const { Stalled, Reconciling } = conditionsOf(derive(down('NoCredentials')));
      expect(Stalled).toMatchObject({ reason: 'NoCredentials', message: 'no answer' });
      expect(Reconciling.reason).toBe('NoCredentials');
      const syncing = conditionsOf(derive({ counts: { ...COUNTS, pending: 1 } })).Reconciling;
      expect(syncing).toMatchObject({ reason: 'Syncing', message: '1 pending' });
    });
  });

  test('all eight conditions are there, each with the generation that was looked at', () => {
    const status = derive({ generation: 7 });
    expect(status?.conditions?.map(({ type }) => type).sort()).toEqual([
      'Connected',
      'Drained',
      'GCBlocked',
      'OtherWriter',
      'Ready',
      'Reconciling',
      'Stalled',
      'Synced',
    ]);
    expect(new Set(status?.conditions?.map(({ observedGeneration }) => observedGeneration))).toEqual(
      new Set([7]),
    );
    expect(status?.observedGeneration).toBe(7);
  });

  test('counts add up, and one column shows them', () => {
    const counts = { ...COUNTS, synced: 2, pending: 1, failed: 1, refused: { Disabled: 1 } };
    expect(derive({ counts })).toMatchObject({
      wanted: 4,
      synced: 2,
      pending: 1,
      failed: 1,
      refused: { Disabled: 1 },
      tokens: '2/4',
    });
  });

  test('the last error is that of the connection, else of the first failure, else none', () => {
    const counts = { ...COUNTS, failed: 1, firstFailure: 'token/a: no' };
    expect(derive({ connection: DOWN, counts })?.lastError).toBe('no answer');
    expect(derive({ counts })?.lastError).toBe('token/a: no');
    expect(derive({})?.lastError).toBeNull();
  });

  test('the next try is shown while there is one to come', () => {
    expect(derive({ connection: DOWN })?.nextRetryTime).toBe(timeText(NOW + 10 * SECOND));
    expect(derive({})?.nextRetryTime).toBeNull();
  });

  test('the time of the last sync stays while the cluster is away', () => {
    const synced = derive({}) ?? {};
    expect(synced.lastSyncTime).toBe(NOW_TEXT);
    expect(derive({ connection: DOWN }, synced, NOW + HOUR)?.lastSyncTime).toBe(NOW_TEXT);
    expect(derive({ connection: DOWN })).not.toHaveProperty('lastSyncTime');
  });

  test('a condition that keeps its status keeps its time, one that changes it does not', () => {
    const first = derive({}) ?? {};
    const second = conditionsOf(derive({ counts: { ...COUNTS, pending: 1 } }, first, NOW + HOUR));
    expect(second.Connected.lastTransitionTime).toBe(NOW_TEXT);
    expect(second.Synced.lastTransitionTime).toBe(timeText(NOW + HOUR));
    expect(second.Ready.lastTransitionTime).toBe(timeText(NOW + HOUR));
  });

  test('another reason for the same status is no transition', () => {
    const first = derive({ connection: DOWN }) ?? {};
    const second = conditionsOf(derive({ connection: { ...DOWN, reason: 'Forbidden' } }, first, NOW + HOUR));
    expect(second.Connected).toMatchObject({ reason: 'Forbidden', lastTransitionTime: NOW_TEXT });
  });

  describe('is nothing to write', () => {
    const written = (facts: FactChanges): PropagationStatus => derive(facts) ?? {};

    test('when nothing changed, however long', () => {
      expect(derive({}, written({}), NOW + 1000 * HOUR)).toBeUndefined();
    });

    test('when the server gives the fields back in another order and drops nulls', () => {
      const { lastError: _error, nextRetryTime: _retry, ...stored } = written({});
      const reversed = Object.fromEntries(Object.entries(stored).reverse()) as PropagationStatus;
      const conditions = reversed.conditions?.map((condition) =>
        Object.fromEntries(Object.entries(condition).reverse()),
      );
      expect(
        derive({}, { ...reversed, conditions: conditions as unknown as Condition[] }, NOW + HOUR),
      ).toBeUndefined();
    });

    test('when only the next try moved on', () => {
      const later = { ...DOWN, nextTryMs: NOW + 40 * SECOND };
      expect(derive({ connection: later }, written({ connection: DOWN }), NOW + 20 * SECOND)).toBeUndefined();
    });

    test('when only the time of the last sync would move on', () => {
      const previous = { ...written({}), lastSyncTime: timeText(NOW - 100 * HOUR) };
      expect(derive({}, previous)).toBeUndefined();
    });
  });

  describe('is written', () => {
    test('when the next try that is shown is long past', () => {
      const later = { ...DOWN, nextTryMs: NOW + 2 * HOUR };
      expect(derive({ connection: later }, derive({ connection: DOWN }), NOW + HOUR)?.nextRetryTime).toBe(
        timeText(NOW + 2 * HOUR),
      );
    });

    test('when a count, a reason, a message or the generation changed', () => {
      const previous = derive({}) ?? {};
      expect(derive({ counts: { ...COUNTS, synced: 4 } }, previous)).toBeDefined();
      expect(derive({ counts: { ...COUNTS, refused: { Expired: 1 } } }, previous)).toBeDefined();
      expect(derive({ generation: 3 }, previous)).toBeDefined();
      expect(derive({ suspended: true }, previous)).toBeDefined();
    });

    test('when there was a next try and now there is none', () => {
      const previous = { ...derive({}), nextRetryTime: NOW_TEXT };
      expect(derive({}, previous)?.nextRetryTime).toBeNull();
    });
  });

  test('an invalid spec says what is in force: the last good one, or nothing new', () => {
    const message = (specUnknown: boolean): string | undefined =>
      conditionsOf(derive({ specProblem: 'spec.gc: wrong', specUnknown })).Ready.message;
    expect([message(false), message(true)]).toEqual([
      'spec.gc: wrong; the last good spec is in force',
      'spec.gc: wrong; only revocations are carried out',
    ]);
  });

  test('users without known groups are in sync, and said to be', () => {
    const synced = conditionsOf(derive({ counts: { ...COUNTS, groupsUnknown: 2 } })).Synced;
    expect([synced.status, synced.message]).toEqual(['True', expect.stringContaining('GroupsUnknown: 2')]);
  });

  test('what the API server does not keep of it, nulls and what is empty, is no difference', () => {
    const { lastError, extTokens, nextRetryTime, refused, ...kept } = derive({}) ?? {};
    expect([lastError, extTokens, nextRetryTime, refused]).toEqual([null, null, null, {}]);
    for (const previous of [kept, { ...kept, refused: {} }, { ...kept, lastError: '' }])
      expect(derive({}, previous, NOW + SECOND)).toBeUndefined();
  });

  test('what was written is not written again, whatever the facts', () => {
    const count = fc.nat({ max: 3 });
    const facts: fc.Arbitrary<ClusterFacts> = fc
      .record<FactChanges>({
        clusterUid: fc.constantFrom(undefined, 'one'),
        keyProblem: fc.constantFrom(undefined, 'it holds no key'),
        generation: count,
        mode: fc.constantFrom('propagate', 'drain', 'hold'),
        modeReason: fc.constantFrom('AceDisabled', 'ClusterDeleted', 'Malformed'),
        modeMessage: fc.constant('why'),
        suspended: fc.boolean(),
        specProblem: fc.constantFrom(undefined, 'spec.x: wrong'),
        specUnknown: fc.boolean(),
        connection: fc.constantFrom<ClusterFacts['connection']>(
          { phase: 'connected' },
          { phase: 'connecting' },
          { phase: 'ended' },
          DOWN,
          { ...DOWN, nextTryMs: undefined },
        ),
        reviewed: fc.boolean(),
        drained: fc.boolean(),
        gcBlocked: fc.constantFrom(undefined, { objects: 9, limit: 5 }),
        counts: fc.record({
          synced: count,
          pending: count,
          failed: count,
          refused: fc.dictionary(fc.constantFrom('Expired', 'Disabled'), count),
          usersPending: count,
          usersFailed: count,
          groupsUnknown: count,
          firstFailure: fc.constantFrom(undefined, 'token/a: no'),
        }),
      })
      .map(factsWith);
    fc.assert(
      fc.property(facts, facts, (before, after) => {
        const first = deriveStatus(before, {}, NOW) ?? {};
        const second = deriveStatus(after, first, NOW + SECOND) ?? first;
        expect(deriveStatus(after, second, NOW + 2 * SECOND)).toBeUndefined();
        // Ready is never claimed of a cluster that is not in sync.
        const { Ready, Synced, Connected, Reconciling, Stalled } = conditionsOf(second);
        if (Ready.status === 'True') expect([Synced.status, Connected.status]).toEqual(['True', 'True']);
        // kstatus takes the first of these that it meets: never both, and never beside Ready.
        const loud = [Ready, Reconciling, Stalled].filter(({ status }) => status === 'True');
        expect(loud.length).toBeLessThanOrEqual(1);
        expect(JSON.parse(JSON.stringify(second))).toEqual(second);
      }),
      { numRuns: 500 },
    );
  });
});

describe('of a credential', () => {
  const lifetime = { fromMs: NOW - HOUR, untilMs: NOW };

  test('tells when it was made and when it ends, and takes that back where nobody knows', () => {
    const status = derive({ lifetime });
    expect(status).toMatchObject({
      ...{ credentialsIssueTime: timeText(NOW - HOUR), credentialsExpireTime: NOW_TEXT },
    });
    expect(derive({ lifetime }, status, NOW + HOUR)).toBeUndefined();
    expect(derive({}, status)).toMatchObject({ credentialsIssueTime: null, credentialsExpireTime: null });
  });

  test.each<[string, number, PropagationStatus['credentialsState']]>([
    ['more than a sixth of it left', HOUR / 6, null],
    ['less', HOUR / 6 - 1, 'EndsSoon'],
    ['nothing left', 0, 'Ended'],
  ])('what a credential of an hour with %s needs is part of it', (_, leftMs, state) => {
    const lifetime = { fromMs: NOW + leftMs - HOUR, untilMs: NOW + leftMs };
    expect(derive({ lifetime })).toMatchObject({ credentialsState: state });
  });

  test('a drained cluster needs no credential, and one without a known end has none to speak of', () => {
    expect(derive({ lifetime, connection: { phase: 'ended' } })).toMatchObject({ credentialsState: null });
    expect(derive({})).toMatchObject({ credentialsState: null });
  });

  test.each([
    ['CredentialsRejected', 0, `; the credential ended ${NOW_TEXT}`],
    ['CredentialsRejected', -1, ''],
    ['Unreachable', 0, ''],
  ] as const)('%s, %i ms after its end', (reason, afterMs, also) => {
    const connection = { ...DOWN, reason } as ClusterFacts['connection'];
    const status = derive({ lifetime, connection }, {}, NOW + afterMs);
    expect(conditionsOf(status).Connected.message).toBe(`no answer${also}`);
  });
});
