import { beforeEach, describe, expect, test } from 'vitest';
import type { WrittenIdentity } from '../../../src/clusters/identity.ts';
import { ClusterIdentity } from '../../../src/clusters/identity.ts';
import type { SessionState } from '../../../src/clusters/session.ts';

let told: string[];
let identity: ClusterIdentity;
beforeEach(() => {
  told = [];
  identity = new ClusterIdentity('c-one', ({ reason }) => told.push(reason));
});

const connected = (clusterUid?: string, strangerUid?: string): SessionState => ({
  phase: 'connected',
  sinceMs: 0,
  clusterUid,
  strangerUid,
});
const away = (strangerUid?: string): SessionState => ({
  ...{ phase: 'disconnected', reason: 'Unreachable', message: 'no', nextTryMs: 0 },
  ...(strangerUid === undefined ? {} : { strangerUid }),
});
const said = (uid?: string, acceptedUid?: string): WrittenIdentity => ({
  uid,
  acceptedUid,
});

describe('the cluster that is written to', () => {
  test('is the first that was seen, and stays it', () => {
    identity.seen(connected('one'));
    identity.seen(connected('one'));
    expect([identity.uid, identity.strangerUid, told]).toEqual(['one', undefined, []]);
  });

  test('is the one that the status names, whatever answers', () => {
    expect(identity.follow(said('one'), false)).toBeUndefined();
    identity.seen(connected('one', 'two'));
    expect([identity.uid, identity.strangerUid, told]).toEqual(['one', 'two', ['ClusterReplaced']]);
  });

  test('is the one that the status names also when that is read late: then it is connected anew', () => {
    identity.seen(connected('two'));
    expect(identity.follow(said('one'), true)).toBe('known');
    expect(identity.follow(said('one'), true)).toBeUndefined();
    expect(identity.uid).toBe('one');
  });

  test('stays it when its status is written, or lost', () => {
    identity.seen(connected('one'));
    expect([identity.follow(said('one'), true), identity.follow(said(), true)]).toEqual([
      undefined,
      undefined,
    ]);
    expect(identity.uid).toBe('one');
  });
});

describe('another one in its place', () => {
  beforeEach(() => {
    identity.follow(said('one'), false);
    identity.seen(connected('one', 'two'));
  });

  test('is told once, and is gone when the right one is back, but not by falling silent', () => {
    identity.seen({ phase: 'connecting' });
    identity.seen(away());
    identity.seen(away('two'));
    expect([identity.strangerUid, told]).toEqual(['two', ['ClusterReplaced']]);
    identity.seen(connected('one'));
    expect(identity.strangerUid).toBeUndefined();
  });

  test('is accepted by its UID, and by no other', () => {
    expect(identity.follow(said('one', 'three'), true)).toBe('refused');
    expect([identity.uid, identity.strangerUid]).toEqual(['one', 'two']);
    expect(identity.follow(said('one', 'two'), true)).toBe('accepted');
    expect([identity.uid, identity.strangerUid]).toEqual(['two', undefined]);
    // The status as it was is told once more before the new one.
    expect(identity.follow(said('one'), true)).toBeUndefined();
    expect(identity.uid).toBe('two');
    expect(told).toEqual(['ClusterReplaced', 'AcceptanceRefused', 'ClusterAccepted']);
  });
});

describe('an acceptance', () => {
  test('waits until it is known who answers', () => {
    expect(identity.follow(said('one', 'two'), false)).toBeUndefined();
    identity.seen(connected('one', 'two'));
    expect(identity.follow(said('one', 'two'), true)).toBe('accepted');
  });

  test('that nobody needs is taken off', () => {
    identity.seen(connected('one'));
    expect(identity.follow(said('one', 'two'), true)).toBe('refused');
    expect(identity.follow(said('one', 'one'), true)).toBe('refused');
    expect(told).toEqual(['AcceptanceRefused']);
  });
});
