import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ANNOTATION_TOKEN_API, EXT_TOKEN_SECRETS } from '../../../../src/api/names.ts';
import { parseExtToken } from '../../../../src/api/parse-ext-token.ts';
import type { Token } from '../../../../src/api/types.ts';
import { ApiError } from '../../../../src/errors.ts';
import { planSweep } from '../../../../src/operator/sweep/sweep-plan.ts';
import type { TokenSources } from '../../../../src/operator/upstream/token-sources.ts';
import { aToken, NOW, rawExtToken, SECOND, timeText } from '../../../support/builders.ts';
import { ReconcileWorld } from '../../../support/reconcile-world.ts';

const EXT_WATCH = 'tokens.ext.cattle.io';
const KEY = 'token/t-1';
const RAW = rawExtToken({ ttl: '-1' }, { uid: 'uid-ext', creationTimestamp: timeText(NOW) });
const YOUNGER = aToken({}, { uid: 'uid-v3', creationTimestamp: timeText(NOW + SECOND) });
const OLDER = aToken({}, { uid: 'uid-v3-older', creationTimestamp: timeText(NOW - SECOND) });

const INVALID = new ApiError('refused', {
  ...{ code: 422, statusReason: 'Invalid', objectMissing: false, retryAfterMs: undefined },
});

let world: ReconcileWorld;
let sources: TokenSources;
beforeEach(() => {
  world = new ReconcileWorld();
  sources = world.management.tokenSources as TokenSources;
  world.putUser();
  world.putAttribute();
});
afterEach(() => world.close());

async function look(): Promise<void> {
  world.queue.add(KEY, 'normal');
  await world.settle();
}
/** Of which kind the token is that is there. */
function there(): string | undefined {
  const object = world.observed.forToken('t-1').find(({ kind }) => kind === 'ClusterAuthToken');
  return object && (object.metadata.annotations?.[ANNOTATION_TOKEN_API] ?? 'v3');
}
async function extIsThere(): Promise<void> {
  sources.ext.put(parseExtToken(RAW));
  world.extSecrets = new Map([['t-1', RAW]]);
  await look();
  expect(there()).toBe('ext.cattle.io');
}
/** As a process that has just begun, and may not read them, or did not get to it. */
function unread(): void {
  sources.ext.replace([]);
  world.management.unread.set(EXT_WATCH, 'not read yet');
}
function read(): void {
  world.management.unread.delete(EXT_WATCH);
  sources.ext.put(parseExtToken(RAW));
}

describe('a token of ext.cattle.io that is absent', () => {
  const orphans = (): readonly string[] =>
    planSweep({ name: 'c-1', spec: world.spec, nowMs: NOW }, world.observed, world.management, world.evidence)
      .orphans;
  async function deletionTold(atMs: number): Promise<void> {
    await extIsThere();
    sources.ext.replace([]);
    world.extSecrets = new Map();
    world.evidence.add('token/ext/t-1', atMs);
  }

  test('goes when its deletion was told', async () => {
    await deletionTold(NOW);
    expect(orphans()).toEqual([]);
    await look();
    expect(there()).toBeUndefined();
  });

  test('stays when that was told before its namespace was made anew, until a sweep let it pass', async () => {
    await deletionTold(NOW);
    world.evidence.trustSince(EXT_TOKEN_SECRETS, NOW + SECOND);
    await look();
    expect([there(), world.outcomes.get(KEY)]).toEqual([
      'ext.cattle.io',
      { state: 'pending', reason: 'GCBlocked' },
    ]);
    expect(world.sweepsRequested).toBeGreaterThan(0);
    expect(orphans()).toEqual([KEY]);
    world.approved.add(KEY);
    await look();
    expect(there()).toBeUndefined();
  });

  test('goes when it was told after that', async () => {
    await deletionTold(NOW + 2 * SECOND);
    world.evidence.trustSince(EXT_TOKEN_SECRETS, NOW + SECOND);
    await look();
    expect(there()).toBeUndefined();
  });

  test('says nothing of a Token whose deletion was told', async () => {
    sources.v3.put(OLDER);
    await look();
    sources.v3.remove(OLDER);
    world.evidence.add(KEY, NOW);
    world.evidence.trustSince(EXT_TOKEN_SECRETS, NOW + SECOND);
    expect(orphans()).toEqual([]);
    await look();
    expect(there()).toBeUndefined();
  });
});

describe('a Token, while tokens of ext.cattle.io are not read,', () => {
  test('does not take the place of one of its name that is there', async () => {
    await extIsThere();
    unread();
    sources.v3.put(YOUNGER);
    await look();
    expect([there(), world.outcomes.get(KEY)]).toEqual([
      'ext.cattle.io',
      { state: 'pending', reason: 'NameCollision' },
    ]);
    read();
    await look();
    expect([there(), world.outcomes.get(KEY)?.state]).toEqual(['ext.cattle.io', 'synced']);
  });

  test('does not take it away by being disabled, or of another cluster', async () => {
    await extIsThere();
    unread();
    for (const fields of [{ enabled: false }, { clusterName: 'c-2' }]) {
      sources.v3.put({ ...YOUNGER, ...fields, resourceVersion: JSON.stringify(fields) });
      await look();
      expect(there()).toBe('ext.cattle.io');
    }
  });

  test('nor when nobody may tell whether that one is there still', async () => {
    await extIsThere();
    unread();
    sources.v3.put(YOUNGER);
    world.extSecrets = 'forbidden';
    world.queue.add(KEY, 'normal');
    world.tellWatch();
    await world.workOne();
    expect(there()).toBe('ext.cattle.io');
  });

  test('takes it when that one is gone for certain', async () => {
    await extIsThere();
    unread();
    sources.v3.put(YOUNGER);
    world.extSecrets = new Map();
    await look();
    expect([there(), world.outcomes.get(KEY)?.state]).toEqual(['v3', 'synced']);
  });

  test('that is there stays, and goes when it is revoked', async () => {
    sources.v3.put(OLDER);
    await look();
    unread();
    await look();
    expect([there(), world.outcomes.get(KEY)?.state]).toEqual(['v3', 'synced']);
    sources.v3.put({ ...OLDER, enabled: false, resourceVersion: '9' });
    await look();
    expect(there()).toBeUndefined();
  });

  test('is carried when no older one has its name, or nobody may tell', async () => {
    for (const extSecrets of [new Map(), 'forbidden'] as const) {
      unread();
      world.extSecrets = extSecrets;
      sources.v3.put(YOUNGER);
      await look();
      expect(there()).toBe('v3');
      sources.v3.remove(YOUNGER);
      world.evidence.add(KEY, NOW);
      await look();
    }
  });

  test('is carried when the other is younger, and waits when it is older: it would have to go again', async () => {
    unread();
    world.extSecrets = new Map([['t-1', RAW]]);
    sources.v3.put(YOUNGER);
    await look();
    expect([there(), world.outcomes.get(KEY)]).toEqual([
      undefined,
      { state: 'pending', reason: 'NameCollision' },
    ]);
    sources.v3.replace([OLDER]);
    await look();
    expect(there()).toBe('v3');
  });
});

describe('a user who is disabled and enabled again', () => {
  const MINUTE = 60 * SECOND;
  const withoutHash = (uid = 'uid-ext'): Token =>
    parseExtToken(
      rawExtToken({ ttl: '-1', hash: null }, { uid, creationTimestamp: timeText(NOW), resourceVersion: '9' }),
    );
  async function disableAndEnable(): Promise<void> {
    world.putUser({ enabled: false });
    await world.settle();
    expect(world.observed.forUser('u-1')?.['enabled']).toBe(false);
    world.putUser({ enabled: true });
    await world.settle();
    for (let minute = 0; minute < 5; minute += 1) await world.advance(MINUTE);
  }
  const isIn = (): unknown => world.observed.forUser('u-1')?.['enabled'];
  beforeEach(async () => {
    world.putToken({}, { name: 'good', uid: 'uid-good' });
    await extIsThere();
  });

  test('is not kept out by a token whose hash is missing, and which stays', async () => {
    sources.ext.put(withoutHash());
    await look();
    expect(world.outcomes.get(KEY)).toEqual({ state: 'pending', reason: 'HashPending' });
    await disableAndEnable();
    expect([there(), isIn()]).toEqual(['ext.cattle.io', true]);
  });

  test('waits until one of that name goes that was another’s, whose hash is missing', async () => {
    sources.ext.put(withoutHash('uid-another'));
    world.downstream.fault = ({ kind, name }) => (name === 't-1' && kind !== 'Secret' ? INVALID : undefined);
    await disableAndEnable();
    expect([there(), isIn()]).toEqual(['ext.cattle.io', false]);
    world.downstream.fault = () => undefined;
    await world.advance(MINUTE);
    expect([there(), isIn()]).toEqual([undefined, true]);
  });

  for (const [title, secrets] of [
    ['which is there', new Map([['t-1', RAW]])],
    ['of which nobody may tell', 'forbidden'],
  ] as const) {
    test(`is not kept out by a token that is not read, ${title}`, async () => {
      unread();
      world.extSecrets = secrets;
      await disableAndEnable();
      expect([there(), isIn()]).toEqual(['ext.cattle.io', true]);
      // One of its name does not change that: it waits.
      sources.v3.put({ ...YOUNGER, enabled: false });
      await disableAndEnable();
      expect([there(), isIn()]).toEqual(['ext.cattle.io', true]);
    });
  }

  test('waits for one whose deletion was told before it could not be read', async () => {
    unread();
    world.extSecrets = 'forbidden';
    world.evidence.add('token/ext/t-1', NOW);
    world.queue.add(KEY, 'revocation');
    await disableAndEnable();
    expect([there(), isIn()]).toEqual(['ext.cattle.io', false]);
    world.extSecrets = new Map();
    await world.advance(MINUTE);
    expect([there(), isIn()]).toEqual([undefined, true]);
  });
});
