import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { observedParser } from '../../../src/api/parse-observed.ts';

const parse = observedParser('cluster.cattle.io/v3', 'ClusterAuthToken');

describe('observedParser', () => {
  test('keeps identity, marks and own fields, and drops the bulk', () => {
    const raw = {
      metadata: {
        name: 't-1',
        namespace: 'cattle-system',
        uid: 'uid-1',
        resourceVersion: '9',
        labels: { a: 'b' },
        annotations: { c: 'd' },
        managedFields: [{ manager: 'x' }],
        ownerReferences: [{}],
        generation: 4,
      },
      userName: 'u-1',
      lastUsedAt: '2026-01-01T00:00:00Z',
      own: { nested: [1] },
    };
    expect(parse(raw)).toEqual({
      name: 't-1',
      namespace: 'cattle-system',
      uid: 'uid-1',
      resourceVersion: '9',
      object: {
        apiVersion: 'cluster.cattle.io/v3',
        kind: 'ClusterAuthToken',
        metadata: {
          name: 't-1',
          namespace: 'cattle-system',
          uid: 'uid-1',
          resourceVersion: '9',
          labels: { a: 'b' },
          annotations: { c: 'd' },
        },
        userName: 'u-1',
        lastUsedAt: '2026-01-01T00:00:00Z',
        own: { nested: [1] },
      },
    });
  });

  test('an object that is being deleted says so', () => {
    const { object } = parse({ metadata: { name: 't-1', deletionTimestamp: '2026-01-01T00:00:00Z' } });
    expect(object.metadata.deletionTimestamp).toBe('2026-01-01T00:00:00Z');
    expect('deletionTimestamp' in parse({ metadata: { name: 't-1' } }).object.metadata).toBe(false);
  });

  test('apiVersion and kind are given, whatever the object says', () => {
    expect(parse({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } }).object).toMatchObject({
      apiVersion: 'cluster.cattle.io/v3',
      kind: 'ClusterAuthToken',
    });
  });

  test('any JSON beside a name is kept, and cannot be changed at any depth', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), (fields, value) => {
        const { object } = parse({ ...fields, inner: { value }, metadata: { name: 'a' } });
        expect(() => {
          (object['inner'] as { value: unknown }).value = 1;
        }).toThrow(TypeError);
        expect(() => {
          (object.metadata.labels as Record<string, string>)['x'] = 'y';
        }).toThrow(TypeError);
      }),
    );
  });
});
