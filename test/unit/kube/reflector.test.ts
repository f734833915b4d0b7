import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ApiError } from '../../../src/errors.ts';
import { eventually } from '../../support/eventually.ts';
import {
  aList,
  anItem,
  aStatus,
  type OpenWatch,
  type Reflection,
  reflect,
  WatchServer,
} from '../../support/watch-server.ts';

let server: WatchServer;
let url: URL;
let reflection: Reflection;

beforeEach(async () => {
  server = new WatchServer();
  url = await server.listen();
});
afterEach(async () => {
  await reflection.close();
  await server.close();
});

const start = (timing = {}): void => {
  reflection = reflect(url, timing);
};
const watchNumber = (count: number): Promise<OpenWatch> => eventually(() => server.watch(count));
const told = (...wanted: readonly string[]): Promise<void> =>
  eventually(() => expect(reflection.told).toEqual(wanted));
const names = (): readonly string[] => [...reflection.store.list()].map(({ name }) => name);

describe('list', () => {
  test('all pages of a list are in the store before it counts as synced', async () => {
    server.onList = (query) =>
      query.get('continue') === null
        ? aList([anItem('a', '1')], '7', 'page-2')
        : aList([anItem('b', '2')], '7');
    start();
    await reflection.reflector.synced;
    expect(names()).toEqual(['a', 'b']);
    expect(server.lists.map((query) => [query.get('limit'), query.get('continue')])).toEqual([
      ['500', null],
      ['500', 'page-2'],
    ]);
    expect((await watchNumber(1)).query.get('resourceVersion')).toBe('7');
  });

  test('the owner says how large a page is, and which objects are meant', async () => {
    server.onList = (query) =>
      query.get('continue') === null
        ? aList([anItem('a', '1')], '7', 'more')
        : aList([anItem('b', '1')], '7');
    reflection = reflect(url, {}, { pageLimit: 50, fieldSelector: 'type=Opaque' });
    await reflection.reflector.synced;
    const asked = server.lists.map((query) => [query.get('limit'), query.get('fieldSelector')]);
    expect(asked).toEqual([
      ['50', 'type=Opaque'],
      ['50', 'type=Opaque'],
    ]);
    expect((await watchNumber(1)).query.get('fieldSelector')).toBe('type=Opaque');
  });

  test('nothing of a list reaches the store before its last page', async () => {
    let isBroken = true;
    server.onList = (query) => {
      if (query.get('continue') === null) return aList([anItem('a', '1')], '7', 'page-2');
      return isBroken ? aStatus(500, 'InternalError') : aList([anItem('b', '2')], '7');
    };
    start();
    await eventually(() => expect(reflection.failures.length).toBeGreaterThan(2));
    expect([reflection.reflector.hasSynced, names()]).toEqual([false, []]);
    isBroken = false;
    await reflection.reflector.synced;
    expect(names()).toEqual(['a', 'b']);
  });

  test('a continue token that expired starts the list afresh', async () => {
    let expired = false;
    server.onList = (query) => {
      if (query.get('continue') !== null && !expired) {
        expired = true;
        return aStatus(410, 'Expired');
      }
      return query.get('continue') === null
        ? aList([anItem('a', '1')], '9', 'more')
        : aList([anItem('b', '2')], '9');
    };
    start();
    await reflection.reflector.synced;
    expect(server.lists.map((query) => query.get('continue'))).toEqual([null, 'more', null, 'more']);
    expect(names()).toEqual(['a', 'b']);
  });

  test('a refused list is tried again for ever, and is never an empty one', async () => {
    let isRefusing = false;
    server.onList = () => (isRefusing ? aStatus(503, 'ServiceUnavailable') : aList([anItem('a', '1')], '5'));
    start();
    await reflection.reflector.synced;
    isRefusing = true;
    (await watchNumber(1)).send('ERROR', { code: 410, reason: 'Expired' });
    await eventually(() => expect(reflection.failures.length).toBeGreaterThan(3));
    expect(names()).toEqual(['a']);
    expect(reflection.told).toEqual(['added a']);
    isRefusing = false;
    await watchNumber(2);
    expect(names()).toEqual(['a']);
  });

  test('a 429 is waited out as the server asks, and is never an empty list', async () => {
    let isBusy = true;
    server.onList = () =>
      isBusy ? aStatus(429, 'TooManyRequests', { 'retry-after': '1' }) : aList([anItem('a', '1')], '5');
    start();
    await eventually(() => expect(reflection.failures).toHaveLength(1));
    expect(reflection.failures[0]?.error).toMatchObject({ retryAfterMs: 1_000 });
    isBusy = false;
    await reflection.reflector.synced;
    // Its own backoff is 4 ms at most: had it not waited, there would be hundreds.
    expect(server.lists).toHaveLength(2);
    expect(names()).toEqual(['a']);
  });

  // Rule: nothing is deleted because a read failed. An answer that is no list says nothing about absence.
  for (const [title, body] of Object.entries({
    'an empty object': {},
    'a Status': { kind: 'Status', status: 'Success' },
    'a list without items and version': { kind: 'List', metadata: {} },
    null: null,
  })) {
    test(`a 200 whose body is no list (${title}) empties nothing`, async () => {
      let isBroken = false;
      server.onList = () => (isBroken ? { body } : aList([anItem('a', '1')], '5'));
      start();
      await reflection.reflector.synced;
      isBroken = true;
      (await watchNumber(1)).send('ERROR', { code: 410, reason: 'Expired' });
      // Taken for a failure, or for a list, after which there is another watch.
      await eventually(() => expect(reflection.failures.length + server.watches.length).toBeGreaterThan(1));
      expect(names()).toEqual(['a']);
    });
  }
});

describe('a list as a stream', () => {
  const end = (version: string): object => ({
    metadata: { resourceVersion: version, annotations: { 'k8s.io/initial-events-end': 'true' } },
  });
  const streamNumber = (count: number): Promise<OpenWatch> =>
    eventually(() => {
      const stream = server.streams[count - 1];
      if (!stream) throw new Error(`${server.streams.length} streams so far`);
      return stream;
    });
  beforeEach(() => {
    server.onStream = () => undefined;
  });

  test('is whole at its end mark and not before; the watch begins there', async () => {
    start();
    const stream = await streamNumber(1);
    expect(Object.fromEntries(stream.query)).toMatchObject({
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: 'true',
    });
    stream.send('ADDED', anItem('a', '1'));
    stream.send('ADDED', anItem('b', '2'));
    stream.send('BOOKMARK', { metadata: { resourceVersion: '3' } });
    stream.send('DELETED', anItem('b', '4'));
    expect([reflection.reflector.hasSynced, names()]).toEqual([false, []]);
    stream.send('BOOKMARK', end('90'));
    await reflection.reflector.synced;
    expect([names(), server.lists.length]).toEqual([['a'], 0]);
    expect((await watchNumber(1)).query.get('resourceVersion')).toBe('90');
    await eventually(() => expect(stream.closed).toBe(true));
  });

  test('that breaks off is no list: this one comes in pages, the next as a stream again', async () => {
    server.onList = () => aList([anItem('a', '1'), anItem('b', '2')], '5');
    start();
    const stream = await streamNumber(1);
    stream.send('ADDED', anItem('a', '1'));
    stream.end();
    await reflection.reflector.synced;
    expect(names()).toEqual(['a', 'b']);
    const refreshed = reflection.reflector.refresh();
    (await streamNumber(2)).send('BOOKMARK', end('91'));
    await refreshed;
    expect([names(), server.lists.length]).toEqual([[], 1]);
  });

  test('that the server refuses is never asked for again', async () => {
    let asked = 0;
    server.onStream = () => {
      asked += 1;
      return aStatus(422, 'Invalid');
    };
    start();
    await reflection.reflector.synced;
    await reflection.reflector.refresh();
    await reflection.reflector.refresh();
    expect([asked, server.lists.length]).toEqual([1, 3]);
  });

  test.each([{ maxBytes: 2_000 }, { maxObjects: 30 }])(
    'of objects without end fails at %o, and is not asked for in pages',
    async (bound) => {
      reflection = reflect(url, { backoffBaseMs: 60_000, backoffMaxMs: 60_000 }, bound);
      const stream = await streamNumber(1);
      for (let index = 0; index < 40; index += 1) stream.send('ADDED', anItem(`a-${index}`, '1'));
      await eventually(() => {
        // Each piece is judged by what came before it.
        stream.send('ADDED', anItem('one-more', '1'));
        expect(reflection.failures).toHaveLength(1);
      });
      expect(reflection.failures[0]?.error).toMatchObject({ statusReason: 'ResponseTooLarge' });
      expect([server.lists.length, names()]).toEqual([0, []]);
    },
  );
});

describe('watch', () => {
  beforeEach(async () => {
    server.onList = () => aList([anItem('a', '1')], '5');
    start();
    await reflection.reflector.synced;
  });

  test('events reach the store in order', async () => {
    const watch = await watchNumber(1);
    watch.send('ADDED', anItem('b', '6'));
    watch.send('MODIFIED', anItem('a', '7'));
    watch.send('DELETED', anItem('b', '8'));
    await told('added a', 'added b', 'updated a', 'deleted b');
  });

  test('it asks for bookmarks and for a short life', async () => {
    const { query } = await watchNumber(1);
    expect(query.get('allowWatchBookmarks')).toBe('true');
    expect(Number(query.get('timeoutSeconds'))).toBeGreaterThanOrEqual(36);
    expect(Number(query.get('timeoutSeconds'))).toBeLessThanOrEqual(45);
  });

  test('a watch that ends is resumed from the last event, without a list', async () => {
    const watch = await watchNumber(1);
    watch.send('ADDED', anItem('b', '6'));
    watch.end();
    expect((await watchNumber(2)).query.get('resourceVersion')).toBe('6');
    expect(server.lists).toHaveLength(1);
    expect(reflection.restarts).toEqual(['timeout']);
  });

  test('a bookmark moves the version on, and is no object', async () => {
    const watch = await watchNumber(1);
    watch.send('BOOKMARK', { metadata: { resourceVersion: '77' } });
    watch.end();
    expect((await watchNumber(2)).query.get('resourceVersion')).toBe('77');
    expect(reflection.told).toEqual(['added a']);
  });

  test('a connection that is cut in the middle of a line is resumed before that line', async () => {
    const watch = await watchNumber(1);
    watch.send('ADDED', anItem('b', '6'));
    watch.write(JSON.stringify({ type: 'DELETED', object: anItem('a', '7') }).slice(0, -5));
    await told('added a', 'added b');
    watch.cut();
    const second = await watchNumber(2);
    expect(second.query.get('resourceVersion')).toBe('6');
    expect(server.lists).toHaveLength(1);
    second.send('DELETED', anItem('a', '7'));
    await told('added a', 'added b', 'deleted a');
  });

  test('a stream that ends in the middle of a line is resumed before that line', async () => {
    const watch = await watchNumber(1);
    watch.write(`${JSON.stringify({ type: 'DELETED', object: anItem('a', '7') })}`);
    watch.end();
    expect((await watchNumber(2)).query.get('resourceVersion')).toBe('5');
    expect(names()).toEqual(['a']);
  });

  test('an event split inside a character arrives whole', async () => {
    const watch = await watchNumber(1);
    const bytes = Buffer.from(
      `${JSON.stringify({ type: 'ADDED', object: { ...anItem('b', '6'), note: 'é😀' } })}\n`,
    );
    const cut = bytes.indexOf(Buffer.from('😀')) + 2;
    watch.write(bytes.subarray(0, cut));
    watch.write(bytes.subarray(cut));
    await told('added a', 'added b');
    expect(reflection.store.get('b')?.object['note']).toBe('é😀');
  });

  test('410 in the stream means a new list, and what was deleted meanwhile comes out', async () => {
    server.onList = () => aList([anItem('c', '90')], '91');
    (await watchNumber(1)).send('ERROR', { kind: 'Status', code: 410, reason: 'Expired' });
    await told('added a', 'deleted a', 'added c');
    expect((await watchNumber(2)).query.get('resourceVersion')).toBe('91');
    expect(reflection.restarts).toContain('expired');
    expect(reflection.corrections).toEqual([2]);
  });

  test('410 in answer to the watch means a new list as well', async () => {
    server.onList = () => aList([], '91');
    server.onWatch = (query) => (query.get('resourceVersion') === '5' ? aStatus(410, 'Expired') : undefined);
    (await watchNumber(1)).end();
    await told('added a', 'deleted a');
    expect((await watchNumber(2)).query.get('resourceVersion')).toBe('91');
  });

  // What asks for a minute and is not waited for was tried at once.
  const MINUTE_LATER = { 'retry-after': '60' };

  test('410 after other failures means a new list at once', async () => {
    const first = await watchNumber(1);
    const answers = [
      aStatus(503, 'ServiceUnavailable'),
      aStatus(503, 'ServiceUnavailable'),
      aStatus(410, 'Expired', MINUTE_LATER),
    ];
    server.onList = () => aList([], '91');
    server.onWatch = () => answers.shift();
    first.cut();
    expect((await watchNumber(2)).query.get('resourceVersion')).toBe('91');
    expect(reflection.failures.map(({ failures }) => failures)).toEqual([1, 2, 3]);
  });

  test('410 twice in a row is the server’s own trouble: the second is waited for', async () => {
    const first = await watchNumber(1);
    server.onList = () => aList([], '91');
    server.onWatch = () => aStatus(410, 'Expired', MINUTE_LATER);
    first.cut();
    const expiries = (): readonly string[] => reflection.restarts.filter((reason) => reason === 'expired');
    await eventually(() => expect(expiries()).toHaveLength(2));
    // Another one lists, watches and is refused in the meantime, all over the same network.
    const other = reflect(url);
    await eventually(() => expect(other.restarts).toEqual(['expired', 'expired']));
    await other.close();
    // Two of ours, two of the other, and one more of ours after the cut.
    expect([expiries().length, server.lists.length - 1]).toEqual([2, 4]);
  });

  test('any other error in the stream ends the watch, which is resumed where it was', async () => {
    const watch = await watchNumber(1);
    watch.send('ADDED', anItem('b', '6'));
    watch.send('ERROR', { kind: 'Status', code: 500, reason: 'InternalError', message: 'etcd' });
    watch.send('DELETED', anItem('a', '7'));
    expect((await watchNumber(2)).query.get('resourceVersion')).toBe('6');
    expect(names()).toEqual(['a', 'b']);
    expect(server.lists).toHaveLength(1);
    expect(reflection.failures).toMatchObject([{ error: { code: 500 }, failures: 1 }]);
  });

  test('an error in the stream cannot make us wait longer than a header can', async () => {
    (await watchNumber(1)).send('ERROR', {
      code: 429,
      reason: 'TooManyRequests',
      details: { retryAfterSeconds: 86_400 },
    });
    await eventually(() => expect(reflection.failures).toHaveLength(1));
    const [failure] = reflection.failures;
    expect(failure?.error instanceof ApiError && failure.error.retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  test('an error without a code ends the watch too', async () => {
    (await watchNumber(1)).send('ERROR', {});
    await watchNumber(2);
    expect(reflection.failures[0]?.error).toBeInstanceOf(ApiError);
  });

  const unusable: Record<string, string> = {
    'a line that is no JSON': 'garbage\n',
    'an event of an unknown type': `${JSON.stringify({ type: 'CHANGED', object: anItem('b', '6') })}\n`,
    'an object without a version': `${JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'b', uid: 'x' } } })}\n`,
    'an object without a name': `${JSON.stringify({ type: 'DELETED', object: { metadata: { resourceVersion: '6' } } })}\n`,
  };
  for (const [title, text] of Object.entries(unusable)) {
    test(`${title} could be a missed revocation: list again`, async () => {
      server.onList = () => aList([], '91');
      (await watchNumber(1)).write(text);
      await told('added a', 'deleted a');
      expect(reflection.restarts).toContain('bad-line');
    });
  }

  test('a watch that is refused may have missed anything: it begins with a list', async () => {
    server.onList = () => aList([], '91');
    const answers = [aStatus(503, 'ServiceUnavailable')];
    server.onWatch = () => answers.shift();
    (await watchNumber(1)).cut();
    expect((await watchNumber(2)).query.get('resourceVersion')).toBe('91');
    expect(names()).toEqual([]);
  });

  test('a server that is too busy for a watch is not burdened with a list', async () => {
    const answers = [aStatus(429, 'TooManyRequests'), aStatus(429, 'TooManyRequests')];
    server.onWatch = () => answers.shift();
    const first = await watchNumber(1);
    first.send('BOOKMARK', { metadata: { resourceVersion: '6' } });
    await eventually(() => expect(reflection.confirmations()).toBe(2));
    first.cut();
    expect((await watchNumber(2)).query.get('resourceVersion')).toBe('6');
    expect(server.lists).toHaveLength(1);
  });

  test('an object that was recreated under its name is deleted and added', async () => {
    (await watchNumber(1)).send('ADDED', anItem('a', '9', 'another-uid'));
    await told('added a', 'deleted a', 'added a');
  });

  test('the same event again is no event', async () => {
    const watch = await watchNumber(1);
    watch.send('ADDED', anItem('b', '6'));
    watch.send('MODIFIED', anItem('b', '6'));
    watch.send('ADDED', anItem('c', '7'));
    await told('added a', 'added b', 'added c');
  });
});

describe('a plane whose history is another one now', () => {
  beforeEach(async () => {
    server.onList = () => aList([anItem('a', '1')], '500');
    start();
    await reflection.reflector.synced;
  });

  // An API server accepts a watch from a version that its plane has not reached, and tells nothing.
  test('that was put back from a backup is listed at the next opening of a watch', async () => {
    const first = await watchNumber(1);
    first.send('BOOKMARK', { metadata: { resourceVersion: '510' } });
    server.onList = () => aList([anItem('b', '2')], '440');
    server.version = '440';
    first.end();
    await told('added a', 'deleted a', 'added b');
    await eventually(() => expect(server.watches.at(-1)?.query.get('resourceVersion')).toBe('440'));
    expect(reflection.restarts).toContain('rolled-back');
    expect(reflection.failures).toEqual([]);
  });

  test('that tells of a version older than what it told before is listed', async () => {
    const first = await watchNumber(1);
    first.send('BOOKMARK', { metadata: { resourceVersion: '510' } });
    server.onList = () => aList([], '509');
    first.send('ADDED', anItem('b', '505'));
    await told('added a', 'deleted a');
    expect(reflection.restarts).toContain('bad-line');
  });

  test('a plane that does not say its version is watched on: no answer is no evidence', async () => {
    server.onProbe = () => aStatus(500, 'InternalError');
    const first = await watchNumber(1);
    first.end();
    (await watchNumber(2)).send('ADDED', anItem('b', '501'));
    await told('added a', 'added b');
    expect(server.lists).toHaveLength(1);
  });

  test('events are not kept back for long by a question that hangs', async () => {
    server.onProbe = () => 'never';
    (await watchNumber(1)).end();
    (await watchNumber(2)).send('ADDED', anItem('b', '501'));
    await told('added a', 'added b');
  });
});

describe('what counts as told by the server', () => {
  const confirmed = (count: number): Promise<void> =>
    eventually(() => expect(reflection.confirmations()).toBe(count));

  beforeEach(async () => {
    server.onList = () => aList([anItem('a', '1')], '5');
    start();
    await reflection.reflector.synced;
  });

  test('a list, an event, a bookmark and the orderly end of a watch do', async () => {
    const watch = await watchNumber(1);
    await confirmed(1);
    watch.send('ADDED', anItem('b', '6'));
    await confirmed(2);
    watch.send('BOOKMARK', { metadata: { resourceVersion: '7' } });
    await confirmed(3);
    watch.end();
    await confirmed(4);
  });

  test('that a watch could be opened does not', async () => {
    await watchNumber(1);
    await eventually(() => expect(server.probes).toBe(1));
    expect(reflection.confirmations()).toBe(1);
  });

  test('the end of a watch does not while nobody knows how far the plane is', async () => {
    await eventually(() => expect(server.probes).toBe(1));
    server.onProbe = () => aStatus(500, 'InternalError');
    (await watchNumber(1)).end();
    (await watchNumber(2)).end();
    await watchNumber(3);
    // The first was asked about before the trouble began.
    expect(reflection.confirmations()).toBe(2);
  });

  test('a watch that was cut before it told anything is no ground to resume from', async () => {
    (await watchNumber(1)).cut();
    await watchNumber(2);
    expect(server.lists).toHaveLength(2);
  });
});

describe('a quiet or broken server', () => {
  test('a half-open watch is ended by the client, and listed: it told nothing', async () => {
    server.onList = () => aList([anItem('a', '1')], '5');
    start({ watchSeconds: 1, graceMs: 50 });
    await watchNumber(2);
    expect(reflection.restarts[0]).toBe('deadline');
    expect(server.lists).toHaveLength(2);
  });

  test('a watch that never fails is checked against a list now and then', async () => {
    server.onList = () => aList([anItem('a', '1')], '5');
    start({ relistMs: -1 });
    const watch = await watchNumber(1);
    server.onList = () => aList([], '6');
    watch.end();
    await told('added a', 'deleted a');
    expect(reflection.corrections).toEqual([1]);
  });

  test('watches that end at once do not make a tight loop', async () => {
    server.onWatch = () => ({ body: '' });
    start({ backoffBaseMs: 100, backoffMaxMs: 30_000 });
    await eventually(() => expect(reflection.restarts.length).toBeGreaterThanOrEqual(3));
    // 50 + 100 + 200 ms at least lie between the first four.
    expect(reflection.restarts.length).toBeLessThanOrEqual(4);
  });
});

describe('a network that cuts every connection after a while', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  // Three failures in a row cost the whole session (clusters/connection.ts).
  test('a watch that worked for 20 s before it was cut is a first failure each time', async () => {
    start({ backoffMaxMs: 30_000 });
    for (const count of [1, 2, 3, 4]) {
      const watch = await watchNumber(count);
      vi.advanceTimersByTime(10_000);
      watch.send('BOOKMARK', { metadata: { resourceVersion: `${count}00` } });
      vi.advanceTimersByTime(10_000);
      watch.cut();
    }
    await watchNumber(5);
    expect(reflection.failures.map(({ failures }) => failures)).toEqual([1, 1, 1, 1]);
  });
});

describe('stop', () => {
  test('ends an open watch; nothing reaches the store any more', async () => {
    server.onList = () => aList([anItem('a', '1')], '5');
    start();
    const watch = await watchNumber(1);
    await reflection.reflector.stop();
    await eventually(() => expect(watch.closed).toBe(true));
    watch.send('DELETED', anItem('a', '7'));
    expect(names()).toEqual(['a']);
    expect([server.lists.length, server.watches.length]).toEqual([1, 1]);
  });

  test('ends a long wait between tries', async () => {
    server.onList = () => aStatus(503, 'ServiceUnavailable', { 'retry-after': '60' });
    start();
    await eventually(() => expect(reflection.failures).toHaveLength(1));
    await reflection.reflector.stop();
    expect(server.lists).toHaveLength(1);
  });

  test('ends a list that does not answer', async () => {
    server.onList = () => 'never';
    start();
    await eventually(() => expect(server.lists).toHaveLength(1));
    await reflection.reflector.stop();
    expect(reflection.reflector.hasSynced).toBe(false);
  });

  test('twice is once, and before start is fine', async () => {
    start();
    await reflection.reflector.stop();
    await reflection.reflector.stop();
  });
});

describe('refresh', () => {
  test('lists at once although a watch hangs, and resolves when that list is in the store', async () => {
    server.onList = () => aList([anItem('a', '1')], '7');
    start();
    const hanging = await watchNumber(1);
    server.onList = () => aList([anItem('b', '8')], '8');
    await reflection.reflector.refresh();
    expect(names()).toEqual(['b']);
    expect((await watchNumber(2)).query.get('resourceVersion')).toBe('8');
    await eventually(() => expect(hanging.closed).toBe(true));
    expect(reflection.failures).toEqual([]);
  });

  test('does not take a list for new that began before it was asked for', async () => {
    let answers = 0;
    server.onList = () => {
      answers += 1;
      return answers === 1 ? 'never' : aList([anItem(`of-${answers}`, '1')], '7');
    };
    start();
    await eventually(() => expect(answers).toBe(1));
    await Promise.all([reflection.reflector.refresh(), reflection.reflector.refresh()]);
    expect(names()).toEqual(['of-2']);
  });

  test('does not wait out a backoff, and waits as long as lists fail', async () => {
    let isBroken = true;
    server.onList = () => (isBroken ? aStatus(503, 'ServiceUnavailable') : aList([anItem('a', '1')], '7'));
    start({ backoffBaseMs: 3_600_000, backoffMaxMs: 3_600_000 });
    await eventually(() => expect(reflection.failures).toHaveLength(1));
    let isFresh = false;
    const first = reflection.reflector.refresh().then(() => {
      isFresh = true;
    });
    await eventually(() => expect(reflection.failures).toHaveLength(2));
    expect(isFresh).toBe(false);
    isBroken = false;
    await Promise.all([first, reflection.reflector.refresh()]);
    expect(names()).toEqual(['a']);
  });
});
