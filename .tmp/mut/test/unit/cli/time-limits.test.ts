import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../../src/cli/program/program.ts';
import { listOf, PaperPlanes, type PaperRequest } from '../../support/paper-planes.ts';
import { aRuntime } from '../../support/runtime.ts';

const planes = new PaperPlanes();
beforeAll(() => planes.listen());
afterAll(() => planes.close());
beforeEach(() => {
  planes.answer = () => undefined;
  planes.requests.length = 0;
});

/** A request that hangs takes twice `--request-timeout`: far longer than a test may take. */
const TEST_MS = 15_000;

async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { runtime, told } = aRuntime();
  const code = await runProgram(
    [...args, '--kubeconfig', planes.kubeconfig, '--request-timeout', '60s'],
    runtime,
  );
  return { code, ...told };
}

const later = (ms: number): Promise<undefined> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms, undefined);
  });
const never = (): Promise<undefined> => new Promise(() => {});

const OBJECTS = 200;
const leftover = (name: string, cluster: string): object => ({
  apiVersion: 'cluster.cattle.io/v3',
  kind: 'ClusterAuthToken',
  metadata: {
    ...{ name, namespace: 'cattle-system', uid: `${cluster}-${name}`, resourceVersion: '1' },
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': cluster },
    annotations: { 'ace-operator.io/token-uid': name },
  },
  userName: 'u-ada',
  enabled: true,
  expiresAt: '2020-01-01T00:00:00Z',
});
const aToken = (name: string): object => ({
  metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
  userId: 'u-ada',
  clusterName: 'c-slow',
  token: 'x'.repeat(54),
});
/** Expired, so that they go without a brake. */
const expired = (name: string): object => ({ ...aToken(name), expiresAt: '2020-01-01T00:00:00Z' });
const few = ['t-0', 't-1', 't-2'];
const names = Array.from({ length: OBJECTS }, (_, index) => `t-${index}`);

/** A cluster full of what is to go, and the management plane that says so. */
function world({ cluster, plural, name }: PaperRequest): object | undefined {
  if (cluster !== undefined && plural === 'clusterauthtokens' && name === undefined)
    return listOf((cluster === 'c-quick' ? few : names).map((one) => leftover(one, cluster)));
  if (cluster === undefined && plural === 'tokens')
    return name === undefined ? listOf(names.map(expired)) : expired(name);
  const user = { metadata: { name: 'u-ada', uid: 'u-ada', resourceVersion: '1' }, enabled: true };
  if (cluster === undefined && plural === 'users') return name === undefined ? listOf([user]) : user;
  return undefined;
}

describe('deletions that are answered slowly', () => {
  const deleted: string[] = [];
  beforeEach(() => {
    deleted.length = 0;
    planes.setClusters('c-quick', 'c-slow');
    planes.answer = async (request) => {
      if (request.method !== 'DELETE') return world(request);
      // A minute and more for all of them; each answered in time.
      if (request.cluster !== 'c-quick') await later(3_000);
      deleted.push(request.name ?? '');
      return { kind: 'Status', status: 'Success' };
    };
  });

  test('hold up gc no longer than was said, and no other cluster', async () => {
    const { code, err } = await run('gc', '--apply', '--time-limit', '2s');
    expect(code).toBe(3);
    expect(err).toMatch(/cluster c-slow: given up after 2s: \d+ of 200 objects are left/);
    expect(err).not.toContain('cluster c-quick: given up');
    expect(deleted).toEqual(expect.arrayContaining(few));
  }, 20_000);

  test(
    'nor cleanup',
    async () => {
      planes.setClusters('c-slow');
      const paper = planes.answer;
      // What is one server for both kinds of plane stands for a cluster here.
      planes.answer = (request) => paper({ ...request, cluster: 'c-slow' });
      const { code, err } = await run('cleanup', '--yes', '--time-limit', '2s');
      expect(code).toBe(3);
      expect(err).toMatch(/given up after 2s: \d+ of 200 objects are left/);
    },
    TEST_MS,
  );

  test.each([
    ['token', 'revoke', '--all', '--yes'],
    ['token', 'delete', ...names],
  ])(
    'nor %s %s',
    async (...command) => {
      const { code, err } = await run(...command, '--time-limit', '2s');
      expect(code).toBe(3);
      expect(err).toMatch(/given up after 2s: \d+ of 200 tokens are left/);
    },
    TEST_MS,
  );
});

describe('a server that does not answer ends no later than the waiting', () => {
  beforeEach(() => planes.setClusters('c-slow'));
  const propagation = {
    metadata: { name: 'c-slow', uid: 'c-slow', resourceVersion: '1', generation: 2 },
    spec: { drain: true },
  };

  test(
    'drain --wait: the management plane',
    async () => {
      let isSet = false;
      planes.answer = ({ plural, method }) => {
        if (plural !== 'clusterpropagations') return undefined;
        if (method === 'GET') return isSet ? never() : undefined;
        isSet = true;
        return propagation;
      };
      const { code, err } = await run('drain', 'c-slow', '--wait', '--timeout', '1s');
      expect({ code, err }).toMatchObject({
        code: 3,
        err: expect.stringMatching(/cannot see whether it is drained/),
      });
    },
    TEST_MS,
  );

  test(
    'drain --wait: the cluster',
    async () => {
      const condition = { type: 'Drained', status: 'True', observedGeneration: 2, reason: 'DrainRequested' };
      const drained = { ...propagation, status: { conditions: [condition] } };
      planes.answer = ({ cluster, plural }) => {
        if (cluster !== undefined) return never();
        return plural === 'clusterpropagations' ? drained : undefined;
      };
      const { code, err } = await run('drain', 'c-slow', '--wait', '--timeout', '1s');
      expect({ code, err }).toMatchObject({ code: 3, err: expect.stringMatching(/nobody looked/) });
    },
    TEST_MS,
  );

  test.each([['secrets'], ['clusterauthtokens']])(
    'token revoke --wait: %s',
    async (silent) => {
      planes.answer = (request) => {
        if (request.plural === silent) return never();
        if (request.method === 'DELETE') return { kind: 'Status', status: 'Success' };
        return request.plural === 'tokens' ? aToken('t-1') : undefined;
      };
      const { code, err } = await run('token', 'delete', 't-1', '--wait', '--timeout', '1s');
      expect({ code, err }).toMatchObject({
        code: 3,
        err: expect.stringMatching(/cluster c-slow: .*cannot see whether it refuses them/),
      });
    },
    TEST_MS,
  );
});

describe('while a server has us wait, that is said', () => {
  const busyOnce = (): ((request: PaperRequest) => object | undefined) => {
    let isFirst = true;
    return ({ method }) => {
      if (method !== 'DELETE') return undefined;
      if (!isFirst) return { kind: 'Status', status: 'Success' };
      isFirst = false;
      return { code: 429, headers: { 'retry-after': '1' } };
    };
  };

  test('of the management plane', async () => {
    const busy = busyOnce();
    planes.answer = (request) => busy(request) ?? (request.plural === 'tokens' ? aToken('t-1') : undefined);
    const { code, out, err } = await run('token', 'delete', 't-1');
    expect({ code, out }).toEqual({ code: 0, out: 'token/t-1 deleted\n' });
    expect(err).toMatch(/^the management plane is busy and has us wait for 1s; it goes on by itself$/m);
  });

  test('of a cluster', async () => {
    const busy = busyOnce();
    planes.setClusters('c-slow');
    planes.answer = (request) => busy(request) ?? world(request);
    const { code, err } = await run('gc', '--apply', 'c-slow');
    expect(code).toBe(0);
    expect(err).toMatch(/^cluster c-slow is busy and has us wait for 1s; it goes on by itself$/m);
  });
});
