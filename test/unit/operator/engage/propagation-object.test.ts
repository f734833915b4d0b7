import { expect, test } from 'vitest';
import { ANNOTATION_ALLOW_GC } from '../../../../src/api/names.ts';
import type { Writer } from '../../../../src/kube/client.ts';
import { PropagationObjects } from '../../../../src/operator/engage/propagation-object.ts';

test('an annotation of after the last one was taken off is another one, though no look came in between and it says the same', async () => {
  const writer = { patch: async () => ({ metadata: { name: 'c-1', resourceVersion: '20' } }) };
  const objects = new PropagationObjects(() => writer as unknown as Writer);
  const isGivenAnew = (resourceVersion: string): boolean =>
    objects.isSinceTakenOff({ name: 'c-1', resourceVersion });

  objects.spend('c-1', ANNOTATION_ALLOW_GC);
  expect(isGivenAnew('19')).toBe(false);
  await objects.removeSpent('c-1');
  // What the watch tells late of before, and of the removal itself.
  expect([isGivenAnew('19'), isGivenAnew('20')]).toEqual([false, false]);
  expect([isGivenAnew('21'), isGivenAnew('22')]).toEqual([true, false]);
  expect(objects.isSinceTakenOff(undefined)).toBe(false);
});
