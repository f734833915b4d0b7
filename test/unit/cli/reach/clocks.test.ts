import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../../src/api/types.ts';
import { runProgram } from '../../../../src/cli/program/program.ts';
import { HOUR, type Json, rawCluster, rawToken, rawUser, timeText } from '../../../support/builders.ts';
import { listOf, type PaperAnswer, PaperPlanes, type PaperRequest } from '../../../support/paper-planes.ts';
import { aRuntime } from '../../../support/runtime.ts';

// The clock here is two hours off, as where the hardware's is taken for another time zone's. The management plane's is right.

const AHEAD = 2 * HOUR;
const BEHIND = -2 * HOUR;

const planes = new PaperPlanes();
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ace-clocks-'));
  await planes.listen();
});
afterAll(async () => {
  await planes.close();
  await rm(dir, { recursive: true, force: true });
});

let tokens: readonly KubeObject[];
let cluster: Json;
let deleted: string[];
beforeEach(() => {
  planes.setClusters('c-1');
  planes.answer = answer;
  cluster = { spec: { localClusterAuthEndpoint: { enabled: true } } };
  [tokens, deleted] = [[], []];
});

const labels = { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': 'c-1' };
const annotations = { 'ace-operator.io/token-uid': 'uid-t-1', 'ace-operator.io/user-uid': 'uid-u-1' };
const down = (name: string, marks: object): object => ({
  ...{ name, namespace: 'cattle-system', uid: `down-${name}`, resourceVersion: '1', ...marks },
});
let marks: object = { labels, annotations };

function answer({ method, cluster: id, plural, name, url }: PaperRequest): PaperAnswer {
  if (method === 'DELETE') {
    deleted.push(`${plural}/${name}`);
    return { kind: 'Status', status: 'Success' };
  }
  if (id !== undefined) return inCluster(plural, name);
  if (url.pathname.includes('/cattle-tokens/')) return name === undefined ? listOf([]) : { code: 404 };
  const objects = { tokens, users: [rawUser()], clusters: [rawCluster(cluster)] }[plural];
  if (plural === 'leases') return lease();
  if (!objects) return undefined;
  return name === undefined ? listOf(objects) : objects.find(({ metadata }) => metadata.name === name);
}

function inCluster(plural: string, name: string | undefined): PaperAnswer {
  const there = {
    clusterauthtokens: { metadata: down('t-1', marks), userName: 'u-1', enabled: true },
    clusteruserattributes: { metadata: down('u-1', marks), enabled: true, groups: [] },
  }[plural];
  return there && name === undefined ? listOf([there]) : there;
}

const lease = (): object => ({
  metadata: { name: 'ace-operator', namespace: 'ace-operator', uid: 'l', resourceVersion: '1' },
  spec: {
    ...{ holderIdentity: 'a-replica', leaseDurationSeconds: 15 },
    renewTime: new Date().toISOString(),
  },
});

/** A token of an hour, of which so much is left. */
const aToken = (leftMs: number): KubeObject =>
  rawToken(
    { ttl: HOUR, expiresAt: timeText(Date.now() + leftMs), lastUsedAt: timeText(Date.now() - HOUR) },
    { creationTimestamp: timeText(Date.now() + leftMs - HOUR) },
  );

async function run(
  offMs: number,
  ...args: readonly string[]
): Promise<{ code: number; out: string; err: string }> {
  const { runtime, told } = aRuntime({ now: () => Date.now() + offMs });
  const code = await runProgram([...args, '--kubeconfig', planes.kubeconfig], runtime);
  return { code, ...told };
}

const AHEAD_NOTE = /the clock here is \S+ ahead of the management plane's/;

describe('nobody loses a good token because the clock here is ahead', () => {
  beforeEach(() => {
    tokens = [aToken(HOUR / 2)];
    marks = { labels, annotations };
  });

  test.each([
    [['token', 'revoke', '--user', 'u-1', '--expiring-within', '1m']],
    [['token', 'revoke', '--user', 'u-1', '--unused-since', '2h']],
    [['token', 'revoke', '--user', 'u-1', '--expiring-within', '1m', '--keep']],
    [['gc', '--apply', 'c-1']],
  ])('by %j, which says that it is', async (args) => {
    const { code, err } = await run(AHEAD, ...args);
    expect({ code, deleted }).toEqual({ code: 0, deleted: [] });
    expect(err).toMatch(AHEAD_NOTE);
    expect(planes.requests.filter((request) => request.startsWith('PATCH'))).toEqual([]);
  });

  test('by adoption --remove-leftovers, nor a pair that is good in the cluster that it names', async () => {
    planes.setClusters('c-1', 'c-2');
    cluster = { spec: { localClusterAuthEndpoint: { enabled: false } } };
    marks = { labels: { 'cattle.io/creator': 'norman' } };
    tokens = [
      rawToken({ ...aToken(HOUR / 2), clusterName: 'c-2' }, aToken(HOUR / 2).metadata as object as Json),
    ];
    planes.answer = (request) => {
      const isC2 = request.plural === 'clusters' && request.name === 'c-2' && request.cluster === undefined;
      const c2 = rawCluster({ spec: { localClusterAuthEndpoint: { enabled: true } } }, { name: 'c-2' });
      if (isC2) return c2;
      const isList = request.plural === 'clusters' && request.name === undefined;
      return isList ? listOf([rawCluster(cluster), c2]) : answer(request);
    };
    const { code, err } = await run(AHEAD, 'adoption', 'c-1', '--remove-leftovers', '--yes');
    expect({ code, deleted }).toEqual({ code: 0, deleted: [] });
    expect(err).toMatch(AHEAD_NOTE);
  });

  test('by kubeconfig --token-file, which would refuse the bearer', async () => {
    cluster = { spec: { localClusterAuthEndpoint: { enabled: true, fqdn: 'c-1.example.com' } } };
    const file = join(dir, 'bearer');
    await writeFile(file, 't-1:secret-1', { mode: 0o600 });
    const { code, err } = await run(AHEAD, 'kubeconfig', 'c-1', '--token-file', file, '--output-file', '-');
    expect({ code, err }).toEqual({ code: 0, err: expect.not.stringContaining('Expired') });
  });
});

test('gc takes what has ended by both clocks alone', async () => {
  marks = { labels, annotations };
  tokens = [aToken(-HOUR)];
  const { err } = await run(BEHIND, 'gc', '--apply', 'c-1');
  expect(deleted).toEqual([]);
  expect(err).toMatch(/the clock here is \S+ behind the management plane's/);
  await run(0, 'gc', '--apply', 'c-1');
  expect(deleted).toContain('clusterauthtokens/t-1');
});

test('nothing has ended by a management plane that does not say what time it is', async () => {
  tokens = [aToken(-HOUR)];
  const mute = { headers: { date: '' } };
  planes.answer = (request) => {
    const { name, url } = request;
    const there = answer(request) ?? (name === undefined ? listOf([]) : { code: 404 });
    return url.pathname.endsWith('/api') ? undefined : { ...there, ...mute };
  };
  const { code, err } = await run(0, 'token', 'revoke', '--user', 'u-1', '--expiring-within', '1m');
  expect({ code, deleted }).toEqual({ code: 0, deleted: [] });
  expect(err).toContain('the management plane does not say what time it is');
});

test('clocks that agree are not mentioned, and what has ended goes', async () => {
  tokens = [aToken(-HOUR)];
  const { err } = await run(0, 'token', 'revoke', '--user', 'u-1', '--expiring-within', '1m');
  expect(deleted).toEqual(['tokens/t-1']);
  expect(err).not.toContain('clock');
});

describe('what is told is told by the time of the management plane', () => {
  const cases = {
    'a good token, by a clock that is ahead': {
      leftMs: HOUR / 2,
      offMs: AHEAD,
      reason: null,
      state: 'propagated',
    },
    'one that has ended, by a clock that is behind': {
      ...{ leftMs: -HOUR, offMs: BEHIND },
      ...{ reason: 'Expired', state: 'refused' },
    },
  };

  test.each(Object.entries(cases))('token list: %s', async (_, { leftMs, offMs, reason }) => {
    tokens = [aToken(leftMs)];
    const { out } = await run(offMs, 'token', 'list', '-o', 'json');
    expect(JSON.parse(out)).toMatchObject({ items: [{ reason }] });
  });

  test.each(Object.entries(cases))('explain: %s', async (_, { leftMs, offMs, reason }) => {
    tokens = [aToken(leftMs)];
    const { out } = await run(offMs, 'explain', 't-1', '-o', 'json');
    const { hops } = JSON.parse(out) as { hops: readonly { id: string; reason?: string }[] };
    expect(hops.find(({ id }) => id === 'expiry')?.reason ?? null).toBe(reason);
  });

  test.each(Object.entries(cases))('status CLUSTER: %s', async (_, { leftMs, offMs, state }) => {
    tokens = [aToken(leftMs)];
    const { out, err } = await run(offMs, 'status', 'c-1', '-o', 'json');
    expect(JSON.parse(out)).toMatchObject({ items: [{ state }] });
    expect(err).not.toContain('no operator works');
  });
});
