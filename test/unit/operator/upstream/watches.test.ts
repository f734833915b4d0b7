import { beforeEach, describe, expect, test } from 'vitest';
import { parseToken } from '../../../../src/api/parse-token.ts';
import type { Token } from '../../../../src/api/types.ts';
import type { ClusterPropagator } from '../../../../src/operator/propagate/propagator.ts';
import { DeletionEvidence } from '../../../../src/operator/upstream/deletions.ts';
import { Management } from '../../../../src/operator/upstream/management.ts';
import { Watches } from '../../../../src/operator/upstream/watches.ts';
import { rawToken } from '../../../support/builders.ts';

const aToken = (resourceVersion: string, fields = {}, metadata = {}): Token =>
  parseToken(rawToken({ userId: 'u-1', ...fields }, { ...metadata, resourceVersion }));

describe('a user who has a token less is looked at, even where nothing of that token was written', () => {
  let management: Management;
  let queued: string[];
  beforeEach(() => {
    management = new Management(['ace-operator']);
    queued = [];
    const cluster: Pick<ClusterPropagator, 'concerns' | 'enqueue'> = {
      concerns: (key) => key === 'user/u-1',
      enqueue: (key) => void queued.push(key),
    };
    new Watches(management, new DeletionEvidence(), {
      propagators: () => [cluster as ClusterPropagator],
      enqueueCluster: () => {},
    });
    management.tokens.put(aToken('1'));
    expect(queued).toEqual([]);
  });

  test('when it is deleted', () => {
    management.tokens.remove(aToken('2'));
    expect(queued).toEqual(['user/u-1']);
  });

  test('when another token takes its name', () => {
    management.tokens.put(aToken('2', { userId: 'u-2' }, { uid: 'uid-other' }));
    expect(queued).toEqual(['user/u-1']);
  });

  test('when it gets another user', () => {
    management.tokens.put(aToken('2', { userId: 'u-2' }));
    expect(queued).toEqual(['user/u-1']);
  });

  test('but not when it is merely edited, nor where the user is none of the cluster’s business', () => {
    management.tokens.put(aToken('2', { description: 'edited' }));
    management.tokens.put(aToken('3', { userId: 'u-2' }));
    management.tokens.remove(aToken('4', { userId: 'u-2' }));
    expect(queued).toEqual(['user/u-1']);
  });
});
