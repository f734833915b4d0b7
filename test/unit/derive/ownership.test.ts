import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../src/api/types.ts';
import { isOurs } from '../../../src/derive/ownership.ts';

const MANAGED = { 'app.kubernetes.io/managed-by': 'ace-operator' };
const FOR_US = { 'ace-operator.io/cluster': 'c-1' };
const FOR_ANOTHER = { 'ace-operator.io/cluster': 'c-2' };
const OF_TOKEN = { 'ace-operator.io/token-uid': 'x' };
const OF_USER = { 'ace-operator.io/user-uid': 'x' };

const anObject = (labels?: Record<string, string>, annotations?: Record<string, string>): KubeObject => ({
  apiVersion: 'cluster.cattle.io/v3',
  kind: 'ClusterAuthToken',
  metadata: { name: 'a', ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) },
});

describe('isOurs', () => {
  const cases = {
    'both labels and an annotation': { object: anObject({ ...MANAGED, ...FOR_US }, OF_TOKEN), want: true },
    'both labels alone': { object: anObject({ ...MANAGED, ...FOR_US }), want: true },
    'all labels taken off by hand': { object: anObject({}, OF_TOKEN), want: true },
    'labels gone altogether, a user’s annotation left': { object: anObject(undefined, OF_USER), want: true },
    'only the managed-by label taken off': { object: anObject(FOR_US, OF_TOKEN), want: true },
    'only the cluster label taken off': { object: anObject(MANAGED, OF_TOKEN), want: true },
    'another installation’s, by its cluster label': {
      object: anObject({ ...MANAGED, ...FOR_ANOTHER }, OF_TOKEN),
      want: false,
    },
    'another cluster id, without managed-by': { object: anObject(FOR_ANOTHER, OF_TOKEN), want: false },
    'managed by us by name only, with no mark of ours': { object: anObject(MANAGED), want: false },
    'managed by another tool': { object: anObject({ 'app.kubernetes.io/managed-by': 'helm' }), want: false },
    'the cluster label alone is nobody’s': { object: anObject(FOR_US), want: false },
    'an object of Rancher’s': { object: anObject({ 'cattle.io/creator': 'norman' }, {}), want: false },
    'no metadata to speak of': { object: anObject(), want: false },
  };
  for (const [title, { object, want }] of Object.entries(cases)) {
    test(`${title}: ${want ? 'ours' : 'not ours'}`, () => {
      expect(isOurs(object, 'c-1')).toBe(want);
    });
  }
});
