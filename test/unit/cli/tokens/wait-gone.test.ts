import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../../../src/cli/program/program.ts';
import { rawToken, rawUser } from '../../../support/builders.ts';
import { listOf, PaperPlanes } from '../../../support/paper-planes.ts';
import { aRuntime } from '../../../support/runtime.ts';

/** A revocation by a filter waits also for what the filter names and the management plane no longer knows. */

const planes = new PaperPlanes();
/** ClusterAuthTokens of each cluster; there is no Token. */
let held: Record<string, readonly object[]>;
let away: Set<string>;

beforeAll(() => planes.listen());
afterAll(() => planes.close());
beforeEach(() => {
  planes.requests.length = 0;
  planes.setClusters('c-1', 'c-2');
  const metadata = { name: 'a-1', uid: 'uid-a-1', resourceVersion: '1' };
  held = { 'c-1': [{ metadata, userName: 'u-ada', enabled: true }] };
  away = new Set();
  planes.answer = ({ cluster, plural, name = '' }) => {
    if (cluster !== undefined && away.has(cluster)) return { code: 503 };
    if (plural === 'clusterauthtokens') return listOf(held[cluster ?? ''] ?? []);
    return plural === 'users' && name !== '' ? rawUser({}, { name }) : undefined;
  };
});

async function runProgramWith(...args: readonly string[]): Promise<{ code: number; err: string }> {
  const { runtime, told } = aRuntime();
  const code = await runProgram(['token', ...args, '--kubeconfig', planes.kubeconfig], runtime);
  return { code, err: told.err };
}
const runFor = (timeout: string, ...args: readonly string[]) =>
  runProgramWith(...args, '--wait', '--timeout', timeout);
const run = (...args: readonly string[]) => runFor('0s', ...args);
const looked = (): readonly string[] =>
  planes.requests.filter((request) => request.endsWith(' clusterauthtokens'));

describe('of a user who was deleted with all tokens', () => {
  const again = ['revoke', '--user', 'u-ada'] as const;
  const MISSING = 'there is no User u-ada, and no token of theirs';
  beforeEach(() => {
    const { answer } = planes;
    planes.answer = (request) => (request.plural === 'users' ? undefined : answer(request));
  });

  test('what a cluster still accepts is found', async () => {
    const { code, err } = await run(...again);
    expect(code).toBe(1);
    expect(err).toContain('cluster c-1: still accepts a-1');
    expect(err).not.toContain(MISSING);
  });

  test('a name that nobody and no cluster knows was mistyped', async () => {
    held = {};
    const { code, err } = await run(...again);
    expect(code).toBe(1);
    expect(err).toContain(MISSING);
    expect(err).not.toContain('refused downstream');
  });

  test('nobody can tell while a cluster is away', async () => {
    held = {};
    away.add('c-2');
    const { code, err } = await run(...again);
    expect(code).toBe(3);
    expect(err).toContain('cluster c-2: ');
  });

  test('it is done once the cluster refuses what it held', async () => {
    let looks = 0;
    const { answer } = planes;
    planes.answer = (request) => {
      if (request.plural === 'clusterauthtokens' && request.cluster === 'c-1' && looks++ > 0) held = {};
      return answer(request);
    };
    const { code, err } = await runFor('5s', ...again);
    expect(code).toBe(0);
    expect(err).toContain('refused downstream in ');
    expect(err).not.toContain(MISSING);
  });

  test('without --wait nothing is looked into', async () => {
    expect(await runProgramWith(...again)).toMatchObject({ code: 1, err: expect.stringContaining(MISSING) });
    expect(looked()).toEqual([]);
  });
});

describe('of a cluster that was deleted', () => {
  beforeEach(() => {
    const { answer } = planes;
    planes.answer = (request) =>
      request.plural === 'clusters' && request.name !== undefined ? undefined : answer(request);
    planes.setClusters('c-2');
  });

  test('to which no way leads it was mistyped', async () => {
    const { code, err } = await run('revoke', '--cluster', 'c-1', '--yes');
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('there is no Cluster c-1') });
  });

  test('what it still accepts is found', async () => {
    planes.setClusters('c-1', 'c-2');
    const { answer } = planes;
    planes.answer = (request) =>
      request.plural === 'clusters' && request.name === 'c-1' ? { code: 404 } : answer(request);
    const { code, err } = await run('revoke', '--cluster', 'c-1', '--yes');
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringContaining('cluster c-1: still accepts a-1'),
    });
    expect(err).not.toContain('there is no Cluster');
  });
});

describe('where two Clusters lead to one API server', () => {
  const OF_C2 = {
    metadata: { name: 'b-2', uid: 'b-2', resourceVersion: '1', labels: { 'ace-operator.io/cluster': 'c-2' } },
    ...{ userName: 'u-bob', enabled: true },
  };
  /** The Token b-2, if it is there, and whether Cluster c-2 is. */
  const shared = (isThere: boolean, c2: object | undefined = undefined): void => {
    held = { 'c-1': [OF_C2], 'c-2': [OF_C2] };
    const { answer } = planes;
    const b2 = rawToken({ userId: 'u-bob', clusterName: 'c-2' }, { name: 'b-2', uid: 'b-2' });
    planes.answer = (request) => {
      if (request.plural === 'clusters' && request.name === 'c-2' && c2) return c2;
      if (request.plural !== 'tokens' || !isThere) return answer(request);
      return request.name === undefined ? listOf([b2]) : request.name === 'b-2' ? b2 : undefined;
    };
  };

  test('a good token of the other is not to be refused', async () => {
    shared(true);
    const { code, err } = await run('revoke', '--cluster', 'c-1', '--yes');
    expect(err).not.toContain('still accepts');
    expect(code).toBe(0);
  });

  test.each([
    ['that is gone', false, undefined],
    ['of a Cluster that is deleted', true, { code: 404 }],
  ])('one %s is', async (_title, isThere, c2) => {
    shared(isThere, c2);
    const { code, err } = await run('revoke', '--cluster', 'c-1', '--yes');
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringContaining('cluster c-1: still accepts b-2'),
    });
  });

  test('nobody knows where that Cluster cannot be read', async () => {
    shared(true, { code: 403 });
    expect((await run('revoke', '--cluster', 'c-1', '--yes')).code).toBe(3);
  });
});
