import { setTimeout as wait } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import type { ObjectKey } from '../../../../src/kube/paths.ts';
import { EarlierIds } from '../../../../src/operator/installation/earlier-ids.ts';
import type { Log } from '../../../../src/telemetry/log.ts';

const LOG = { warn() {} } as unknown as Log;
const idsOf = (cluster: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `c-${cluster}-${index}`);

let asked: string[];
let mostAtATime: number;
let there: Set<string>;
let isAway: boolean;
let ids: EarlierIds;
beforeEach(() => {
  [asked, mostAtATime, there, isAway] = [[], 0, new Set(), false];
  let running = 0;
  const live = {
    get: async ({ name }: ObjectKey) => {
      asked.push(name);
      running += 1;
      mostAtATime = Math.max(mostAtATime, running);
      await wait(1);
      running -= 1;
      if (isAway) throw new Error('not answered');
      return there.has(name) ? {} : undefined;
    },
  };
  ids = new EarlierIds(live, LOG);
});

test('an id is gone once the management plane said so, and is not asked about again', async () => {
  expect(ids.isGone('c-old')).toBe(false);
  expect(await ids.ask(['c-old'])).toBe(true);
  expect(await ids.ask(['c-old'])).toBe(false);
  expect([ids.isGone('c-old'), asked]).toEqual([true, ['c-old']]);
  ids.forget('c-old');
  expect(ids.isGone('c-old')).toBe(false);
});

test('one that is there is not, nor one of which nothing was answered', async () => {
  there.add('c-there');
  expect(await ids.ask(['c-there'])).toBe(false);
  isAway = true;
  expect(await ids.ask(['c-old'])).toBe(false);
  expect([ids.isGone('c-there'), ids.isGone('c-old')]).toEqual([false, false]);
  isAway = false;
  expect(await ids.ask(['c-old'])).toBe(true);
});

test('what can be no Cluster’s name is never asked about, and proves nothing', async () => {
  expect(await ids.ask(['', 'C_1', '-'])).toBe(false);
  expect([asked, ids.isGone('')]).toEqual([[], false]);
});

test('ids that are made up by the thousand are asked about a few at a time, and a part of them each time', async () => {
  const made = idsOf('hostile', 20_000);
  expect(await ids.ask(made)).toBe(true);
  expect([asked.length, mostAtATime]).toEqual([100, 1]);
  expect(await ids.ask(made)).toBe(true);
  expect(new Set(asked).size).toBe(200);
});

test('one cluster does not wait for all that another one made up, nor do many ask at once', async () => {
  const hostile = ids.ask(idsOf('hostile', 100));
  const others = idsOf('other', 50).map((id) => ids.ask([id]));
  await Promise.all(others);
  expect(asked.filter((id) => id.startsWith('c-hostile')).length).toBeLessThan(60);
  await hostile;
  expect([asked.length, mostAtATime]).toEqual([150, 4]);
});
