import { expect, test } from 'vitest';
import type { KubeClient } from '../../../../src/kube/client.ts';
import { DebtRecords } from '../../../../src/operator/debts/debt-records.ts';
import type { Log } from '../../../../src/telemetry/log.ts';

const LOG = { warn() {} } as unknown as Log;

test('records whose list has no end fail to load, and do not keep who would lead', async () => {
  let asked = 0;
  const list: KubeClient['list'] = async () => {
    asked += 1;
    const items = [{ metadata: { namespace: 'ace-operator', name: 'ace-operator-debts-c-1' } }];
    return { items, resourceVersion: '7', continue: 'more' };
  };
  const records = new DebtRecords({ list } as never, 'ace-operator', LOG);
  await expect(records.load()).rejects.toMatchObject({ statusReason: 'ResponseTooLarge' });
  expect(asked).toBe(2);
});
