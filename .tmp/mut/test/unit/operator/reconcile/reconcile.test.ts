import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHasher } from '../../../../src/hash/hasher.ts';
import { Marks } from '../../../../src/hash/marks.ts';
import { HashStore } from '../../../../src/hash/pending.ts';
import { reconcile } from '../../../../src/operator/reconcile/reconcile.ts';
import { TokenHashes } from '../../../../src/operator/reconcile/token-hashes.ts';
import type { Work } from '../../../../src/operator/reconcile/work.ts';
import { ReconcileWorld } from '../../../support/reconcile-world.ts';

let world: ReconcileWorld;
beforeEach(() => {
  world = new ReconcileWorld();
  world.putUser();
  world.putToken();
});
afterEach(async () => {
  await world.close();
});

describe('the loop', () => {
  test('ends loudly when a question is answered and stays open', async () => {
    const hasher = createHasher();
    class Forgetful extends TokenHashes {
      override make(): boolean {
        return true;
      }
    }
    const hashes = new Forgetful(new HashStore(hasher), new Marks(Buffer.from('key')));
    const work: Work = { ...world.workOf('token/t-1'), hashes };
    await expect(reconcile('token/t-1', work)).rejects.toThrow('still undecided after 8 turns');
    await hasher.close();
  });

  test('takes no answer about one token for another that has its name by then', async () => {
    await world.settle();
    world.deleteToken();
    const work = world.workOf('token/t-1');
    const { live } = work.upstream;
    const upstream: Work['upstream'] = {
      ...work.upstream,
      live: {
        ...live,
        get: async () => {
          // The plane says that it does not exist; before the answer is here, another of that name is made.
          world.putToken({}, { uid: 'uid-other' });
          return undefined;
        },
      },
    };
    await reconcile('token/t-1', { ...work, upstream });
    world.tellWatch();
    await world.settle();
    expect(world.downstream.find('ClusterAuthToken', 't-1')?.metadata.annotations).toMatchObject({
      'ace-operator.io/token-uid': 'uid-other',
    });
    expect(world.downstream.find('Secret', 't-1')).toBeDefined();
  });

  test('settles a user who was worked for the sake of a token, also when the watch was faster than the answer', async () => {
    const work = world.workOf('token/t-1');
    const { client } = work.downstream;
    const fasterWatch: Work['downstream']['client'] = {
      get: (key) => client.get(key),
      list: (resource, options) => client.list(resource, options),
      patch: (key, patch, options) => client.patch(key, patch, options),
      delete: (key, options) => client.delete(key, options),
      create: async (resource, object, options) => {
        const answer = await client.create(resource, object, options);
        world.tellWatch();
        // Another worker takes the key that the watch brings, before we have our answer.
        if (object.kind === 'ClusterUserAttribute') await reconcile('user/u-1', world.workOf('user/u-1'));
        return answer;
      },
    };
    // What the watch brought is worked by then: only what is asked for from here on will be.
    const asked: string[] = [];
    const queue: Work['ledger']['queue'] = { add: (key) => asked.push(key), laneOf: () => 'normal' };
    const ledger = { ...work.ledger, queue };
    await reconcile('token/t-1', {
      ...work,
      ledger,
      downstream: { ...work.downstream, client: fasterWatch },
    });
    for (const key of asked) await reconcile(key, world.workOf(key));
    expect(work.ledger.outcomes.get('user/u-1')?.state).toBe('synced');
  });
});
