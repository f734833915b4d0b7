import { describe, expect, test } from 'vitest';
import { parsePropagation } from '../../../../src/api/parse-cluster.ts';
import { endingOf, type Remains } from '../../../../src/operator/engage/ending.ts';
import { NOW, NOW_TEXT, SECOND } from '../../../support/builders.ts';

const propagationOf = (status: object, labels: object = { 'app.kubernetes.io/managed-by': 'ace-operator' }) =>
  parsePropagation({
    metadata: { name: 'c-1', uid: 'uid-p', resourceVersion: '1', generation: 1, labels },
    spec: {},
    status,
  });
const DRAINED = propagationOf({
  conditions: [{ type: 'Drained', status: 'True', lastTransitionTime: NOW_TEXT }],
});
const REMAINS: Remains = {
  ...{ propagation: propagationOf({}), isUnmade: false, isDrained: false, nowMs: NOW },
  ...{ hasCredentials: true, wasReached: true },
};
const NEVER = { hasCredentials: false, wasReached: false };
const UNMADE = { propagation: undefined, isUnmade: true };

describe('work on a deleted cluster', () => {
  const cases: Readonly<Record<string, { is: Partial<Remains>; want: ReturnType<typeof endingOf> }>> = {
    'goes on while something of ours may be there': { is: {}, want: undefined },
    'ends when somebody deleted its ClusterPropagation': {
      is: { propagation: undefined },
      want: { kind: 'over', why: 'GivenUp' },
    },
    'goes on where that could not be made: nobody gave it up': { is: UNMADE, want: undefined },
    '… until nothing of ours is there': {
      is: { ...UNMADE, isDrained: true },
      want: { kind: 'over', why: 'Drained' },
    },
    '… or nothing ever was': { is: { ...UNMADE, ...NEVER }, want: { kind: 'over', why: 'NeverReached' } },
    'ends where it was never reached': { is: NEVER, want: { kind: 'over', why: 'NeverReached' } },
    'goes on where its status says that it was': {
      is: { ...NEVER, propagation: propagationOf({ synced: 1 }) },
      want: undefined,
    },
    'goes on beside a ClusterPropagation that a person wrote': {
      is: { ...NEVER, isDrained: true, propagation: propagationOf({}, {}) },
      want: undefined,
    },
    'waits until it is written that it is drained': { is: { isDrained: true }, want: undefined },
    '… and until that could be seen for a while': {
      is: { isDrained: true, propagation: DRAINED },
      want: { kind: 'later', delayMs: 30 * SECOND },
    },
    'ends after that': {
      is: { isDrained: true, propagation: DRAINED, nowMs: NOW + 30 * SECOND },
      want: { kind: 'over', why: 'Drained' },
    },
  };
  for (const [title, { is, want }] of Object.entries(cases))
    test(title, () => expect(endingOf({ ...REMAINS, ...is })).toEqual(want));
});
