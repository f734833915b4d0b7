import { describe, expect, test } from 'vitest';
import { parseCluster, parsePropagation } from '../../../src/api/parse-cluster.ts';
import { parseClusterAuthToken, parseClusterUserAttribute } from '../../../src/api/parse-downstream.ts';
import { clusterStatuses, expiryNotice } from '../../../src/explain/cluster-status.ts';
import { type Held, tokenStatuses } from '../../../src/explain/token-status.ts';
import { aToken, aUser, DAY, HOUR, NOW, rawCluster, SECOND, timeText } from '../../support/builders.ts';
import { rawCat, rawCua } from '../../support/webhook-rig.ts';
import { failed, found } from './evidence-builder.ts';

const ace = (name: string, enabled: boolean | string) =>
  parseCluster(rawCluster({ spec: { localClusterAuthEndpoint: { enabled } } }, { name }));
const condition = (type: string, status: string, reason: string, sinceMs: number) => ({
  ...{ type, status, reason, message: `${reason}!` },
  lastTransitionTime: timeText(sinceMs),
});
const reported = (name: string, status: object) =>
  parsePropagation({ metadata: { name, uid: name, resourceVersion: '1' }, status });

describe('clusters', () => {
  const inStep = reported('c-1', {
    conditions: [
      condition('Ready', 'True', 'AllSynced', NOW - HOUR),
      condition('Synced', 'True', 'AllSynced', NOW - HOUR),
    ],
    synced: 2,
    wanted: 2,
    refused: { Expired: 3 },
    lastSyncTime: timeText(NOW - 5 * SECOND),
  });

  test('that are deleted are not ready, whatever was reported before', () => {
    expect(clusterStatuses([], [inStep], new Map(), NOW)).toMatchObject([
      { name: 'c-1', ready: 'False', reason: 'ClusterDeleted', synced: 2 },
    ]);
  });

  test('in step have no lag; out of step, since when', () => {
    const out = reported('c-2', {
      conditions: [
        condition('Ready', 'False', 'Unreachable', NOW),
        condition('Synced', 'Unknown', 'Unreachable', NOW - 90 * SECOND),
      ],
      nextRetryTime: timeText(NOW + 10 * SECOND),
      lastError: 'no answer',
    });
    const rows = clusterStatuses([ace('c-1', true), ace('c-2', true)], [inStep, out], new Map(), NOW);
    expect(rows).toMatchObject([
      {
        name: 'c-1',
        ready: 'True',
        lagMs: 0,
        lastSyncAtMs: NOW - 5 * SECOND,
        refused: { Expired: 3 },
        wanted: 2,
      },
      {
        name: 'c-2',
        ready: 'False',
        reason: 'Unreachable',
        lagMs: 90 * SECOND,
        nextRetryAtMs: NOW + 10 * SECOND,
        lastError: 'no answer',
      },
    ]);
  });

  test.each([
    ['in a month', 30 * DAY, undefined],
    ['in an hour', HOUR, 'the credential by which it is reached ends in 60m: Secret a/b (label)'],
    ['an hour ago', -HOUR, 'the credential by which it is reached ended 60m ago: Secret a/b (label)'],
  ])('whose credential ends %s', (_, leftMs, notice) => {
    const status = {
      credentials: 'Secret a/b (label)',
      credentialsIssueTime: timeText(NOW - 300 * DAY),
      credentialsExpireTime: timeText(NOW + leftMs),
    };
    const [row] = clusterStatuses([ace('c-1', true)], [reported('c-1', status)], new Map(), NOW);
    expect(row && expiryNotice(row, NOW)).toBe(notice);
  });

  test('are those with ACE, those whose switch cannot be read, and those that were ours', () => {
    const rows = clusterStatuses(
      [ace('on', true), ace('off', false), ace('odd', 'maybe')],
      [inStep],
      new Map(),
      NOW,
    );
    expect(rows.map(({ name, ready }) => [name, ready])).toEqual([
      ['c-1', 'False'],
      ['odd', 'NotReported'],
      ['on', 'NotReported'],
    ]);
    expect(rows[1]).toMatchObject({ lagMs: undefined, lastSyncAtMs: undefined, synced: 0 });
  });

  test.each([
    [undefined, undefined, undefined],
    [failed('Forbidden'), 'Forbidden', undefined],
    [found([]), 'no DaemonSet', undefined],
    [
      found([{ name: 'kube-api-auth', version: '', wanted: 0, ready: 0 }] as const),
      'kube-api-auth: 0 of 0 ready',
      false,
    ],
    [
      found([{ name: 'ace-authenticator', version: 'v1', wanted: 3, ready: 3 }] as const),
      'ace-authenticator v1: 3 of 3 ready',
      true,
    ],
  ])('authenticator %#', (running, authenticator, authenticatorReady) => {
    const map = new Map(running ? [['c-1', running]] : []);
    expect(clusterStatuses([], [inStep], map, NOW)[0]).toMatchObject({ authenticator, authenticatorReady });
  });
});

describe('tokens of a cluster', () => {
  const settings = { name: 'c-1', aceEnabled: true, deleting: false, drain: false, suspend: false };
  const attribute = (fields: object, metadata: object = {}) => {
    const object = rawCua('u-1', { ...fields }, { ...metadata });
    return found([{ parsed: parseClusterUserAttribute(object), object }]);
  };
  const lettingIn = attribute({ enabled: true });
  const held = (labels: Readonly<Record<string, string>>, ...names: readonly string[]) =>
    found(
      names.map((name) => ({
        parsed: parseClusterAuthToken(rawCat(name, { lastUsedAt: timeText(NOW - SECOND) })),
        object: rawCat(name, {}, { labels }),
      })),
    );
  const OURS = { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': 'c-1' };
  const there = (...names: readonly string[]) => held(OURS, ...names);
  const rows = (
    token: ReturnType<typeof aToken>,
    tokens: Held['tokens'],
    user = aUser(),
    attributes: Held['attributes'] = lettingIn,
  ) =>
    tokenStatuses(
      settings,
      {
        tokens: [token, aToken({ clusterName: 'c-2' }, { name: 'elsewhere' })],
        users: [user],
        isExtUnread: false,
      },
      { tokens, attributes },
      NOW,
    );

  test.each([
    ['wanted and there', aToken(), there('t-1'), aUser(), { state: 'propagated', reason: '', isThere: true }],
    ['wanted, not there yet', aToken(), there(), aUser(), { state: 'pending', isThere: false }],
    [
      'wanted, nobody could be asked',
      aToken(),
      failed('Unreachable'),
      aUser(),
      { state: 'unknown', isThere: undefined },
    ],
    ['refused', aToken({ enabled: false }), there(), aUser(), { state: 'refused', reason: 'Disabled' }],
    [
      'refused and still there',
      aToken({ enabled: false }),
      there('t-1'),
      aUser(),
      { state: 'refused', reason: 'NotRevoked' },
    ],
    [
      'by the clock, whatever is stored',
      aToken({ ttl: 1, expired: false }, { creationTimestamp: timeText(NOW - HOUR) }),
      there(),
      aUser(),
      { reason: 'Expired' },
    ],
  ])('%s', (_title, token, held, user, want) => {
    const shown = rows(token, held, user);
    expect(shown).toHaveLength(1);
    expect(shown[0]).toMatchObject({ name: 't-1', owner: 'u-1', ...want });
  });

  describe('of a disabled user', () => {
    const off = aUser({ enabled: false });
    const propagated = there('t-1');
    const expired = found([
      {
        parsed: parseClusterAuthToken(rawCat('t-1', { expiresAt: timeText(NOW - SECOND) })),
        object: rawCat('t-1'),
      },
    ]);
    test.each([
      ['that the cluster knows of', propagated, attribute({ enabled: false }), 'refused', 'UserDisabled'],
      ['that the cluster does not know of', propagated, lettingIn, 'refused', 'NotRevoked'],
      ['whose ClusterUserAttribute is gone', propagated, found([]), 'refused', 'UserDisabled'],
      [
        'whose ClusterUserAttribute goes',
        propagated,
        attribute({}, { deletionTimestamp: timeText(NOW) }),
        'refused',
        'UserDisabled',
      ],
      ['that are over in the cluster', expired, lettingIn, 'refused', 'UserDisabled'],
      ['that are not there', there(), lettingIn, 'refused', 'UserDisabled'],
      ['of whom the cluster does not say', propagated, failed('Forbidden'), 'unknown', 'UserDisabled'],
      ['in a cluster that was not asked', failed('Unreachable'), failed('Unreachable'), 'unknown', ''],
    ])('%s', (_title, tokens, attributes, state, reason) => {
      expect(rows(aToken(), tokens, off, attributes)).toMatchObject([{ name: 't-1', state, reason }]);
    });
  });

  test.each([
    ['disabled', attribute({ enabled: false }), 'pending'],
    ['unknown', found([]), 'pending'],
    ['not to be seen', failed('Forbidden'), 'propagated'],
  ])('of a good user who is %s in the cluster', (_title, attributes, state) => {
    expect(rows(aToken(), there('t-1'), aUser(), attributes)).toMatchObject([{ state, isThere: true }]);
  });

  test('there without a Token are orphans; the later of two uses is shown', () => {
    const used = aToken({ lastUsedAt: timeText(NOW - HOUR) });
    expect(rows(used, there('t-1', 'a-stray'))).toMatchObject([
      { name: 'a-stray', state: 'orphan', createdAtMs: undefined },
      { name: 't-1', lastUsedAtMs: NOW - SECOND },
    ]);
  });

  test.each([
    [
      'of a cluster that is drained',
      { drain: true },
      there(),
      { state: 'refused', reason: 'DrainRequested' },
    ],
    [
      'still in one that is drained',
      { drain: true },
      there('t-1'),
      { state: 'refused', reason: 'NotRevoked' },
    ],
    [
      "written by Rancher's own controller in one that is drained of ours",
      { drain: true },
      held({ 'cattle.io/creator': 'norman' }, 't-1'),
      { state: 'propagated', reason: '' },
    ],
    [
      'of a cluster that is deleted',
      { deleting: true },
      there(),
      { state: 'refused', reason: 'ClusterDeleted' },
    ],
    [
      'still in one that is deleted',
      { deleting: true },
      there('t-1'),
      { state: 'refused', reason: 'NotRevoked' },
    ],
    [
      'of a cluster whose switch cannot be read',
      { aceEnabled: undefined },
      there('t-1'),
      { state: 'propagated', reason: '' },
    ],
    [
      'still in one whose endpoint is off',
      { aceEnabled: false },
      there('t-1'),
      { state: 'refused', reason: 'NotRevoked' },
    ],
    ['new to one that is suspended', { suspend: true }, there(), { state: 'pending', reason: 'Suspended' }],
    ['carried before it was suspended', { suspend: true }, there('t-1'), { state: 'propagated', reason: '' }],
  ])('%s', (_title, spec, tokens, want) => {
    const upstream = { tokens: [aToken()], users: [aUser()], isExtUnread: false };
    const there = { tokens, attributes: lettingIn };
    expect(tokenStatuses({ ...settings, ...spec }, upstream, there, NOW)).toMatchObject([want]);
  });
});
