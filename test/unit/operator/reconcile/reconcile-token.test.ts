import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ANNOTATION_TOKEN_HASHED } from '../../../../src/api/names.ts';
import { parseCluster } from '../../../../src/api/parse-cluster.ts';
import type { KubeObject } from '../../../../src/api/types.ts';
import { hashIn } from '../../../../src/derive/diff.ts';
import { ConnectionError } from '../../../../src/errors.ts';
import type { Hasher } from '../../../../src/hash/hasher.ts';
import * as sha3 from '../../../../src/hash/sha3-512.ts';
import {
  aToken,
  CANARY,
  HOUR,
  type Json,
  NOW,
  NOW_TEXT,
  SECOND,
  timeText,
} from '../../../support/builders.ts';
import { candidates, viewOf, whoGetsIn } from '../../../support/downstream-view.ts';
import { status } from '../../../support/fake-api.ts';
import { INSTALLATION, ReconcileWorld } from '../../../support/reconcile-world.ts';

const SECRETS = ['secret-1', 'secret-2', 'secret-3'];
const IN_SYNC = [
  'secret t-1: of secret-1',
  'token t-1: user=u-1 enabled=true',
  'user u-1: enabled=true groups=["g-1"]',
];

let world: ReconcileWorld;
beforeEach(() => {
  world = new ReconcileWorld();
});
afterEach(async () => {
  await world.close();
});

const view = (): readonly string[] => viewOf(world.downstream, SECRETS);
const state = (key = 'token/t-1'): unknown => world.outcomes.get(key);
const reasons = (): readonly string[] => world.notices.map(({ reason }) => reason);

/** A world in which one token is in sync. */
async function inSync(fields: Json = {}): Promise<void> {
  world.putUser();
  world.putAttribute();
  world.putToken(fields);
  await world.settle();
}

/** Whatever someone else keeps there under our name. */
const foreign = (kind: string, name: string, fields: object = {}): KubeObject => ({
  apiVersion: kind === 'Secret' ? 'v1' : 'cluster.cattle.io/v3',
  kind,
  metadata: { name, namespace: 'cattle-system', labels: { theirs: 'yes' } },
  ...fields,
});

const dataOf = (hash: string): object => ({ hash: Buffer.from(hash).toString('base64') });

/** A Secret as kube-api-auth makes it of an inline hash. */
const movedSecret = (hash: string): KubeObject =>
  foreign('Secret', 't-1', { type: 'Opaque', data: dataOf(hash) });

/** A world in which a log-in has moved the inline hash of a token into another's Secret, and no watch has told of it. */
async function inlineAndMoved(fields: Json = {}, metadata: Json = {}): Promise<void> {
  world.storage = 'inline';
  world.putUser();
  world.putAttribute();
  world.putToken(fields, metadata);
  await world.settle();
  const hash = String(world.downstream.find('ClusterAuthToken', 't-1')?.['hash']);
  world.downstream.put(movedSecret(hash));
  world.downstream.edit('ClusterAuthToken', 't-1', { hash: '' });
}

/** Works until no hash is being made, nor checked, and nothing is left to do. */
async function settleHashes(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) {
    while (world.hashes.pending > 0) await new Promise((resolve) => setImmediate(resolve));
    await world.settle();
  }
}

/** The least that was there of one token at any moment from here on: 1 where somebody was always let in. */
function watchTheWorst(): () => number {
  let worst = 1;
  const { onEvent } = world.downstream;
  world.downstream.onEvent = (event) => {
    const letIn = [whoGetsIn(world.downstream, SECRETS).length, candidates(world.downstream, world.nowMs)];
    worst = Math.min(worst, ...letIn);
    onEvent(event);
  };
  return () => worst;
}

describe('a wanted token', () => {
  test('is written with its user, and then nothing more', async () => {
    await inSync();
    expect(view()).toEqual(IN_SYNC);
    expect(state()).toMatchObject({ state: 'synced' });
    expect(state('user/u-1')).toMatchObject({ state: 'synced' });
    const { writes } = world.downstream;
    for (let i = 0; i < 10; i += 1) {
      world.sweep();
      await world.settle();
    }
    expect(world.downstream.writes).toBe(writes);
    expect(reasons()).toEqual(['Propagated']);
  });

  test('is written user first, Secret next, ClusterAuthToken last', async () => {
    const order: string[] = [];
    world.downstream.fault = ({ verb, kind }) => {
      order.push(`${verb} ${kind}`);
      return undefined;
    };
    await inSync();
    expect(order).toEqual(['create ClusterUserAttribute', 'create Secret', 'create ClusterAuthToken']);
  });

  test('counts as synced only when the watch has told it', async () => {
    world.putUser();
    world.putToken();
    while (world.queue.size > 0) await world.workOne();
    expect(state()).toMatchObject({ state: 'pending' });
    await world.settle();
    expect(state()).toMatchObject({ state: 'synced' });
  });

  test('is not written twice while the watch is silent', async () => {
    world.putUser();
    world.putToken();
    while (world.queue.size > 0) await world.workOne();
    const { writes } = world.downstream;
    for (let i = 0; i < 3; i += 1) {
      world.sweep();
      while (world.queue.size > 0) await world.workOne();
    }
    expect(world.downstream.writes).toBe(writes);
  });

  test('has its effective expiry downstream, and goes by itself when that comes', async () => {
    await inSync({ ttl: HOUR });
    expect(view()).toContain(`token t-1: user=u-1 enabled=true until=${timeText(NOW + HOUR)}`);
    expect(world.planned.get('token/t-1')).toBe(NOW + HOUR);
    await world.advance(HOUR);
    expect(view()).toEqual([]);
    expect(state()).toEqual({ state: 'refused', reason: 'Expired' });
  });

  for (const [title, moved] of Object.entries({ later: NOW + 2 * HOUR, earlier: NOW + HOUR / 2 })) {
    test(`follows an expiry that moves: ${title}`, async () => {
      await inSync({ expiresAt: timeText(NOW + HOUR) });
      world.putToken({ expiresAt: timeText(moved) });
      await world.settle();
      expect(view()).toContain(`token t-1: user=u-1 enabled=true until=${timeText(moved)}`);
      await world.advance(moved - NOW - SECOND);
      expect(view()).toHaveLength(3);
      await world.advance(2 * SECOND);
      expect(view()).toEqual([]);
    });
  }

  test('that no longer expires has no expiry downstream', async () => {
    await inSync({ expiresAt: timeText(NOW + HOUR) });
    world.putToken({ expiresAt: '' });
    await world.settle();
    expect(view()).toEqual(IN_SYNC);
  });

  test('of a disabled user is there and refused in one place, and as quickly back', async () => {
    await inSync();
    world.putUser({ enabled: false });
    const before = world.downstream.writes;
    await world.settle();
    expect(world.downstream.writes - before).toBe(1);
    expect(view()).toContain('user u-1: enabled=false groups=["g-1"]');
    expect(state()).toEqual({ state: 'refused', reason: 'UserDisabled' });
    world.putUser();
    await world.settle();
    expect(view()).toEqual(IN_SYNC);
    expect(state()).toMatchObject({ state: 'synced' });
  });

  test('whose storage changes moves, and never has two hashes in the end', async () => {
    await inSync();
    world.storage = 'inline';
    world.sweep();
    await world.settle();
    const both = ['token t-1: user=u-1 enabled=true inline=secret-1', ...IN_SYNC.slice(1)];
    expect([view().length, world.outcomes.get('token/t-1')?.state]).toEqual([both.length, 'pending']);
    await world.advance(5_000);
    expect(view()).toEqual(['token t-1: user=u-1 enabled=true inline=secret-1', IN_SYNC[2]]);
    world.storage = 'secret';
    world.sweep();
    await world.settle();
    await world.advance(4_999);
    expect(view()).toHaveLength(both.length);
    await world.advance(1);
    expect(view()).toEqual(IN_SYNC);
    expect(world.outcomes.get('token/t-1')?.state).toBe('synced');
  });

  test('whose storage changes while another moves its hash is taken over, and let in at every moment', async () => {
    await inlineAndMoved();
    world.storage = 'secret';
    world.sweep();
    while (world.queue.size > 0) {
      await world.workOne();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-1 is u-1']);
    }
    await world.settle();
    await world.advance(5 * SECOND);
    expect(reasons()).not.toContain('Conflict');
    expect(view()).toContain(IN_SYNC[0]);
    expect(world.downstream.find('Secret', 't-1')?.metadata.labels).toMatchObject({
      'app.kubernetes.io/managed-by': 'ace-operator',
    });
    expect(state()).toMatchObject({ state: 'synced' });
  });

  test('whose storage changes while it is looked up where its hash was moved to is taken over, too', async () => {
    await inlineAndMoved();
    world.tellWatch();
    world.downstream.fault = ({ verb, kind }) => {
      if (verb === 'get' && kind === 'Secret') world.storage = 'secret';
      return undefined;
    };
    while (world.queue.size > 0) {
      await world.workOne();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-1 is u-1']);
    }
    expect(world.storage).toBe('secret');
    world.sweep();
    await world.settle();
    await world.advance(5 * SECOND);
    expect(reasons()).not.toContain('Conflict');
    expect(view()).toContain(IN_SYNC[0]);
    expect(state()).toMatchObject({ state: 'synced' });
  });

  test('whose Secret has an older hash of the same secret than its ClusterAuthToken is taken over, and let in at every moment', async () => {
    world.storage = 'inline';
    await inSync();
    world.downstream.put(movedSecret(sha3.hash('secret-1')));
    world.storage = 'secret';
    world.sweep();
    while (world.queue.size > 0) {
      await world.workOne();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-1 is u-1']);
    }
    const worst = watchTheWorst();
    await world.settle();
    await world.advance(5 * SECOND);
    expect(worst()).toBe(1);
    expect(reasons()).not.toContain('Conflict');
    expect(view()).toEqual(IN_SYNC);
    expect(state()).toMatchObject({ state: 'synced' });
  });

  test('whose Secret has such a hash of a slow format is taken over once that was checked', async () => {
    world.algorithm = 'scrypt';
    world.storage = 'inline';
    await inSync();
    await settleHashes();
    world.downstream.put(movedSecret(await world.hasher.hash('scrypt', 'secret-1')));
    const worst = watchTheWorst();
    world.storage = 'secret';
    world.sweep();
    await world.settle();
    await settleHashes();
    await world.advance(5 * SECOND);
    expect(worst()).toBe(1);
    expect(state()).toMatchObject({ state: 'synced' });
    expect(world.downstream.find('Secret', 't-1')?.metadata.labels).toMatchObject({
      'app.kubernetes.io/managed-by': 'ace-operator',
    });
    expect(world.downstream.find('ClusterAuthToken', 't-1')?.['hash']).toBeUndefined();
  });

  const unwritten: Record<string, () => void> = {
    'in a suspended cluster': () => {
      world.spec = { ...world.spec, suspend: true };
    },
    'of a user whose absence the brake holds': () => world.deleteUser('u-1', { told: false }),
  };
  for (const [title, hold] of Object.entries(unwritten)) {
    test(`${title}: a moved hash is not taken over, and costs no requests`, async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      try {
        await inlineAndMoved();
        await world.settle();
        world.storage = 'secret';
        hold();
        world.sweep();
        await world.settle();
        const { requests } = world.downstream;
        for (let second = 0; second < 60; second += 11) {
          vi.advanceTimersByTime(11 * SECOND);
          await world.advance(11 * SECOND);
        }
        expect(world.downstream.requests).toBe(requests);
        expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-1 is u-1']);
      } finally {
        vi.useRealTimers();
      }
    });
  }

  test('whose moved hash stands in an immutable Secret goes on by that, and costs no writes', async () => {
    world.algorithm = 'scrypt';
    world.storage = 'inline';
    await inSync();
    await settleHashes();
    const hash = await world.hasher.hash('scrypt', 'secret-1');
    world.downstream.put({ ...movedSecret(hash), immutable: true } as KubeObject);
    world.downstream.edit('ClusterAuthToken', 't-1', { hash: '' });
    world.storage = 'secret';
    world.sweep();
    await settleHashes();
    const { writes } = world.downstream;
    for (let retry = 0; retry < 3; retry += 1) {
      await world.advance(61 * SECOND);
      await settleHashes();
    }
    expect(world.downstream.writes).toBe(writes);
    expect(state()).toMatchObject({ state: 'refused', reason: 'Conflict', letsIn: true });
    expect(reasons().filter((reason) => reason === 'Conflict')).toHaveLength(1);
    expect(candidates(world.downstream, world.nowMs)).toBe(1);
  });

  describe('in whose way a stranger’s Secret is while its ClusterAuthToken holds the hash', () => {
    const theirs = movedSecret(sha3.hash('theirs'));
    /** The storage has changed, and the Secret cannot be ours. */
    async function inTheWay(): Promise<void> {
      world.storage = 'inline';
      await inSync();
      world.downstream.put(theirs);
      world.storage = 'secret';
      world.sweep();
      await world.settle();
    }

    test('goes on by that, and the name is told', async () => {
      await inTheWay();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-1 is u-1']);
      expect(state()).toMatchObject({
        state: 'refused',
        reason: 'Conflict',
        message: expect.stringContaining('lets it in'),
      });
      const { writes } = world.downstream;
      for (let retry = 0; retry < 3; retry += 1) await world.advance(61 * SECOND);
      expect(world.downstream.writes).toBe(writes);
      expect(reasons().filter((reason) => reason === 'Conflict')).toHaveLength(1);
      expect(world.downstream.find('Secret', 't-1')).toMatchObject(theirs);
    });

    test('is kept current: expiry, secret, user', async () => {
      await inTheWay();
      world.putToken({ ttl: HOUR });
      await world.settle();
      expect(view()).toContain(
        `token t-1: user=u-1 enabled=true until=${timeText(NOW + HOUR)} inline=secret-1`,
      );
      world.putToken({ token: 'secret-2' });
      await world.settle();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-2 is u-1']);
      world.putUser({ enabled: false });
      await world.settle();
      expect(view()).toContain('user u-1: enabled=false groups=["g-1"]');
      world.putUser();
      world.putToken({ enabled: false });
      await world.settle();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
      expect(world.downstream.find('ClusterAuthToken', 't-1')).toBeUndefined();
    });

    test('is let in again when its ClusterUserAttribute was deleted there', async () => {
      await inTheWay();
      world.downstream.drop('ClusterUserAttribute', 'u-1');
      await world.settle();
      expect(candidates(world.downstream, world.nowMs)).toBe(1);
    });

    test('goes with a user who is another’s to judge', async () => {
      await inTheWay();
      world.downstream.drop('ClusterUserAttribute', 'u-1');
      world.downstream.put(foreign('ClusterUserAttribute', 'u-1', { enabled: true, groups: ['admins'] }));
      world.tellWatch();
      world.sweep();
      await world.settle();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
    });

    test('is owed when it is deleted while the cluster is away: it is there', async () => {
      await inTheWay();
      world.debts.length = 0;
      world.isAway = true;
      world.deleteToken();
      expect(world.debts).toEqual(['token/t-1 token']);
    });

    test('is where it should be once the Secret is gone', async () => {
      await inTheWay();
      world.downstream.drop('Secret', 't-1');
      await world.advance(61 * SECOND);
      await world.advance(61 * SECOND);
      expect(view()).toEqual(IN_SYNC);
      expect(state()).toMatchObject({ state: 'synced' });
    });

    test('is taken over by adoption, as its message says', async () => {
      await inTheWay();
      world.spec = { ...world.spec, adopt: true };
      world.sweep();
      await world.settle();
      await world.advance(61 * SECOND);
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-1 is u-1']);
      expect(view()).toEqual(IN_SYNC);
    });
  });

  test('whose hash another Cluster of ours keeps in a Secret takes that from nobody', async () => {
    const known = parseCluster({ metadata: { name: 'c-2', uid: 'uid-of-c-2' } });
    world.management.clusters.put(known);
    world.storage = 'inline';
    await inSync();
    const hash = String(world.downstream.find('ClusterAuthToken', 't-1')?.['hash']);
    const labels = {
      'app.kubernetes.io/managed-by': 'ace-operator',
      'ace-operator.io/cluster': 'c-2',
      'ace-operator.io/installation': INSTALLATION,
    };
    const data = { hash: Buffer.from(hash).toString('base64') };
    const secret = foreign('Secret', 't-1', { type: 'Opaque', data });
    world.downstream.put({ ...secret, metadata: { ...secret.metadata, labels } });
    world.sweep();
    await world.settle();
    await world.advance(5 * SECOND);
    expect(world.downstream.find('Secret', 't-1')?.metadata.labels).toEqual(labels);
  });

  test('whose storage changes while its secret is another by then keeps the old hash nowhere', async () => {
    await inSync();
    await world.settle();
    world.putToken({ token: 'secret-2' });
    world.storage = 'inline';
    world.sweep();
    await world.settle();
    expect(view()).toEqual(['token t-1: user=u-1 enabled=true inline=secret-2', IN_SYNC[2]]);
  });

  test('keeps what the authenticator wrote', async () => {
    await inSync();
    world.downstream.edit('ClusterAuthToken', 't-1', { lastUsedAt: NOW_TEXT });
    world.putToken({ ttl: HOUR });
    await world.settle();
    expect(world.downstream.find('ClusterAuthToken', 't-1')).toMatchObject({ lastUsedAt: NOW_TEXT });
  });

  test('leaves its secret nowhere downstream', async () => {
    world.putUser();
    world.putToken({ token: CANARY });
    await world.settle();
    const text = JSON.stringify(world.downstream.objects());
    expect(text).not.toContain(CANARY);
    expect(text).not.toContain(Buffer.from(CANARY).toString('base64'));
    expect(JSON.stringify([world.notices, state()])).not.toContain(CANARY);
  });
});

describe('a token that is wanted no more', () => {
  const revocations: Record<string, { revoke: () => void; outcome: unknown }> = {
    deleted: { revoke: () => world.deleteToken(), outcome: undefined },
    disabled: {
      revoke: () => world.putToken({ enabled: false }),
      outcome: { state: 'refused', reason: 'Disabled' },
    },
    'being deleted': {
      revoke: () => world.putToken({}, { deletionTimestamp: NOW_TEXT }),
      outcome: { state: 'refused', reason: 'Deleting' },
    },
    malformed: {
      revoke: () => world.putToken({ enabled: 'yes' }),
      outcome: { state: 'refused', reason: 'Malformed', message: expect.stringContaining('enabled') },
    },
    'expired by hand': {
      revoke: () => world.putToken({ expiresAt: timeText(NOW - SECOND) }),
      outcome: { state: 'refused', reason: 'Expired' },
    },
    'scoped to no cluster': { revoke: () => world.putToken({ clusterName: '' }), outcome: undefined },
    'scoped to another cluster': { revoke: () => world.putToken({ clusterName: 'c-2' }), outcome: undefined },
    'without a secret': {
      revoke: () => world.putToken({ token: '' }),
      outcome: { state: 'refused', reason: 'HashPending' },
    },
    'of an unknown hash format': {
      revoke: () => world.putToken({ token: 'md5' }, { annotations: { [ANNOTATION_TOKEN_HASHED]: 'true' } }),
      outcome: { state: 'refused', reason: 'UnsupportedHash', message: expect.any(String) },
    },
    'of a deleted user': {
      revoke: () => world.deleteUser(),
      outcome: { state: 'refused', reason: 'UserNotFound' },
    },
    'in a cluster that is drained': {
      revoke: () => {
        world.mode = 'drain';
        world.sweep();
      },
      outcome: undefined,
    },
  };
  for (const [title, { revoke, outcome }] of Object.entries(revocations)) {
    test(`${title}: nothing is left, and that is the end of it`, async () => {
      await inSync();
      revoke();
      await world.settle();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
      expect(view().filter((line) => !line.startsWith('user'))).toEqual([]);
      expect(state()).toEqual(outcome);
      const { writes } = world.downstream;
      world.sweep();
      await world.settle();
      expect(world.downstream.writes).toBe(writes);
    });

    test(`${title}: the same while suspended`, async () => {
      await inSync();
      world.spec = { ...world.spec, suspend: true };
      revoke();
      await world.settle();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
    });
  }

  test('takes its user along when it was the last one', async () => {
    await inSync();
    world.putToken({ token: 'secret-2' }, { name: 't-2', uid: 'uid-t-2' });
    await world.settle();
    world.deleteToken('t-1');
    await world.settle();
    expect(view()).toEqual(['secret t-2: of secret-2', 'token t-2: user=u-1 enabled=true', IN_SYNC[2]]);
    world.deleteToken('t-2');
    await world.settle();
    expect(view()).toEqual([]);
  });

  test('goes ClusterAuthToken first, Secret next, user last', async () => {
    await inSync();
    const order: string[] = [];
    world.downstream.fault = ({ verb, kind }) => {
      order.push(`${verb} ${kind}`);
      return undefined;
    };
    world.deleteToken();
    await world.settle();
    expect(order).toEqual(['delete ClusterAuthToken', 'delete Secret', 'delete ClusterUserAttribute']);
  });

  test('of a deleted user: the user goes first, which refuses everything at once', async () => {
    await inSync();
    const order: string[] = [];
    world.downstream.fault = ({ kind }) => {
      order.push(kind);
      return undefined;
    };
    world.deleteUser();
    await world.settle();
    expect(order[0]).toBe('ClusterUserAttribute');
    expect(view()).toEqual([]);
  });

  test('is back when it is enabled again', async () => {
    await inSync();
    world.putToken({ enabled: false });
    await world.settle();
    world.putToken();
    await world.settle();
    expect(view()).toEqual(IN_SYNC);
  });

  test('is told once, with its reason', async () => {
    await inSync();
    world.putToken({ enabled: 'yes' });
    await world.settle();
    world.sweep();
    await world.settle();
    expect(world.notices.slice(1)).toEqual([
      { reason: 'Malformed', message: expect.stringContaining('t-1'), warning: true },
    ]);
  });

  test('that was never here leaves no trace', async () => {
    world.putUser();
    world.putToken({ clusterName: 'c-2' });
    await world.settle();
    expect([view(), world.downstream.requests, state()]).toEqual([[], 0, undefined]);
  });
});

describe('absence', () => {
  test('a token that our store does not have but the server does is left alone, and looked at again', async () => {
    await inSync();
    world.aheadOfWatch.add('Token/t-1');
    world.deleteToken();
    await world.settle();
    expect(view()).toEqual(IN_SYNC);
    expect(world.planned.get('token/t-1')).toBe(NOW + SECOND);
    world.aheadOfWatch.clear();
    await world.advance(SECOND);
    expect(view()).toEqual([]);
  });

  test('a management plane that does not answer proves nothing', async () => {
    await inSync();
    world.liveFault = new ConnectionError('Unreachable', 'GET: no answer');
    world.deleteToken();
    world.deleteUser();
    await expect(world.settle()).rejects.toThrow('not settled');
    expect(view()).toEqual(IN_SYNC);
    world.liveFault = undefined;
    await world.settle();
    expect(view()).toEqual([]);
  });

  test('a token that is merely absent waits for a sweep to allow it', async () => {
    await inSync();
    world.deleteToken('t-1', { told: false });
    await world.settle();
    expect(view()).toEqual(IN_SYNC);
    expect(state()).toEqual({ state: 'pending', reason: 'GCBlocked' });
    expect(world.sweepsRequested).toBeGreaterThan(0);
    world.approved.add('token/t-1');
    world.sweep();
    await world.settle();
    expect(view()).toEqual([]);
  });

  test('a user who is merely absent waits too, with all tokens', async () => {
    await inSync();
    world.deleteUser('u-1', { told: false });
    await world.settle();
    expect(view()).toEqual(IN_SYNC);
    expect(state()).toEqual({ state: 'pending', reason: 'GCBlocked' });
    world.approved.add('user/u-1');
    world.sweep();
    await world.settle();
    expect(view()).toEqual([]);
  });

  test('expiry is evidence enough: it waits for nobody’s absence to be confirmed', async () => {
    await inSync({ expiresAt: timeText(NOW + HOUR) });
    world.deleteUser('u-1', { told: false });
    await world.settle();
    await world.advance(HOUR);
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
  });
});

describe('another token of the same name', () => {
  const recreate = (): void => {
    world.deleteToken();
    world.putUser({}, { name: 'u-2', uid: 'uid-u-2' });
    world.putToken({ userId: 'u-2', token: 'secret-2' }, { uid: 'uid-other' });
  };

  test('replaces the old one, whose secret never is the new user’s', async () => {
    await inSync();
    const ways = new Set<string>();
    const { onEvent } = world.downstream;
    world.downstream.onEvent = (event) => {
      for (const way of whoGetsIn(world.downstream, SECRETS)) ways.add(way);
      onEvent(event);
    };
    recreate();
    await world.settle();
    expect([...ways].sort()).toEqual(['secret-1 is u-1', 'secret-2 is u-2'].filter((way) => ways.has(way)));
    expect(view()).toEqual([
      'secret t-1: of secret-2',
      'token t-1: user=u-2 enabled=true',
      'user u-2: enabled=true groups=[]',
    ]);
  });

  // Rule: while suspended nothing is added or repaired; revocations go on all the same.
  test('while suspended the old one goes, and the new one waits', async () => {
    await inSync();
    world.spec = { ...world.spec, suspend: true };
    recreate();
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
  });

  test('whose hash is still being made: the old one goes at once', async () => {
    await inSync();
    world.algorithm = 'bcrypt';
    recreate();
    await world.workOne();
    while (world.queue.size > 0) {
      world.tellWatch();
      await world.workOne();
    }
    expect(whoGetsIn(world.downstream, SECRETS)).not.toContain('secret-1 is u-1');
  });

  test('whose user cannot be found for the moment ends an earlier secret, also where a log-in has moved its hash', async () => {
    await inlineAndMoved();
    await world.settle();
    world.deleteUser('u-1', { told: false });
    world.putToken({ token: 'secret-2' });
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
  });

  // A finalizer of someone else's keeps what we deleted where the authenticator still reads it.
  test('while something holds the old ClusterAuthToken, it is not given the new hash', async () => {
    await inSync();
    world.downstream.edit('ClusterAuthToken', 't-1', { metadata: { finalizers: ['example.com/hold'] } });
    await world.settle();
    recreate();
    await world.settle().catch(() => {});
    expect(whoGetsIn(world.downstream, SECRETS)).not.toContain('secret-2 is u-1');
  });

  test('while something holds the old ClusterAuthToken, we wait for it without asking again and again', async () => {
    await inSync();
    world.downstream.edit('ClusterAuthToken', 't-1', { metadata: { finalizers: ['example.com/hold'] } });
    await world.settle();
    recreate();
    await world.settle();
    expect(world.downstream.requests).toBeLessThan(20);
    world.downstream.edit('ClusterAuthToken', 't-1', { metadata: { finalizers: null } });
    await world.settle();
    expect(view()).toContain('token t-1: user=u-2 enabled=true');
  });

  test('the same token for another user takes the way of a new one', async () => {
    await inSync();
    world.putUser({}, { name: 'u-2', uid: 'uid-u-2' });
    world.putToken({ userId: 'u-2' });
    await world.settle();
    expect(view()).toEqual([
      'secret t-1: of secret-1',
      'token t-1: user=u-2 enabled=true',
      'user u-2: enabled=true groups=[]',
    ]);
  });

  // Whether the new user is really absent is one question; that the old pair is right no more is another.
  const strangers: Record<string, Json> = {
    'the same token given to a user whom nobody knows': {},
    'another token, of a user whom nobody knows': { uid: 'uid-other' },
  };
  for (const [title, metadata] of Object.entries(strangers)) {
    test(`${title}: the old pair goes, without waiting for that absence to be allowed`, async () => {
      await inSync();
      world.management.tokens.put(aToken({ userId: 'nobody' }, { resourceVersion: '99', ...metadata }));
      world.queue.add('token/t-1', 'normal');
      await world.settle();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
    });
  }

  test('another secret under the same UID replaces the hash in place', async () => {
    await inSync();
    world.putToken({ token: 'secret-2' });
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-2 is u-1']);
  });
});

describe('drift downstream', () => {
  test('of a user’s attributes is told, as that of a token is', async () => {
    await inSync();
    world.notices.length = 0;
    world.downstream.edit('ClusterUserAttribute', 'u-1', { groups: ['admins'] });
    await world.settle();
    expect(world.notices.map(({ reason }) => reason)).toContain('Repaired');
  });

  const drifts: Record<string, () => void> = {
    'the ClusterAuthToken deleted': () => world.downstream.drop('ClusterAuthToken', 't-1'),
    'the Secret deleted': () => world.downstream.drop('Secret', 't-1'),
    'the ClusterUserAttribute deleted': () => world.downstream.drop('ClusterUserAttribute', 'u-1'),
    'the token disabled': () => world.downstream.edit('ClusterAuthToken', 't-1', { enabled: false }),
    'the token given to another user': () =>
      world.downstream.edit('ClusterAuthToken', 't-1', { userName: 'u-2' }),
    'an expiry added': () => world.downstream.edit('ClusterAuthToken', 't-1', { expiresAt: NOW_TEXT }),
    'an inline hash slipped in': () =>
      world.downstream.edit('ClusterAuthToken', 't-1', { hash: sha3.hash('secret-3') }),
    'the hash altered': () => world.downstream.edit('Secret', 't-1', { data: { hash: 'AAAA' } }),
    'the hash of another secret': () =>
      world.downstream.edit('Secret', 't-1', {
        data: { hash: Buffer.from(sha3.hash('secret-3')).toString('base64') },
      }),
    'the fingerprint altered': () =>
      world.downstream.edit('Secret', 't-1', {
        metadata: { annotations: { 'ace-operator.io/fingerprint': 'x' } },
      }),
    'the hash removed': () => world.downstream.edit('Secret', 't-1', { data: { hash: null } }),
    'groups added': () => world.downstream.edit('ClusterUserAttribute', 'u-1', { groups: ['admins'] }),
    'the user disabled': () => world.downstream.edit('ClusterUserAttribute', 'u-1', { enabled: false }),
    'all labels of the token taken off': () =>
      world.downstream.edit('ClusterAuthToken', 't-1', { metadata: { labels: null } }),
    'the cluster label of the token taken off': () =>
      world.downstream.edit('ClusterAuthToken', 't-1', {
        metadata: { labels: { 'ace-operator.io/cluster': null } },
      }),
    'the labels of the Secret taken off': () =>
      world.downstream.edit('Secret', 't-1', { metadata: { labels: null } }),
    'the UID of the token taken off': () =>
      world.downstream.edit('ClusterAuthToken', 't-1', { metadata: { annotations: null } }),
  };
  for (const [title, drift] of Object.entries(drifts)) {
    test(`${title}: repaired`, async () => {
      await inSync();
      drift();
      await world.settle();
      expect(view()).toEqual(IN_SYNC);
      for (const object of world.downstream.objects()) {
        expect(object.metadata.labels).toMatchObject({
          'app.kubernetes.io/managed-by': 'ace-operator',
          'ace-operator.io/cluster': 'c-1',
        });
      }
    });
  }

  test('a repair is told', async () => {
    await inSync();
    world.downstream.drop('ClusterAuthToken', 't-1');
    await world.settle();
    expect(reasons()).toContain('Repaired');
  });

  test('while suspended it is not repaired', async () => {
    await inSync();
    world.spec = { ...world.spec, suspend: true };
    world.downstream.drop('ClusterAuthToken', 't-1');
    await world.settle();
    expect(view()).not.toContain(IN_SYNC[1]);
    expect(state()).toEqual({ state: 'pending', reason: 'Suspended' });
  });

  test('a token whose cluster label someone took off is still revoked', async () => {
    world.storage = 'inline';
    await inSync();
    world.downstream.edit('ClusterAuthToken', 't-1', {
      metadata: { labels: { 'ace-operator.io/cluster': null } },
    });
    world.spec = { ...world.spec, suspend: true };
    world.deleteToken();
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
  });
});

describe('what is not ours', () => {
  const occupied: Record<string, KubeObject> = {
    'a ClusterAuthToken': foreign('ClusterAuthToken', 't-1', { userName: 'theirs', enabled: true }),
    'a Secret': foreign('Secret', 't-1', {
      data: { hash: Buffer.from(sha3.hash('theirs')).toString('base64') },
    }),
    'a ClusterUserAttribute': foreign('ClusterUserAttribute', 'u-1', { enabled: true, groups: ['theirs'] }),
  };
  for (const [title, object] of Object.entries(occupied)) {
    test(`${title} of that name is left alone, and the token is not written beside it`, async () => {
      world.downstream.put(object);
      world.tellWatch();
      const theirs = world.downstream.find(object.kind, object.metadata.name);
      await inSync();
      expect(world.downstream.find(object.kind, object.metadata.name)).toEqual(theirs);
      expect(state()).toMatchObject({ state: 'refused', reason: 'Conflict' });
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
      expect(reasons()).toEqual(['Conflict']);
    });

    test(`${title} of that name is left alone, also when the token's key is worked before the user's`, async () => {
      world.downstream.put(object);
      world.tellWatch();
      world.putUser();
      await world.settle();
      world.putToken();
      await world.settle();
      expect(state()).toMatchObject({ state: 'refused', reason: 'Conflict' });
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
    });

    test(`${title} that the watch did not tell yet is left alone as well`, async () => {
      world.downstream.put(object);
      world.putUser();
      world.putToken();
      while (world.queue.size > 0) await world.workOne();
      expect(world.downstream.find(object.kind, object.metadata.name)).toMatchObject(object);
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
    });

    test(`${title}: once it is gone the token comes`, async () => {
      world.downstream.put(object);
      world.tellWatch();
      await inSync();
      world.downstream.drop(object.kind, object.metadata.name);
      await world.settle();
      await world.advance(61 * SECOND);
      await world.advance(61 * SECOND);
      expect(view()).toEqual(IN_SYNC);
    });

    test(`${title} is taken over when adoption is on`, async () => {
      // Of a Secret alone nobody can tell whether it is a token's.
      if (object.kind === 'Secret')
        world.downstream.put(foreign('ClusterAuthToken', 't-1', { userName: 'u-1' }));
      world.downstream.put(object);
      world.tellWatch();
      world.spec = { ...world.spec, adopt: true };
      await inSync();
      expect(view()).toEqual(IN_SYNC);
    });

    test(`${title} survives the deletion of the token`, async () => {
      world.downstream.put(object);
      world.tellWatch();
      await inSync();
      world.deleteToken();
      world.deleteUser();
      await world.settle();
      expect(world.downstream.find(object.kind, object.metadata.name)).toMatchObject(object);
    });
  }

  for (const [title, data] of Object.entries({
    'somebody’s Secret': { token: 'YWdlbnQ=', url: 'aHR0cHM6Ly8=' },
    'a lone hash': { hash: Buffer.from(sha3.hash('theirs')).toString('base64') },
  })) {
    test(`${title} of that name is neither changed nor deleted, also with adoption on`, async () => {
      const theirs = foreign('Secret', 't-1', { type: 'Opaque', data });
      world.downstream.put(theirs);
      world.spec = { ...world.spec, adopt: true };
      await inSync();
      expect(state()).toMatchObject({ state: 'refused', reason: 'Conflict' });
      await world.advance(61 * SECOND);
      world.deleteToken();
      await world.settle();
      expect(world.downstream.find('Secret', 't-1')).toMatchObject(theirs);
      expect(world.downstream.find('Secret', 't-1')?.metadata.labels).toEqual({ theirs: 'yes' });
    });
  }

  test('a Secret that another installation wrote has no ClusterAuthToken of ours put beside it', async () => {
    const labels = {
      'app.kubernetes.io/managed-by': 'ace-operator',
      'ace-operator.io/installation': 'theirs',
    };
    const secret = movedSecret(sha3.hash('theirs'));
    world.downstream.put({ ...secret, metadata: { ...secret.metadata, labels } });
    await inSync();
    await world.advance(61 * SECOND);
    expect(state()).toMatchObject({ state: 'refused', reason: 'Conflict' });
    expect(world.downstream.find('ClusterAuthToken', 't-1')).toBeUndefined();
  });

  test('a stranger’s pair survives, with adoption on, a token that our algorithm cannot take', async () => {
    const theirs = foreign('ClusterAuthToken', 't-1', { userName: 'u-1', enabled: true });
    world.downstream.put(theirs);
    world.tellWatch();
    world.spec = { ...world.spec, adopt: true };
    world.algorithm = 'bcrypt';
    world.putUser();
    world.putToken({ token: 'x'.repeat(73) });
    await world.settle();
    expect(state()).toMatchObject({ state: 'refused', reason: 'SecretTooLong' });
    expect(world.downstream.find('ClusterAuthToken', 't-1')).toMatchObject(theirs);
  });

  describe('our Secret beside a stranger’s ClusterAuthToken', () => {
    /** As after adoption that was switched off half-way. */
    async function halfAdopted(): Promise<void> {
      await inSync();
      world.downstream.drop('ClusterAuthToken', 't-1');
      world.downstream.put(foreign('ClusterAuthToken', 't-1', { userName: 'u-1', enabled: true }));
      await world.settle();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-1 is u-1']);
    }
    const ends: Record<string, Json> = {
      disabled: { enabled: false },
      expired: { expiresAt: timeText(NOW - SECOND) },
      'without a value': { token: '' },
    };
    const awayFor: Record<string, Json> = {
      'of another cluster': { clusterName: 'c-9' },
      'of none': { clusterName: '' },
    };

    for (const [title, fields] of Object.entries(awayFor)) {
      test(`lets nobody in while the token is ${title}, and lets in again when it is this one’s again`, async () => {
        await halfAdopted();
        world.putToken(fields);
        await world.settle();
        await world.advance(20 * SECOND);
        expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
        world.putToken();
        await world.settle();
        expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-1 is u-1']);
      });
    }

    test('is owed when its token is deleted while the cluster is away: it lets in', async () => {
      await halfAdopted();
      world.debts.length = 0;
      world.isAway = true;
      world.deleteToken();
      expect(world.debts).toEqual(['token/t-1 token']);
    });

    for (const [title, fields] of Object.entries(ends)) {
      test(`lets nobody in while the token is ${title}, and lets in again when it is good again`, async () => {
        await halfAdopted();
        world.putToken(fields);
        await world.settle();
        expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
        expect(state()).toMatchObject({ state: 'refused' });
        const { writes } = world.downstream;
        world.sweep();
        await world.settle();
        expect(world.downstream.writes).toBe(writes);
        world.putToken();
        await world.settle();
        expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-1 is u-1']);
      });
    }

    test('goes with a token that is disabled and then deleted', async () => {
      await halfAdopted();
      world.putToken({ enabled: false });
      await world.settle();
      world.deleteToken();
      await world.settle();
      expect(world.downstream.find('Secret', 't-1')).toBeUndefined();
    });
  });

  test('a ClusterUserAttribute that replaced ours takes our pair away: its groups are not ours to give', async () => {
    await inSync();
    world.downstream.drop('ClusterUserAttribute', 'u-1');
    const theirs = foreign('ClusterUserAttribute', 'u-1', { enabled: true, groups: ['admins'] });
    world.downstream.put(theirs);
    world.tellWatch();
    world.sweep();
    await world.settle();
    expect(view()).toEqual(['user u-1: enabled=true groups=["admins"]']);
    expect(world.downstream.find('ClusterUserAttribute', 'u-1')).toMatchObject(theirs);
    expect(state()).toMatchObject({
      state: 'refused',
      reason: 'Conflict',
      message: expect.stringContaining('ClusterUserAttribute u-1'),
    });
    expect(reasons()).toContain('Conflict');
    world.downstream.drop('ClusterUserAttribute', 'u-1');
    world.sweep();
    await world.settle();
    await world.advance(61 * SECOND);
    expect(view()).toEqual(IN_SYNC);
  });

  test('a ClusterUserAttribute that replaced ours takes our pair away while suspended, too', async () => {
    await inSync();
    world.spec = { ...world.spec, suspend: true };
    world.downstream.drop('ClusterUserAttribute', 'u-1');
    world.downstream.put(foreign('ClusterUserAttribute', 'u-1', { enabled: true, groups: ['admins'] }));
    world.tellWatch();
    world.sweep();
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
  });

  test('a Secret in the way is looked at again and again, and costs no writes', async () => {
    const theirs = foreign('Secret', 't-1', { data: { hash: 'dGhlaXJz' } });
    world.downstream.put(theirs);
    await inSync();
    expect(state()).toMatchObject({ state: 'refused', reason: 'Conflict' });
    const { writes, requests } = world.downstream;
    for (let retry = 0; retry < 5; retry += 1) {
      await world.advance(61 * SECOND);
      expect(state()).toMatchObject({ state: 'refused', reason: 'Conflict' });
    }
    expect(world.downstream.writes).toBe(writes);
    expect(world.downstream.requests).toBeGreaterThan(requests);
    expect(reasons()).toEqual(['Conflict']);
    expect(world.downstream.find('Secret', 't-1')).toMatchObject(theirs);
  });

  test('an object of ours that we had not seen is recognised, not fought over', async () => {
    await inSync();
    const second = new ReconcileWorld();
    for (const object of world.downstream.objects()) second.downstream.put(object);
    second.putUser();
    second.putAttribute();
    second.putToken();
    await second.settle();
    expect(viewOf(second.downstream, SECRETS)).toEqual(IN_SYNC);
    expect(second.outcomes.get('token/t-1')).toMatchObject({ state: 'synced' });
    await second.close();
  });

  test('a token named like its user is brought to sync too', async () => {
    world.putUser();
    world.putAttribute();
    world.putToken({}, { name: 'u-1' });
    // Each watch is a stream of its own: the one of the ClusterUserAttributes comes last.
    while (world.queue.size > 0) await world.workOne();
    world.tellWatch('Secret');
    world.tellWatch('ClusterAuthToken');
    while (world.queue.size > 0) await world.workOne();
    await world.settle();
    expect(state('token/u-1')).toMatchObject({ state: 'synced' });
  });
});

describe('hashes', () => {
  const hashed = { annotations: { [ANNOTATION_TOKEN_HASHED]: 'true' } };

  test('a token stored hashed is copied', async () => {
    const hash = sha3.hash('secret-1');
    world.putUser();
    world.putToken({ token: hash }, hashed);
    await world.settle();
    expect(world.downstream.find('Secret', 't-1')?.['data']).toEqual({
      hash: Buffer.from(hash).toString('base64'),
    });
  });

  test('a token that is hashed later keeps working, and then nothing more is written', async () => {
    await inSync();
    world.putToken({ token: sha3.hash('secret-1') }, hashed);
    await world.settle();
    expect(view()).toEqual(IN_SYNC);
    const { writes } = world.downstream;
    world.sweep();
    await world.settle();
    expect(world.downstream.writes).toBe(writes);
  });

  test('a secret too long for the algorithm is refused visibly, and never cut', async () => {
    world.algorithm = 'bcrypt';
    world.putUser();
    world.putToken({ token: 'x'.repeat(73) });
    await world.settle();
    expect(state()).toMatchObject({ state: 'refused', reason: 'SecretTooLong' });
    expect(view().filter((line) => !line.startsWith('user'))).toEqual([]);
  });

  test('a user with no token that can be written has no ClusterUserAttribute', async () => {
    world.algorithm = 'bcrypt';
    world.putUser();
    world.putToken({ token: 'x'.repeat(73) });
    await world.settle();
    expect(view()).toEqual([]);
  });

  test('another algorithm makes another hash of the same token', async () => {
    await inSync();
    const before = world.downstream.find('Secret', 't-1');
    world.algorithm = 'scrypt';
    const ready = Promise.withResolvers<void>();
    const add = world.queue.add.bind(world.queue);
    world.queue.add = (key, lane) => {
      add(key, lane);
      if (key === 'token/t-1') ready.resolve();
    };
    world.sweep();
    await world.settle();
    // The old one serves until the new one is there.
    expect(world.downstream.find('Secret', 't-1')).toEqual(before);
    expect(state()).toEqual({ state: 'pending', reason: 'HashPending' });
    while (world.hashes.pending > 0) await new Promise((resolve) => setImmediate(resolve));
    await world.settle();
    expect(world.downstream.find('Secret', 't-1')).not.toEqual(before);
    expect(state()).toMatchObject({ state: 'synced' });
  });

  test('a hash that cannot be made fails that token alone', async () => {
    const broken: Hasher = {
      hash: () => Promise.reject(new Error('broken')),
      verify: () => Promise.resolve(false),
      queued: 0,
      close: () => Promise.resolve(),
    };
    await world.close();
    world = new ReconcileWorld(broken);
    world.algorithm = 'bcrypt';
    world.putUser();
    world.putToken();
    world.putToken({ token: sha3.hash('secret-2') }, { name: 't-2', uid: 'uid-t-2', ...hashed });
    await world.settle();
    expect(state()).toEqual({ state: 'pending', reason: 'HashPending' });
    expect(view()).toContain('token t-2: user=u-1 enabled=true');
  });
});

describe('a token that keeps its user and secret', () => {
  const hashThere = (): unknown => world.downstream.find('Secret', 't-1')?.['data'];

  for (const storage of ['secret', 'inline'] as const) {
    test(`is let in at every moment when it is made again (${storage})`, async () => {
      world.storage = storage;
      await inSync();
      const hash = hashThere();
      const worst = watchTheWorst();
      world.deleteToken();
      world.putToken({}, { uid: 'uid-other' });
      await world.settle();
      expect(worst()).toBe(1);
      expect(hashThere()).toEqual(hash);
      expect(state()).toMatchObject({ state: 'synced' });
      expect(world.downstream.find('ClusterAuthToken', 't-1')).toMatchObject({
        metadata: { annotations: { 'ace-operator.io/token-uid': 'uid-other' } },
      });
    });
  }

  test('is let in at every moment when the installation key is lost, and is marked anew', async () => {
    await inSync();
    const hash = hashThere();
    const worst = watchTheWorst();
    world.key = Buffer.from('another');
    world.sweep();
    await world.settle();
    expect(worst()).toBe(1);
    expect(hashThere()).toEqual(hash);
    const { writes } = world.downstream;
    world.sweep();
    await world.settle();
    expect(world.downstream.writes).toBe(writes);
    // Nobody meddled with it.
    expect(reasons()).not.toContain('Repaired');
  });

  test('with slow hashes: each is checked once and none is made anew, by whichever process comes next', async () => {
    world.algorithm = 'bcrypt';
    await inSync();
    await settleHashes();
    expect(state()).toMatchObject({ state: 'synced' });
    const hash = hashThere();
    const worst = watchTheWorst();
    // Twice: the process that made the new key ends before it has looked at this token.
    world.key = Buffer.from('another');
    world.key = Buffer.from('a third');
    world.sweep();
    await settleHashes();
    expect(worst()).toBe(1);
    expect(hashThere()).toEqual(hash);
  });

  // Rancher's controller replaces the data of a Secret that has the name, and leaves its marks.
  test('is let in at every moment when another writer puts its own hash of that secret into our Secret', async () => {
    world.algorithm = 'bcrypt';
    await inSync();
    await settleHashes();
    const worst = watchTheWorst();
    world.downstream.edit('Secret', 't-1', { data: dataOf(sha3.hash('secret-1')) });
    await settleHashes();
    expect(worst()).toBe(1);
    expect(state()).toMatchObject({ state: 'synced' });
    expect(hashIn(world.downstream.find('Secret', 't-1') as KubeObject)).toMatch(/^\$2b/);
  });

  test('with another secret it is ended at once, while the new hash is still being made, also where a log-in has moved it', async () => {
    await inlineAndMoved();
    await world.settle();
    world.algorithm = 'bcrypt';
    world.putToken({ token: 'secret-2' });
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
    await settleHashes();
    expect(candidates(world.downstream, world.nowMs)).toBe(1);
  });

  test('with another secret it is ended at once, while the new hash is still being made', async () => {
    await inSync();
    world.algorithm = 'bcrypt';
    world.deleteToken();
    world.putToken({ token: 'secret-2' }, { uid: 'uid-other' });
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
  });
});

describe('a suspended cluster', () => {
  const suspend = (): void => {
    world.spec = { ...world.spec, suspend: true };
  };

  test('keeps a good token whose secret today’s algorithm could not take', async () => {
    const long = 'x'.repeat(81);
    await inSync({ token: long });
    suspend();
    world.algorithm = 'bcrypt';
    const { writes } = world.downstream;
    world.sweep();
    await world.settle();
    expect(whoGetsIn(world.downstream, [long])).toEqual([`${long} is u-1`]);
    expect(state()).toEqual({ state: 'pending', reason: 'Suspended' });
    expect(world.downstream.writes).toBe(writes);
    world.spec = { ...world.spec, suspend: false };
    world.sweep();
    await world.settle();
    expect(whoGetsIn(world.downstream, [long])).toEqual([]);
    expect(state()).toMatchObject({ state: 'refused', reason: 'SecretTooLong' });
  });

  for (const storage of ['secret', 'inline'] as const) {
    test(`lets the old secret of a token in no more when it was changed in place (${storage})`, async () => {
      world.storage = storage;
      await inSync();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-1 is u-1']);
      suspend();
      world.putToken({ token: 'secret-2' });
      await world.settle();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
      world.spec = { ...world.spec, suspend: false };
      world.sweep();
      await world.settle();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-2 is u-1']);
    });
  }

  const others: Record<string, Json> = { 'changed in place': {}, 'made again': { uid: 'uid-other' } };
  for (const [title, metadata] of Object.entries(others)) {
    test(`lets the old secret of a token in no more that was ${title}, where a log-in has moved its hash`, async () => {
      await inlineAndMoved();
      await world.settle();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-1 is u-1']);
      suspend();
      world.putToken({ token: 'secret-2' }, metadata);
      await world.settle();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
      world.spec = { ...world.spec, suspend: false };
      world.sweep();
      await world.settle();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-2 is u-1']);
    });
  }

  test('lets the old secret of a token in no more whose storage has changed since a log-in moved its hash', async () => {
    await inlineAndMoved();
    suspend();
    world.storage = 'secret';
    world.sweep();
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-1 is u-1']);
    world.putToken({ token: 'secret-2' });
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
  });

  test('nor that of a token that is stored hashed, where a log-in has moved what was copied', async () => {
    const hashed = { annotations: { [ANNOTATION_TOKEN_HASHED]: 'true' } };
    await inlineAndMoved({ token: sha3.hash('secret-1') }, hashed);
    await world.settle();
    suspend();
    world.sweep();
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-1 is u-1']);
    world.putToken({ token: sha3.hash('secret-2') }, hashed);
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
  });

  test('keeps a good token whose hash a log-in has moved when the installation key was lost, and ends it with its secret', async () => {
    await inlineAndMoved();
    await world.settle();
    suspend();
    world.key = Buffer.from('another');
    world.sweep();
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-1 is u-1']);
    world.putToken({ token: 'secret-2' });
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
  });

  test('keeps a token whose hash was put into our Secret by another writer, who made its own of that secret', async () => {
    await inSync();
    suspend();
    world.downstream.edit('Secret', 't-1', { data: dataOf(sha3.hash('secret-1')) });
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-1 is u-1']);
  });

  test('lets the old secret in no more also when today’s algorithm cannot take the new one', async () => {
    await inSync();
    suspend();
    world.algorithm = 'bcrypt';
    world.putToken({ token: 'x'.repeat(81) });
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
  });

  test('keeps every good token when the installation key was lost', async () => {
    await inSync();
    suspend();
    world.key = Buffer.from('another');
    world.sweep();
    await world.settle();
    expect(view()).toEqual(IN_SYNC);
    expect(state()).toEqual({ state: 'pending', reason: 'Suspended' });
  });

  test('and still lets an earlier secret in no more: the hash itself was asked', async () => {
    await inSync();
    suspend();
    world.key = Buffer.from('another');
    world.putToken({ token: 'secret-2' });
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
  });

  for (const algorithm of ['bcrypt', 'scrypt'] as const) {
    test(`keeps a pair whose algorithm alone is another now (${algorithm})`, async () => {
      await inSync();
      suspend();
      world.algorithm = algorithm;
      world.sweep();
      await world.settle();
      while (world.hashes.pending > 0) await new Promise((resolve) => setImmediate(resolve));
      world.sweep();
      await world.settle();
      expect(view()).toEqual(IN_SYNC);
    });
  }
});

test('a hash that is to be made waits in the turn of its cluster, and of its user', async () => {
  const groups: unknown[] = [];
  const recording: Hasher = {
    hash: async (_algorithm, secret, _signal, group) => {
      groups.push(group);
      return sha3.hash(secret);
    },
    verify: () => Promise.resolve(false),
    queued: 0,
    close: () => Promise.resolve(),
  };
  await world.close();
  world = new ReconcileWorld(recording);
  world.algorithm = 'bcrypt';
  await inSync();
  expect(groups).toEqual(['c-1/u-1']);
});

describe('a decision that is overtaken', () => {
  const revocations: Record<string, () => void> = {
    disabled: () => void world.putToken({ enabled: false }),
    deleted: () => world.deleteToken(),
    'given to another user': () => {
      world.putUser({}, { name: 'u-2', uid: 'uid-u-2' });
      world.putToken({ userId: 'u-2' });
    },
  };
  for (const [title, revoke] of Object.entries(revocations)) {
    for (const kind of ['ClusterUserAttribute', 'Secret']) {
      test(`${title} while the ${kind} is under way: what was decided before is not written`, async () => {
        const created: unknown[] = [];
        let isRevoked = false;
        world.downstream.fault = (request) => {
          if (request.verb === 'create' && request.kind === 'ClusterAuthToken')
            created.push(world.management.tokens.get('t-1')?.userName);
          if (!isRevoked && request.verb === 'create' && request.kind === kind) {
            isRevoked = true;
            revoke();
          }
          return undefined;
        };
        await inSync();
        expect(isRevoked).toBe(true);
        expect(created).toEqual(title === 'given to another user' ? ['u-2'] : []);
      });
    }
  }
});

describe('a removal that is refused', () => {
  const refuse = (verb: string, kinds: readonly string[], code = 422): void => {
    world.downstream.fault = (request) =>
      request.verb === verb && kinds.includes(request.kind) ? status(code, 'Invalid') : undefined;
  };

  for (const code of [400, 403, 413, 422]) {
    test(`with ${code}: nobody is let in, and it is tried until it succeeds`, async () => {
      await inSync();
      refuse('delete', ['ClusterAuthToken'], code);
      world.deleteToken();
      if (code === 403) await world.settle().catch(() => {});
      else await world.settle();
      expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
      expect(view()).toContain('token t-1: user=u-1 enabled=false');
      if (code !== 403) expect(state()).toMatchObject({ state: 'failed', reason: 'Rejected' });
      world.downstream.fault = () => undefined;
      await world.advance(5 * SECOND);
      expect(view()).toEqual([]);
    });
  }

  test('in both ways leaves no hash', async () => {
    await inSync();
    world.downstream.fault = ({ verb, kind }) =>
      verb !== 'get' && kind === 'ClusterAuthToken' ? status(422, 'Invalid') : undefined;
    world.deleteToken();
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
    expect(world.downstream.find('Secret', 't-1')).toBeUndefined();
    expect(world.lag.pending.revocations).toBe(1);
  });

  test('of a deleted user: he is refused all the same', async () => {
    await inSync();
    refuse('delete', ['ClusterUserAttribute']);
    world.deleteUser();
    await world.settle();
    expect(view()).toEqual(['user u-1: enabled=false groups=["g-1"]']);
  });

  test('of a group, because of something else in that patch: the group goes', async () => {
    await inSync();
    world.downstream.fault = ({ verb, number }) =>
      verb === 'patch' && number === world.downstream.requests && !isRefused ? refuseOnce() : undefined;
    let isRefused = false;
    const refuseOnce = (): ReturnType<typeof status> => {
      isRefused = true;
      return status(413, 'RequestEntityTooLarge');
    };
    world.putAttribute({ GroupPrincipals: {}, ExtraByProvider: { local: { username: ['x'] } } });
    await world.settle();
    expect(view()).toContain('user u-1: enabled=true groups=[]');
  });

  test('by someone’s finalizer: it is closed first, for those who do not look whether it is being deleted', async () => {
    await inSync();
    world.downstream.edit('ClusterAuthToken', 't-1', { metadata: { finalizers: ['example.com/hold'] } });
    await world.settle();
    world.deleteToken();
    await world.settle();
    expect(whoGetsIn(world.downstream, SECRETS)).toEqual([]);
    expect(world.downstream.find('ClusterAuthToken', 't-1')).toMatchObject({ enabled: false });
  });
});

test('an immutable Secret is replaced when the secret is rotated', async () => {
  await inSync();
  world.downstream.edit('Secret', 't-1', { immutable: true });
  world.downstream.fault = ({ verb, kind }) =>
    verb === 'patch' && kind === 'Secret' ? status(422, 'Invalid') : undefined;
  world.putToken({ token: 'secret-2' });
  await world.settle();
  expect(whoGetsIn(world.downstream, SECRETS)).toEqual(['secret-2 is u-1']);
});

describe('a token on the move', () => {
  test('stays until the other cluster has it', async () => {
    await inSync();
    world.isMoving = true;
    world.putToken({ clusterName: 'c-2' });
    await world.settle();
    expect(view()).toEqual(IN_SYNC);
    world.isMoving = false;
    await world.advance(SECOND);
    expect(view()).toEqual([]);
  });
});

describe('a server that refuses', () => {
  test('the object itself: terminal, that token alone, until it changes', async () => {
    world.downstream.fault = ({ kind, name }) =>
      kind === 'ClusterAuthToken' && name === 't-1' ? status(422, 'Invalid') : undefined;
    world.putToken({ token: 'secret-2' }, { name: 't-2', uid: 'uid-t-2' });
    await inSync();
    expect(state()).toMatchObject({ state: 'failed', reason: 'Rejected' });
    expect(view()).toContain('token t-2: user=u-1 enabled=true');
    world.downstream.fault = () => undefined;
    world.putToken();
    await world.settle();
    expect(state()).toMatchObject({ state: 'synced' });
  });

  test('a half-written token is nobody’s way in', async () => {
    world.downstream.fault = ({ kind, verb }) =>
      kind === 'Secret' && verb === 'create' ? status(422, 'Invalid') : undefined;
    await inSync();
    expect(view()).toEqual([IN_SYNC[2]]);
  });
});
