import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { KubeObject } from '../../../src/api/types.ts';
import {
  ObservedState,
  parseClusterAuthToken,
  parseClusterUserAttribute,
  parseSecret,
} from '../../../src/clusters/observed.ts';
import { hashNow } from '../../../src/hash/formats.ts';

const MARKS = {
  labels: { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': 'c-1' },
  annotations: { 'ace-operator.io/token-uid': 'uid-t-1' },
};

interface Raw {
  readonly name?: string;
  readonly uid?: string;
  readonly version?: string;
  readonly marks?: object;
}
const raw = (
  kind: string,
  fields: object,
  { name = 't-1', uid = `uid-${kind}`, version = '5', marks = MARKS }: Raw,
): KubeObject => ({
  apiVersion: kind === 'Secret' ? 'v1' : 'cluster.cattle.io/v3',
  kind,
  ...fields,
  metadata: { name, namespace: 'cattle-system', uid, resourceVersion: version, ...marks },
});
const aClusterAuthToken = (options: Raw & { user?: unknown } = {}): KubeObject =>
  raw('ClusterAuthToken', { userName: 'user' in options ? options.user : 'u-1' }, options);
const aSecret = (options: Raw = {}): KubeObject => raw('Secret', { data: { hash: 'aA==' } }, options);
const aUserAttribute = (options: Raw = {}): KubeObject =>
  raw('ClusterUserAttribute', {}, { name: 'u-1', ...options });

let observed: ObservedState;
let expired: string[];
beforeEach(() => {
  vi.useFakeTimers();
  expired = [];
  observed = new ObservedState('c-1', (object) => expired.push(object.metadata.name));
});
afterEach(() => {
  observed.close();
  vi.useRealTimers();
});

const kinds = (objects: readonly KubeObject[]): readonly string[] => objects.map(({ kind }) => kind);

describe('ObservedState', () => {
  test('of a token, Secret and ClusterAuthToken in write order', () => {
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken()));
    observed.secrets.put(parseSecret(aSecret()));
    expect(kinds(observed.forToken('t-1'))).toEqual(['Secret', 'ClusterAuthToken']);
    expect(observed.forToken('t-2')).toEqual([]);
  });

  test('of a user, the ClusterUserAttribute', () => {
    observed.users.put(parseClusterUserAttribute(aUserAttribute()));
    expect(observed.forUser('u-1')?.kind).toBe('ClusterUserAttribute');
    expect(observed.forUser('u-2')).toBeUndefined();
  });

  test('an answered write is seen before the watch tells it', () => {
    observed.assume(aClusterAuthToken({ version: '7' }));
    expect(observed.forToken('t-1')[0]?.metadata.resourceVersion).toBe('7');
    expect(observed.isTokenConfirmed('t-1')).toBe(false);
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken({ version: '7' })));
    expect(observed.isTokenConfirmed('t-1')).toBe(true);
  });

  test('an answer that comes after its own echo is no assumption', () => {
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken({ version: '7' })));
    observed.assume(aClusterAuthToken({ version: '7' }));
    expect(observed.isTokenConfirmed('t-1')).toBe(true);
  });

  test('an answer that comes after a newer event is no assumption', () => {
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken({ version: '10' })));
    observed.assume(aClusterAuthToken({ version: '9' }));
    expect(observed.forToken('t-1')[0]?.metadata.resourceVersion).toBe('10');
  });

  test('versions that do not count are waited for', () => {
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken({ version: 'aaa' })));
    observed.assume(aClusterAuthToken({ version: 'bbb' }));
    expect(observed.forToken('t-1')[0]?.metadata.resourceVersion).toBe('bbb');
  });

  test('an assumption without an echo is dropped, and the key comes back', () => {
    observed.assume(aSecret({ version: '7' }));
    vi.advanceTimersByTime(10_000);
    expect([observed.forToken('t-1'), expired]).toEqual([[], ['t-1']]);
  });

  test('an object that was deleted after our write is gone, echo or not', () => {
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken({ version: '5' })));
    observed.assume(aClusterAuthToken({ version: '7' }));
    observed.tokens.remove(parseClusterAuthToken(aClusterAuthToken({ version: '8' })));
    expect(observed.forToken('t-1')).toEqual([]);
  });

  test('what we deleted is gone at once, and what comes after it under its name is there', () => {
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken({ uid: 'first' })));
    observed.assumeGone(aClusterAuthToken({ uid: 'first' }));
    expect([observed.forToken('t-1'), observed.isTokenConfirmed('t-1')]).toEqual([[], false]);
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken({ uid: 'second', version: '9' })));
    expect(observed.forToken('t-1')[0]?.metadata.uid).toBe('second');
    expect(observed.isTokenConfirmed('t-1')).toBe(true);
  });

  test('the deletion of a predecessor does not hide its successor, told before', () => {
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken({ uid: 'second', version: '9' })));
    observed.assumeGone(aClusterAuthToken({ uid: 'first' }));
    expect(observed.forToken('t-1')[0]?.metadata.uid).toBe('second');
  });

  test('what we deleted still counts as managed until the watch has told it', () => {
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken()));
    observed.assumeGone(aClusterAuthToken());
    expect(observed.isEmpty).toBe(false);
    observed.tokens.remove(parseClusterAuthToken(aClusterAuthToken()));
    expect(observed.isEmpty).toBe(true);
  });

  // A later version of the same object says more than our own write does.
  test('a version later than our write settles it, although the write itself was never told', () => {
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken({ version: '5' })));
    observed.assume(aClusterAuthToken({ version: '7' }));
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken({ version: '9', user: 'mallory' })));
    expect(observed.forToken('t-1')[0]?.['userName']).toBe('mallory');
  });

  test('tokens of a user are those that we wrote', () => {
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken()));
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken({ name: 't-2', marks: {} })));
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken({ name: 't-3', user: 'u-2' })));
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken({ name: 't-4', user: 5 })));
    expect(observed.tokenNamesOfUser('u-1')).toEqual(['t-1']);
  });

  test('hasToken: half of ours is ours, another’s is not', () => {
    observed.secrets.put(parseSecret(aSecret()));
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken({ name: 't-2', marks: {} })));
    expect([observed.hasToken('t-1'), observed.hasToken('t-2'), observed.hasToken('t-3')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('managed counts what is ours, and names it', () => {
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken()));
    observed.secrets.put(parseSecret(aSecret()));
    observed.secrets.put(parseSecret(aSecret({ name: 't-9' })));
    observed.secrets.put(parseSecret(aSecret({ name: 'theirs', marks: {} })));
    observed.users.put(parseClusterUserAttribute(aUserAttribute()));
    expect(observed.managed()).toEqual({
      tokens: new Set(['t-1', 't-9']),
      users: new Set(['u-1']),
      objects: 4,
    });
  });

  // Otherwise a cluster counts as drained while the last thing that was written there is still untold.
  test('managed counts a write of ours that the watch has not told yet', () => {
    observed.assume(aClusterAuthToken());
    expect(observed.managed()).toMatchObject({ tokens: new Set(['t-1']), objects: 1 });
  });

  test('hashes are counted by format and place, as they come, change and go', () => {
    const inSecret = (hash: string, version: string): KubeObject => ({
      ...aSecret({ version }),
      data: { hash: Buffer.from(hash).toString('base64') },
    });
    const sha3 = hashNow('sha3-512', 'not-a-real-secret');
    observed.secrets.put(parseSecret(inSecret(sha3, '1')));
    observed.tokens.put(parseClusterAuthToken({ ...aClusterAuthToken(), hash: sha3 }));
    observed.tokens.put(parseClusterAuthToken(aClusterAuthToken({ name: 't-2', uid: 'uid-2' })));
    expect(observed.hashes.counts()).toEqual({ 'sha3-512': 1, 'sha3-512-inline': 1 });
    observed.secrets.put(parseSecret(inSecret('what is this', '2')));
    observed.tokens.remove(parseClusterAuthToken(aClusterAuthToken({ version: '9' })));
    expect(observed.hashes.counts()).toEqual({ unreadable: 1 });
  });

  test('what is kept cannot be changed', () => {
    observed.assume(aSecret());
    const [secret] = observed.forToken('t-1');
    expect(() => {
      (secret?.['data'] as { hash: string }).hash = 'x';
    }).toThrow(TypeError);
  });
});
