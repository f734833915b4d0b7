import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../src/api/types.ts';
import { type Installation, ownerOf } from '../../../src/derive/ownership.ts';

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

describe('ownerOf', () => {
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
      expect(ownerOf(object, 'c-1')).toBe(want ? 'ours' : 'foreign');
    });
  }
});

describe('of an object that names another cluster id', () => {
  const marked = (labels: object = {}): KubeObject =>
    anObject({ ...MANAGED, ...FOR_ANOTHER, ...labels }, OF_TOKEN);
  const byUs = marked({ 'ace-operator.io/installation': 'plane-1' });
  const byOthers = marked({ 'ace-operator.io/installation': 'plane-2' });
  const ofOlderVersion = marked();
  const knows = (facts: { inUse?: boolean; served?: boolean; source?: boolean } = {}): Installation => ({
    id: 'plane-1',
    isInUse: (cluster) => cluster === 'c-2' && facts.inUse === true,
    wasServed: (cluster) => cluster === 'c-2' && facts.served === true,
    isSourceOf: () => facts.source === true,
  });
  const cases = {
    'this installation wrote it, for a Cluster that is no more': { object: byUs, by: knows(), want: 'ours' },
    'and for a Cluster that is there': { object: byUs, by: knows({ inUse: true }), want: 'sibling' },
    'another installation wrote it': { object: byOthers, by: knows({ served: true }), want: 'foreign' },
    'an older version wrote it, nobody knows of which installation': {
      ...{ object: ofOlderVersion, by: knows(), want: 'foreign' },
    },
    'an older version, for an id that was served here': {
      ...{ object: ofOlderVersion, by: knows({ served: true }), want: 'ours' },
    },
    'an older version, of a Token that is here': {
      ...{ object: ofOlderVersion, by: knows({ source: true }), want: 'ours' },
    },
    'an older version, for a Cluster that is there': {
      ...{ object: ofOlderVersion, by: knows({ source: true, inUse: true }), want: 'sibling' },
    },
    'nothing says that any operator wrote it': {
      ...{ object: anObject(FOR_ANOTHER), by: knows({ served: true }), want: 'foreign' },
    },
    'nobody may know which installation this is, and the object says of which it is': {
      ...{ object: byUs, by: { ...knows({ served: true }), id: undefined }, want: 'foreign' },
    },
  } as const;
  for (const [title, { object, by, want }] of Object.entries(cases)) {
    test(`${title}: ${want}`, () => {
      expect(ownerOf(object, 'c-1', by)).toBe(want);
    });
  }
});

describe('in another cluster than the one that was written to', () => {
  const installation: Installation = {
    ...{ id: 'here', isElsewhere: true },
    ...{ isInUse: () => false, wasServed: () => true, isSourceOf: () => true },
  };
  const signed = (id: string): Record<string, string> => ({ 'ace-operator.io/installation': id });
  const cases: Record<string, { object: KubeObject; want: string }> = {
    'what this installation signed for this id is ours': {
      object: anObject({ ...MANAGED, ...FOR_US, ...signed('here') }, OF_TOKEN),
      want: 'ours',
    },
    'what another one signed for this id is not': {
      object: anObject({ ...MANAGED, ...FOR_US, ...signed('there') }, OF_TOKEN),
      want: 'foreign',
    },
    'nor is what nobody signed': { object: anObject({ ...MANAGED, ...FOR_US }, OF_TOKEN), want: 'foreign' },
    'nor what was signed for another id': {
      object: anObject({ ...MANAGED, ...FOR_ANOTHER, ...signed('here') }, OF_TOKEN),
      want: 'foreign',
    },
    'nor what bears a mark alone': { object: anObject({}, OF_TOKEN), want: 'foreign' },
  };
  test.each(Object.entries(cases))('%s', (_title, { object, want }) => {
    expect(ownerOf(object, 'c-1', installation)).toBe(want);
  });
  test('where nobody knows which installation this is, nothing is ours', () => {
    const object = anObject({ ...MANAGED, ...FOR_US, ...signed('here') }, OF_TOKEN);
    expect(ownerOf(object, 'c-1', { ...installation, id: undefined })).toBe('foreign');
  });
});
