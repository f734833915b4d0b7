import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ConnectPace, type Urgency } from '../../../src/clusters/connect-pace.ts';
import { Connection, type ConnectionOptions } from '../../../src/clusters/connection.ts';
import { ClusterSession, type SessionState } from '../../../src/clusters/session.ts';
import { ConnectionError, OtherPlaneError } from '../../../src/errors.ts';
import { eventually } from '../../support/eventually.ts';
import { aList, aStatus, WatchServer } from '../../support/watch-server.ts';

let server: WatchServer;
let url: URL;
/** UID of the cluster that answers; undefined: nobody may see it. */
let uid: string | undefined;
let lists: string[];
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  server = new WatchServer();
  url = await server.listen();
  uid = 'one';
  lists = [];
  server.onPath = (path) => {
    if (path.endsWith('/namespaces/kube-system'))
      return uid === undefined ? aStatus(403, 'Forbidden') : { body: { metadata: { uid } } };
    if (path.includes('/customresourcedefinitions/') || path.endsWith('/namespaces/cattle-system'))
      return aStatus(403, 'Forbidden');
    lists.push(path.split('/').at(-1) ?? '');
    return undefined;
  };
  server.onList = () => aList([], '5');
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await server.close();
});

const access = (): ConnectionOptions['access'] => ({ server: url, tls: {}, headers: async () => ({}) });
const common = {
  cluster: 'c-1',
  namespace: 'cattle-system',
  definitions: [],
  connections: 4,
  timeoutMs: 5_000,
  userAgent: 'test',
  timing: { backoffBaseMs: 1, backoffMaxMs: 4 },
};

async function connect(): Promise<{ connection: Connection; lost: unknown[] }> {
  const lost: unknown[] = [];
  const connection = new Connection({
    ...common,
    access: access(),
    onObject: () => {},
    onLost: (error) => lost.push(error),
  });
  closing.push(() => connection.close());
  await connection.open(new AbortController().signal);
  return { connection, lost };
}

describe('a connection', () => {
  test('whose watch does not tell of a write of ours is listed anew, that kind only', async () => {
    const { connection } = await connect();
    await eventually(() => expect(server.watches).toHaveLength(3));
    lists.length = 0;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    connection.observed.assume({
      apiVersion: 'cluster.cattle.io/v3',
      kind: 'ClusterAuthToken',
      metadata: { name: 't-1', uid: 'u', resourceVersion: '6' },
    });
    vi.advanceTimersByTime(10_000);
    vi.useRealTimers();
    await eventually(() => expect(server.watches).toHaveLength(4));
    expect(new Set(lists)).toEqual(new Set(['clusterauthtokens']));
  });

  test('is lost when another cluster answers', async () => {
    const { connection, lost } = await connect();
    expect(connection.plane.uid).toBe('one');
    uid = 'two';
    // Whatever list comes next asks who it is that tells.
    for (const watch of server.watches) watch.cut();
    await eventually(() => expect(lost[0]).toBeInstanceOf(OtherPlaneError));
  });

  test('is not lost because the server is too busy for a question', async () => {
    const { connection, lost } = await connect();
    server.onList = () => aStatus(429, 'TooManyRequests', { 'retry-after': '1' });
    await connection.suspect(new ConnectionError('Unreachable', 'no answer'));
    server.onList = () => aStatus(503, 'ServiceUnavailable', { 'retry-after': '1' });
    await connection.suspect(new ConnectionError('Unreachable', 'no answer'));
    expect(lost).toEqual([]);
    server.onList = () => aStatus(500, 'InternalError');
    await connection.suspect(new ConnectionError('Unreachable', 'no answer'));
    expect(lost).toHaveLength(1);
  });
});

describe('a session', () => {
  function begin(
    knownUid?: string,
    pace: Pick<ConnectPace, 'turn'> = new ConnectPace(),
    owes = false,
  ): { states: SessionState[]; session: ClusterSession } {
    const states: SessionState[] = [];
    const session = new ClusterSession({
      ...common,
      knownUid,
      pace,
      owes: () => owes,
      access: async () => access(),
      listener: { stateChanged: (state) => states.push(state), objectChanged: () => {} },
    });
    closing.push(() => session.stop());
    session.start();
    return { states, session };
  }
  const connected = (states: readonly SessionState[]): Promise<SessionState> =>
    eventually(() => {
      const state = states.at(-1);
      if (state?.phase !== 'connected') throw new Error(`the session is ${state?.phase}`);
      return state;
    });

  test('says which cluster it leads to, and when another one answers in its place', async () => {
    const { states } = begin();
    expect(await connected(states)).toMatchObject({ clusterUid: 'one', strangerUid: undefined });
    uid = 'two';
    for (const watch of server.watches) watch.cut();
    await eventually(() =>
      expect(states.at(-1)).toMatchObject({ phase: 'disconnected', reason: 'ClusterReplaced' }),
    );
    expect(await connected(states)).toMatchObject({ clusterUid: 'one', strangerUid: 'two' });
    uid = 'one';
    for (const watch of server.watches) watch.cut();
    await eventually(() =>
      expect(states.at(-1)).toMatchObject({ strangerUid: undefined, clusterUid: 'one' }),
    );
  });

  test('knows what an earlier process knew, and keeps it where nothing can be seen', async () => {
    expect(await connected(begin('zero').states)).toMatchObject({ clusterUid: 'zero', strangerUid: 'one' });
    uid = undefined;
    expect(await connected(begin('zero').states)).toMatchObject({
      clusterUid: 'zero',
      strangerUid: undefined,
    });
  });

  test('waits for its turn before each connection, and says how urgent it is', async () => {
    const urgencies: Urgency[] = [];
    const turn = Promise.withResolvers<void>();
    const pace = {
      turn: (urgency: () => Urgency) => {
        urgencies.push(urgency());
        return turn.promise;
      },
    };
    let tries = 0;
    server.onPath = () => {
      tries += 1;
      return aStatus(503, 'ServiceUnavailable');
    };
    const { states } = begin(undefined, pace, true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([tries, states]).toEqual([0, []]);
    turn.resolve();
    await eventually(() => expect(urgencies).toEqual(['urgent', 'urgent', 'urgent', 'promising']), {
      timeoutMs: 20_000,
    });
    expect(tries).toBeGreaterThanOrEqual(3);
  });

  test('that is stopped while it waits for its turn never connects', async () => {
    const pace = new ConnectPace();
    const never = new AbortController().signal;
    const others = Array.from({ length: 20 }, () => pace.turn(() => 'urgent', never));
    const { session, states } = begin(undefined, pace);
    await session.stop();
    await Promise.all([...others, pace.turn(() => 'failing', never)]);
    expect([states, server.lists.length]).toEqual([[], 0]);
  });

  test('comes back no sooner than the server asks', async () => {
    server.onPath = () => aStatus(503, 'ServiceUnavailable', { 'retry-after': '60' });
    const { states } = begin();
    const state = await eventually(() => {
      const last = states.at(-1);
      if (last?.phase !== 'disconnected') throw new Error(`the session is ${last?.phase}`);
      return last;
    });
    expect(state.nextTryMs - Date.now()).toBeGreaterThan(55_000);
  });
});
