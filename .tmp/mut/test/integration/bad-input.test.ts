import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS, CLUSTERS, CUSTOM_RESOURCE_DEFINITIONS, TOKENS } from '../../src/api/names.ts';
import type { TokenReason } from '../../src/api/reasons.ts';
import { eventually } from '../support/eventually.ts';
import { startWorld, type World } from '../support/world.ts';

const VECTORS = JSON.parse(readFileSync(new URL('../vectors/hashes.json', import.meta.url), 'utf8'));
const GOOD_HASH: string = VECTORS.verify.find(
  (vector: { format: string; matches: boolean }) => vector.format === 'sha3-512' && vector.matches,
).hash;
const DEAR_HASH: string = VECTORS.refused.find((hash: string) => hash.includes(':40:8:1:'));
const HASHED = { 'authn.management.cattle.io/token-hashed': 'true' };
const MEGABYTE = 1_000_000;

interface Case {
  readonly fields?: object;
  readonly annotations?: object;
  readonly wantReason: TokenReason;
  /** Merge patch after which the token is good. */
  readonly mend: object;
}

const BAD_TOKENS: Readonly<Record<string, Case>> = {
  'no userId': { fields: { userId: undefined }, wantReason: 'Malformed', mend: { userId: 'u-ada' } },
  'an empty userId': { fields: { userId: '' }, wantReason: 'Malformed', mend: { userId: 'u-ada' } },
  'a userId that can be no name': {
    fields: { userId: 'u/ä' },
    wantReason: 'Malformed',
    mend: { userId: 'u-ada' },
  },
  'a userId of 1 MB': {
    fields: { userId: 'u'.repeat(MEGABYTE) },
    wantReason: 'Malformed',
    mend: { userId: 'u-ada' },
  },
  'a userId that is a list': {
    fields: { userId: ['u-ada'] },
    wantReason: 'Malformed',
    mend: { userId: 'u-ada' },
  },
  'a user who is not there': {
    fields: { userId: 'u-nobody' },
    wantReason: 'UserNotFound',
    mend: { userId: 'u-ada' },
  },
  'no token': {
    fields: { token: undefined },
    wantReason: 'HashPending',
    mend: { token: 'not-a-real-secret' },
  },
  'a token that is a number': {
    fields: { token: 1 },
    wantReason: 'Malformed',
    mend: { token: 'not-a-real-secret' },
  },
  'a token with a NUL, which bcrypt cannot tell apart': {
    fields: { token: 'a\0b' },
    wantReason: 'Malformed',
    mend: { token: 'not-a-real-secret' },
  },
  'a token of 73 bytes': {
    fields: { token: 'x'.repeat(73) },
    wantReason: 'SecretTooLong',
    mend: { token: 'x'.repeat(72) },
  },
  'a token of 37 letters in 74 bytes': {
    fields: { token: 'ä'.repeat(37) },
    wantReason: 'SecretTooLong',
    mend: { token: 'ä'.repeat(36) },
  },
  'a token of 1 MB': {
    fields: { token: 'x'.repeat(MEGABYTE) },
    wantReason: 'SecretTooLong',
    mend: { token: 'not-a-real-secret' },
  },
  'a hash of no known format': {
    fields: { token: '$9:what:ever' },
    annotations: HASHED,
    wantReason: 'UnsupportedHash',
    mend: { token: GOOD_HASH },
  },
  'a hash that would cost terabytes to verify': {
    fields: { token: DEAR_HASH },
    annotations: HASHED,
    wantReason: 'UnsupportedHash',
    mend: { token: GOOD_HASH },
  },
  'an expiresAt that is no time': {
    fields: { expiresAt: 'tomorrow' },
    wantReason: 'Malformed',
    mend: { expiresAt: '' },
  },
  'an expiresAt of 1 MB': {
    fields: { expiresAt: '9'.repeat(MEGABYTE) },
    wantReason: 'Malformed',
    mend: { expiresAt: '2099-01-01T00:00:00Z' },
  },
  'a negative ttl': { fields: { ttl: -1 }, wantReason: 'Expired', mend: { ttl: 0 } },
  'a ttl that is a text': { fields: { ttl: '16h' }, wantReason: 'Malformed', mend: { ttl: null } },
  'a ttl with a fraction': { fields: { ttl: 1.5 }, wantReason: 'Malformed', mend: { ttl: 0 } },
  'a ttl beyond all numbers': { fields: { ttl: 1e300 }, wantReason: 'Malformed', mend: { ttl: 0 } },
  'an enabled that is a text': {
    fields: { enabled: 'yes' },
    wantReason: 'Malformed',
    mend: { enabled: true },
  },
};

const GOOD_TOKENS: Readonly<Record<string, object>> = {
  'a description of 1 MB': { description: 'x'.repeat(MEGABYTE) },
  'a description of every script': { description: 'Ä漢字\u{1F600}\u0000\u202E' },
  'a secret in another script': { token: '漢字-\u{1F600}' },
  'nulls for all that may be missing': { ttl: null, expiresAt: null, enabled: null, groupPrincipals: null },
  'fields of a later version': { sessionId: 1, nested: { token: ['x'] } },
  'an expiry after the end of all calendars': { ttl: 9_007_199_254_740_991 },
};

const nameOf = (title: string): string =>
  `token-${title.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`.replace(/-$/, '').slice(0, 60);

let world: World;

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one', 'c-two'] });
  await world.register('c-one');
  await world.register('c-two');
  await world.createUser('u-ada', {}, ['group://a']);
  for (const [title, { fields, annotations }] of Object.entries(BAD_TOKENS))
    await world.createToken(nameOf(title), 'c-one', 'u-ada', fields, annotations);
  for (const [title, fields] of Object.entries(GOOD_TOKENS))
    await world.createToken(nameOf(title), 'c-one', 'u-ada', fields);
  await world.createToken('token-of-no-readable-cluster', 'c-one', 'u-ada', { clusterName: ['c-one'] });
  await world.startOperator();
});
afterAll(() => world.close());

describe('a token with', () => {
  const good = Object.keys(GOOD_TOKENS).length;
  const all = good + Object.keys(BAD_TOKENS).length;

  for (const [title, { wantReason }] of Object.entries(BAD_TOKENS)) {
    test(`${title}: is refused as ${wantReason}, told by an Event and at most one line of log`, async () => {
      const name = nameOf(title);
      await eventually(async () => {
        const about = (await world.events()).filter(({ involvedObject }) => involvedObject.name === name);
        expect(about.map(({ reason }) => reason)).toEqual([wantReason]);
        expect(about[0].message.length).toBeLessThan(500);
      });
      const lines = world.operator?.logs().filter(({ source }) => source === `Token ${name}`) ?? [];
      expect(lines.length).toBeLessThanOrEqual(1);
      expect(await world.cluster('c-one').clusterAuthToken(name)).toBeUndefined();
      expect(await world.cluster('c-one').hashSecret(name)).toBeUndefined();
    });
  }

  for (const title of Object.keys(GOOD_TOKENS)) {
    test(`${title}: is propagated beside all those`, async () => {
      await eventually(async () => {
        expect(await world.cluster('c-one').clusterAuthToken(nameOf(title))).toMatchObject({ enabled: true });
        expect(await world.cluster('c-one').hashSecret(nameOf(title))).toBeDefined();
      });
    });
  }

  test('any such fault is counted by its reason, in the status and in the metric', async () => {
    const refused: Record<string, number> = {};
    for (const { wantReason } of Object.values(BAD_TOKENS))
      refused[wantReason] = (refused[wantReason] ?? 0) + 1;
    await world.waitSynced('c-one', `${good}/${good}`);
    expect((await world.propagation('c-one')).status.refused).toEqual(refused);
    for (const [reason, count] of Object.entries(refused)) {
      const series = `ace_tokens_refused{ace_cluster="c-one",reason="${reason}"}`;
      expect(await world.operator?.metric(series)).toBe(count);
    }
  });

  test('any such fault is propagated as soon as it is mended', async () => {
    for (const [title, { mend }] of Object.entries(BAD_TOKENS)) await world.patchToken(nameOf(title), mend);
    await world.waitSynced('c-one', `${all}/${all}`);
    expect((await world.propagation('c-one')).status.refused ?? {}).toEqual({});
    expect(await world.cluster('c-one').ours()).toHaveLength(2 * all + 1);
  });

  test('a fault that comes later is taken away', async () => {
    const name = nameOf('no userId');
    await world.patchToken(name, { expiresAt: 'never' });
    await eventually(async () => {
      expect(await world.cluster('c-one').clusterAuthToken(name)).toBeUndefined();
      expect((await world.propagation('c-one')).status.refused).toEqual({ Malformed: 1 });
    });
    await world.patchToken(name, { expiresAt: '' });
    await world.waitSynced('c-one', `${all}/${all}`);
  });
});

test('one poison token among 200 hurts none of them, and fills no log however often it changes', async () => {
  const names = Array.from({ length: 200 }, (_, index) => `token-crowd-${index}`);
  const create = (name: string): Promise<unknown> =>
    world.createToken(name, 'c-two', 'u-ada', { token: GOOD_HASH }, HASHED);
  await Promise.all(names.slice(0, 100).map(create));
  await world.createToken('token-poison', 'c-two', 'u-ada', {
    ttl: {},
    enabled: [],
    expiresAt: 7,
    token: null,
  });
  await Promise.all(names.slice(100).map(create));
  await world.waitSynced('c-two', '200/200');
  for (let round = 0; round < 20; round += 1) await world.patchToken('token-poison', { expiresAt: round });
  await world.createToken('token-last', 'c-two', 'u-ada');
  await world.waitSynced('c-two', '201/201');

  expect((await world.propagation('c-two')).status.refused).toEqual({ Malformed: 1 });
  expect(await world.operator?.metric('ace_tokens_refused{ace_cluster="c-two",reason="Malformed"}')).toBe(1);
  expect(await world.operator?.metric('ace_tokens{ace_cluster="c-two",state="synced"}')).toBe(201);
  const lines = world.operator?.output().split('\n') ?? [];
  expect(lines.filter((line) => line.includes('token-poison')).length).toBeLessThanOrEqual(3);

  await world.management.remove(TOKENS, 'token-poison');
  await eventually(async () => expect((await world.propagation('c-two')).status.refused ?? {}).toEqual({}));
});

describe('a Cluster', () => {
  const create = (name: string, fields: object): Promise<unknown> =>
    world.management.create(CLUSTERS, {
      apiVersion: 'management.cattle.io/v3',
      kind: 'Cluster',
      metadata: { name },
      ...fields,
    });

  test('without spec and status is none of our business', async () => {
    await create('c-bare', {});
    await world.createToken('token-bare', 'c-bare', 'u-ada');
    await create('c-null', { spec: { localClusterAuthEndpoint: null } });
    await create('c-vague', { spec: { localClusterAuthEndpoint: { enabled: 'yes' } } });
    await eventually(async () => expect(await world.propagation('c-vague')).toBeDefined());
    expect(await world.propagation('c-bare')).toBeUndefined();
    expect(await world.propagation('c-null')).toBeUndefined();
  });

  test('whose switch was never readable says so', async () => {
    await world.waitCondition('c-vague', 'Ready', { status: 'False', reason: 'Malformed' });
    await eventually(async () =>
      expect(
        await world.operator?.metric('ace_cluster_problem{ace_cluster="c-vague",reason="Malformed"}'),
      ).toBe(1),
    );
    const lines = world.operator
      ?.logs()
      .filter(({ cluster, level }) => cluster === 'c-vague' && level === 'warn');
    expect(lines?.map(({ reason }) => reason)).toContain('Malformed');
  });

  test('whose switch becomes unreadable keeps what it has, and revocations go on', async () => {
    await world.management.patch(CLUSTERS, 'c-two', {
      spec: { localClusterAuthEndpoint: { enabled: 'yes' } },
    });
    await world.waitCondition('c-two', 'Ready', { status: 'False', reason: 'Malformed' });
    await world.createToken('token-on-hold', 'c-two', 'u-ada');
    await world.deleteToken('token-crowd-0');
    await eventually(async () => {
      expect(await world.cluster('c-two').clusterAuthToken('token-crowd-0')).toBeUndefined();
      expect((await world.propagation('c-two')).status.tokens).toBe('200/201');
    });
    expect(await world.cluster('c-two').clusterAuthToken('token-on-hold')).toBeUndefined();
    expect(await world.cluster('c-two').clusterAuthToken('token-crowd-1')).toBeDefined();
    await world.waitCondition('c-one', 'Ready', { status: 'True', reason: 'AllSynced' });
  });

  test('whose switch is mended goes on', async () => {
    await world.setAce('c-two', true);
    await world.waitSynced('c-two', '201/201');
    expect(await world.cluster('c-two').clusterAuthToken('token-on-hold')).toBeDefined();
    await world.waitCondition('c-two', 'Ready', { status: 'True', reason: 'AllSynced' });
  });
});

describe('a ClusterPropagation whose schema lets everything pass', () => {
  beforeAll(async () => {
    const name = 'clusterpropagations.ace-operator.io';
    const definition = await world.management.get(CUSTOM_RESOURCE_DEFINITIONS, name);
    const [version] = definition.spec.versions;
    version.schema.openAPIV3Schema.properties.spec = {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
    };
    await world.management.patch(CUSTOM_RESOURCE_DEFINITIONS, name, { spec: { versions: [version] } });
  });

  const specs: Readonly<Record<string, object>> = {
    'an algorithm that does not exist': { hash: { algorithm: 'md5' } },
    'a switch that is a text': { suspend: 'yes' },
    'a limit that is a text': { gc: { maxDeletePercent: 'ten' } },
    'a limit beyond a hundred percent': { gc: { maxDeletePercent: 101 } },
  };
  for (const [title, spec] of Object.entries(specs)) {
    test(`with ${title} says InvalidSpec and works by the defaults, until it is mended`, async () => {
      const before = await world.cluster('c-one').ours();
      await eventually(() => world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec }));
      await world.waitCondition('c-one', 'Ready', { status: 'False', reason: 'InvalidSpec' });
      await world.waitCondition('c-one', 'Synced', { status: 'True' });
      const series = 'ace_cluster_problem{ace_cluster="c-one",reason="InvalidSpec"}';
      expect(await world.operator?.metric(series)).toBe(1);
      expect(await world.cluster('c-one').ours()).toEqual(before);
      await world.waitCondition('c-two', 'Ready', { status: 'True', reason: 'AllSynced' });

      const nothing = { hash: null, suspend: null, gc: null };
      await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: nothing });
      await world.waitCondition('c-one', 'Ready', { status: 'True', reason: 'AllSynced' });
    });
  }

  test('has each mistake told by one line of log', () => {
    const lines = world.operator?.logs().filter(({ message }) => message === 'spec is invalid');
    expect(lines).toHaveLength(Object.keys(specs).length);
  });
});
