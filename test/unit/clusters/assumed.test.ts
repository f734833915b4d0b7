import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { KubeObject } from '../../../src/api/types.ts';
import { Assumed } from '../../../src/clusters/assumed.ts';

const anObject = (resourceVersion: string, uid = 'uid-1', kind = 'Secret'): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'a', uid, resourceVersion },
});
const seen = (object: KubeObject): Parameters<Assumed['settle']>[0] => ({
  object,
  uid: object.metadata.uid ?? '',
  resourceVersion: object.metadata.resourceVersion ?? '',
});

let expired: string[];
let assumed: Assumed;
const isAssumed = (): boolean =>
  ['Secret', 'ClusterAuthToken'].some((kind) => assumed.get(kind, 'a') !== undefined);
beforeEach(() => {
  vi.useFakeTimers();
  expired = [];
  assumed = new Assumed((object) => expired.push(`${object.kind} ${object.metadata.resourceVersion}`));
});
afterEach(() => {
  assumed.close();
  vi.useRealTimers();
});

describe('an echo', () => {
  const tell = (object: KubeObject, deleted = false): boolean => {
    assumed.settle(seen(object), deleted);
    return assumed.isEcho(object);
  };

  test('is what was written, at the version of the answer, and nothing else', () => {
    for (const [told, deleted] of [
      [anObject('4'), false],
      [anObject('6'), false],
      [anObject('5', 'other'), false],
      [anObject('5', 'uid-1', 'ClusterAuthToken'), false],
      [anObject('5'), true],
    ] as const) {
      assumed.add(anObject('5'), 'written');
      expect(tell(told, deleted)).toBe(false);
    }
    assumed.add(anObject('5'), 'written');
    expect(tell(anObject('5'))).toBe(true);
  });

  test('is none of what was deleted, nor told before the answer', () => {
    assumed.add(anObject('5'), 'gone');
    expect(tell(anObject('5'))).toBe(false);
    expect(tell(anObject('7'))).toBe(false);
  });

  test('is only what was told last', () => {
    const echo = anObject('5');
    assumed.add(anObject('5'), 'written');
    expect(tell(echo)).toBe(true);
    tell(anObject('1', 'uid-2', 'ClusterAuthToken'));
    expect(assumed.isEcho(echo)).toBe(false);
  });

  test('is not what comes back because no watch told it', () => {
    const object = anObject('5');
    assumed.add(object, 'written');
    tell(object);
    assumed.add(object, 'gone');
    vi.advanceTimersByTime(10_000);
    expect(assumed.isEcho(object)).toBe(false);
  });
});

describe('Assumed', () => {
  test('a write is assumed until its echo', () => {
    assumed.add(anObject('5'), 'written');
    expect([assumed.get('Secret', 'a')?.object.metadata.resourceVersion, isAssumed()]).toEqual(['5', true]);
    assumed.settle(seen(anObject('5')), false);
    expect([assumed.get('Secret', 'a'), isAssumed()]).toEqual([undefined, false]);
  });

  test('an older event does not settle it', () => {
    assumed.add(anObject('5'), 'written');
    assumed.settle(seen(anObject('4')), false);
    expect(isAssumed()).toBe(true);
  });

  test('the end of the object settles it, whatever the version', () => {
    assumed.add(anObject('5'), 'written');
    assumed.settle(seen(anObject('9')), true);
    expect(isAssumed()).toBe(false);
  });

  test('the end of a predecessor does not settle it', () => {
    assumed.add(anObject('5', 'new'), 'written');
    assumed.settle(seen(anObject('6', 'old')), true);
    expect(isAssumed()).toBe(true);
  });

  test('kinds of one name are apart', () => {
    assumed.add(anObject('5', 'u', 'Secret'), 'written');
    assumed.add(anObject('6', 'v', 'ClusterAuthToken'), 'written');
    assumed.settle(seen(anObject('5', 'u', 'Secret')), false);
    expect([assumed.get('Secret', 'a'), assumed.get('ClusterAuthToken', 'a')?.object.metadata.uid]).toEqual([
      undefined,
      'v',
    ]);
    expect(isAssumed()).toBe(true);
  });

  test('without an echo it is dropped after ten seconds, and the key is looked at again', () => {
    assumed.add(anObject('5'), 'written');
    vi.advanceTimersByTime(9_999);
    expect([isAssumed(), expired]).toEqual([true, []]);
    vi.advanceTimersByTime(1);
    expect([isAssumed(), expired]).toEqual([false, ['Secret 5']]);
  });

  test('a newer write starts the time afresh', () => {
    assumed.add(anObject('5'), 'written');
    vi.advanceTimersByTime(9_000);
    assumed.add(anObject('6'), 'written');
    vi.advanceTimersByTime(9_000);
    expect([assumed.get('Secret', 'a')?.object.metadata.resourceVersion, expired]).toEqual(['6', []]);
    vi.advanceTimersByTime(1_000);
    expect(expired).toEqual(['Secret 6']);
  });

  test('what is settled does not expire', () => {
    assumed.add(anObject('5'), 'written');
    assumed.settle(seen(anObject('5')), false);
    vi.advanceTimersByTime(60_000);
    expect(expired).toEqual([]);
  });

  test('a deletion is assumed until the watch tells it', () => {
    assumed.add(anObject('5'), 'gone');
    assumed.settle(seen(anObject('6')), false);
    expect(assumed.get('Secret', 'a')?.state).toBe('gone');
    assumed.settle(seen(anObject('7')), true);
    expect(isAssumed()).toBe(false);
  });

  test('a successor of the same name ends the assumption that it is gone', () => {
    assumed.add(anObject('5'), 'gone');
    assumed.settle(seen(anObject('8', 'uid-2')), false);
    expect(isAssumed()).toBe(false);
  });

  test('closing leaves no timer behind', () => {
    assumed.add(anObject('5'), 'written');
    assumed.close();
    expect([vi.getTimerCount(), isAssumed()]).toEqual([0, false]);
  });
});
