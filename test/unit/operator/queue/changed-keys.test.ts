import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../../src/api/types.ts';
import { keysOf } from '../../../../src/operator/queue/changed-keys.ts';

const object = (kind: string, rest: object = {}): KubeObject => ({
  ...{ apiVersion: 'v1', kind, metadata: { name: 'one' }, ...rest },
});

interface Told {
  readonly isDeleted?: boolean;
  readonly isEcho?: boolean;
  readonly isConfirmed?: boolean;
}

const changed = (of: KubeObject, { isDeleted = false, isEcho = false, isConfirmed = false }: Told) =>
  keysOf(of, isDeleted, { isTokenConfirmed: () => isConfirmed, isEcho: () => isEcho });

describe.each(['Secret', 'ClusterAuthToken'])('a %s', (kind) => {
  test.each([true, false])(
    'that others changed has its token looked at; all of ours told: %s',
    (isConfirmed) => {
      expect(changed(object(kind), { isConfirmed })).toEqual([{ key: 'token/one' }]);
    },
  );

  test('that is the echo of ours is news when it is the last of them, and that is asked late', () => {
    let isConfirmed = false;
    const [echo] = keysOf(object(kind), false, { isTokenConfirmed: () => isConfirmed, isEcho: () => true });
    expect(echo?.key).toBe('token/one');
    expect(echo?.isNews?.()).toBe(false);
    isConfirmed = true;
    expect(echo?.isNews?.()).toBe(true);
  });

  test('that was deleted has its token looked at, and its user', () => {
    const keys = [{ key: 'token/one' }, { key: 'user/u-1' }];
    expect(changed(object(kind, { userName: 'u-1' }), { isDeleted: true })).toEqual(keys);
    expect(changed(object(kind, { userName: 'u-1' }), { isDeleted: true, isEcho: true })).toEqual(keys);
  });
});

test.each([true, false])('a ClusterUserAttribute has its user looked at; deleted: %s', (isDeleted) => {
  expect(changed(object('ClusterUserAttribute'), { isDeleted })).toEqual([{ key: 'user/one' }]);
});
