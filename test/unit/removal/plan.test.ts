import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ANNOTATION_TOKEN_HASHED } from '../../../src/api/names.ts';
import { parseCluster, parsePropagation } from '../../../src/api/parse-cluster.ts';
import { parseExtToken } from '../../../src/api/parse-ext-token.ts';
import type { KubeObject, Token } from '../../../src/api/types.ts';
import { tokenKey, userKey } from '../../../src/operator/keys.ts';
import { countRemovals } from '../../../src/removal/count.ts';
import { planRemovals, type RemovalPlan } from '../../../src/removal/plan.ts';
import {
  aToken,
  aUser,
  EXT_HASH,
  HOUR,
  type Json,
  NOW,
  rawCluster,
  rawExtToken,
  timeText,
} from '../../support/builders.ts';
import { ReconcileWorld } from '../../support/reconcile-world.ts';

let world: ReconcileWorld;
let createdAtMs: Map<string, number>;
let lastUsedAtMs: Map<string, number>;
beforeEach(() => {
  world = new ReconcileWorld();
  createdAtMs = new Map();
  lastUsedAtMs = new Map();
  setCluster({ spec: { localClusterAuthEndpoint: { enabled: true } } });
});
afterEach(() => world.close());

function setCluster(fields: Json | undefined): void {
  const { clusters } = world.management;
  if (fields === undefined) clusters.replace([]);
  else clusters.replace([parseCluster(rawCluster(fields, { resourceVersion: String(Math.random()) }))]);
}

function plan(isGone = false, latestMs = world.nowMs): RemovalPlan {
  const { management, observed, nowMs } = world;
  return planRemovals({
    cluster: 'c-1',
    management,
    snapshot: { observed, createdAtMs, lastUsedAtMs },
    nowMs,
    latestMs,
    isGone,
  });
}

/** Tokens `t-0` and so on of user `u-0` and so on, all in sync. */
async function inSync(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    world.putUser({}, { name: `u-${index}`, uid: `uid-u-${index}` });
    world.putToken({ userId: `u-${index}` }, { name: `t-${index}`, uid: `uid-t-${index}` });
  }
  await world.settle();
}

function change(index: number, fields: Json, metadata: Json = {}): void {
  world.management.tokens.put(
    aToken(
      { userId: `u-${index}`, ...fields },
      { name: `t-${index}`, uid: `uid-t-${index}`, resourceVersion: '900', ...metadata },
    ),
  );
}

function loseUser(index: number): void {
  world.management.users.remove(aUser({}, { name: `u-${index}`, uid: `uid-u-${index}` }));
}

const keyOf = ({ kind, metadata }: KubeObject): string => `${kind}/${metadata.name}`;
const planned = (): readonly string[] => plan().removals.map(({ object }) => keyOf(object));
const reasons = (): Record<string, string> =>
  Object.fromEntries(plan().removals.map(({ object, reason }) => [keyOf(object), reason]));

describe('what a plan names', () => {
  test('is nothing when all is in sync', async () => {
    await inSync(2);
    expect(plan()).toEqual({
      cluster: 'c-1',
      removals: [],
      blocked: undefined,
      allowed: false,
      held: undefined,
    });
  });

  test('is, object for object, what the operator then takes away', async () => {
    await inSync(10);
    change(0, { enabled: false });
    change(1, { expiresAt: timeText(NOW - HOUR) });
    change(2, { clusterName: 'c-2' });
    change(3, { ttl: 'long' });
    change(4, { token: '$9:what' }, { annotations: { [ANNOTATION_TOKEN_HASHED]: 'true' } });
    change(5, {}, { deletionTimestamp: timeText(NOW) });
    world.management.tokens.remove(aToken({}, { name: 't-6', uid: 'uid-t-6' }));
    loseUser(7);
    world.management.users.put(aUser({ enabled: false }, { name: 'u-8', uid: 'uid-u-8' }));
    const names = planned();

    for (const index of [6]) world.approved.add(tokenKey(`t-${index}`));
    world.approved.add(userKey('u-7'));
    const before = world.downstream.objects().map(keyOf);
    world.sweep();
    await world.settle();
    const after = new Set(world.downstream.objects().map(keyOf));

    expect(new Set(names)).toEqual(new Set(before.filter((key) => !after.has(key))));
    expect(names).toHaveLength(24);
  });

  test('has the reason of each, in the order in which they go', async () => {
    await inSync(3);
    change(0, { enabled: false });
    world.management.tokens.remove(aToken({}, { name: 't-1', uid: 'uid-t-1' }));
    loseUser(2);
    expect(reasons()).toEqual({
      'ClusterAuthToken/t-0': 'Disabled',
      'ClusterAuthToken/t-1': 'TokenNotFound',
      'ClusterAuthToken/t-2': 'UserNotFound',
      'Secret/t-0': 'Disabled',
      'Secret/t-1': 'TokenNotFound',
      'Secret/t-2': 'UserNotFound',
      'ClusterUserAttribute/u-0': 'UserUnused',
      'ClusterUserAttribute/u-1': 'UserUnused',
      'ClusterUserAttribute/u-2': 'UserNotFound',
    });
    expect(Object.keys(reasons())).toEqual(planned());
  });

  test('leaves out what stays of a token of ext.cattle.io whose hash is lost upstream, and its user; not what is of another token', async () => {
    const ext = (uid: string, hash: string | null): Token =>
      parseExtToken(rawExtToken({ ttl: '-1', hash }, { uid, resourceVersion: hash === null ? '9' : '1' }));
    world.putUser();
    world.management.tokenSources?.ext.put(ext('uid-ext', EXT_HASH));
    world.queue.add(tokenKey('t-1'), 'normal');
    await world.settle();
    expect(world.observed.forToken('t-1')).toHaveLength(2);
    world.management.tokenSources?.ext.put(ext('uid-ext', null));
    expect(planned()).toEqual([]);
    world.management.tokenSources?.ext.put(ext('uid-another', null));
    expect(reasons()).toMatchObject({ 'ClusterAuthToken/t-1': 'HashPending', 'Secret/t-1': 'HashPending' });
  });

  test('leaves out what another wrote', async () => {
    await inSync(1);
    await world.downstream.create(
      { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'theirs', namespace: 'cattle-system' } },
    );
    world.tellWatch();
    setCluster({});
    expect(planned()).toEqual(['ClusterAuthToken/t-0', 'Secret/t-0', 'ClusterUserAttribute/u-0']);
  });

  test('is everything where ACE is off, the cluster is gone or to be drained, and nothing where that cannot be told', async () => {
    await inSync(1);
    setCluster({});
    expect(Object.values(reasons())).toEqual(['AceDisabled', 'AceDisabled', 'AceDisabled']);
    setCluster({ spec: { localClusterAuthEndpoint: { enabled: true } } });
    world.management.propagations.replace([
      parsePropagation({ metadata: { name: 'c-1', uid: 'p', resourceVersion: '1' }, spec: { drain: true } }),
    ]);
    expect(Object.values(reasons())).toEqual(Array(3).fill('DrainRequested'));
    setCluster(undefined);
    expect(plan(true).removals.map(({ reason }) => reason)).toEqual(Array(3).fill('ClusterDeleted'));
    expect(plan(false)).toMatchObject({ removals: [], held: expect.stringContaining('not seen') });
    setCluster({ spec: { localClusterAuthEndpoint: { enabled: 'perhaps' } } });
    expect(plan()).toMatchObject({ removals: [], held: expect.stringContaining('enabled') });
  });

  test('is nothing where the operator reports that another cluster answers, drained or not', async () => {
    await inSync(2);
    const message = 'another cluster answers';
    const conditions = [{ type: 'Connected', status: 'False', reason: 'ClusterReplaced', message }];
    const metadata = { name: 'c-1', uid: 'uid-c-1', resourceVersion: '9' };
    world.management.propagations.put(parsePropagation({ metadata, status: { conditions } }));
    change(0, { enabled: false });
    expect(plan()).toMatchObject({ removals: [], held: message });
    setCluster({ spec: { localClusterAuthEndpoint: { enabled: false } } });
    expect(plan()).toMatchObject({ removals: [], held: message });
  });
});

describe('the brake', () => {
  beforeEach(async () => {
    await inSync(12);
    for (let index = 0; index < 10; index += 1)
      world.management.tokens.remove(aToken({}, { name: `t-${index}`, uid: `uid-t-${index}` }));
    change(11, { enabled: false });
    world.spec = { ...world.spec, minDeletes: 5, maxDeletePercent: 10 };
    setPropagation({});
  });

  const setPropagation = (annotations: Json, managedFields: readonly object[] = []): unknown =>
    world.management.propagations.replace([
      parsePropagation({
        metadata: {
          ...{ name: 'c-1', uid: 'p', resourceVersion: String(Math.random()) },
          ...{ annotations, managedFields },
        },
        spec: { gc: { minDeletes: 5, maxDeletePercent: 10 } },
      }),
    ]);

  test('holds what has no source, and nothing else', () => {
    const { removals, blocked } = plan();
    expect(blocked).toEqual({ objects: 20, limit: 5 });
    const held = removals.filter(({ heldBack }) => heldBack).map(({ object }) => keyOf(object));
    expect(held).toHaveLength(20);
    expect(held).not.toContain('ClusterAuthToken/t-11');
  });

  test('holds the users of those tokens with them, who would be refused without a ClusterUserAttribute', () => {
    const users = plan().removals.filter(({ user }) => user !== undefined);
    expect(users.map(({ object }) => keyOf(object))).toEqual(['ClusterUserAttribute/u-11']);
    setPropagation({ 'ace-operator.io/allow-gc': '20' });
    expect(plan().removals.filter(({ user }) => user !== undefined)).toHaveLength(11);
  });

  test('is lifted for an hour, by whichever clock says that it is over', () => {
    const f = 'f:ace-operator.io/allow-gc';
    const fieldsV1 = { 'f:metadata': { 'f:annotations': { [f]: {} } } };
    const time = timeText(world.nowMs);
    setPropagation({ 'ace-operator.io/allow-gc': '20' }, [{ manager: 'kubectl', time, fieldsV1 }]);
    expect(plan(false, world.nowMs + HOUR).allowed).toBe(true);
    expect(plan(false, world.nowMs + 2 * HOUR).allowed).toBe(false);
  });

  test('is lifted by the annotation', () => {
    setPropagation({ 'ace-operator.io/allow-gc': 'true' });
    const { removals, allowed } = plan();
    expect(allowed).toBe(true);
    expect(removals.some(({ heldBack }) => heldBack)).toBe(false);
  });
});

test('a count says for each reason how many, how old, and when last used', async () => {
  await inSync(3);
  setCluster({});
  for (const { object } of plan().removals) {
    const days = { ClusterAuthToken: 0, Secret: 10, ClusterUserAttribute: 40 }[object.kind] ?? 0;
    if (object.metadata.name !== 'u-2')
      createdAtMs.set(object.metadata.uid ?? '', world.nowMs - days * 24 * HOUR);
  }
  lastUsedAtMs.set('t-1', NOW - HOUR);
  expect(countRemovals(plan(), world.nowMs)).toEqual([
    {
      cluster: 'c-1',
      reason: 'AceDisabled',
      objects: 9,
      tokens: 3,
      underDay: 3,
      underWeek: 0,
      underMonth: 3,
      older: 3,
      heldBack: 0,
      lastUsedAtMs: NOW - HOUR,
    },
  ]);
});
