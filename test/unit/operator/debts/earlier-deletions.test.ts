import { describe, expect, test } from 'vitest';
import { EXT_TOKEN_SECRETS } from '../../../../src/api/names.ts';
import type { KubeObject } from '../../../../src/api/types.ts';
import type { Reader } from '../../../../src/kube/client.ts';
import { Refusals } from '../../../../src/kube/refusals.ts';
import { DebtRecords } from '../../../../src/operator/debts/debt-records.ts';
import { EarlierDeletions } from '../../../../src/operator/debts/earlier-deletions.ts';
import { DeletionEvidence } from '../../../../src/operator/upstream/deletions.ts';
import { Management } from '../../../../src/operator/upstream/management.ts';
import type { Log } from '../../../../src/telemetry/log.ts';
import { NOW, SECOND } from '../../../support/builders.ts';

const LOG = { error() {}, warn() {}, info() {}, debug() {} } as unknown as Log;
const MINUTE = 60 * SECOND;

/** One replica, whose clock is ahead of the plane's. */
interface Replica {
  readonly records: DebtRecords;
  readonly clocks: { now(): number; planeNow(): number };
}

/** Of the management plane: all replicas see the same. */
let stored: KubeObject | undefined;

function replica(aheadMs: number, planeMs: number): Replica {
  const clocks = { now: () => planeMs + aheadMs, planeNow: () => planeMs };
  const client = {
    list: async () => ({ items: stored ? [stored] : [], resourceVersion: '7', continue: '' }),
    create: async (_resource: unknown, object: KubeObject) => {
      stored = { ...object, metadata: { ...object.metadata, uid: 'uid-1', resourceVersion: '5' } };
      return stored;
    },
  };
  const access = { client, writerFor: () => client } as never;
  return { clocks, records: new DebtRecords(access, 'ace-operator', LOG, clocks) };
}

const plane: Reader = {
  get: async ({ name }) => ({ metadata: { uid: `uid-${name}` } }),
  list: async () => ({ items: [], resourceVersion: '9', continue: '' }),
};
const PLANE = 'uid-kube-system/uid-tokens.management.cattle.io/uid-users.management.cattle.io';

describe('a deletion that an earlier process was told', () => {
  const clocks: Readonly<Record<string, readonly [number, number]>> = {
    'is by a clock that is ahead': [5 * MINUTE, 5 * MINUTE],
    'is by a clock that is behind': [-5 * MINUTE, -5 * MINUTE],
    'was by a clock that was ahead, elsewhere': [5 * MINUTE, 0],
    'was by a clock that was behind, elsewhere': [-5 * MINUTE, 0],
  };
  test.each(Object.entries(clocks))(
    'and %s, is evidence unless the namespace was made anew since',
    async (_title, [before, after]) => {
      stored = undefined;
      const writer = replica(before, NOW);
      const debt = { sinceMs: writer.clocks.now(), cause: 'token' } as const;
      await writer.records.save({
        ...{ cluster: 'c-1', plane: PLANE, known: new Set(), lately: 1 },
        ...{ owed: new Map([['token/e-1', debt]]), apis: new Map([['token/e-1', 'ext' as const]]) },
      });

      const reader = replica(after, NOW + MINUTE);
      const deletions = new DeletionEvidence(reader.clocks);
      await reader.records.load();
      const seen = { management: new Management(['ace-operator'], { extTokens: true }), deletions };
      const deps = { ...reader, seen, log: LOG, refusals: new Refusals(), now: reader.clocks.now };
      await new EarlierDeletions({ ...deps, clusters: () => [] }).read(plane);

      deletions.trustSince(EXT_TOKEN_SECRETS, NOW - SECOND);
      expect(deletions.has('token/ext/e-1')).toBe(true);
      deletions.trustSince(EXT_TOKEN_SECRETS, NOW + SECOND);
      expect(deletions.has('token/ext/e-1')).toBe(false);
      // And it is as old as it is.
      expect(reader.records.foundOf('c-1')?.owed.get('token/e-1')?.sinceMs).toBe(NOW + after);
    },
  );
});
