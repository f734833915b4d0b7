import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../../src/api/types.ts';
import { desiredTokenObjects } from '../../../../src/derive/desired.ts';
import { type Change, diff } from '../../../../src/derive/diff.ts';
import { withoutNulls } from '../../../../src/derive/merge-patch.ts';
import { ConnectionError, TerminalError } from '../../../../src/errors.ts';
import * as sha3 from '../../../../src/hash/sha3-512.ts';
import { type WriteResult, write } from '../../../../src/operator/reconcile/write.ts';
import { aToken, HOUR, NOW, timeText } from '../../../support/builders.ts';
import { status } from '../../../support/fake-api.ts';
import { ReconcileWorld } from '../../../support/reconcile-world.ts';

const desiredUntil = (expiresAtMs: number | undefined): readonly KubeObject[] =>
  desiredTokenObjects(
    aToken(),
    expiresAtMs,
    { hash: 'h', fingerprint: 'f' },
    { cluster: 'c-1', namespace: 'cattle-system', storage: 'secret' },
  );
const DESIRED = desiredUntil(undefined);
const [SECRET, TOKEN] = DESIRED.map((object) => withoutNulls(object)) as [KubeObject, KubeObject];

let world: ReconcileWorld;
beforeEach(() => {
  world = new ReconcileWorld();
});
afterEach(async () => {
  await world.close();
});

const writeAll = (): Promise<WriteResult> =>
  write(diff(DESIRED, world.observed.forToken('t-1')), world.context);
const kinds = (): readonly string[] => world.downstream.objects().map(({ kind }) => kind);

describe('write', () => {
  test('applies in order and takes the answers as seen', async () => {
    expect(await writeAll()).toEqual({ kind: 'written', count: 2 });
    expect(kinds()).toEqual(['Secret', 'ClusterAuthToken']);
    expect(world.observed.forToken('t-1')).toHaveLength(2);
    expect(await writeAll()).toEqual({ kind: 'written', count: 0 });
  });

  test('no changes are no requests', async () => {
    expect(await write([], world.context)).toEqual({ kind: 'written', count: 0 });
    expect(world.downstream.requests).toBe(0);
  });

  test('what is there and ours, though unseen, is stale: nothing is overwritten', async () => {
    world.downstream.put({ ...SECRET, data: { hash: 'b2xk' } });
    expect(await writeAll()).toEqual({ kind: 'stale' });
    expect(world.downstream.find('Secret', 't-1')?.['data']).toEqual({ hash: 'b2xk' });
    expect(world.observed.forToken('t-1')).toHaveLength(1);
    expect(await writeAll()).toMatchObject({ kind: 'written' });
    expect(world.downstream.find('Secret', 't-1')).toMatchObject(SECRET);
  });

  test('what is there and someone else’s is a conflict, and is neither deleted nor changed', async () => {
    const theirs = {
      ...SECRET,
      metadata: { name: 't-1', namespace: 'cattle-system' },
      data: { hash: 'dGhlaXJz' },
    };
    world.downstream.put(theirs);
    expect(await writeAll()).toEqual({ kind: 'conflict', object: 'Secret t-1' });
    expect(world.downstream.objects()).toMatchObject([theirs]);
  });

  test('with adoption on what looks like a token’s is stale, and taken over the next time', async () => {
    world.spec = { ...world.spec, adopt: true };
    const theirs = { name: 't-1', namespace: 'cattle-system' };
    const data = { hash: Buffer.from(sha3.hash('theirs')).toString('base64') };
    world.downstream.put({ ...TOKEN, metadata: theirs });
    world.tellWatch();
    world.downstream.put({ ...SECRET, data, metadata: theirs });
    expect(await writeAll()).toEqual({ kind: 'stale' });
    expect(await writeAll()).toMatchObject({ kind: 'written' });
    expect(world.downstream.find('Secret', 't-1')).toMatchObject(SECRET);
  });

  test('what was there and is gone when looked at is stale', async () => {
    world.downstream.fault = ({ verb, kind }) =>
      verb === 'create' && kind === 'Secret' ? status(409, 'AlreadyExists') : undefined;
    expect(await writeAll()).toEqual({ kind: 'stale' });
    expect(kinds()).toEqual([]);
  });

  test('a failure stops the writing: the ClusterAuthToken is not written without its Secret', async () => {
    world.downstream.fault = ({ kind }) => (kind === 'Secret' ? 'unreachable' : undefined);
    await expect(writeAll()).rejects.toThrow(ConnectionError);
    expect(kinds()).toEqual([]);
  });

  test('a failure stops the removal: the Secret stays as long as the ClusterAuthToken', async () => {
    await writeAll();
    world.downstream.fault = ({ kind }) => (kind === 'ClusterAuthToken' ? 'unreachable' : undefined);
    await expect(write(diff([], world.observed.forToken('t-1')), world.context)).rejects.toThrow(
      ConnectionError,
    );
    expect(kinds()).toEqual(['Secret', 'ClusterAuthToken']);
  });

  test('a refused object is terminal', async () => {
    world.downstream.fault = () => status(422, 'Invalid');
    await expect(writeAll()).rejects.toThrow(TerminalError);
  });

  test('what is given is asked for again before each write but the first; what is taken is not', async () => {
    const asked: string[] = [];
    const isDue = (change: Change): boolean => {
      asked.push(`${change.verb} ${(change.verb === 'create' ? change.object : change.target).kind}`);
      return false;
    };
    expect(await write(diff(DESIRED, []), world.context, isDue)).toEqual({ kind: 'stale' });
    expect([kinds(), asked]).toEqual([['Secret'], ['create ClusterAuthToken']]);
    await writeAll();
    const removal = diff([], world.observed.forToken('t-1'));
    expect(await write(removal, world.context, isDue)).toEqual({ kind: 'written', count: 2 });
    expect(asked).toHaveLength(1);
  });

  test('an object that was replaced after we saw it is not touched', async () => {
    await writeAll();
    const seen = world.observed.forToken('t-1');
    world.downstream.drop('ClusterAuthToken', 't-1');
    world.downstream.put({ ...TOKEN, userName: 'successor' });
    await expect(write(diff([], seen), world.context)).rejects.toMatchObject({ code: 409 });
    expect(world.downstream.find('ClusterAuthToken', 't-1')).toMatchObject({ userName: 'successor' });
  });

  describe('a patch', () => {
    /** Patches the expiry of the ClusterAuthToken that was seen last. */
    const patchExpiry = (): Promise<WriteResult> =>
      write(diff(desiredUntil(NOW + HOUR), world.observed.forToken('t-1')), world.context);
    const uidSeen = (): unknown =>
      world.observed.forToken('t-1').find(({ kind }) => kind === 'ClusterAuthToken')?.metadata.uid;

    test('refused because another object has the name is stale, and that one is seen now', async () => {
      await writeAll();
      world.tellWatch();
      world.downstream.drop('ClusterAuthToken', 't-1');
      world.downstream.put(TOKEN);
      const successor = world.downstream.find('ClusterAuthToken', 't-1');
      expect(uidSeen()).not.toBe(successor?.metadata.uid);
      expect(await patchExpiry()).toEqual({ kind: 'stale' });
      expect(world.downstream.find('ClusterAuthToken', 't-1')).toEqual(successor);
      expect(uidSeen()).toBe(successor?.metadata.uid);
      expect(await patchExpiry()).toMatchObject({ kind: 'written' });
    });

    test('refused, and the object is gone when looked at: stale as well', async () => {
      await writeAll();
      world.tellWatch();
      world.downstream.fault = ({ verb }) => {
        if (verb !== 'patch') return undefined;
        world.downstream.drop('ClusterAuthToken', 't-1');
        return status(422, 'Invalid');
      };
      expect(await patchExpiry()).toEqual({ kind: 'stale' });
      expect(uidSeen()).toBeUndefined();
    });

    test('refused for what it says, where that takes something away, is to be tried again', async () => {
      await writeAll();
      world.tellWatch();
      world.downstream.fault = ({ verb }) => (verb === 'patch' ? status(422, 'Invalid') : undefined);
      await expect(patchExpiry()).rejects.toMatchObject({ code: 422 });
    });

    test('refused for what it says is terminal: the object is the one that we saw', async () => {
      world.downstream.put({ ...TOKEN, expiresAt: timeText(NOW) });
      await writeAll();
      world.tellWatch();
      world.downstream.fault = ({ verb }) => (verb === 'patch' ? status(422, 'Invalid') : undefined);
      await expect(patchExpiry()).rejects.toThrow(TerminalError);
    });

    test('refused, and nobody answers who has the name: neither stale nor terminal', async () => {
      await writeAll();
      world.tellWatch();
      world.downstream.fault = ({ verb }) => (verb === 'patch' ? status(422, 'Invalid') : 'unreachable');
      await expect(patchExpiry()).rejects.toThrow(ConnectionError);
    });
  });
});
