import fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { isParked, park } from '../../../../src/api/parked-token.ts';
import { DEFAULT_SPEC } from '../../../../src/api/parse-cluster.ts';
import { parseExtToken } from '../../../../src/api/parse-ext-token.ts';
import { parseToken } from '../../../../src/api/parse-token.ts';
import { parseUser } from '../../../../src/api/parse-user.ts';
import type { Token } from '../../../../src/api/types.ts';
import { ObservedState, parseClusterAuthToken } from '../../../../src/clusters/observed.ts';
import { judgeToken } from '../../../../src/derive/verdict.ts';
import { StaleReadError } from '../../../../src/errors.ts';
import { mergeList } from '../../../../src/kube/merge-list.ts';
import { shardOf } from '../../../../src/kube/sharding/layout.ts';
import { neededTokens } from '../../../../src/operator/lead/needed-tokens.ts';
import { ReadyShards } from '../../../../src/operator/lead/ready-shards.ts';
import { planSweep } from '../../../../src/operator/sweep/sweep-plan.ts';
import { DeletionEvidence } from '../../../../src/operator/upstream/deletions.ts';
import { Management } from '../../../../src/operator/upstream/management.ts';
import { Watches } from '../../../../src/operator/upstream/watches.ts';
import { rawExtToken, rawToken, rawUser } from '../../../support/builders.ts';

const SHARDS = 4;
/** One cluster of each shard. */
const CLUSTERS = Array.from({ length: SHARDS }, (_, shard) => {
  let index = 0;
  while (shardOf(`c-${index}`, SHARDS) !== shard) index += 1;
  return `c-${index}`;
});
const [OURS = '', OTHERS = ''] = CLUSTERS;

let ready: ReadyShards;
let management: Management;
beforeEach(() => {
  ready = new ReadyShards();
  management = new Management(['ace-operator'], { needs: neededTokens(SHARDS, () => ready) });
});

const raw = (name: string, clusterName: string, resourceVersion = '1') =>
  rawToken({ clusterName, userId: 'u-1' }, { name, uid: `uid-${name}`, resourceVersion });
const read = (...args: Parameters<typeof raw>): Token => management.tokens.asNeeded(parseToken(raw(...args)));
const acquire = (shard: number): void => {
  ready.acquired([shard]);
  ready.beginReading();
};

describe('tokens by need', () => {
  test('whole are those of clusters that this replica has, be it for a moment only; of the others it is known that they are there', () => {
    acquire(0);
    management.tokens.replace([read('t-1', OURS), read('t-2', OTHERS), read('t-3', '')]);
    expect(management.token('t-1', OURS, 0)?.userName).toBe('u-1');
    expect(management.tokensOfUser('u-1').map(({ name }) => name)).toEqual(['t-1']);
    for (const [name, cluster] of [
      ['t-2', OTHERS],
      ['t-3', ''],
    ] as const) {
      const parked = management.token(name, OURS, 0);
      expect(parked).toMatchObject({ name, uid: `uid-${name}`, clusterName: cluster, resourceVersion: '1' });
      expect(parked?.secret).toEqual({ kind: 'missing' });
    }
  });

  test('to a cluster of ours a parked one is never a token that is wanted, nor one that is gone', () => {
    const context = { cluster: OURS, aceEnabled: true, nowMs: 0 };
    const verdict = (token: Token) => judgeToken(token, undefined, context);
    for (const cluster of [OTHERS, ''])
      expect(verdict(park(parseToken(raw('t-1', cluster))))).toEqual(
        verdict(parseToken(raw('t-1', cluster))),
      );
  });

  test('one that leaves a cluster of ours is whole until it is told again', () => {
    acquire(0);
    management.tokens.put(read('t-1', OURS));
    management.tokens.put(read('t-1', OTHERS, '2'));
    expect(management.tokens.get('t-1')?.userName).toBe('u-1');
    management.tokens.put(read('t-1', OTHERS, '3'));
    expect(isParked(management.tokens.get('t-1') as Token)).toBe(true);
  });

  test('a list beside the watch makes them whole, be they of the same version', () => {
    management.tokens.replace([read('t-1', OURS)]);
    const told: string[] = [];
    management.tokens.onChange(({ type, object }) => told.push(`${type} ${object.userName}`));
    acquire(0);
    expect(() => management.tokens.requireWhole()).toThrow(StaleReadError);
    mergeList(management.tokens, { items: [read('t-1', OURS)], resourceVersion: '5' }, new Map());
    management.tokens.requireWhole();
    expect(told).toEqual(['updated u-1']);
  });

  test('a list does not bring back what the watch told to be deleted, be it at the same version', () => {
    acquire(0);
    const deleted = new Map([['t-1', '5']]);
    mergeList(management.tokens, { items: [read('t-1', OURS, '5')], resourceVersion: '6' }, deleted);
    expect(management.tokens.size).toBe(0);
  });

  test('a list beside the watch that came too early changes nothing', () => {
    acquire(1);
    const early = [read('t-1', OURS)];
    acquire(0);
    management.tokens.replace([read('t-1', OURS), read('t-2', OURS)]);
    ready.endReading();
    expect(mergeList(management.tokens, { items: early, resourceVersion: '9' }, new Map())).toBe(false);
    expect([...management.tokens.list()].map(isParked)).toEqual([false, false]);
  });

  test('that one is held otherwise is no correction of the watch, and told to no cluster', () => {
    const concerned = vi.fn(() => []);
    new Watches(management, new DeletionEvidence(), {
      ...{ propagators: () => [], concerned, enqueueCluster: () => {}, installationKeyChanged: () => {} },
      ...{ readAtLast: () => {}, putBack: () => {} },
    });
    acquire(0);
    expect(management.tokens.replace([read('t-1', OURS), read('t-2', OURS)])).toBe(2);
    ready.released([0]);
    expect(management.tokens.replace([read('t-1', OURS), read('t-2', OURS)])).toBe(0);
    expect([...management.tokens.list()].map(isParked)).toEqual([true, true]);
    expect(concerned).not.toHaveBeenCalled();
  });

  test('what is left in a cluster of ours of one that went elsewhere is no orphan, whoever may have the user', () => {
    acquire(0);
    management.users.put(parseUser(rawUser()));
    const observed = new ObservedState(OURS, () => {});
    for (let index = 0; index < 30; index += 1) {
      const name = `t-${index}`;
      management.tokens.put(read(name, index % 2 === 0 ? OTHERS : ''));
      const labels = { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': OURS };
      const metadata = { name, namespace: 'cattle-system', uid: `d-${name}`, resourceVersion: '1', labels };
      const object = { apiVersion: 'cluster.cattle.io/v3', kind: 'ClusterAuthToken', metadata };
      observed.tokens.put(parseClusterAuthToken({ ...object, userName: 'u-1' }));
    }
    const swept = { name: OURS, spec: DEFAULT_SPEC, nowMs: 0 };
    const plan = planSweep(swept, observed, management, new DeletionEvidence());
    expect([plan.orphans, plan.blocked]).toEqual([[], undefined]);
    expect(plan.revocations.size).toBe(30);
    observed.close();
  });

  test('tokens of the other kind are whole: work begins without them where they cannot be read', () => {
    const both = new Management(['ace-operator'], {
      extTokens: true,
      needs: neededTokens(SHARDS, () => ready),
    });
    both.tokenSources?.ext.put(parseExtToken(rawExtToken({ 'cluster-name': OTHERS })));
    expect([...both.tokens.list()].map(isParked)).toEqual([false]);
    both.tokenSources?.v3.put(both.tokenSources.v3.asNeeded(parseToken(raw('t-9', OTHERS))));
    expect(isParked(both.tokens.get('t-9') as Token)).toBe(true);
    acquire(1);
    both.tokenSources?.v3.put(both.tokenSources.v3.asNeeded(parseToken(raw('t-9', OTHERS))));
    expect(isParked(both.tokens.get('t-9') as Token)).toBe(false);
    both.tokens.requireWhole();
  });

  test('a list that was begun before a cluster came is refused as a whole once that is worked on', () => {
    acquire(1);
    management.tokens.replace([read('t-2', OTHERS)]);
    const early = [read('t-1', OURS)];
    acquire(0);
    management.tokens.replace([read('t-1', OURS), read('t-2', OTHERS)]);
    management.tokens.requireWhole();
    ready.endReading();
    expect(() => management.tokens.replace(early)).toThrow(StaleReadError);
    expect([...management.tokens.list()].map(({ userName }) => userName)).toEqual(['u-1', 'u-1']);
  });

  test('never is a token of a cluster that is worked on held as less than it is, whatever comes and goes', () => {
    const step = fc.record({
      what: fc.constantFrom('acquire', 'end reading', 'release', 'begin list', 'end list', 'tell'),
      shard: fc.nat({ max: SHARDS - 1 }),
      name: fc.constantFrom('t-1', 't-2', 't-3'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        ready = new ReadyShards();
        management = new Management(['ace-operator'], { needs: neededTokens(SHARDS, () => ready) });
        const plane = new Map<string, { cluster: string; version: number }>();
        let version = 1;
        let list: Token[] | undefined;
        const readAll = (): Token[] =>
          [...plane].map(([name, one]) => read(name, one.cluster, String(one.version)));
        for (const { what, shard, name } of steps) {
          const cluster = CLUSTERS[shard] ?? '';
          if (what === 'acquire') ready.acquired([shard]);
          if (what === 'release') ready.released([shard]);
          if (what === 'begin list') list = readAll();
          if (what === 'end list' && list) {
            try {
              management.tokens.replace(list);
            } catch (error) {
              expect(error).toBeInstanceOf(StaleReadError);
            }
            list = undefined;
          }
          if (what === 'tell') {
            version += 1;
            plane.set(name, { cluster, version });
            management.tokens.put(read(name, cluster, String(version)));
          }
          if (what === 'end reading' && ready.beginReading()) {
            mergeList(management.tokens, { items: readAll(), resourceVersion: String(version) }, new Map());
            management.tokens.requireWhole();
            ready.endReading();
          }
          for (const token of management.tokens.list()) {
            const isWorkedOn = ready.has(CLUSTERS.indexOf(token.clusterName));
            expect(isWorkedOn && isParked(token)).toBe(false);
          }
        }
      }),
    );
  });
});
