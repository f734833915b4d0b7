import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SETTINGS, TOKENS } from '../../src/api/names.ts';
import { hash as sha3 } from '../../src/hash/sha3-512.ts';
import { aCli, type Cli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { expectGolden } from '../support/golden.ts';
import { apply } from '../support/kubectl.ts';
import { openDefinition } from '../support/open-definition.ts';
import type { Any } from '../support/plane-client.ts';
import { startWorld, type World } from '../support/world.ts';

const DAY_MS = 86_400_000;
const FEATURE_CRD = openDefinition('Feature', 'features', 'Cluster');

let world: World;
let cli: Cli;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ace-cli-'));
  world = await startWorld({ clusters: ['c-one'] });
  await world.register('c-one');
  await world.createUser('u-ada', { username: 'ada', displayName: 'Ada' }, ['devs']);
  await world.createUser('u-bob');
  await world.startOperator();
  cli = aCli({ KUBECONFIG: world.management.plane.adminKubeconfig });
});
afterAll(async () => {
  await world?.close();
  await rm(dir, { recursive: true, force: true });
});

const tokenOf = (name: string): Promise<Any> => world.management.get(TOKENS, name);
const propagated = (name: string): Promise<void> =>
  eventually(async () => expect(await world.cluster('c-one').clusterAuthToken(name)).toBeDefined(), {
    timeoutMs: 30_000,
  });

/** A token made by hand, whose secret must be in no output. */
async function given(name: string, user: string, fields: object = {}, cluster = 'c-one'): Promise<void> {
  const token = await world.createToken(name, cluster, user, fields);
  cli.hide(token.token);
}

const setting = (name: string, value: string): Promise<Any> =>
  world.management.create(SETTINGS, {
    apiVersion: 'management.cattle.io/v3',
    kind: 'Setting',
    metadata: { name },
    value,
    default: '',
  });

describe('token create', () => {
  const create = (...args: readonly string[]) => cli.run('token', 'create', '--user', 'u-ada', ...args);

  test('issues a token as Rancher does, and its secret goes into the file alone', async () => {
    const file = join(dir, 'first.token');
    const made = await create('--cluster', 'c-one', '--name', 'first', '--output-file', file);
    expect(made).toMatchObject({ code: 0, stdout: 'token/first created\n' });
    const bearer = (await readFile(file, 'utf8')).trim();
    cli.hide(bearer.split(':')[1] ?? '');
    expect(bearer).toMatch(/^first:[bcdfghjklmnpqrstvwxz2456789]{54}$/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(`${made.stdout}${made.stderr}`).not.toContain(bearer.split(':')[1]);

    const token = await tokenOf('first');
    expect(token).toMatchObject({
      token: bearer.split(':')[1],
      userId: 'u-ada',
      clusterName: 'c-one',
      ttl: 90 * DAY_MS,
      enabled: true,
      isDerived: true,
      authProvider: 'local',
      userPrincipal: { metadata: { name: 'local://u-ada' }, displayName: 'Ada', loginName: 'ada' },
    });
    expect(token.metadata.labels).toEqual({ 'authn.management.cattle.io/token-userId': 'u-ada' });
    await propagated('first');
  });

  test('refuses to lose or overwrite anything, before there is a token', async () => {
    const before = (await world.management.list(TOKENS)).length;
    const file = join(dir, 'first.token');
    const cases: readonly [readonly string[], number, RegExp][] = [
      [[], 2, /--output-file: the new token is a secret/],
      [['--output-file', file], 2, /first\.token: the file exists; --force replaces it/],
      [['--output-file', join(dir, 'no', 'such')], 2, /--output-file .*no\/such/],
      [['--output-file', '-', '-o', 'json'], 2, /stdout is where the token goes/],
      [['--output-file', join(dir, 'x'), '--hash', '--plain'], 2, /exclude each other/],
      [['--output-file', join(dir, 'x'), '--name', 'first'], 1, /token first exists already/],
      [
        ['--output-file', join(dir, 'x'), '--cluster', 'c-none'],
        1,
        /there is no Cluster c-none; see kubectl get /,
      ],
      [['--output-file', join(dir, 'x'), '--user', 'u-none'], 1, /user u-none does not exist/],
    ];
    for (const [args, code, message] of cases) {
      const result = await create(...args);
      expect(result.stderr).toMatch(message);
      expect(result).toMatchObject({ code, stdout: '' });
    }
    expect((await world.management.list(TOKENS)).length).toBe(before);
    await expect(stat(join(dir, 'x'))).rejects.toThrow('ENOENT');
  });

  test('prints the bearer, and that alone, when stdout was asked for', async () => {
    const { code, stdout, stderr } = await create('--ttl', '1h', '--output-file', '-');
    const [, name = '', secret = ''] =
      /^(token-[bcdfghjklmnpqrstvwxz2456789]{5}):(\w{54})\n$/.exec(stdout) ?? [];
    expect(code).toBe(0);
    expect(stderr).toMatch(new RegExp(`^token/${name} created\\nexpires \\S+Z, in (60|59)m\\n$`));
    cli.hide(secret);
    expect(await tokenOf(name)).toMatchObject({ ttl: 3_600_000, clusterName: '', token: secret });
  });

  test('tries without storing, and shows no secret then', async () => {
    const before = (await world.management.list(TOKENS)).length;
    for (const mode of ['client', 'server']) {
      const result = await create('--name', 'never', `--dry-run=${mode}`, '-o', 'json');
      expect(result.code).toBe(0);
      expect(JSON.parse(result.stdout)).toMatchObject({ name: 'never', userId: 'u-ada', dryRun: mode });
      expect(result.stdout).not.toMatch(/[bcdfghjklmnpqrstvwxz2456789]{54}/);
    }
    expect((await world.management.list(TOKENS)).length).toBe(before);
  });

  test('stores a hash when it is told to, and where the plane itself does', async () => {
    const one = await create('--hash', '--name', 'hashed-1', '--output-file', join(dir, 'h1'));
    expect(one.code).toBe(0);
    await apply(world.management.plane.adminKubeconfig, FEATURE_CRD);
    await eventually(() =>
      apply(world.management.plane.adminKubeconfig, {
        apiVersion: 'management.cattle.io/v3',
        kind: 'Feature',
        metadata: { name: 'token-hashing' },
        spec: { value: true },
        status: { default: false },
      }),
    );
    const args = ['--cluster', 'c-one', '--output-file'];
    expect((await create('--name', 'hashed-2', ...args, join(dir, 'h2'))).code).toBe(0);
    expect((await create('--name', 'plain-3', '--plain', ...args, join(dir, 'h3'))).code).toBe(0);
    for (const [name, file] of [
      ['hashed-1', 'h1'],
      ['hashed-2', 'h2'],
    ] as const) {
      const secret = (await readFile(join(dir, file), 'utf8')).trim().split(':')[1] ?? '';
      const token = await tokenOf(name);
      cli.hide(secret, token.token);
      expect(token.metadata.annotations).toEqual({ 'authn.management.cattle.io/token-hashed': 'true' });
      expect(token.token).toMatch(/^\$3:1:/);
    }
    expect((await tokenOf('plain-3')).metadata.annotations).toBeUndefined();
    await propagated('hashed-2');
  });

  test('keeps to the limit that the plane sets, and does not shorten silently', async () => {
    await setting('auth-token-max-ttl-minutes', '1440');
    await setting('auth-token-default-ttl-minutes', '60');
    const over = await create('--ttl', '2d', '--output-file', join(dir, 'over'));
    expect(over).toMatchObject({
      code: 2,
      stderr: 'ace-operator: --ttl: 2d is more than the 24h that Setting auth-token-max-ttl-minutes allows\n',
    });
    expect((await create('--ttl', '0s', '--output-file', join(dir, 'over'))).code).toBe(2);
    expect((await create('--name', 'default-ttl', '--output-file', join(dir, 'ttl'))).code).toBe(0);
    expect(await tokenOf('default-ttl')).toMatchObject({ ttl: 3_600_000 });
  });
});

describe('token list', () => {
  const old = new Date(Date.now() - 60 * DAY_MS).toISOString().replace(/\.\d+Z/, 'Z');
  const soon = new Date(Date.now() + 2 * DAY_MS + 60_000).toISOString().replace(/\.\d+Z/, 'Z');
  const past = new Date(Date.now() - DAY_MS).toISOString().replace(/\.\d+Z/, 'Z');

  beforeAll(async () => {
    await world.createUser('u-list');
    await given('l-plain', 'u-list', { description: 'for the list', authProvider: 'local' });
    await given('l-hashed', 'u-list', { token: sha3('not-a-real-secret-hashed') });
    await world.patchToken('l-hashed', {
      metadata: { annotations: { 'authn.management.cattle.io/token-hashed': 'true' } },
    });
    await given('l-disabled', 'u-list', { enabled: false });
    await given('l-past', 'u-list', { expiresAt: past, lastUsedAt: old });
    await given('l-soon', 'u-list', { expiresAt: soon }, 'c-two');
    await given('l-broken', 'u-list', { ttl: 'long' });
    await world.patchToken('l-plain', {
      metadata: {
        labels: { team: 'a' },
        annotations: {
          'kubectl.kubernetes.io/last-applied-configuration': '{"token":"not-a-real-secret-of-l-plain"}',
        },
      },
    });
  });

  const list = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await cli.run('token', 'list', '--user', 'u-list', ...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  };
  const names = async (...args: readonly string[]): Promise<readonly string[]> =>
    (await list('-o', 'name', ...args)).split('\n').flatMap((line) => line.split('/')[1] ?? []);

  test('shows whose, for what, in which state, stored how, until when', async () => {
    expectGolden('token/list', await list());
    expectGolden('token/list-wide', await list('-o', 'wide', '--no-headers'));
  });

  test('picks by cluster, label, end and use', async () => {
    expect(await names('--cluster', 'c-two')).toEqual(['l-soon']);
    expect(await names('-l', 'team=a')).toEqual(['l-plain']);
    expect(await names('--expiring-within', '7d')).toEqual(['l-past', 'l-soon']);
    expect(await names('--expiring-within', '1d')).toEqual(['l-past']);
    expect(await names('--unused-since', '30d')).toEqual(['l-past']);
    const none = await cli.run('token', 'list', '-l', 'team=none');
    expect(none).toMatchObject({ code: 0, stdout: 'No tokens found.\n' });
  });

  test('says of a filter that names nobody that it does', async () => {
    for (const [flag, name] of [
      ['--user', 'u-nobody'],
      ['--cluster', 'c-none'],
    ] as const) {
      const { code, stdout, stderr } = await cli.run('token', 'list', flag, name);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain(name);
    }
  });

  test('says of a token whose user is gone, or disabled, that it is of no use', async () => {
    await given('l-orphan', 'u-gone');
    await world.createUser('u-off', { enabled: false });
    await given('l-off', 'u-off');
    for (const [name, user, reason] of [
      ['l-orphan', 'u-gone', 'UserNotFound'],
      ['l-off', 'u-off', 'UserDisabled'],
    ]) {
      const { code, stdout, stderr } = await cli.run('token', 'list', '--user', String(user));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^${name} +${user} +c-one +${reason} `, 'm'));
    }
  });

  test('says so when it may not read users', async () => {
    const rules = [{ apiGroups: ['management.cattle.io'], resources: ['tokens'], verbs: ['get', 'list'] }];
    await apply(world.management.plane.adminKubeconfig, [
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'lister' },
        rules,
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'lister' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'lister' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'lister' }],
      },
    ]);
    const lister = await world.management.plane.kubeconfigFor('lister');
    const result = await cli.run('token', 'list', '--user', 'u-gone', '--kubeconfig', lister);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toMatch(/^l-orphan .* Active /m);
    expect(result.stderr).toContain('not looked at: whether the users are there and enabled: GET ');
  });

  test('gives programs all but the secret, wherever the object had it', async () => {
    const { items } = JSON.parse(await list('-o', 'json'));
    expect(items.map((item: Any) => item.metadata.name)).toEqual(await names());
    const [, , hashed] = items;
    expect(hashed).toMatchObject({ kind: 'Token', storedAs: 'sha3-512', reason: null, userId: 'u-list' });
    for (const item of items) {
      expect(item).not.toHaveProperty('token');
      expect(item.metadata).not.toHaveProperty('annotations');
    }
    expect(await list('-o', 'yaml')).toContain('storedAs: "sha3-512"');
  });

  test('says when it cannot know', async () => {
    const stranger = await world.management.plane.kubeconfigFor('stranger');
    const result = await cli.run('token', 'list', '--kubeconfig', stranger);
    expect(result).toMatchObject({ code: 3, stdout: '' });
    expect(result.stderr).toMatch(/^ace-operator: Forbidden: GET [^\n]+tokens: 403 [^\n]+\n$/);
  });
});

describe('token disable, enable and delete', () => {
  beforeAll(async () => {
    await given('s-one', 'u-ada');
    await given('s-two', 'u-ada');
    await propagated('s-one');
    await propagated('s-two');
  });

  test('disable takes effect downstream before --wait returns, and again without harm', async () => {
    const first = await cli.run('token', 'disable', 's-one', '--wait');
    expect(first).toMatchObject({ code: 0, stdout: 'token/s-one disabled\n' });
    expect(first.stderr).toMatch(/^refused downstream in c-one; /);
    expect(await world.cluster('c-one').clusterAuthToken('s-one')).toBeUndefined();
    const again = await cli.run('token', 'disable', 's-one', '--wait');
    expect(again).toMatchObject({ code: 0, stdout: 'token/s-one unchanged\n' });
  });

  test('enable brings it back', async () => {
    expect(await cli.run('token', 'enable', 'token.management.cattle.io/s-one')).toMatchObject({
      code: 0,
      stdout: 'token/s-one enabled\n',
    });
    await propagated('s-one');
  });

  test('a dry run says what would be done, and does not', async () => {
    const { resourceVersion } = (await tokenOf('s-one')).metadata;
    for (const [mode, said] of [
      ['client', 'dry run'],
      ['server', 'server dry run'],
    ])
      for (const [verb, result] of [
        ['disable', 'disabled'],
        ['delete', 'deleted'],
      ])
        expect(await cli.run('token', verb ?? '', 's-one', `--dry-run=${mode}`)).toMatchObject({
          code: 0,
          stdout: `token/s-one ${result} (${said})\n`,
        });
    expect((await tokenOf('s-one')).metadata.resourceVersion).toBe(resourceVersion);
  });

  test('one that is not there is told, and keeps none of the others', async () => {
    const result = await cli.run('token', 'delete', 's-none', 's-two', '--wait');
    expect(result).toMatchObject({ code: 1, stdout: 'token/s-two deleted\n' });
    expect(result.stderr).toContain('token s-none: there is no token of that name\n');
    expect(result.stderr).toContain('1 of 2 tokens deleted; 1 failed\n');
    expect(await tokenOf('s-two')).toBeUndefined();
    expect(await cli.run('token', 'delete', 's-none', '--ignore-not-found')).toMatchObject({ code: 0 });
  });

  test('a bearer on the command line is refused, and not repeated', async () => {
    const bearer = 's-one:not-a-real-secret-of-s-one';
    const result = await cli.run('token', 'delete', bearer);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain('that is a whole bearer');
  });

  test('results are for programs, too', async () => {
    const { code, stdout } = await cli.run('token', 'enable', 's-one', 's-none', '-o', 'json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout).items).toEqual([
      {
        apiVersion: 'cli.ace-operator.io/v1alpha1',
        kind: 'TokenResult',
        name: 's-none',
        result: 'failed',
        message: 'there is no token of that name',
        dryRun: 'none',
      },
      {
        apiVersion: 'cli.ace-operator.io/v1alpha1',
        kind: 'TokenResult',
        name: 's-one',
        result: 'unchanged',
        dryRun: 'none',
      },
    ]);
  });
});

describe('token revoke', () => {
  const kind = (value: string): object => ({
    metadata: { labels: { 'authn.management.cattle.io/kind': value } },
  });

  test('has to be told which', async () => {
    const cases: readonly [readonly string[], RegExp][] = [
      [[], /which tokens\?/],
      [['--all', '--user', 'u-bob'], /exclude each other/],
      [['s-one', '--cluster', 'c-one'], /exclude each other/],
      [
        ['--all'],
        /Delete \d+ tokens of \d+ users \(.*\) in https:.*\? Nobody can answer here; say so by --yes/,
      ],
      [['--cluster', 'c-one'], /Delete \d+ tokens of \d users \(.*u-ada \d+/],
      [['--cluster', 'c-one', '--keep'], /Disable \d+ tokens/],
      [['--user', '', '--cluster', 'c-one'], /--user: it is empty/],
    ];
    const before = (await world.management.list(TOKENS)).length;
    for (const [args, message] of cases) {
      const result = await cli.run('token', 'revoke', ...args);
      expect(result.stderr).toMatch(message);
      expect(result.code).toBe(2);
    }
    expect((await world.management.list(TOKENS)).length).toBe(before);
  });

  test('never takes from the environment what is to go', async () => {
    const result = await cli.with({
      args: ['token', 'revoke'],
      env: { ACE_USER: 'u-bob', ACE_ALL: 'true', ACE_YES: 'true' },
    });
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/which tokens\?/);
  });

  test('takes all of a user away, hundreds, and waits until the cluster refuses them', async () => {
    const names = await world.createTokens('b', 300, 'c-one', 'u-bob');
    cli.hide(...names.slice(0, 20).map((name) => `not-a-real-secret-of-${name}`));
    await propagated('b-299');
    const result = await cli.run('token', 'revoke', '--user', 'u-bob', '--yes', '--wait', '-o', 'name');
    expect(result.stderr).toMatch(/^300 of 300 tokens deleted\nrefused downstream/);
    expect(result.code).toBe(0);
    expect(result.stdout.trim().split('\n').sort()).toEqual(
      names.map((name) => `token.management.cattle.io/${name}`).sort(),
    );
    const left = await world.cluster('c-one').tokenNames();
    expect(left.filter((name) => name.startsWith('b-'))).toEqual([]);
    const again = await cli.run('token', 'revoke', '--user', 'u-bob');
    expect(again).toEqual({ code: 0, stdout: '', stderr: 'No tokens found.\n' });
    const waited = await cli.run('token', 'revoke', '--user', 'u-bob', '--wait');
    expect(waited).toMatchObject({ code: 0, stdout: '' });
    expect(waited.stderr).toMatch(/^No tokens found\.\nrefused downstream in c-one; /);
  });

  test('spares what Rancher itself needs, unless told', async () => {
    await given('r-agent', 'u-sys', {}, 'c-two');
    await given('r-person', 'u-sys', {}, 'c-two');
    await world.patchToken('r-agent', kind('agent'));
    await world.patchToken('l-soon', { clusterName: 'c-one' });
    const kept = await cli.run('token', 'revoke', '--cluster', 'c-two', '--keep');
    expect(kept).toMatchObject({ code: 0, stdout: 'token/r-person disabled\n' });
    expect(kept.stderr).toContain('left out: 1 tokens of Rancher');
    expect(await tokenOf('r-person')).toMatchObject({ enabled: false });
    const all = await cli.run('token', 'revoke', '--cluster', 'c-two', '--include-system');
    expect(all.code).toBe(0);
    expect(await tokenOf('r-agent')).toBeUndefined();
    expect(await tokenOf('r-person')).toBeUndefined();
  });

  test('reports each that failed, and does the rest', async () => {
    const admin = world.management.plane.adminKubeconfig;
    const rules = [
      { apiGroups: ['management.cattle.io'], resources: ['tokens'], verbs: ['get', 'list'] },
      {
        apiGroups: ['management.cattle.io'],
        resources: ['tokens'],
        verbs: ['delete'],
        resourceNames: ['p-yes'],
      },
    ];
    await apply(admin, [
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'half' },
        rules,
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'half' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'half' },
        subjects: [{ kind: 'User', name: 'half', apiGroup: 'rbac.authorization.k8s.io' }],
      },
    ]);
    await given('p-no', 'u-part');
    await given('p-yes', 'u-part');
    const half = await world.management.plane.kubeconfigFor('half');
    const result = await eventually(async () => {
      const tried = await cli.run('token', 'revoke', '--user', 'u-part', '--kubeconfig', half);
      expect(tried.stdout).toBe('token/p-yes deleted\n');
      return tried;
    });
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/token p-no: DELETE .*tokens\/p-no: 403 Forbidden/);
    expect(result.stderr).toContain('1 of 2 tokens deleted; 1 failed\n');
    expect(await tokenOf('p-no')).toBeDefined();
  });

  test('says so when the cluster does not refuse in time, and when it cannot be seen', async () => {
    await given('w-late', 'u-ada');
    await propagated('w-late');
    await world.stopOperator();
    const late = await cli.run('token', 'revoke', 'w-late', '--wait', '--timeout', '1s');
    expect(late).toMatchObject({ code: 1, stdout: 'token/w-late deleted\n' });
    expect(late.stderr).toContain('cluster c-one: still accepts w-late after 1s; does the operator run?');
    const again = await cli.run(
      'token',
      'delete',
      'w-late',
      '--ignore-not-found',
      '--wait',
      '--timeout',
      '1s',
    );
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toContain('cluster c-one: still accepts w-late after 1s; does the operator run?');

    await given('w-blind', 'u-ada', {}, 'c-two');
    const blind = await cli.run('token', 'revoke', 'w-blind', '--wait', '--timeout', '1s');
    expect(blind.code).toBe(3);
    expect(blind.stderr).toMatch(/cluster c-two: no Secret labelled .*: cannot see whether it refuses them/);
  });
});
