import { expect, test } from 'vitest';
import type { KubeObject } from '../../../../src/api/types.ts';
import { keysOf } from '../../../../src/operator/queue/changed-keys.ts';

const object = (kind: string, rest: object = {}): KubeObject => ({
  ...{ apiVersion: 'v1', kind, metadata: { name: 'one' }, ...rest },
});

/** What is to be looked at, while all our writes are told of or not. */
const looked = (of: KubeObject, deleted: boolean, isConfirmed: boolean): readonly string[] =>
  keysOf(of, deleted, { isTokenConfirmed: () => isConfirmed })
    .filter(({ isNews }) => isNews?.() ?? true)
    .map(({ key }) => key);

test.each(['Secret', 'ClusterAuthToken'])(
  'a %s that changed is looked at once all our writes to its token are told',
  (kind) => {
    expect(looked(object(kind), false, false)).toEqual([]);
    expect(looked(object(kind), false, true)).toEqual(['token/one']);
  },
);

test('that is asked anew each time', () => {
  let isConfirmed = false;
  const [changed] = keysOf(object('Secret'), false, { isTokenConfirmed: () => isConfirmed });
  expect(changed?.isNews?.()).toBe(false);
  isConfirmed = true;
  expect(changed?.isNews?.()).toBe(true);
});

test('what was deleted is looked at in any case, and so is its user', () => {
  const deleted = object('ClusterAuthToken', { userName: 'u-1' });
  expect(looked(deleted, true, false)).toEqual(['token/one', 'user/u-1']);
});

test.each([true, false])('so is a ClusterUserAttribute; deleted: %s', (deleted) => {
  expect(looked(object('ClusterUserAttribute'), deleted, false)).toEqual(['user/one']);
});
