import { beforeEach, describe, expect, test } from 'vitest';
import { ANNOTATION_TOKEN_HASHED } from '../../../../src/api/names.ts';
import { parseCredentialsSecret } from '../../../../src/api/parse-credentials.ts';
import { parseExtToken } from '../../../../src/api/parse-ext-token.ts';
import { parseToken } from '../../../../src/api/parse-token.ts';
import type { CredentialsSecret, Token } from '../../../../src/api/types.ts';
import * as sha3 from '../../../../src/hash/sha3-512.ts';
import { ResourceEventType } from '../../../../src/kube/operator-base.ts';
import type { ClusterPropagator } from '../../../../src/operator/propagate/propagator.ts';
import { DeletionEvidence } from '../../../../src/operator/upstream/deletions.ts';
import { Management } from '../../../../src/operator/upstream/management.ts';
import { type ConcernedCluster, Watches } from '../../../../src/operator/upstream/watches.ts';
import {
  anAttribute,
  aUser,
  groupsOf,
  HOUR,
  type Json,
  NOW,
  rawExtToken,
  rawToken,
  timeText,
} from '../../../support/builders.ts';

const aToken = (resourceVersion: string, fields = {}, metadata = {}): Token =>
  parseToken(rawToken({ userId: 'u-1', ...fields }, { ...metadata, resourceVersion }));

describe('a user who has a token less is looked at, even where nothing of that token was written', () => {
  let management: Management;
  let queued: string[];
  beforeEach(() => {
    management = new Management(['ace-operator']);
    queued = [];
    const cluster: Pick<ClusterPropagator, 'enqueue'> = {
      enqueue: (key) => void queued.push(key),
    };
    new Watches(management, new DeletionEvidence(), {
      propagators: () => [cluster as ClusterPropagator],
      concerned: (key) => (key === 'user/u-1' ? [cluster as ClusterPropagator] : []),
      enqueueCluster: () => {},
      installationKeyChanged: () => {},
      readAtLast: () => {},
      putBack: () => {},
    });
    management.tokens.put(aToken('1'));
    expect(queued).toEqual([]);
  });

  test('when it is deleted', () => {
    management.tokens.remove(aToken('2'));
    expect(queued).toEqual(['user/u-1']);
  });

  test('when another token takes its name', () => {
    management.tokens.put(aToken('2', { userId: 'u-2' }, { uid: 'uid-other' }));
    expect(queued).toEqual(['user/u-1']);
  });

  test('when it gets another user', () => {
    management.tokens.put(aToken('2', { userId: 'u-2' }));
    expect(queued).toEqual(['user/u-1']);
  });

  test('but not when it is merely edited, nor where the user is none of the cluster’s business', () => {
    management.tokens.put(aToken('2', { description: 'edited' }));
    management.tokens.put(aToken('3', { userId: 'u-2' }));
    management.tokens.remove(aToken('4', { userId: 'u-2' }));
    expect(queued).toEqual(['user/u-1']);
  });
});

describe('a Secret that changed concerns the clusters that it leads or led to, and no others', () => {
  let management: Management;
  let queued: string[];
  const secret = (resourceVersion: string, cluster: string, name = 'way'): CredentialsSecret =>
    parseCredentialsSecret({
      metadata: {
        ...{ name, namespace: 'ace-operator', uid: `uid-${name}`, resourceVersion },
        labels: cluster ? { 'ace-operator.io/cluster': cluster } : {},
      },
      data: { kubeconfig: Buffer.from('{}').toString('base64') },
    });
  beforeEach(() => {
    management = new Management(['ace-operator']);
    queued = [];
    const others = ['c-1', 'c-2', 'c-3'].map((name) => ({ name }) as ClusterPropagator);
    const watches = new Watches(management, new DeletionEvidence(), {
      propagators: () => others,
      concerned: () => [],
      enqueueCluster: (name) => void queued.push(name),
      installationKeyChanged: () => {},
      readAtLast: () => {},
      putBack: () => {},
    });
    management.credentials.get('ace-operator')?.onChange(({ object }) => watches.onCredentials(object));
  });
  const put = (object: CredentialsSecret): void => management.credentials.get('ace-operator')?.put(object);
  const told = (): string[] => queued.splice(0).sort();

  test('by its label, the one that was taken off, too', () => {
    put(secret('1', 'c-1'));
    expect(told()).toEqual(['c-1']);
    put(secret('2', 'c-2'));
    expect(told()).toEqual(['c-1', 'c-2']);
    put(secret('3', ''));
    expect(told()).toEqual(['c-2']);
    management.credentials.get('ace-operator')?.remove(secret('4', ''));
    expect(told()).toEqual([]);
  });

  test('by its name, of what was kept of a way, too', () => {
    put(secret('1', '', 'c-1-kubeconfig'));
    put(secret('2', '', 'ace-operator-way-c-3'));
    expect(told()).toEqual(['c-1', 'c-3']);
    management.credentials.get('ace-operator')?.remove(secret('3', '', 'ace-operator-way-c-3'));
    expect(told()).toEqual(['c-3']);
  });
});

describe('the lane of a change', () => {
  const HOUR_LATER = timeText(NOW + HOUR);
  let management: Management;
  let told: string[];
  let evidence: DeletionEvidence;
  let version = 1;
  const aVersion = (): object => {
    version += 1;
    return { resourceVersion: String(version) };
  };
  const put = (fields: Json = {}, metadata: Json = {}): void =>
    management.tokens.put(
      parseToken(rawToken({ expiresAt: HOUR_LATER, ...fields }, { ...metadata, ...aVersion() })),
    );
  const putGroups = (...groups: string[]): void =>
    management.attributes.put(
      anAttribute({ GroupPrincipals: { local: groupsOf(...groups) } }, { ...aVersion() }),
    );

  beforeEach(() => {
    management = new Management(['ace-operator'], { extTokens: true });
    told = [];
    const cluster: ConcernedCluster = {
      name: 'c-1',
      noteChange: (key, lane, { expiresAtMs, isGroupLost } = {}) =>
        void told.push(
          `${key} ${lane}${(expiresAtMs ?? Number.POSITIVE_INFINITY) <= NOW ? ' (harmless)' : ''}${isGroupLost ? ' (group lost)' : ''}`,
        ),
      enqueue: (key, lane) => void told.push(`${key} ${lane}, and nothing is owed`),
    };
    const queues = {
      propagators: () => [cluster],
      concerned: (key: string, named: ReadonlySet<string>) =>
        named.has('c-1') || (key === 'user/u-1' && !management.users.get('u-1')) ? [cluster] : [],
      enqueueCluster: () => {},
      installationKeyChanged: () => {},
      readAtLast: () => {},
      putBack: () => {},
    };
    evidence = new DeletionEvidence();
    const watches = new Watches(management, evidence, queues, () => NOW);
    const types = {
      added: ResourceEventType.Added,
      updated: ResourceEventType.Modified,
      deleted: ResourceEventType.Deleted,
    } as const;
    management.tokens.onChange(({ type, object }) => watches.onToken(object.name, types[type], object));
    management.attributes.onChange(({ object }) => watches.onUserAttribute(object.name));
    management.users.put(aUser());
    management.users.put(aUser({}, { name: 'u-2', uid: 'uid-u-2' }));
    putGroups('a', 'b');
    put();
    told.length = 0;
  });

  const revocations: Record<string, () => void> = {
    'it is disabled': () => put({ enabled: false }),
    'it expires by hand': () => put({ expiresAt: timeText(NOW - HOUR) }),
    'its expiry is cut, to a time yet to come': () => put({ expiresAt: timeText(NOW + HOUR / 2) }),
    'its ttl is cut': () => put({ expiresAt: '', ttl: 1 }),
    'its secret is rotated': () => put({ token: 'secret-2' }),
    'it gets another user': () => put({ userId: 'u-2' }),
    'it gets a user whom nobody knows': () => put({ userId: 'nobody' }),
    'it is moved to another cluster': () => put({ clusterName: 'c-2' }),
    'it cannot be read any more': () => put({ enabled: 'yes' }),
    'its secret is taken out': () => put({ token: '' }),
  };
  test.each(Object.entries(revocations))('of a token when %s: first, and owed', (_title, change) => {
    change();
    expect(told).toEqual(['token/t-1 revocation']);
  });

  const others: Record<string, () => void> = {
    'its expiry is put off': () => put({ expiresAt: timeText(NOW + 2 * HOUR) }),
    'it is merely edited': () => put({ description: 'edited' }),
    'it is stored hashed from now on': () =>
      put({ token: sha3.hash('secret-1') }, { annotations: { [ANNOTATION_TOKEN_HASHED]: 'true' } }),
  };
  test.each(Object.entries(others))('of a token when %s: behind what is urgent', (_title, change) => {
    change();
    expect(told).toEqual(['token/t-1 normal']);
  });

  test('of a token that is new, and waits for its user or secret', () => {
    management.tokens.remove(parseToken(rawToken({}, { ...aVersion() })));
    told.length = 0;
    put({ userId: 'nobody' }, { name: 't-2', uid: 'uid-t-2' });
    put({ token: '' }, { name: 't-3', uid: 'uid-t-3' });
    expect(told).toEqual(['token/t-2 normal', 'token/t-3 normal']);
  });

  test('of a token that had expired before: nothing is owed for it', () => {
    put({ expiresAt: timeText(NOW - HOUR) });
    told.length = 0;
    put({ expiresAt: timeText(NOW - HOUR), enabled: false });
    expect(told).toEqual(['token/t-1 revocation (harmless)']);
  });

  test('of groups: first where one is lost', () => {
    putGroups('a', 'c');
    putGroups('a', 'c', 'd');
    expect(told).toEqual(['user/u-1 revocation (group lost)', 'user/u-1 normal']);
    management.attributes.remove(anAttribute({}, { ...aVersion() }));
    expect(told[2]).toBe('user/u-1 revocation (group lost)');
  });

  test('of groups that a plane lost by being put back: nobody took them', () => {
    management.attributes.remove(anAttribute({}, { ...aVersion() }), 'put-back');
    expect(told).toEqual(['user/u-1 normal']);
  });

  test('of groups of a user who is not there, though nobody saw that user being deleted: nothing is owed', () => {
    management.users.remove(aUser(), 'put-back');
    putGroups('a');
    management.attributes.remove(anAttribute({}, { ...aVersion() }), 'put-back');
    expect(told).toEqual(Array(2).fill('user/u-1 normal, and nothing is owed'));
  });

  test('of groups of a user who was deleted: owed beside that, for one of that name may come again', () => {
    management.users.remove(aUser());
    evidence.add('user/u-1');
    management.attributes.remove(anAttribute({}, { ...aVersion() }));
    expect(told).toEqual(['user/u-1 revocation (group lost)']);
  });

  test('of a token of ext.cattle.io whose hash is lost, and what is there of it stays', () => {
    const ext = (fields: Readonly<Record<string, string | null>>): void => {
      const metadata = { name: 't-9', ...aVersion() };
      const token = parseExtToken(rawExtToken({ ttl: '3600000', ...fields }, metadata));
      management.tokenSources?.ext.put(token);
    };
    ext({});
    told.length = 0;
    ext({ hash: null });
    expect(told).toEqual(['token/t-9 normal']);
    // Sooner over, or another's: less than before.
    ext({ hash: null, ttl: '1800000' });
    ext({ hash: null, ttl: '1800000', 'user-id': 'u-2' });
    expect(told.slice(1)).toEqual(Array(2).fill('token/t-9 revocation'));
  });
});
