import { describe, expect, it } from 'vitest';
import type { Instant } from '../../../../src/kube/candidacy.ts';
import {
  leasesOf,
  memberLeaseName,
  parseShardingLease,
  type ShardingLease,
} from '../../../../src/kube/sharding/records.ts';
import { ShardCandidacy } from '../../../../src/kube/sharding/shard-candidacy.ts';

const TIMING = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000 };
const MEMBER = memberLeaseName('ace', 'a');
const at = (monotonicMs: number): Instant => ({ monotonicMs, wallMs: monotonicMs });
const lease = (name: string, holder: string, resourceVersion: string): ShardingLease =>
  parseShardingLease({
    metadata: { name, uid: name, resourceVersion, annotations: { 'ace-operator.io/shards': '4' } },
    spec: { holderIdentity: holder, leaseDurationSeconds: 15 },
  });
const look = (candidacy: ShardCandidacy, ms: number, ...leases: readonly ShardingLease[]): void => {
  candidacy.see({ leases: leasesOf('ace', leases), sentAt: at(ms), answeredAt: at(ms) });
};

/** A member since the second 0, that saw its Leases. */
function aMember(): ShardCandidacy {
  const candidacy = new ShardCandidacy({ base: 'ace', process: 'a', shards: 4, timing: TIMING });
  look(candidacy, 0);
  renewMember(candidacy, 0, '1');
  const layout = candidacy.membership.nextLayout(at(0));
  if (layout) candidacy.membership.confirm(layout, lease('ace', 'shards/4', '2'), at(0), at(0));
  candidacy.settle();
  return candidacy;
}

function renewMember(candidacy: ShardCandidacy, ms: number, version: string, answeredMs = ms): void {
  const write = candidacy.membership.nextMember(at(ms));
  if (!write) throw new Error('there is nothing to renew');
  candidacy.membership.confirm(write, lease(MEMBER, write.holder, version), at(ms), at(answeredMs));
}

describe('a member', () => {
  it('may write until the time after its last renewal is over, and is not made one again by an answer that comes then', () => {
    const candidacy = aMember();
    expect(candidacy.mayWrite(at(9_999))).toBe(true);
    renewMember(candidacy, 9_000, '3', 10_001);
    look(candidacy, 10_002, lease('ace', 'shards/4', '9'), lease(MEMBER, 'a#1', '3'));
    expect(candidacy.mayWrite(at(10_003))).toBe(false);
    expect(candidacy.membership.takeLoss()).toBe('not renewed in time');
    expect(candidacy.membership.nextMember(at(10_003))?.holder).toBe('a#2');
  });

  it('counts what another renewed from the look before the one that showed it', () => {
    const candidacy = aMember();
    const own = lease(MEMBER, 'a#1', '1');
    look(candidacy, 1_000, lease('ace', 'shards/4', '2'), own);
    renewMember(candidacy, 8_000, '7');
    look(candidacy, 8_000, lease('ace', 'shards/4', '8'), lease(MEMBER, 'a#1', '7'));
    expect(candidacy.mayWrite(at(10_999))).toBe(true);
    expect(candidacy.mayWrite(at(11_000))).toBe(false);
  });

  it('gives the layout back only when it has long seen that nobody else acts', () => {
    const candidacy = aMember();
    const leases = (other: string): ReturnType<typeof leasesOf> =>
      leasesOf('ace', [
        lease('ace', 'shards/4', '2'),
        lease(MEMBER, '', '3'),
        lease(memberLeaseName('ace', 'b'), other, '4'),
      ]);
    const vacation = (ms: number, other: string): string | undefined =>
      candidacy.vacation({ leases: leases(other), sentAt: at(ms), answeredAt: at(ms) }, 'a#1')?.holder;
    expect(vacation(14_999, '')).toBeUndefined();
    expect(vacation(15_000, 'b#1')).toBeUndefined();
    expect(vacation(15_000, '')).toBe('');
  });
});
