import { describe, expect, test } from 'vitest';
import { ANNOTATION_PUT_BACK, ANNOTATION_SHARDS, ANNOTATION_VERSION } from '../../../src/api/names.ts';
import {
  leasesOf,
  memberLeaseName,
  parseShardingLease,
  type ShardingLease,
} from '../../../src/kube/sharding/records.ts';
import { divisionOf, shardsOf } from '../../../src/plane/shards.ts';

const NOW_MS = Date.parse('2026-11-28T12:00:00Z');

/** A Lease as it comes from an API server. */
function lease(name: string, holderIdentity: string, annotations: object, renewedAgoMs = 0): ShardingLease {
  const renewTime = new Date(NOW_MS - renewedAgoMs).toISOString().replace('Z', '000Z');
  return parseShardingLease({
    metadata: { name, namespace: 'ace-operator', annotations: { [ANNOTATION_SHARDS]: '4', ...annotations } },
    spec: { holderIdentity, leaseDurationSeconds: 15, renewTime },
  });
}
const member = (pod: string, { term = 1, version = '0.1.0', agoMs = 0, of = '4' } = {}): ShardingLease =>
  lease(
    memberLeaseName('ace-operator', `${pod}_uid`),
    `${pod}_uid#${term}`,
    { [ANNOTATION_VERSION]: version, [ANNOTATION_SHARDS]: of },
    agoMs,
  );
const shard = (index: number, holder: string, annotations: object = {}): ShardingLease =>
  lease(`ace-operator-shard-${index}`, holder, annotations, 3_600_000);
const division = (...leases: readonly ShardingLease[]) => divisionOf(leasesOf('ace-operator', leases), 4);

describe('how clusters are divided, by the Leases', () => {
  const shards = [shard(0, 'pod-a_uid#1'), shard(1, 'pod-b_uid#1'), shard(2, 'pod-a_uid#1')];

  test('names the Pods that live, with their releases, and the one that has each shard', () => {
    const told = division(member('pod-b', { version: '0.2.0' }), member('pod-a'), ...shards);
    expect(told.replicas).toEqual([
      { name: 'pod-a', version: '0.1.0' },
      { name: 'pod-b', version: '0.2.0' },
    ]);
    expect(told.owners).toEqual(['pod-a', 'pod-b', 'pod-a', undefined]);
  });

  test('one that was not renewed for long beside another has nothing', () => {
    const told = division(member('pod-a'), member('pod-b', { agoMs: 76_000 }), ...shards);
    expect(told.replicas.map(({ name }) => name)).toEqual(['pod-a']);
    expect(told.owners).toEqual(['pod-a', undefined, 'pod-a', undefined]);
  });

  test('one whose clock is a minute behind lives', () => {
    const told = division(member('pod-a'), member('pod-b', { agoMs: 60_000 }), ...shards);
    expect(told.owners[1]).toBe('pod-b');
  });

  test('one that began anew has not what its Lease before had', () => {
    expect(division(member('pod-a', { term: 2 }), ...shards).owners[0]).toBeUndefined();
  });

  test('nobody has a shard whose Lease was put back, is given back, or is of another number of shards', () => {
    const told = division(
      member('pod-a'),
      shard(0, 'pod-a_uid#1', { [ANNOTATION_PUT_BACK]: 'true' }),
      shard(1, ''),
      shard(2, 'pod-a_uid#1', { [ANNOTATION_SHARDS]: '16' }),
      shard(3, 'pod-a_uid#1'),
    );
    expect(told.owners).toEqual([undefined, undefined, undefined, 'pod-a']);
  });

  test('a replica that waits for another number of shards is no part of it', () => {
    expect(division(member('pod-a'), member('pod-c', { of: '16' })).replicas).toHaveLength(1);
  });

  test.each([
    ['shards/64', 64],
    ['shards/1', 1],
    ['', 0],
    ['pod-a_uid', 0],
    ['shards/064', 0],
    ['shards/64 ', 0],
  ])('by the holder %j of the one Lease there are %d', (holder, count) => {
    expect(shardsOf(holder)).toBe(count);
  });
});
