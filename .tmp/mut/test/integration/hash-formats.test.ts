import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS, CLUSTER_PROPAGATIONS, type Resource, SECRETS } from '../../src/api/names.ts';
import type { KubeObject } from '../../src/api/types.ts';
import { createHasher } from '../../src/hash/hasher.ts';
import { watchEvents } from '../../src/kube/watch-lines.ts';
import { waysIn } from '../support/authenticator-model.ts';
import { eventually } from '../support/eventually.ts';
import { NAMESPACE, startWorld, type World } from '../support/world.ts';

/** Rancher's layouts, to the byte: an 8-byte salt and a 64-byte digest in base64 without padding, or in hex. */
const LAYOUTS = {
  bcrypt: /^\$2b\$10\$[./A-Za-z0-9]{53}$/,
  'sha3-512': /^\$3:1:[A-Za-z0-9+/]{11}:[A-Za-z0-9+/]{86}$/,
  scrypt: /^\$1:[0-9a-f]{16}:15:8:1:[A-Za-z0-9+/]{86}$/,
};
type Algorithm = keyof typeof LAYOUTS;
type Storage = 'secret' | 'inline';

const PLAIN = 'token-plain';
const COPIED = 'token-copied';
const VECTORS = JSON.parse(readFileSync(new URL('../vectors/hashes.json', import.meta.url), 'utf8'));
const COPY: { secret: string; hash: string } = VECTORS.verify.find(
  (vector: { format: string; matches: boolean }) => vector.format === 'scrypt' && vector.matches,
);
const SECRETS_OF = { [PLAIN]: 'not-a-real-secret-of-token-plain', [COPIED]: COPY.secret };

const hasher = createHasher();
let world: World;

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one'] });
  await world.register('c-one');
  await world.createUser('u-ada', {}, ['group://a']);
  await world.createToken(PLAIN, 'c-one', 'u-ada');
  const hashed = { 'authn.management.cattle.io/token-hashed': 'true' };
  await world.createToken(COPIED, 'c-one', 'u-ada', { token: COPY.hash }, hashed);
});
afterAll(async () => {
  await world.close();
  await hasher.close();
});

describe('the options --hash-algorithm and --hash-storage', () => {
  const options: readonly (readonly [Algorithm, Storage])[] = [
    ['sha3-512', 'inline'],
    ['sha3-512', 'secret'],
    ['scrypt', 'secret'],
    ['scrypt', 'inline'],
    ['bcrypt', 'inline'],
    ['bcrypt', 'secret'],
  ];
  for (const [algorithm, storage] of options) {
    test(`${algorithm}, ${storage}: what is written verifies, is Rancher's layout and is in one place`, async () => {
      const recorded = await watchWaysIn(async () => {
        await world.stopOperator();
        await world.startOperator(['--hash-algorithm', algorithm, '--hash-storage', storage]);
        await expectStored(algorithm, storage);
      });
      // The first of these starts with nothing there.
      if (options[0]?.[0] !== algorithm || storage !== 'inline') await expectNeverShut(recorded);
    });
  }
});

describe('the spec of a ClusterPropagation', () => {
  const changes: readonly (readonly [Algorithm, Storage])[] = [
    ['sha3-512', 'secret'],
    ['sha3-512', 'inline'],
    ['scrypt', 'secret'],
    ['bcrypt', 'inline'],
    ['sha3-512', 'secret'],
  ];
  for (const [algorithm, storage] of changes) {
    test(`changed to ${algorithm}, ${storage}: converts without a moment in which a token has no hash`, async () => {
      const recorded = await watchWaysIn(async () => {
        await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', {
          spec: { hash: { algorithm, storage } },
        });
        await expectStored(algorithm, storage);
      });
      await expectNeverShut(recorded);
      await world.waitSynced('c-one', '2/2');
    });
  }

  test('changed in the storage only, moves the hash as it is', async () => {
    const before = await hashesIn('secret', PLAIN);
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { hash: { storage: 'inline' } } });
    await expectStored('sha3-512', 'inline');
    expect(await hashesIn('inline', PLAIN)).toEqual(before);
  });

  test('left out again, follows the options', async () => {
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { hash: null } });
    await expectStored('bcrypt', 'secret');
  });

  test('changed to what the secret is too long for, refuses the token, and back, accepts it', async () => {
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', {
      spec: { hash: { algorithm: 'sha3-512' } },
    });
    await world.createToken('token-long', 'c-one', 'u-ada', { token: 'x'.repeat(100) });
    await world.waitSynced('c-one', '3/3');
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { hash: { algorithm: 'bcrypt' } } });
    await eventually(async () => {
      expect(await world.cluster('c-one').clusterAuthToken('token-long')).toBeUndefined();
      expect((await world.propagation('c-one')).status.refused).toEqual({ SecretTooLong: 1 });
    });
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', {
      spec: { hash: { algorithm: 'sha3-512' } },
    });
    await world.waitSynced('c-one', '3/3');
    await world.deleteToken('token-long');
  });
});

/** Until both tokens are stored in that way, and in no other. */
async function expectStored(algorithm: Algorithm, storage: Storage): Promise<void> {
  const elsewhere = storage === 'secret' ? 'inline' : 'secret';
  await eventually(
    async () => {
      expect(await hashesIn(storage, PLAIN)).toEqual([expect.stringMatching(LAYOUTS[algorithm])]);
      expect(await hashesIn(storage, COPIED)).toEqual([COPY.hash]);
      for (const name of [PLAIN, COPIED]) expect(await hashesIn(elsewhere, name)).toEqual([]);
    },
    { timeoutMs: 30_000 },
  );
  for (const name of [PLAIN, COPIED] as const) {
    const [hash = ''] = await hashesIn(storage, name);
    expect(await hasher.verify(SECRETS_OF[name], hash)).toBe(true);
    expect(await hasher.verify(`${SECRETS_OF[name]}x`, hash)).toBe(false);
  }
  const names = storage === 'secret' ? [`secret/${COPIED}`, `secret/${PLAIN}`] : [];
  expect(await world.cluster('c-one').ours()).toEqual([
    `cat/${COPIED}`,
    `cat/${PLAIN}`,
    'cua/u-ada',
    ...names,
  ]);
}

/** The hash in that place, as a list of none or one. */
async function hashesIn(storage: Storage, name: string): Promise<readonly string[]> {
  const client = world.cluster('c-one');
  if (storage === 'inline') {
    const token = await client.clusterAuthToken(name);
    return token?.hash === undefined ? [] : [token.hash];
  }
  const secret = await client.hashSecret(name);
  return secret === undefined ? [] : [Buffer.from(secret.data.hash, 'base64').toString('utf8')];
}

interface Recorded {
  /** At each moment at which something changed, the hash that each token would be accepted by. */
  readonly moments: readonly ReadonlyMap<string, string>[];
}

/** What an authenticator would have accepted at each moment of `change`, by the API server's own order of writes. */
async function watchWaysIn(change: () => Promise<void>): Promise<Recorded> {
  const ending = new AbortController();
  const kinds = [CLUSTER_AUTH_TOKENS, SECRETS];
  await eventually(() => world.cluster('c-one').list(SECRETS, NAMESPACE));
  const isServed = await world
    .cluster('c-one')
    .list(CLUSTER_AUTH_TOKENS, NAMESPACE)
    .then(
      () => true,
      () => false,
    );
  if (!isServed) {
    await change();
    return { moments: [] };
  }
  const watched = await Promise.all(kinds.map((resource) => watchKind(resource, ending.signal)));
  await change();
  await Promise.all(watched.map(({ caughtUp }) => eventually(caughtUp)));
  ending.abort();
  const state = new Map<string, KubeObject>();
  const keyOf = (object: KubeObject): string => `${object.kind}/${object.metadata.name}`;
  for (const object of watched.flatMap(({ initial }) => initial)) state.set(keyOf(object), object);
  const events = watched
    .flatMap(({ changes }) => changes)
    .sort((a, b) => Number(a.object.metadata.resourceVersion) - Number(b.object.metadata.resourceVersion));
  const moments = events.map(({ type, object }) => {
    if (type === 'DELETED') state.delete(keyOf(object));
    else state.set(keyOf(object), object);
    return new Map(waysIn(state.values()).map(({ token, hash }) => [token, hash]));
  });
  return { moments };
}

interface Watched {
  readonly initial: readonly KubeObject[];
  readonly changes: readonly { readonly type: string; readonly object: KubeObject }[];
  /** Throws until the watch has told what is there now. */
  caughtUp(): Promise<void>;
}

async function watchKind(resource: Resource, signal: AbortSignal): Promise<Watched> {
  const { client } = world.cluster('c-one');
  const page = await client.list(resource, { namespace: NAMESPACE });
  const initial = page.items.map((item) => ({ ...(item as KubeObject), kind: resource.kind }));
  const options = { namespace: NAMESPACE, resourceVersion: page.resourceVersion, timeoutSeconds: 120 };
  const stream = await client.watch(resource, options, signal);
  const changes: { type: string; object: KubeObject }[] = [];
  const reading = async (): Promise<void> => {
    for await (const { type, object } of watchEvents(stream.body)) {
      if (type !== 'BOOKMARK') changes.push({ type, object: object as KubeObject });
    }
  };
  reading().catch(() => undefined); // ended by the signal
  return {
    initial,
    changes,
    async caughtUp() {
      const seen = new Map(initial.map((object) => [object.metadata.name, object]));
      for (const { type, object } of changes) {
        if (type === 'DELETED') seen.delete(object.metadata.name);
        else seen.set(object.metadata.name, object);
      }
      const versions = (objects: Iterable<KubeObject>): readonly string[] =>
        [...objects].map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`).sort();
      expect(versions(seen.values())).toEqual(
        versions(await world.cluster('c-one').list(resource, NAMESPACE)),
      );
    },
  };
}

/** At every moment both tokens had a hash of their own secret. */
async function expectNeverShut({ moments }: Recorded): Promise<void> {
  expect(moments.length).toBeGreaterThan(0);
  const verdicts = new Map<string, boolean>();
  for (const ways of moments) {
    for (const name of [PLAIN, COPIED] as const) {
      const hash = ways.get(name) ?? '';
      if (!verdicts.has(hash)) verdicts.set(hash, await hasher.verify(SECRETS_OF[name], hash));
      expect(verdicts.get(hash), `${name} could not be used for a moment`).toBe(true);
    }
  }
}
