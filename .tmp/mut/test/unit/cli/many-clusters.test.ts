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

async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { runtime, told } = aRuntime();
  const code = await runProgram([...args, '--kubeconfig', planes.kubeconfig], runtime);
  return { code, ...told };
}

const ids = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `c-${index}`);

describe('of many clusters', () => {
  test.each([['status'], ['gc'], ['preflight']])('%s reads credentials once', async (command) => {
    planes.setClusters(...ids(20));
    await run(command);
    const lists = planes.requests.filter((request) => request === 'GET management secrets');
    // One a namespace of credentials, and the one that is behind tokens of ext.cattle.io.
    expect(lists.length).toBeLessThanOrEqual(3);
    // Neither is any cluster's object read one by one.
    const reads = planes.requests.filter((request) => request.startsWith('GET management'));
    expect(reads.length).toBeLessThan(25);
  });

  test.each([['status'], ['gc']])(
    '%s tells of the others while one is silent',
    async (command) => {
      planes.setClusters(...ids(5));
      let end = (): void => {};
      const silence = new Promise<undefined>((resolve) => {
        end = () => resolve(undefined);
      });
      planes.answer = async ({ cluster, plural }) => {
        if (cluster === 'c-0') await silence;
        return cluster !== undefined && plural === 'clusterauthtokens'
          ? listOf([leftover(cluster)])
          : undefined;
      };
      // What the clock of this program says is that a long time has gone by.
      let nowMs = Date.now();
      const { runtime, told } = aRuntime({ now: () => (nowMs += 1_000) });
      const running = runProgram([command, '--kubeconfig', planes.kubeconfig], runtime);
      await expect.poll(() => told.out, { timeout: 20_000 }).toContain('c-4');
      expect(told.out).not.toContain('c-0');
      end();
      await running;
      expect(told.out).toContain('c-0');
    },
    30_000,
  );
});

const leftover = (cluster: string): object => ({
  apiVersion: 'cluster.cattle.io/v3',
  kind: 'ClusterAuthToken',
  metadata: {
    ...{ name: 'left-over', namespace: 'cattle-system', uid: `uid-${cluster}`, resourceVersion: '1' },
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': cluster },
    annotations: { 'ace-operator.io/token-uid': 'gone' },
  },
  userName: 'u-ada',
  enabled: true,
});

/** Pages that are full, and one more after each. */
function endless({ url }: PaperRequest): object {
  const at = Number(url.searchParams.get('continue') ?? 0);
  const items = Array.from({ length: 500 }, (_, index) => ({
    metadata: { name: `t-${at}-${index}`, uid: `${at}-${index}`, annotations: { pad: 'x'.repeat(20_000) } },
    userName: 'u',
  }));
  return listOf(items, String(at + 1));
}

describe('a cluster in other hands', () => {
  test('whose list has no end costs itself: 3, and the others are told of', async () => {
    planes.setClusters('c-evil', 'c-good');
    planes.answer = (request) => {
      if (request.plural !== 'clusterauthtokens') return undefined;
      return request.cluster === 'c-evil' ? endless(request) : listOf([leftover('c-good')]);
    };
    const { code, out, err } = await run('gc');
    expect(code).toBe(3);
    expect(out).toMatch(/^c-good +TokenNotFound/m);
    expect(err).toMatch(/cluster c-evil: .*list of clusterauthtokens has no end/);
  }, 60_000);

  test('that gives empty pages for ever is left', async () => {
    planes.setClusters('c-evil');
    planes.answer = ({ cluster, plural }) =>
      cluster === 'c-evil' && plural === 'clusterauthtokens' ? listOf([], 'more') : undefined;
    expect(await run('gc')).toMatchObject({ code: 3, out: 'Nothing is to be taken away.\n' });
    expect(planes.requests.length).toBeLessThan(60);
  });

  test('that will not have deletions is asked for a few of them, each judged again before it is repeated', async () => {
    planes.setClusters('c-evil');
    const deleted: string[] = [];
    let judged = 0;
    planes.answer = ({ method, cluster, plural, name = '' }) => {
      if (cluster === undefined && plural === 'tokens' && name !== '') judged += 1;
      if (method === 'DELETE') deleted.push(name);
      if (method === 'DELETE') return { code: 429, headers: { 'retry-after': '0' } };
      if (cluster !== 'c-evil' || plural !== 'clusterauthtokens') return undefined;
      return listOf(Array.from({ length: 16 }, (_, index) => named(`left-${index}`)));
    };
    const { code, err } = await run('gc', '--apply', 'c-evil');
    expect(code).toBe(3);
    expect(err).toMatch(/c-evil: given up/);
    expect(new Set(deleted).size).toBeLessThan(12);
    expect(judged).toBe(deleted.length);
  }, 120_000);
});

function named(name: string): object {
  const object = leftover('c-evil') as { metadata: object };
  return { ...object, expiresAt: '2020-01-01T00:00:00Z', metadata: { ...object.metadata, name, uid: name } };
}

describe('preflight of a cluster', () => {
  const definition = (name = ''): object => ({
    metadata: { name },
    spec: {
      scope: name.includes('cluster.cattle.io') && !name.includes('management') ? 'Namespaced' : 'Cluster',
      versions: ['v3', 'v1alpha1'].map((version) => ({
        name: version,
        served: true,
        schema: { openAPIV3Schema: { 'x-kubernetes-preserve-unknown-fields': true } },
      })),
    },
  });
  const mayAll = { status: { allowed: true } };
  const usual = ({ plural, name }: PaperRequest): object | undefined =>
    plural === 'customresourcedefinitions' ? definition(name) : undefined;

  test.each([
    ['nothing', () => ({ code: 403 }), 3, 'unknown'],
    [
      'all but who authenticates, for its own credential may not',
      (request: PaperRequest) => {
        if (request.plural === 'selfsubjectaccessreviews') return mayAll;
        const isSeen = ['clusterauthtokens', 'secrets'].includes(request.plural);
        return usual(request) ?? (isSeen ? undefined : { code: 403 });
      },
      0,
      'ok',
    ],
  ])('of which it saw %s', async (_what, inCluster, code, verdict) => {
    planes.setClusters('c-1');
    planes.answer = (request) => (request.cluster === undefined ? usual(request) : inCluster(request));
    const seen = await run('preflight', 'c-1', '-o', 'name');
    expect(seen).toMatchObject({ code, out: `ok/management\n${verdict}/c-1\n` });
    if (code === 0) {
      expect(seen.err).toMatch(/not looked at.*authenticator and webhook of c-1/);
      expect(await run('preflight', 'c-1', '-o', 'name', '--strict')).toMatchObject({ code: 1 });
    }
  });
});
