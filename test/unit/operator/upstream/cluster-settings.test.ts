import { describe, expect, test } from 'vitest';
import { parseCluster, parsePropagation } from '../../../../src/api/parse-cluster.ts';
import { clusterSettings } from '../../../../src/operator/upstream/cluster-settings.ts';
import { Management } from '../../../../src/operator/upstream/management.ts';

function management(spec: unknown, enabled: unknown = true): Management {
  const result = new Management(['ace-operator']);
  const metadata = { name: 'c-1', uid: 'u', resourceVersion: '1' };
  result.clusters.put(parseCluster({ metadata, spec: { localClusterAuthEndpoint: { enabled } } }));
  result.propagations.put(parsePropagation({ metadata, spec }));
  return result;
}

describe('clusterSettings', () => {
  const good = { hash: { algorithm: 'sha3-512', storage: 'inline' } };
  const bad = { hash: { algorithm: 'md5' } };

  test('a spec that can be read is in force', () => {
    const settings = clusterSettings('c-1', management(good), false, undefined);
    expect(settings).toMatchObject({
      spec: { algorithm: 'sha3-512', storage: 'inline' },
      reading: { isUnknown: false },
    });
  });

  test('a spec that cannot be read leaves the last good one in force: no hash is rewritten for a typing error', () => {
    const before = clusterSettings('c-1', management(good), false, undefined);
    const settings = clusterSettings('c-1', management(bad), false, before);
    expect(settings).toMatchObject({ spec: before.spec, reading: { isUnknown: false } });
    expect(settings.reading.problem).toContain('hash.algorithm');
  });

  test('a spec that cannot be read, and no good one seen in this process: nothing is guessed', () => {
    const first = clusterSettings('c-1', management(bad), false, undefined);
    expect(first.reading.isUnknown).toBe(true);
    expect(clusterSettings('c-1', management(bad), false, first).reading.isUnknown).toBe(true);
    expect(clusterSettings('c-1', management(good), false, first).reading.isUnknown).toBe(false);
  });

  test('specs that cannot be read, and none seen before: nothing is guessed, and it says why', () => {
    const closed = management({});
    closed.propagations.replace([]);
    closed.unread.set('clusterpropagations', 'forbidden');
    const settings = clusterSettings('c-1', closed, false, undefined);
    expect(settings.reading.isUnknown).toBe(true);
    expect(settings.reading.problem).toContain('forbidden');
    closed.unread.clear();
    expect(clusterSettings('c-1', closed, false, settings)).toMatchObject({
      reading: { isUnknown: false },
      course: { mode: 'propagate' },
    });
  });

  test('a ClusterPropagation that cannot be made: nothing is guessed, unless one was in force', () => {
    const without = management({});
    without.propagations.replace([]);
    const settings = clusterSettings('c-1', without, false, undefined, { unmade: 'refused' });
    expect(settings).toMatchObject({
      reading: { isUnknown: true, problem: 'refused' },
      course: { mode: 'propagate' },
    });
    expect(clusterSettings('c-1', without, false, settings).reading.isUnknown).toBe(false);
    const before = clusterSettings('c-1', management(good), false, undefined);
    expect(clusterSettings('c-1', without, false, before, { unmade: 'refused' })).toMatchObject({
      spec: before.spec,
      reading: { isUnknown: false, problem: 'refused' },
    });
  });

  test('credentials that are not found may be where we cannot look', () => {
    const closed = new Management(['ace-operator', 'fleet-default']);
    closed.unread.set('secrets of fleet-default', 'forbidden');
    const { credentials } = clusterSettings('c-1', closed, false, undefined);
    expect(credentials).toMatchObject({
      kind: 'missing',
      message: expect.stringContaining('fleet-default (forbidden)'),
    });
  });

  test('a ClusterPropagation that is deleted leaves its spec in force', () => {
    const before = clusterSettings('c-1', management({ ...good, suspend: true }), false, undefined);
    const without = management({});
    without.propagations.replace([]);
    expect(clusterSettings('c-1', without, false, before)).toMatchObject({
      spec: before.spec,
      reading: { isUnknown: false },
    });
  });

  const modes = {
    'switched on': { enabled: true, isGone: false, want: 'propagate' },
    'switched off': { enabled: false, isGone: false, want: 'drain' },
    'an unreadable switch is neither on nor off': { enabled: 'yes', isGone: false, want: 'hold' },
  };
  for (const [title, { enabled, isGone, want }] of Object.entries(modes)) {
    test(title, () => {
      expect(clusterSettings('c-1', management({}, enabled), isGone, undefined).course.mode).toBe(want);
    });
  }

  test('a Cluster that is merely not seen is held, and one that is gone for certain is drained', () => {
    const empty = new Management(['ace-operator']);
    expect(clusterSettings('c-1', empty, false, undefined).course.mode).toBe('hold');
    expect(clusterSettings('c-1', empty, true, undefined).course.mode).toBe('drain');
  });
});
