import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { KubeObject } from '../../../../src/api/types.ts';
import { runProgram } from '../../../../src/cli/program/program.ts';
import { aJwt } from '../../../support/jwt.ts';
import { PaperPlanes } from '../../../support/paper-planes.ts';
import { aRuntime } from '../../../support/runtime.ts';
import { StoredPlanes } from '../../../support/stored-planes.ts';

// The guard lets in another account than that of join: by a token of join's the operator reads everything there, and revokes nothing.

const SECRET = 'management secrets/ace-cluster-c-1';
const ACCOUNT = 'c-1 serviceaccounts/ace-operator';
const OWN = 'system:serviceaccount:cattle-system:ace-operator';
const LET_IN = 'system:serviceaccount:ace-operator-downstream:ace-operator';
const MODES = ['none', 'client', 'server'];

const planes = new PaperPlanes(undefined, { isTls: true });
let dir: string;
let stored: StoredPlanes;
beforeAll(async () => {
  await planes.listen();
  dir = await mkdtemp(join(tmpdir(), 'ace-guarded-'));
  const text = (await readFile(planes.kubeconfig, 'utf8')).replace('/management', '/clusters/c-1');
  await writeFile(join(dir, 'admin.yaml'), text);
});
afterAll(async () => {
  await planes.close();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => {
  stored = new StoredPlanes();
  planes.answer = (request) => stored.answer(request);
  const spec = { displayName: 'c-1', localClusterAuthEndpoint: { enabled: true } };
  stored.put('management', 'clusters', 'c-1', { spec });
  stored.put('c-1', 'namespaces', 'kube-system', {}, { uid: 'server-c-1' });
});

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(command: string, ...more: readonly string[]): Promise<Result> {
  const { runtime, told } = aRuntime();
  const files = ['--downstream-kubeconfig', join(dir, 'admin.yaml'), '--kubeconfig', planes.kubeconfig];
  return { code: await runProgram([command, 'c-1', ...files, ...more], runtime), ...told };
}

function kubeconfig(): { users: { user: { token: string } }[] } {
  const { data } = stored.objects.get(SECRET) as KubeObject & { data: { kubeconfig: string } };
  return JSON.parse(Buffer.from(data.kubeconfig, 'base64').toString());
}

const subjectHeld = (): unknown => {
  const [, claims = ''] = kubeconfig().users[0]?.user.token.split('.') ?? [];
  return JSON.parse(Buffer.from(claims, 'base64url').toString()).sub;
};

function tokenOf(sub: string): string {
  const iat = Math.floor(Date.now() / 1_000);
  return aJwt({ iat, exp: iat + 86_400, sub, 'kubernetes.io': { serviceaccount: { uid: 'another' } } });
}

/** As docs/downstream-guard.md has it: a token of the account that the guard lets in stands in the Secret of join. */
function giveTokenOf(sub: string): void {
  const text = JSON.stringify({
    ...kubeconfig(),
    users: [{ name: 'downstream', user: { token: tokenOf(sub) } }],
  });
  const live = stored.objects.get(SECRET) as KubeObject;
  stored.objects.set(SECRET, { ...live, data: { kubeconfig: Buffer.from(text).toString('base64') } });
}

/** As kubectl and people write it. */
function giveInYaml(user: object): void {
  const text = stringify({
    ...kubeconfig(),
    contexts: [{ name: 'guarded', context: { cluster: 'downstream', user: 'guarded' } }],
    users: [
      { name: 'downstream', user: {} },
      { name: 'guarded', user },
    ],
    'current-context': 'guarded',
  });
  const live = stored.objects.get(SECRET) as KubeObject;
  stored.objects.set(SECRET, { ...live, data: { kubeconfig: Buffer.from(text).toString('base64') } });
}

/** @param letsIn - whom its ClusterRoleBinding names */
function setGuard(action: 'Deny' | 'Warn', letsIn: string): void {
  const spec = { policyName: 'ace-operator-identities', validationActions: [action, 'Audit'] };
  stored.put('c-1', 'validatingadmissionpolicybindings', 'ace-operator-identities', { spec });
  stored.allows = (user) => user === undefined || user === letsIn;
}

describe('join of a cluster whose Secret holds a token of the account that the guard lets in', () => {
  beforeEach(async () => {
    await run('join');
    giveTokenOf(LET_IN);
  });

  test.each(MODES)(
    'keeps it and says what to do, also when the account of join is deleted: --dry-run=%s',
    async (mode) => {
      for (const isThere of [true, false]) {
        if (!isThere) stored.objects.delete(ACCOUNT);
        const before = structuredClone([...stored.objects]);
        const { code, out, err } = await run('join', `--dry-run=${mode}`);
        expect([code, out]).toEqual([2, '']);
        expect(err).toContain(`ace-operator/ace-cluster-c-1 holds a token of ${LET_IN}`);
        expect(err).toMatch(/docs\/downstream-guard\.md.*--rotate/);
        expect([...stored.objects]).toEqual(before);
      }
    },
  );

  test('replaces it where that is asked for, once the guard is off', async () => {
    const { out, err } = await run('join', '--rotate');
    expect(out).toContain('secret/ace-cluster-c-1 configured');
    expect(err).toContain(`holds a token of ${LET_IN}: --rotate puts another in its place`);
    expect(err).not.toContain('of an account that is no more');
    expect(subjectHeld()).toBe(OWN);
  });

  test('does not replace it while the guard is in force', async () => {
    setGuard('Deny', LET_IN);
    expect((await run('join', '--rotate')).code).toBe(1);
    expect(subjectHeld()).toBe(LET_IN);
  });

  test('says by leave that this account stays', async () => {
    stored.put('management', 'clusters', 'c-1', { spec: { localClusterAuthEndpoint: { enabled: false } } });
    const { code, err } = await run('leave', '--yes');
    expect([code, stored.objects.has(SECRET)]).toEqual([0, false]);
    expect(err).toContain(`a token of ${LET_IN}, which stays`);
  });
});

describe('join of a cluster whose Secret holds what a person wrote there', () => {
  beforeEach(async () => void (await run('join')));
  const held = (): unknown => structuredClone(stored.objects.get(SECRET));

  test.each([
    ['a token of another account', { token: tokenOf(LET_IN) }, `a token of ${LET_IN}`],
    ['a token that says nothing', { token: 'opaque' }, 'a credential that join did not write'],
    [
      'a client certificate',
      { 'client-certificate-data': 'eA==', 'client-key-data': 'eA==' },
      'a credential that join did not write',
    ],
  ])('keeps %s, before the guard is in force, too', async (_, user, what) => {
    setGuard('Warn', LET_IN);
    giveInYaml(user);
    const before = held();
    const { code, out, err } = await run('join');
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(`Secret ace-operator/ace-cluster-c-1 holds ${what}`);
    expect(held()).toEqual(before);
    expect((await run('join', '--rotate')).out).toContain('secret/ace-cluster-c-1 configured');
    expect(subjectHeld()).toBe(OWN);
  });

  test('puts a new one in the place of its own, however that is written', async () => {
    giveInYaml({ token: tokenOf(OWN) });
    expect((await run('join')).out).toContain('secret/ace-cluster-c-1 configured');
    expect(subjectHeld()).toBe(OWN);
  });
});

describe('join of a cluster with a guard in force', () => {
  test.each(MODES)('makes no way by which nothing could be revoked: --dry-run=%s', async (mode) => {
    setGuard('Deny', LET_IN);
    const before = [...stored.objects.keys()];
    const { code, err } = await run('join', `--dry-run=${mode}`);
    expect(code).toBe(1);
    expect(err).toContain(`the guard of cluster c-1 refuses all that ${OWN} writes`);
    expect([...stored.objects.keys()]).toEqual(before);
  });

  test.each([
    ['names the account of join', () => setGuard('Deny', OWN)],
    ['is on trial', () => setGuard('Warn', LET_IN)],
  ])('is done where it %s', async (_, set) => {
    set();
    expect((await run('join')).out).toContain('secret/ace-cluster-c-1 created');
  });

  test('says of one on trial that it would keep the account out', async () => {
    const said = `which is on trial, would refuse all that ${OWN} writes`;
    setGuard('Warn', LET_IN);
    expect((await run('join')).err).toContain(said);
    setGuard('Warn', OWN);
    expect((await run('join')).err).not.toContain(said);
  });

  test('says where that cannot be seen', async () => {
    stored.refuse = ({ plural }) =>
      plural === 'validatingadmissionpolicybindings' ? { code: 403 } : undefined;
    const { out, err } = await run('join');
    expect(err).toContain(`whether a guard of cluster c-1 lets ${OWN} write cannot be seen`);
    expect(out).toContain('secret/ace-cluster-c-1 created');
  });
});
