import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../../../src/cli/program/program.ts';
import { PaperPlanes, type PaperRequest } from '../../../support/paper-planes.ts';
import { aRuntime } from '../../../support/runtime.ts';
import { StoredPlanes } from '../../../support/stored-planes.ts';

// Two management ids may be mixed up, and what join makes may be lost or made by halves: an account must not be taken from a cluster in
// use, and the operator must not be left with a way that leads elsewhere or nowhere.

const planes = new PaperPlanes(undefined, { isTls: true });
let dir: string;
let stored: StoredPlanes;
beforeAll(async () => {
  await planes.listen();
  dir = await mkdtemp(join(tmpdir(), 'ace-join-'));
  for (const id of ['c-1', 'c-2', 'c-new']) {
    const text = (await readFile(planes.kubeconfig, 'utf8')).replace('/management', `/clusters/${id}`);
    await writeFile(fileOf(id), text);
  }
});
afterAll(async () => {
  await planes.close();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => {
  stored = new StoredPlanes({ 'c-new': 'c-1' });
  planes.answer = (request) => stored.answer(request);
  for (const id of ['c-1', 'c-2']) {
    setCluster(id);
    stored.put(id, 'namespaces', 'kube-system', {}, { uid: `server-${id}` });
  }
});

const fileOf = (id: string): string => join(dir, `${id}.yaml`);

function setCluster(id: string, enabled = true): void {
  const spec = { displayName: id, localClusterAuthEndpoint: { enabled } };
  stored.put('management', 'clusters', id, { spec });
}

/** What the operator says of a cluster. */
function report(id: string, clusterUID: string | undefined, spec: object = {}, annotations = {}): void {
  const status = { clusterUID, conditions: [] };
  stored.put('management', 'clusterpropagations', id, { spec, status }, { generation: 1, annotations });
}

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(command: string, id: string, file: string, ...more: readonly string[]): Promise<Result> {
  const { runtime, told } = aRuntime();
  const args = [command, id, '--downstream-kubeconfig', fileOf(file), '--kubeconfig', planes.kubeconfig];
  return { code: await runProgram([...args, ...more], runtime), ...told };
}

const leave = (id: string, file: string, ...more: readonly string[]): Promise<Result> =>
  run('leave', id, file, '--yes', ...more);

const has = (key: string): boolean => stored.objects.has(key);
const hasAccount = (id: string): boolean => has(`${id} serviceaccounts/ace-operator`);
const hasSecret = (id: string): boolean => has(`management secrets/ace-cluster-${id}`);

describe('join with the kubeconfig of another cluster', () => {
  beforeEach(() => report('c-1', 'server-c-1'));

  test.each(['none', 'client', 'server'])('is refused, and makes nothing: --dry-run=%s', async (mode) => {
    const before = [...stored.objects.keys()];
    const { code, err } = await run('join', 'c-2', 'c-1', `--dry-run=${mode}`);
    expect(code).toBe(2);
    expect(err).toMatch(/UID server-c-1, by which the operator knows cluster c-1; give a kubeconfig of c-2/);
    expect([...stored.objects.keys()]).toEqual(before);
  });

  test('is not done where nobody can tell whose it is', async () => {
    stored.refuse = ({ plural, name }) =>
      plural === 'clusterpropagations' && name === undefined ? { code: 403 } : undefined;
    const { code, err } = await run('join', 'c-2', 'c-2');
    expect([code, err]).toEqual([3, expect.stringContaining('clusterpropagations')]);
    expect(hasAccount('c-2')).toBe(false);
  });

  test('is not done where it does not say which it is', async () => {
    stored.refuse = ({ plural }) => (plural === 'namespaces' ? { code: 403 } : undefined);
    const { code, err } = await run('join', 'c-2', 'c-1');
    expect([code, err]).toEqual([3, expect.stringContaining('may get namespace kube-system')]);
    expect(hasAccount('c-1')).toBe(false);
  });

  test('is done where a person accepts that both lead to one', async () => {
    report('c-2', undefined, {}, { 'ace-operator.io/accept-cluster': 'server-c-1' });
    expect((await run('join', 'c-2', 'c-1')).out).toContain('secret/ace-cluster-c-2 created');
  });

  test('is done where that one is registered no more: it is the same under a new id', async () => {
    stored.objects.delete('management clusters/c-1');
    setCluster('c-new');
    expect((await run('join', 'c-new', 'c-new')).out).toContain('secret/ace-cluster-c-new created');
  });
});

test('join of a cluster that nobody reports on yet says that it is not proven which it is', async () => {
  report('c-1', 'server-c-1');
  const { out, err } = await run('join', 'c-2', 'c-2');
  expect(err).toContain('it is not proven');
  expect(out).toContain('secret/ace-cluster-c-2 created');
});

describe('leave', () => {
  beforeEach(async () => {
    await run('join', 'c-1', 'c-1');
    report('c-1', 'server-c-1');
  });

  test('of an id that nobody knows is refused', async () => {
    const { code, err } = await leave('c-typo', 'c-2');
    expect(code).toBe(1);
    expect(err).toContain('there is no Cluster c-typo');
    expect(err).toContain('Secret ace-operator/ace-cluster-c-typo');
  });

  test.each(['none', 'client'])(
    'of an id that nobody knows takes nothing out of a cluster in use: --dry-run=%s',
    async (mode) => {
      expect((await leave('c-typo', 'c-1', `--dry-run=${mode}`)).code).not.toBe(0);
      expect([hasAccount('c-1'), hasSecret('c-1')]).toEqual([true, true]);
    },
  );

  test('with the kubeconfig of another cluster is refused', async () => {
    setCluster('c-2', false);
    const { code, err } = await leave('c-2', 'c-1');
    expect(code).toBe(2);
    expect(err).toMatch(/by which the operator knows cluster c-1/);
    expect(hasAccount('c-1')).toBe(true);
  });

  test('with a kubeconfig that may not tell which cluster it is of is refused', async () => {
    setCluster('c-2', false);
    stored.refuse = ({ plural }) => (plural === 'namespaces' ? { code: 403 } : undefined);
    const { code, err } = await leave('c-2', 'c-1');
    expect([code, err]).toEqual([3, expect.stringContaining('may get namespace kube-system')]);
    expect(hasAccount('c-1')).toBe(true);
  });

  test('leaves an account that another Cluster on the same API server is served by', async () => {
    setCluster('c-new');
    report('c-new', 'server-c-1', { drain: true });
    const { code, err } = await leave('c-new', 'c-new');
    expect(code).toBe(1);
    expect(err).toMatch(/cluster c-1 leads to the same API server, and is in use/);
    expect(err).toContain('kubectl delete secret ace-cluster-c-new -n ace-operator');
    expect(hasAccount('c-1')).toBe(true);
    report('c-1', 'server-c-1', { drain: true });
    expect((await leave('c-new', 'c-new')).code).toBe(0);
    expect(hasAccount('c-1')).toBe(false);
  });

  test('says where it is not proven which cluster it is', async () => {
    setCluster('c-2', false);
    await run('join', 'c-2', 'c-2');
    const { code, err } = await leave('c-2', 'c-2');
    expect(err).toContain('it is not proven');
    expect([code, hasAccount('c-2'), hasSecret('c-2')]).toEqual([0, false, false]);
  });

  test('takes away what is left of a cluster that is deleted', async () => {
    stored.objects.delete('management clusters/c-1');
    stored.objects.delete('management clusterpropagations/c-1');
    expect((await leave('c-1', 'c-1')).code).toBe(0);
    expect([hasAccount('c-1'), hasSecret('c-1')]).toEqual([false, false]);
  });

  test.each(['none', 'client'])(
    'does not call it done while something of its names stays: --dry-run=%s',
    async (mode) => {
      setCluster('c-1', false);
      const labels = { 'app.kubernetes.io/part-of': 'ace-operator', 'app.kubernetes.io/component': 'policy' };
      stored.put('c-1', 'serviceaccounts', 'ace-operator', {}, { labels });
      const { code, err } = await leave('c-1', 'c-1', `--dry-run=${mode}`);
      expect(err).toMatch(/ServiceAccount cattle-system\/ace-operator stays/);
      expect([code, hasAccount('c-1')]).toEqual([1, true]);
    },
  );
});

describe('the credential of an account that was lost', () => {
  const noRoles = ({ cluster, method, plural }: PaperRequest) =>
    cluster !== undefined && method === 'POST' && plural === 'roles' ? { code: 403 } : undefined;
  const lose = (): void => {
    for (const key of [...stored.objects.keys()])
      if (/^c-1 (serviceaccounts|\w*role)/.test(key)) stored.objects.delete(key);
  };
  const secretData = (): unknown => stored.objects.get('management secrets/ace-cluster-c-1')?.['data'];
  const listsTokens = async (): Promise<number> => {
    const { runtime } = aRuntime();
    return runProgram(['status', 'c-1', '--kubeconfig', planes.kubeconfig], runtime);
  };
  beforeEach(() => run('join', 'c-1', 'c-1'));

  test('is replaced, also where an earlier run made the account anew and then failed', async () => {
    const before = secretData();
    lose();
    expect(await listsTokens()).toBe(3);
    stored.refuse = noRoles;
    expect((await run('join', 'c-1', 'c-1')).code).not.toBe(0);
    expect(hasAccount('c-1')).toBe(true);
    stored.refuse = () => undefined;
    const dry = await run('join', 'c-1', 'c-1', '--dry-run=client');
    expect(dry.out).toContain('secret/ace-cluster-c-1 configured (dry run)');
    expect(secretData()).toEqual(before);
    const { out, err } = await run('join', 'c-1', 'c-1');
    expect(out).toContain('secret/ace-cluster-c-1 configured');
    expect(err).toContain('was of an account that is no more');
    expect(secretData()).not.toEqual(before);
    expect(await listsTokens()).toBe(0);
    expect((await run('join', 'c-1', 'c-1')).out).toContain('secret/ace-cluster-c-1 unchanged');
  });

  test('is not called good where the cluster refuses it for another reason, and what helps is said', async () => {
    const isOfOperator = ({ cluster, bearer }: PaperRequest): boolean =>
      cluster !== undefined && bearer.split('.').length === 3;
    stored.refuse = (request) => (isOfOperator(request) ? { code: 401 } : undefined);
    const { code, out, err } = await run('join', 'c-1', 'c-1');
    expect(code).not.toBe(0);
    expect(out).toContain('CredentialsRejected');
    expect(err).toContain('join c-1 --rotate');
  });
});
