import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ANNOTATION_TOKEN_HASHED } from '../../../../src/api/names.ts';
import type { HashAlgorithmName, HashStorage, KubeObject, Token } from '../../../../src/api/types.ts';
import { desiredTokenObjects } from '../../../../src/derive/desired.ts';
import { withoutNulls } from '../../../../src/derive/merge-patch.ts';
import { Marks } from '../../../../src/hash/marks.ts';
import * as sha3 from '../../../../src/hash/sha3-512.ts';
import type { HashFact } from '../../../../src/operator/decide/facts.ts';
import { TokenHashes } from '../../../../src/operator/reconcile/token-hashes.ts';
import { aToken, CANARY } from '../../../support/builders.ts';
import { ReconcileWorld } from '../../../support/reconcile-world.ts';

let world: ReconcileWorld;
beforeEach(() => {
  world = new ReconcileWorld();
});
afterEach(async () => {
  await world.close();
});

/** As the loop does: what is so, and has it made where there is none. */
function choose(token: Token, observed: readonly KubeObject[] = [], hashes = world.tokenHashes): HashFact {
  const look = (): HashFact => hashes.factsOf(token, observed, world.rules).hash;
  if (look().kind === 'toMake')
    hashes.make(token, observed, world.rules, (lane) => world.queue.add('token/t-1', lane));
  return look();
}
const earlier = (token: Token, observed: readonly KubeObject[]): readonly string[] =>
  [...world.tokenHashes.factsOf(token, observed, world.rules).ofEarlierSecret].map(({ kind }) => kind);
const hashOf = (choice: HashFact): string => (choice.kind === 'ready' ? choice.hash.hash : choice.kind);

/** What is downstream after this token was written. */
function written(token: Token, storage: HashStorage = 'secret'): readonly KubeObject[] {
  const choice = choose(token);
  if (choice.kind !== 'ready') throw new Error('the test expected a hash');
  world.hashes.forget(token.uid);
  const placement = { cluster: 'c-1', namespace: 'cattle-system', storage };
  return desiredTokenObjects(token, undefined, choice.hash, placement).map((object) => withoutNulls(object));
}
const hashIn = (objects: readonly KubeObject[]): string =>
  objects
    .map((object) =>
      String(
        object['hash'] ??
          Buffer.from((object['data'] as { hash?: string } | undefined)?.hash ?? '', 'base64'),
      ),
    )
    .find((hash) => hash !== '') ?? '';

describe('a token in plain text', () => {
  for (const storage of ['secret', 'inline'] as const) {
    test(`keeps the hash that is downstream (${storage}), although a new one would differ`, () => {
      const observed = written(aToken(), storage);
      expect(hashOf(choose(aToken(), observed))).toBe(hashIn(observed));
      expect(hashOf(choose(aToken(), []))).not.toBe(hashIn(observed));
    });
  }

  const changes: Record<string, { token?: Token; algorithm?: HashAlgorithmName; tamper?: object }> = {
    'another secret': { token: aToken({ token: 'secret-2' }) },
    'another token of the same name and another secret': {
      token: aToken({ token: 'secret-2' }, { uid: 'uid-other' }),
    },
    'another algorithm': { algorithm: 'scrypt' },
    'a hash that was tampered with': {
      tamper: { data: { hash: Buffer.from(sha3.hash('mallory')).toString('base64') } },
    },
    'a hash that is no base64': { tamper: { data: { hash: '%%%' } } },
    'a Secret without hash': { tamper: { data: {} } },
    'a Secret without data': { tamper: { data: undefined } },
  };
  for (const [title, { token = aToken(), algorithm, tamper }] of Object.entries(changes)) {
    test(`${title} means another hash`, () => {
      const observed = written(aToken()).map((object) =>
        object.kind === 'Secret' ? { ...object, ...tamper } : object,
      );
      world.algorithm = algorithm ?? 'sha3-512';
      const made = hashOf(choose(token, observed));
      expect(made).not.toBe(hashIn(observed));
      if (algorithm === undefined)
        expect(sha3.verify(token.secret.kind === 'plain' ? token.secret.value : '', made)).toBe(true);
    });
  }

  const kept: Record<string, { token?: Token; key?: string; tamper?: object }> = {
    'a token that was made again with the same secret': { token: aToken({}, { uid: 'uid-other' }) },
    'a fingerprint under another key': { key: 'another' },
    'both at once': { token: aToken({}, { uid: 'uid-other' }), key: 'another' },
    'a fingerprint that is gone': { tamper: { metadata: { name: 't-1', annotations: {} } } },
    'a fingerprint of before there were ids of keys': {
      tamper: { metadata: { name: 't-1', annotations: { 'ace-operator.io/fingerprint': 'f'.repeat(64) } } },
    },
  };
  for (const [title, { token = aToken(), key, tamper }] of Object.entries(kept)) {
    test(`${title}: the hash stays, for it is of this secret`, () => {
      const observed = written(aToken()).map((object) =>
        object.kind === 'Secret' ? { ...object, ...tamper } : object,
      );
      if (key) world.key = Buffer.from(key);
      const choice = choose(token, observed);
      expect(hashOf(choice)).toBe(hashIn(observed));
      // And is marked anew: the next look needs no check.
      expect(choice).toMatchObject({
        hash: { fingerprint: expect.stringMatching(/^[0-9a-f]{16}:[0-9a-f]{64}$/) },
      });
      expect(earlier(token, observed)).toEqual([]);
    });
  }

  describe('whose mark nobody here can read', () => {
    /** A pair with a slow hash, written under a key that is lost. */
    async function lost(hashedSecret: string): Promise<readonly KubeObject[]> {
      world.algorithm = 'bcrypt';
      const hash = await world.hasher.hash('bcrypt', hashedSecret);
      const placement = { cluster: 'c-1', namespace: 'cattle-system', storage: 'secret' } as const;
      const mark = `${'0'.repeat(16)}:${'f'.repeat(64)}`;
      return desiredTokenObjects(aToken(), undefined, { hash, fingerprint: mark }, placement).map((object) =>
        withoutNulls(object),
      );
    }
    const settled = async (): Promise<void> => {
      while (world.hashes.pending > 0) await new Promise((resolve) => setImmediate(resolve));
    };

    test('is checked first, and until then nothing speaks against it', async () => {
      const observed = await lost('secret-1');
      expect(choose(aToken(), observed)).toEqual({ kind: 'toMake' });
      expect(earlier(aToken(), observed)).toEqual([]);
      expect(await world.queue.get()).toBe('token/t-1');
      expect(hashOf(choose(aToken(), observed))).toBe(hashIn(observed));
      expect(world.hashes.pending).toBe(0);
    });

    test('is of an earlier secret once the check says so, and goes first', async () => {
      const observed = await lost('secret-of-before');
      choose(aToken(), observed);
      await settled();
      expect(await world.queue.get(['revocation'])).toBe('token/t-1');
      expect(earlier(aToken(), observed)).toEqual(['Secret']);
      choose(aToken(), observed);
      await settled();
      expect(hashOf(choose(aToken(), observed))).toMatch(/^\$2b/);
      expect(hashOf(choose(aToken(), observed))).not.toBe(hashIn(observed));
    });
  });

  test('a mark under a key that this process knew before needs no check', () => {
    const observed = written(aToken());
    const marks = new Marks(world.key);
    marks.renew(Buffer.from('another'));
    const hashes = new TokenHashes(world.hashes, marks);
    expect(hashOf(choose(aToken(), observed, hashes))).toBe(hashIn(observed));
    expect(hashes.factsOf(aToken({ token: 'secret-2' }), observed, world.rules).ofEarlierSecret).toHaveLength(
      1,
    );
  });

  test('a slow hash is pending, and its key comes back when it is there', async () => {
    world.algorithm = 'scrypt';
    expect(choose(aToken())).toEqual({ kind: 'toMake' });
    expect(await world.queue.get()).toBe('token/t-1');
    expect(choose(aToken())).toMatchObject({ kind: 'ready' });
  });

  const limits = { bcrypt: 72, scrypt: undefined, 'sha3-512': undefined } as const;
  for (const [algorithm, limit] of Object.entries(limits)) {
    test(`${algorithm} ${limit ? `refuses more than ${limit} bytes` : 'takes a long secret'}`, () => {
      world.algorithm = algorithm as HashAlgorithmName;
      const choice = choose(aToken({ token: 'é'.repeat(37) }));
      expect(choice.kind === 'refused').toBe(limit !== undefined);
      if (choice.kind === 'refused') expect(choice.reason).toBe('SecretTooLong');
    });
  }

  test('no refusal repeats the secret', () => {
    world.algorithm = 'bcrypt';
    expect(JSON.stringify(choose(aToken({ token: CANARY.repeat(5) })))).not.toContain(CANARY);
  });
});

describe('a token that is hashed upstream', () => {
  const hashed = (value: string): Token =>
    aToken({ token: value }, { annotations: { [ANNOTATION_TOKEN_HASHED]: 'true' } });

  test('is copied, by whatever algorithm ours is', () => {
    const hash = sha3.hash('secret-1');
    for (const algorithm of ['bcrypt', 'scrypt', 'sha3-512'] as const) {
      world.algorithm = algorithm;
      expect(hashOf(choose(hashed(hash)))).toBe(hash);
    }
  });

  test('another hash than the one that was copied is of an earlier secret', () => {
    const observed = written(hashed(sha3.hash('secret-1')));
    expect(earlier(hashed(sha3.hash('secret-2')), observed)).toEqual(['Secret']);
    // Made of the plain secret that it had before, it may be of the same one: nobody can tell.
    expect(earlier(hashed(sha3.hash('secret-1')), written(aToken()))).toEqual([]);
  });

  test('has one fingerprint, so that nothing is written twice', () => {
    const hash = sha3.hash('secret-1');
    const first = choose(hashed(hash));
    world.algorithm = 'bcrypt';
    expect(choose(hashed(hash))).toEqual(first);
  });

  for (const value of ['md5:abc', '$9:1:2', 'plain', '$3:1:', `${CANARY}`]) {
    test(`of an unknown format is refused, and not repeated: ${value.slice(0, 8)}`, () => {
      const choice = choose(hashed(value));
      expect(choice).toMatchObject({ kind: 'refused', reason: 'UnsupportedHash' });
      expect(JSON.stringify(choice)).not.toContain(value);
    });
  }
});

test('a token without a secret is pending', () => {
  expect(choose(aToken({ token: '' }))).toEqual({ kind: 'toMake' });
});
