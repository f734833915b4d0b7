import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../../src/api/types.ts';
import { runProgram } from '../../../../src/cli/program/program.ts';
import { HOUR, NOW, rawExtToken, rawToken, rawUser, timeText } from '../../../support/builders.ts';
import { listOf, type PaperAnswer, PaperPlanes, type PaperRequest } from '../../../support/paper-planes.ts';
import { aRuntime } from '../../../support/runtime.ts';

// Cluster c-1, in which the operator carries tokens of both kinds, and what a person's gc makes of it.

const planes = new PaperPlanes();
beforeAll(() => planes.listen());
afterAll(() => planes.close());

let v3: readonly KubeObject[];
/** Undefined: whoever asks may not read them. */
let ext: readonly KubeObject[] | undefined;
let carried: readonly object[];
let deleted: string[];
let lists: number;
/** Called before each list of tokens of `ext.cattle.io`, with how many there were. */
let beforeExtList: (lists: number) => void;

beforeEach(() => {
  planes.setClusters('c-1');
  planes.answer = answer;
  [v3, ext, carried, deleted, lists] = [[], [], [], [], 0];
  beforeExtList = () => {};
});

function answer({ method, cluster, plural, name, url }: PaperRequest): PaperAnswer {
  if (method === 'DELETE') {
    deleted.push(`${plural}/${name}`);
    return { kind: 'Status', status: 'Success' };
  }
  if (cluster !== undefined) return plural === 'clusterauthtokens' ? listOf(carried) : inCluster(plural);
  if (url.pathname.includes('/namespaces/cattle-tokens/secrets')) return extAnswer(name);
  if (plural === 'tokens') return answerFrom(v3, name);
  return plural === 'users' ? answerFrom([rawUser()], name) : undefined;
}

function extAnswer(name: string | undefined): PaperAnswer {
  if (name === undefined) beforeExtList(lists++);
  return ext ? answerFrom(ext, name) : { code: 403 };
}

function answerFrom(objects: readonly KubeObject[], name: string | undefined): PaperAnswer {
  return name === undefined ? listOf(objects) : objects.find(({ metadata }) => metadata.name === name);
}

const labels = { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': 'c-1' };
const of = (name: string, annotations: object): object => ({
  ...{ name, namespace: 'cattle-system', uid: `down-${name}`, resourceVersion: '1', labels, annotations },
});

function inCluster(plural: string): PaperAnswer {
  if (plural !== 'clusteruserattributes') return undefined;
  const metadata = of('u-1', { 'ace-operator.io/user-uid': 'uid-u-1' });
  return listOf([{ metadata, enabled: true, groups: [] }]);
}

const anExt = (name = 't-1'): KubeObject => rawExtToken({ ttl: '-1' }, { name, uid: `secret-${name}` });
const pairOf = (name: string, api: 'v3' | 'ext'): object => ({
  metadata: of(name, {
    'ace-operator.io/token-uid': `uid-${name}`,
    ...(api === 'ext' ? { 'ace-operator.io/token-api': 'ext.cattle.io' } : {}),
  }),
  userName: 'u-1',
  enabled: true,
});

async function gc(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { runtime, told } = aRuntime();
  const code = await runProgram(['gc', ...args, '--kubeconfig', planes.kubeconfig], runtime);
  return { code, ...told };
}

const NOT_READ = /not looked at: tokens of ext\.cattle\.io: .*403/;

describe('where tokens of ext.cattle.io may not be read', () => {
  beforeEach(() => {
    ext = undefined;
  });

  test.each([['--plan'], ['--apply']])(
    'gc %s takes no user of theirs for unused, and says so',
    async (what) => {
      carried = [pairOf('t-1', 'ext')];
      const { code, out, err } = await gc(what, 'c-1');
      expect({ code, deleted, out }).toMatchObject({ code: 0, deleted: [] });
      expect(out).not.toContain('UserUnused');
      expect(err).toMatch(NOT_READ);
    },
  );

  test('neither does gc where the token is not in the cluster yet', async () => {
    await gc('--apply', 'c-1');
    expect(deleted).toEqual([]);
  });

  test('what was written for one is not judged by a Token of its name', async () => {
    carried = [pairOf('t-1', 'ext')];
    v3 = [rawToken({ enabled: false }, { creationTimestamp: timeText(NOW - HOUR) })];
    await gc('--apply', 'c-1');
    expect(deleted).toEqual([]);
  });

  test('what was written for a Token that is gone goes all the same', async () => {
    carried = [pairOf('t-1', 'v3')];
    const { code } = await gc('--apply', 'c-1');
    expect({ code, deleted }).toEqual({ code: 0, deleted: ['clusterauthtokens/t-1'] });
  });
});

describe('where tokens of ext.cattle.io are read', () => {
  test('a good one is in no plan', async () => {
    [ext, carried] = [[anExt()], [pairOf('t-1', 'ext')]];
    const { code, out, err } = await gc('--plan', 'c-1', '-o', 'name');
    expect({ code, out, err }).toEqual({ code: 0, out: '', err: expect.not.stringContaining('not looked') });
  });

  test('good ones count for no brake, which would hold what was revoked', async () => {
    const names = Array.from({ length: 25 }, (_, index) => `e-${index}`);
    ext = names.map(anExt);
    carried = [...names.map((name) => pairOf(name, 'ext')), pairOf('leaver', 'v3')];
    const { code, err } = await gc('--apply', 'c-1');
    expect(deleted).toEqual(['clusterauthtokens/leaver']);
    expect({ code, err }).toEqual({ code: 0, err: expect.not.stringContaining('brake') });
  });

  test('a good one is not judged by an older Token of its name for another cluster', async () => {
    v3 = [rawToken({ clusterName: 'c-2' }, { creationTimestamp: timeText(NOW - HOUR) })];
    carried = [pairOf('t-1', 'ext')];
    // It comes after the list that the plan was made from.
    beforeExtList = () => setTimeout(() => (ext = [anExt()]));
    const { err } = await gc('--apply', 'c-1');
    expect(deleted).toEqual([]);
    expect(err).toContain('clusterauthtoken/t-1 kept: token t-1 is wanted');
  });

  test('a user who got one meanwhile keeps the ClusterUserAttribute', async () => {
    beforeExtList = (before) => {
      if (before === 1) ext = [anExt()];
    };
    const { err } = await gc('--apply', 'c-1');
    expect(deleted).toEqual([]);
    expect(err).toContain('clusteruserattribute/u-1 kept: it has a token again');
  });

  test('nobody loses a ClusterUserAttribute if they cannot be read again', async () => {
    beforeExtList = (before) => {
      if (before === 1) ext = undefined;
    };
    const { err } = await gc('--apply', 'c-1');
    expect(deleted).toEqual([]);
    expect(err).toMatch(/clusteruserattribute\/u-1 kept: tokens of ext\.cattle\.io cannot be read: .*403/);
  });

  test('whoever has no token of either kind loses the ClusterUserAttribute', async () => {
    await gc('--apply', 'c-1');
    expect(deleted).toEqual(['clusteruserattributes/u-1']);
  });
});
