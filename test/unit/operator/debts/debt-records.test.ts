import { expect, test } from 'vitest';
import { ApiError } from '../../../../src/errors.ts';
import type { KubeClient } from '../../../../src/kube/client.ts';
import { pack } from '../../../../src/operator/debts/debt-record.ts';
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
  const records = new DebtRecords({ client: { list }, writerFor: () => ({}) } as never, 'ace-operator', LOG);
  await expect(records.load()).rejects.toMatchObject({ statusReason: 'ResponseTooLarge' });
  expect(asked).toBe(2);
});

test('a record that was removed is not found any more by a cluster that comes again under its id', async () => {
  const { bytes } = await pack({
    ...{ cluster: 'c-1', plane: 'p', known: new Set(['token/a']), lately: 0 },
    ...{ owed: new Map(), apis: new Map() },
  });
  const metadata = { name: 'ace-operator-debts-c-1', uid: 'uid-1', resourceVersion: '3' };
  const list: KubeClient['list'] = async () => ({
    items: [{ metadata, binaryData: { record: bytes.toString('base64') } }],
    ...{ resourceVersion: '7', continue: '' },
  });
  const access = { client: { list }, writerFor: () => ({ delete: async () => undefined }) };
  const records = new DebtRecords(access as never, 'ace-operator', LOG);
  await records.load();
  expect(records.foundOf('c-1')?.known).toEqual(new Set(['token/a']));
  await records.remove('c-1');
  expect([records.foundOf('c-1'), records.found.length]).toEqual([undefined, 0]);
});

test('records of which only the first pages came are not taken for all', async () => {
  const list: KubeClient['list'] = async (_resource, options) => {
    if (options?.continue)
      throw new ApiError('LIST: 410 Expired', { code: 410, statusReason: 'Expired', objectMissing: false });
    return { items: [], resourceVersion: '7', continue: 'more' };
  };
  const records = new DebtRecords({ client: { list }, writerFor: () => ({}) } as never, 'ace-operator', LOG);
  await expect(records.load()).rejects.toMatchObject({ code: 410 });
});

test('a record that is made anew while all are read is removed by its own UID, and not by the one that was read', async () => {
  const record = {
    ...{ cluster: 'c-1', plane: 'p', known: new Set(['token/a']), lately: 0 },
    ...{ owed: new Map(), apis: new Map() },
  };
  const { bytes } = await pack(record);
  const metadata = { name: 'ace-operator-debts-c-1', uid: 'uid-1', resourceVersion: '3' };
  const page = {
    items: [{ metadata, binaryData: { record: bytes.toString('base64') } }],
    ...{ resourceVersion: '7', continue: '' },
  };
  const [asked, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const list: KubeClient['list'] = async () => {
    asked.resolve();
    await answer.promise;
    return page;
  };
  const removed: unknown[] = [];
  const writer = {
    create: async () => ({ metadata: { uid: 'uid-2' } }),
    delete: async (_key: unknown, { uid }: { uid: string }) => void removed.push(uid),
  };
  const access = { client: { list }, writerFor: () => writer };
  const records = new DebtRecords(access as never, 'ace-operator', LOG);
  const loaded = records.load();
  await asked.promise;
  await records.save(record);
  answer.resolve();
  await loaded;
  await records.remove('c-1');
  expect(removed).toEqual(['uid-2']);
});

test('a record that was put back as another object is removed by the UID that it has now', async () => {
  const record = {
    ...{ cluster: 'c-1', plane: 'p', known: new Set(['token/a']), lately: 0 },
    ...{ owed: new Map(), apis: new Map() },
  };
  const removed: unknown[] = [];
  const writer = {
    create: async () => ({ metadata: { uid: 'uid-1' } }),
    patch: async () => ({ metadata: { uid: 'uid-2' } }),
    delete: async (_key: unknown, { uid }: { uid: string }) => void removed.push(uid),
  };
  const records = new DebtRecords({ client: {}, writerFor: () => writer } as never, 'ace-operator', LOG);
  await records.save(record);
  await records.save(record);
  await records.save({ ...record, known: new Set() });
  expect(removed).toEqual(['uid-2']);
});
