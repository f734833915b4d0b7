import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { parseCluster } from '../../../../src/api/parse-cluster.ts';
import { ObservedState, parseClusterAuthToken } from '../../../../src/clusters/observed.ts';
import type { ObjectKey } from '../../../../src/kube/paths.ts';
import { EarlierIds } from '../../../../src/operator/installation/earlier-ids.ts';
import { installationOf } from '../../../../src/operator/installation/installation.ts';
import { OtherIds } from '../../../../src/operator/sweep/other-ids.ts';
import { Management } from '../../../../src/operator/upstream/management.ts';
import type { Log } from '../../../../src/telemetry/log.ts';
import { rawCluster } from '../../../support/builders.ts';
import { eventually } from '../../../support/eventually.ts';

const LOG = { warn() {} } as unknown as Log;

let management: Management;
let observed: ObservedState;
let asked: string[];
let found: number;
let otherIds: OtherIds;
beforeEach(() => {
  management = new Management(['ace-operator']);
  const installation = installationOf(management, 'plane');
  observed = new ObservedState('c-1', () => {}, installation);
  [asked, found] = [[], 0];
  const live = {
    get: async ({ name }: ObjectKey) => {
      asked.push(name);
      await nextTurn();
      return undefined;
    },
  };
  otherIds = new OtherIds({
    ...{ cluster: 'c-1', installation, earlierIds: new EarlierIds(live, LOG), observed: () => observed },
    // As a sweep does.
    foundLeftOver: () => {
      found += 1;
      otherIds.look();
    },
  });
});

function leave(name: string, id: string): void {
  const labels = {
    'app.kubernetes.io/managed-by': 'ace-operator',
    'ace-operator.io/cluster': id,
    'ace-operator.io/installation': 'plane',
  };
  const metadata = { name, namespace: 'cattle-system', uid: `uid-${name}`, resourceVersion: '1', labels };
  const object = { apiVersion: 'cluster.cattle.io/v3', kind: 'ClusterAuthToken', metadata, userName: 'u-1' };
  observed.tokens.put(parseClusterAuthToken({ ...object, enabled: true }));
}

test('an id is asked about that no Cluster in our store has, and no other', async () => {
  management.clusters.put(parseCluster(rawCluster({}, { name: 'c-sibling', uid: 'uid-c-sibling' })));
  leave('t-1', 'c-1');
  leave('t-2', 'c-sibling');
  leave('t-3', 'c-old');
  otherIds.look();
  await eventually(() => expect(found).toBe(1));
  expect([asked, otherIds.sibling]).toEqual([['c-old'], 'c-sibling']);
  expect(['token/t-1', 'token/t-2', 'token/t-3'].map((key) => otherIds.isLeftOver(key))).toEqual([
    false,
    false,
    true,
  ]);
});

test('ids that are made up there by the thousand make one sweep follow, and not one the other', async () => {
  for (let index = 0; index < 1_000; index += 1) leave(`t-${index}`, `c-made-up-${index}`);
  otherIds.look();
  // While these are asked about, no others are.
  otherIds.look();
  await eventually(() => expect(found).toBe(1));
  for (let turn = 0; turn < 300; turn += 1) await nextTurn();
  expect([asked.length, found]).toEqual([100, 1]);
  otherIds.look();
  await eventually(() => expect(found).toBe(2));
  expect(new Set(asked).size).toBe(200);
});
