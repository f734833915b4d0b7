import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Answer, Bearer } from '../../chaos/checker/bearer.ts';
import { Bookkeeping } from '../../chaos/checker/bookkeeping.ts';
import { derive, type Should, secretOf } from '../../chaos/checker/derive.ts';
import { Faults } from '../../chaos/checker/faults.ts';
import { Leaders } from '../../chaos/checker/leaders.ts';
import { Secrets } from '../../chaos/checker/secrets.ts';
import { differences } from '../../chaos/checker/settled.ts';
import { ShardOwners } from '../../chaos/checker/shard-owners.ts';
import type { ProgramWrite } from '../../chaos/messages.ts';

/** The judges of the chaos suite, on facts that are made up: each has to find what it is for, and nothing else. */
const token = (fields: object = {}): object => ({
  metadata: {
    name: 't-1',
    uid: 'a',
    creationTimestamp: '2026-01-01T00:00:00Z',
    annotations: { 'chaos/generation': '1' },
  },
  ...{ token: 'x', userId: 'u-1', clusterName: 'c-1', ttl: 0, enabled: true, ...fields },
});
const user = (fields: object = {}): object => ({ metadata: { name: 'u-1', uid: 'b' }, ...fields });
const attribute = (groups: readonly string[]): object => ({
  metadata: { name: 'u-1' },
  GroupPrincipals: { local: { Items: groups.map((name) => ({ metadata: { name } })) } },
});
const cluster = { metadata: { name: 'c-1' }, spec: { localClusterAuthEndpoint: { enabled: true } } };

function should(fields: object = {}, userFields: object = {}, groups: readonly string[] = ['g']): Should {
  const upstream = { tokens: [token(fields)], users: [user(userFields)], attributes: [attribute(groups)] };
  return derive({ ...upstream, clusters: [cluster] }).get('c-1/t-1') as Should;
}

const MINUTE_MS = 60_000;
const T0 = 1_000_000 * MINUTE_MS;
const answer = (atMs: number, letIn: boolean, fields: Partial<Answer> = {}): Answer => ({
  ...{ who: 'c-1/0', cluster: 'c-1', askedMs: atMs, answeredMs: atMs + 5, letIn },
  ...fields,
});
const reading = (atMs: number): { from: number; to: number } => ({ from: atMs, to: atMs + 10 });

function bearer(at: Should | undefined = should()): Bearer {
  const one = new Bearer('c-1/t-1', 1);
  one.saw(at, reading(T0));
  return one;
}

/** What an answer breaks, once a reading says that nothing had changed. */
function broken(one: Bearer, at: Should | undefined, said: Answer, faults: Faults): string | undefined {
  one.heard(said, faults);
  return one.saw(at, reading(said.answeredMs + 1_000))[0]?.invariant;
}

describe('what should be', () => {
  test.each([
    ['enabled', {}, {}, true, true],
    ['disabled', { enabled: false }, {}, false, false],
    ['of a disabled user', {}, { enabled: false }, true, false],
    ['of another cluster', { clusterName: 'c-2' }, {}, undefined, undefined],
    ['without a secret', { token: '' }, {}, false, false],
  ])('a token that is %s', (_, fields, userFields, isThere, isGood) => {
    const upstream = {
      tokens: [token(fields)],
      users: [user(userFields)],
      attributes: [],
      clusters: [cluster],
    };
    const found = derive(upstream).get('c-1/t-1');
    expect([found?.isThere, found?.isGood]).toEqual([isThere, isGood]);
  });

  test('a token of a cluster that was registered anew is of that cluster, and good once it has ACE there', () => {
    const again = { ...cluster, metadata: { name: 'c-1-again-2' } };
    const moved = { tokens: [token({ clusterName: 'c-1-again-2' })], users: [user()], attributes: [] };
    expect(derive({ ...moved, clusters: [again] }).get('c-1/t-1')?.isGood).toBe(true);
    expect(derive({ ...moved, clusters: [cluster] }).get('c-1/t-1')?.isGood).toBe(false);
  });

  test('expires at the earlier of two times, in whole seconds', () => {
    const times = { ttl: 90_500, expiresAt: '2026-01-02T00:00:00Z' };
    expect(should(times).untilMs).toBe(Date.parse('2026-01-01T00:01:30Z'));
  });
});

describe('I1', () => {
  const revokedAtMs = T0 + MINUTE_MS;
  const revoked = (): Bearer => {
    const one = bearer();
    one.saw(undefined, reading(revokedAtMs));
    return one;
  };

  test('is broken by a yes long after the revocation, not by one right after it', () => {
    const faults = new Faults();
    expect(broken(revoked(), undefined, answer(revokedAtMs + 2_000, true), faults)).toBeUndefined();
    expect(broken(revoked(), undefined, answer(revokedAtMs + 5 * MINUTE_MS, true), faults)).toBe('I1');
  });

  test('is not broken while a fault is on the way, nor by one elsewhere excused', () => {
    const late = answer(revokedAtMs + 5 * MINUTE_MS, true);
    const during = (hurts: string): Faults => {
      const faults = new Faults();
      faults.tell({ id: 1, kind: 'x', fromMs: T0, untilMs: undefined, hurts: [hurts] });
      return faults;
    };
    expect(broken(revoked(), undefined, late, during('c-1'))).toBeUndefined();
    expect(broken(revoked(), undefined, late, during('operators'))).toBeUndefined();
    expect(broken(revoked(), undefined, late, during('c-2'))).toBe('I1');
    expect(broken(revoked(), undefined, late, during('c-1/1'))).toBe('I1');
  });

  test('is broken by a yes after a no, also at once and in the midst of faults', () => {
    const faults = new Faults();
    faults.tell({ id: 1, kind: 'x', fromMs: T0, untilMs: undefined, hurts: ['c-1', 'management'] });
    const one = revoked();
    expect(broken(one, undefined, answer(revokedAtMs + 3_000, false), faults)).toBeUndefined();
    expect(
      broken(one, undefined, answer(revokedAtMs + 4_000, true, { who: 'c-1/1' }), faults),
    ).toBeUndefined();
    expect(broken(one, undefined, answer(revokedAtMs + 4_000, true), faults)).toBe('I1');
  });

  test('is not broken by a yes after the no of an API server whose webhook nobody answered', () => {
    const api = { who: 'c-1/api' };
    const untilMs = revokedAtMs + 5_000;
    const faults = new Faults();
    faults.tell({ id: 1, kind: 'x', fromMs: T0, untilMs, hurts: ['c-1/0', 'c-1/all'] });
    const one = revoked();
    // Before the fault: that was a word.
    const before = revoked();
    faults.tell({
      id: 1,
      kind: 'x',
      fromMs: revokedAtMs + 6_000,
      untilMs: revokedAtMs + 9_000,
      hurts: ['c-1/all'],
    });
    expect(broken(before, undefined, answer(revokedAtMs + 5_000, false, api), faults)).toBeUndefined();
    expect(broken(before, undefined, answer(revokedAtMs + 5_500, true, api), faults)).toBe('I1');
    faults.tell({ id: 1, kind: 'x', fromMs: T0, untilMs, hurts: ['c-1/0', 'c-1/all'] });
    expect(broken(one, undefined, answer(untilMs - 1_000, false, api), faults)).toBeUndefined();
    expect(broken(one, undefined, answer(untilMs + 5_000, true, api), faults)).toBeUndefined();
    expect(broken(one, undefined, answer(untilMs + 6_000, false, api), faults)).toBeUndefined();
    expect(broken(one, undefined, answer(untilMs + 7_000, true, api), faults)).toBe('I1');
  });

  test('is not broken by an answer that knows more than the last reading', () => {
    const one = revoked();
    one.heard(answer(revokedAtMs + 5 * MINUTE_MS, true), new Faults());
    expect(one.saw(should(), reading(revokedAtMs + 6 * MINUTE_MS))).toEqual([]);
  });

  test('is broken by another person, and by a group that was taken away long ago', () => {
    const faults = new Faults();
    const late = T0 + 5 * MINUTE_MS;
    const as = (name: string, groups: readonly string[]): unknown =>
      broken(bearer(), should(), answer(late, true, { user: name, groups }), faults);
    expect(as('u-1', ['g', 'system:cattle:authenticated'])).toBeUndefined();
    expect(as('u-1', ['g', 'admins'])).toBe('I1');
    expect(as('u-2', ['g'])).toBe('I1');
  });
});

describe('I2', () => {
  const faults = new Faults();

  test('is broken by a no after a yes, once a reading says that nothing changed', () => {
    const one = bearer();
    one.heard(answer(T0 + 1_000, true), faults);
    one.heard(answer(T0 + 2_000, false), faults);
    expect(one.saw(should(), reading(T0 + 1_500))).toEqual([]);
    expect(one.saw(should(), reading(T0 + 3_000)).map(({ invariant }) => invariant)).toEqual(['I2']);
  });

  test('is broken in the midst of an outage of everything else, too', () => {
    const outage = new Faults();
    const one = bearer();
    one.heard(answer(T0 + 1_000, true), outage);
    outage.tell({
      id: 1,
      kind: 'x',
      fromMs: T0 + 1_500,
      untilMs: undefined,
      hurts: ['c-1', 'management', 'operators'],
    });
    one.heard(answer(T0 + 2_000, false), outage);
    expect(one.saw(should(), reading(T0 + 3_000)).map(({ invariant }) => invariant)).toEqual(['I2']);
  });

  test('is not broken where it changed meanwhile, where no yes came before, or only another one said yes', () => {
    const changed = bearer();
    changed.heard(answer(T0 + 1_000, true), faults);
    changed.heard(answer(T0 + 2_000, false), faults);
    expect(changed.saw(undefined, reading(T0 + 3_000))).toEqual([]);
    const unknown = bearer();
    unknown.heard(answer(T0 + 1_000, true, { who: 'c-1/1' }), faults);
    unknown.heard(answer(T0 + 2_000, false), faults);
    expect(unknown.saw(should(), reading(T0 + 3_000))).toEqual([]);
  });

  test('is not broken by what is still on its way of an earlier revocation', () => {
    const one = bearer(should({ enabled: false }));
    one.saw(should(), reading(T0 + 1_000));
    one.saw(should({ enabled: false }), reading(T0 + 2_000));
    one.saw(should(), reading(T0 + 3_000));
    one.heard(answer(T0 + 3_500, true), faults);
    one.heard(answer(T0 + 4_000, false), faults);
    expect(one.saw(should(), reading(T0 + 5_000))).toEqual([]);
  });
});

describe('where the clock of an authenticator is wrong', () => {
  const wrong = (): Faults => {
    const faults = new Faults();
    const window = { id: 1, kind: 'clock', fromMs: T0, untilMs: T0 + MINUTE_MS, hurts: ['c-1/0'] };
    faults.tell({ ...window, clockOf: 'c-1/0' });
    return faults;
  };
  const expiring = (): Should => ({ ...should(), untilMs: T0 + 10 * MINUTE_MS });
  const accepted = (one: Bearer): Bearer => {
    one.heard(answer(T0 + 10, true), wrong());
    return one;
  };

  test('it may refuse early what expires, and nothing else; another one may refuse nothing', () => {
    const no = answer(T0 + 5_000, false);
    expect(broken(accepted(bearer(expiring())), expiring(), no, wrong())).toBeUndefined();
    expect(broken(accepted(bearer()), should(), no, wrong())).toBe('I2');
    const other = bearer(expiring());
    other.heard(answer(T0 + 10, true, { who: 'c-1/1' }), wrong());
    expect(broken(other, expiring(), { ...no, who: 'c-1/1' }, wrong())).toBe('I2');
  });

  test('it may refuse nothing any more once the clock is right', () => {
    const no = answer(T0 + 2 * MINUTE_MS, false);
    expect(broken(accepted(bearer(expiring())), expiring(), no, wrong())).toBe('I2');
  });

  test('it may not let in again what was deleted', () => {
    const one = bearer();
    one.saw(undefined, reading(T0 + 1_000));
    one.heard(answer(T0 + 10_000, false), new Faults());
    expect(broken(one, undefined, answer(T0 + 20_000, true), wrong())).toBe('I1');
  });
});

describe('I4', () => {
  test('finds secrets by their mark, hashes by their form, credentials by their text', () => {
    const dir = mkdtempSync(join(tmpdir(), 'ace-judges-'));
    const secrets = new Secrets(dir, 7);
    secrets.addSecret({ key: Buffer.from('a credential of some length').toString('base64') });
    expect(secrets.in(`said ${secretOf(7, 't-1', 1)}`)).toMatch('a secret');
    expect(secrets.in('$3:1:c2FsdHNhbHQ:AAAAAAAAAAAAAAAAAAAAAAAA')).toBe('a hash');
    expect(secrets.in('$2b$10$abcdefghijklmnopqrstuv')).toBe('a hash');
    expect(secrets.in('has a credential of some length in it')).toBe('a credential');
    expect(secrets.in('token t-1 of user u-1 was refused')).toBeUndefined();
    writeFileSync(join(dir, 'one.log'), 'nothing\n');
    expect(secrets.newOutput().map(({ found }) => found)).toEqual([undefined]);
    writeFileSync(join(dir, 'one.log'), `nothing\n${secretOf(7, 't-1', 1)}\n`);
    expect(secrets.newOutput().map(({ found }) => found)).toEqual(['a secret (line 2)']);
    rmSync(dir, { recursive: true });
  });
});

describe('I5', () => {
  const labels = { 'app.kubernetes.io/managed-by': 'ace-operator' };
  const is = (kind: 'tokens' | 'users' | 'secrets', name: string, fields: object): object => ({
    [kind]: [{ metadata: { name, labels }, ...fields }],
  });
  const bcrypt = { data: { hash: Buffer.from('$2b$10$of-any-secret').toString('base64') } };
  const there = {
    ...{ tokens: [], secrets: [], users: [] },
    ...is('tokens', 't-1', { userName: 'u-1', enabled: true }),
    ...is('secrets', 't-1', bcrypt),
    ...is('users', 'u-1', { enabled: true, groups: ['g'] }),
  };
  const left = (all: readonly Should[], downstream: object): readonly string[] =>
    differences(all, downstream as typeof there, 7, T0);

  test('says what is missing, what is left and what differs, and nothing of what is right', () => {
    expect(left([should()], there)).toEqual([]);
    expect(left([], there)).toEqual(['token t-1 is left', 'Secret t-1 is left', 'user u-1 is left']);
    expect(left([should()], { ...there, tokens: [] })).toEqual(['token t-1 is missing']);
    expect(left([should({}, {}, ['other'])], there)).toEqual(['user u-1 has groups g']);
    expect(left([should({}, { enabled: false })], there)).toEqual(['user u-1 is enabled: true']);
    expect(left([should({ ttl: 86_400_000 * 365_000 })], there)).toEqual(['token t-1 expires undefined']);
  });

  test('wants nothing under a name that somebody else has there, and finds what is there all the same', () => {
    const foreign = { secrets: [{ metadata: { name: 't-1' } }] };
    expect(left([should()], { ...there, ...foreign, tokens: [], users: [] })).toEqual([]);
    expect(left([should()], { ...there, ...foreign, users: [] })).toEqual(['token t-1 is left']);
  });
});

describe('the silent minute', () => {
  const used = (fields: object): ProgramWrite => ({
    ...{ program: 'c-1/', atMs: T0, plane: 'c-1', method: 'PATCH', status: 200 },
    path: '/apis/cluster.cattle.io/v3/namespaces/cattle-system/clusterauthtokens/t-1?fieldManager=x',
    body: JSON.stringify({ lastUsedAt: new Date(T0 - 5_000).toISOString(), ...fields }),
  });

  test('may have the last use of a token of before, once', () => {
    const bookkeeping = new Bookkeeping([]);
    expect(bookkeeping.allows(used({ metadata: { uid: 'a' } }), T0)).toBe(true);
    expect(bookkeeping.allows(used({ metadata: { uid: 'a' } }), T0)).toBe(false);
  });

  test.each([
    ['of a use in the silence', used({ lastUsedAt: new Date(T0 + 5_000).toISOString() })],
    ['that changes something else, too', used({ enabled: true })],
    ['of metadata', used({ metadata: { uid: 'a', annotations: { 'chaos/count': '1' } } })],
    ['of another kind', { ...used({}), path: '/api/v1/namespaces/cattle-system/secrets/t-1' }],
  ])('may have no write %s', (_, write) => {
    expect(new Bookkeeping([]).allows(write, T0)).toBe(false);
  });
});

describe('I6', () => {
  const LEASE_MS = 15_000;
  const write = (program: string, atMs: number, fields: Partial<ProgramWrite> = {}): ProgramWrite => ({
    ...{ program, atMs, plane: 'c-1', method: 'PATCH', path: '/some', body: '', status: 200 },
    ...fields,
  });
  const renew = (program: string, atMs: number): ProgramWrite =>
    write(program, atMs, { path: '/leases/x', body: JSON.stringify({ spec: { holderIdentity: program } }) });

  test('is broken by who writes without a Lease, beside its holder, and after it ran out', () => {
    const leaders = new Leaders(LEASE_MS);
    expect(leaders.saw(write('one', T0))).toMatch('nobody holds the Lease');
    leaders.saw(renew('one', T0));
    expect(leaders.saw(write('one', T0 + 5_000))).toBeUndefined();
    expect(leaders.saw(write('two', T0 + 5_000))).toMatch('while one leads');
    expect(leaders.saw(write('one', T0 + 20_000))).toMatch('after it last renewed');
    leaders.saw(renew('two', T0 + 21_000));
    expect(leaders.saw(write('two', T0 + 22_000))).toBeUndefined();
    expect(leaders.saw(write('one', T0 + 22_000))).toMatch('while two leads');
  });

  test('a renewal that was refused is none', () => {
    const leaders = new Leaders(LEASE_MS);
    leaders.saw(renew('one', T0));
    leaders.saw({ ...renew('two', T0 + 1_000), status: 409 });
    expect(leaders.saw(write('two', T0 + 2_000))).toMatch('while one leads');
  });

  describe('where clusters are divided by shards', () => {
    const SHARDS = 4;
    /** By the same hash as the programs', written down. */
    const SHARD_OF = { 'c-1': 1, 'c-2': 0 };
    const lease = (program: string, atMs: number, name: string, holderIdentity: string): ProgramWrite =>
      write(program, atMs, {
        plane: 'management',
        path: `/leases/${name}`,
        body: JSON.stringify({ metadata: { name }, spec: { holderIdentity } }),
      });
    const owners = new ShardOwners(SHARDS, LEASE_MS);
    const joined = (program: string, identity: string, atMs: number): void =>
      void owners.saw(lease(program, atMs, `ace-operator-replica-${program}`, identity));
    const given = (by: string, shard: number, identity: string, atMs: number): void =>
      void owners.saw(lease(by, atMs, `ace-operator-shard-${shard}`, identity));

    test('is broken by who writes for a cluster of another', () => {
      joined('one', 'one#1', T0);
      joined('two', 'two#1', T0);
      given('one', SHARD_OF['c-1'], 'one#1', T0);
      given('two', SHARD_OF['c-2'], 'two#1', T0);
      expect(owners.saw(write('one', T0 + 1_000))).toBeUndefined();
      expect(owners.saw(write('two', T0 + 1_000))).toMatch('a cluster that one has');
      const status = { plane: 'management', path: '/clusterpropagations/c-2/status' };
      expect(owners.saw(write('two', T0 + 1_000, status))).toBeUndefined();
      expect(owners.saw(write('one', T0 + 1_000, status))).toMatch('a cluster that two has');
      expect(owners.saw(write('one', T0 + 1_000, { plane: 'management', path: '/events' }))).toBeUndefined();
      // Handed over.
      given('one', SHARD_OF['c-1'], 'two#1', T0 + 2_000);
      expect(owners.saw(write('two', T0 + 2_100))).toBeUndefined();
      expect(owners.saw(write('one', T0 + 2_100))).toBeUndefined();
      expect(owners.saw(write('one', T0 + 4_000))).toMatch('a cluster that two has');
      expect(owners.saw(write('two', T0 + 20_000))).toMatch('after it last renewed');
    });
  });
});
