import { describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS } from '../../../src/api/names.ts';
import { parseCluster, parsePropagation } from '../../../src/api/parse-cluster.ts';
import { parseExtToken } from '../../../src/api/parse-ext-token.ts';
import type { Cluster, KubeObject, Token, User } from '../../../src/api/types.ts';
import {
  ObservedState,
  parseClusterAuthToken,
  parseClusterUserAttribute,
} from '../../../src/clusters/observed.ts';
import { ApiError, ConfigError } from '../../../src/errors.ts';
import { EXT_TOKENS_WATCH, Management } from '../../../src/operator/upstream/management.ts';
import { type Adoption, planAdoption } from '../../../src/removal/adoption.ts';
import { removeLeftovers, requireProven } from '../../../src/removal/apply-adoption.ts';
import type { ApplySources } from '../../../src/removal/apply-plan.ts';
import { foreignSecret } from '../../../src/removal/read-adoption.ts';
import type { Removed } from '../../../src/removal/remove.ts';
import { aToken, aUser, EXT_HASH, NOW, rawExtToken } from '../../support/builders.ts';
import { attributeOf, byRancher, foreign, pairOf } from '../../support/decision-facts.ts';
import { FakeApi } from '../../support/fake-api.ts';
import { endlessPatience } from '../../support/patience.ts';

// Cluster c-1 with a pair of Rancher's own; c-2 may lead to the same API server.

const BCRYPT = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';

const aCluster = (name: string, enabled: unknown): Cluster =>
  parseCluster({
    metadata: { name, uid: `uid-${name}`, resourceVersion: '1' },
    spec: { localClusterAuthEndpoint: { enabled } },
  });

/** As Rancher writes it. */
const rawSecret = (hash = EXT_HASH): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 't-1', namespace: 'cattle-system', uid: 'uid-secret', resourceVersion: '1' },
    data: { hash: Buffer.from(hash).toString('base64') },
  }) as unknown as KubeObject;

const catOf = (token: Token): KubeObject =>
  pairOf(token).find(({ kind }) => kind === CLUSTER_AUTH_TOKENS.kind) as KubeObject;

interface Given {
  readonly enabled?: unknown;
  readonly elsewhere?: Cluster | undefined;
  readonly token?: Token | undefined;
  /** Of the other kind. */
  readonly sameName?: readonly Token[];
  readonly user?: User | undefined;
  readonly cat?: KubeObject | undefined;
  readonly secret?: KubeObject;
  readonly unread?: string;
  readonly storage?: string;
}

function planOf(given: Given): Adoption {
  const { enabled = false, user = aUser(), secret = rawSecret(), unread, storage } = given;
  const { token, cat, elsewhere } = {
    token: aToken(),
    cat: byRancher(catOf(aToken())),
    elsewhere: aCluster('c-2', true),
    ...given,
  };
  const management = new Management(['ace-operator']);
  for (const cluster of [aCluster('c-1', enabled), elsewhere]) if (cluster) management.clusters.put(cluster);
  const metadata = { name: 'c-1', uid: 'uid-spec', resourceVersion: '1' };
  management.propagations.put(parsePropagation({ metadata, spec: storage ? { hash: { storage } } : {} }));
  management.users.put(user);
  if (token) management.tokens.put(token);
  if (unread !== undefined) management.unread.set(EXT_TOKENS_WATCH, unread);
  const observed = new ObservedState('c-1', () => {});
  if (cat) observed.tokens.put(parseClusterAuthToken(cat));
  observed.users.put(parseClusterUserAttribute(byRancher(attributeOf())));
  const snapshot = { observed, createdAtMs: new Map(), lastUsedAtMs: new Map() };
  const secrets = [foreignSecret(secret)];
  return planAdoption({ cluster: 'c-1', management, snapshot, secrets, nowMs: NOW, unread });
}

const removable = ({ items }: Adoption): readonly string[] =>
  items.filter(({ isRemovable }) => isRemovable).map(({ object }) => object.kind);

const ALL = ['ClusterAuthToken', 'Secret', 'ClusterUserAttribute'];

describe('what Rancher left behind', () => {
  test('is all of its own, where the endpoint is off', () => {
    expect(removable(planOf({}))).toEqual(ALL);
  });

  test.each([['true'], [1], [{}]])('is nothing where the switch cannot be read (%j)', (enabled) => {
    expect(planOf({ enabled })).toMatchObject({ endpoint: 'unknown' });
    expect(removable(planOf({ enabled, token: undefined }))).toEqual([]);
  });

  test('is nothing that lets in a good token of another cluster', () => {
    const adoption = planOf({ token: aToken({ clusterName: 'c-2' }) });
    expect(removable(adoption)).toEqual([]);
    expect(adoption.items.map(({ step, reason }) => `${step} ${reason}`)).toEqual(
      ALL.map(() => 'leave OtherCluster'),
    );
  });

  test.each<[title: string, given: Given]>([
    ['that was revoked', { token: aToken({ clusterName: 'c-2', enabled: false }) }],
    [
      'whose endpoint is off, too',
      { token: aToken({ clusterName: 'c-2' }), elsewhere: aCluster('c-2', false) },
    ],
    ['that is not there', { token: aToken({ clusterName: 'c-2' }), elsewhere: undefined }],
  ])('is what a token of another cluster had %s', (_title, given) => {
    expect(removable(planOf(given))).toEqual(ALL);
  });

  test('is not known where tokens of ext.cattle.io cannot be read: one of them may be good elsewhere', () => {
    const given = { token: undefined, unread: 'forbidden' };
    expect(removable(planOf(given))).toEqual([]);
  });

  test('is nothing by which a token of somebody else is judged', () => {
    expect(removable(planOf({ cat: foreign(catOf(aToken())) }))).toEqual([]);
  });

  test('is nothing that another installation of ours adopted', () => {
    const cat = foreign(catOf(aToken()));
    const labels = {
      'cattle.io/creator': 'norman',
      'app.kubernetes.io/managed-by': 'ace-operator',
      'ace-operator.io/cluster': 'c-9',
      'ace-operator.io/installation': 'elsewhere',
    };
    const adopted = { ...cat, metadata: { ...cat.metadata, labels } } as KubeObject;
    expect(removable(planOf({ enabled: true, token: undefined, cat: adopted }))).toEqual([]);
    expect(removable(planOf({ cat: adopted }))).toEqual([]);
  });

  test('is no Secret with a hash in bcrypt, which Rancher never writes', () => {
    const alone = { enabled: true, token: undefined, cat: undefined };
    expect(removable(planOf(alone))).toEqual(['Secret']);
    expect(removable(planOf({ ...alone, secret: rawSecret(BCRYPT) }))).toEqual([]);
    expect(foreignSecret(rawSecret(BCRYPT))).toMatchObject({ isHash: true, isRanchers: false });
  });
});

describe('what adoption makes of a pair', () => {
  const immutable = { ...rawSecret(), immutable: true } as KubeObject;
  const noHash = rawSecret('a password');

  test.each<[title: string, given: Given, said: string]>([
    ['with a hash', {}, 'adopt undefined'],
    ['with something else in the Secret', { secret: noHash }, 'conflict NotAHash'],
    ['whose Secret takes no marks', { secret: immutable }, 'conflict Immutable'],
    [
      'with something else in a Secret that is not needed',
      { secret: noHash, storage: 'inline' },
      'adopt undefined',
    ],
  ])('%s', (_title, given, said) => {
    const { items } = planOf({ enabled: true, ...given });
    expect(items.map(({ step, reason }) => `${step} ${reason}`)).toEqual([said]);
  });

  test('a Secret that takes no marks may be taken away as any other', () => {
    expect(removable(planOf({ enabled: true, token: undefined, cat: undefined, secret: immutable }))).toEqual(
      ['Secret'],
    );
  });
});

describe('taking it away', () => {
  /** All of it, and what is true by then of token, clusters and user. */
  async function remove(now: Given, change: (api: FakeApi) => void = () => {}): Promise<readonly string[]> {
    const api = new FakeApi();
    change(api);
    const adoption = planOf({});
    for (const { object } of adoption.items) api.put(object);
    const { enabled = false, token = aToken(), user = aUser() } = now;
    const clusters = [aCluster('c-1', enabled), aCluster('c-2', true)];
    const read = async (value: unknown): Promise<unknown> => ({ ok: true, value });
    const plane = {
      token: () => read(token),
      tokensNamed: () => read([token, ...(now.sameName ?? [])]),
      user: () => read(user),
      cluster: (name: string) => read(clusters.find((cluster) => cluster.name === name)),
    };
    const clusterAuthToken = (name: string): Promise<unknown> => read(api.find('ClusterAuthToken', name));
    const sources = {
      ...{ plane, downstream: { client: api, clusterAuthToken }, nowMs: NOW },
      ...{ interruption: new AbortController().signal, patience: endlessPatience() },
    } as unknown as ApplySources;
    const told: string[] = [];
    const tell = ({ object, result, message = '' }: Removed): void => {
      told.push(`${object.kind} ${result} ${message}`.trim());
    };
    await removeLeftovers(adoption, sources, false, tell);
    return told;
  }

  test('takes ClusterAuthTokens before their Secrets, and what their users may last', async () => {
    expect(await remove({})).toEqual(ALL.map((kind) => `${kind} deleted`));
  });

  test.each([[true], ['true']])('keeps all unless the endpoint is off still (%j)', async (enabled) => {
    const told = await remove({ enabled });
    expect(told.slice(0, 2)).toEqual(
      ALL.slice(0, 2).map((kind) => `${kind} kept the endpoint of cluster c-1 is not off any more`),
    );
    expect(told[2]).toContain('ClusterUserAttribute kept');
  });

  test('keeps a pair whose token is wanted in the cluster that it names by then, and its user', async () => {
    expect(await remove({ token: aToken({ clusterName: 'c-2' }) })).toEqual([
      'ClusterAuthToken kept token t-1 is wanted in cluster c-2',
      'Secret kept token t-1 is wanted in cluster c-2',
      'ClusterUserAttribute kept Secret t-1 is still there',
    ]);
  });

  test('keeps a pair by whose name a token of either kind is wanted in a cluster', async () => {
    const ext = parseExtToken(rawExtToken({ cluster: 'c-2', ttl: '-1' }));
    const told = await remove({ token: aToken({ enabled: false }), sameName: [ext] });
    expect(told[0]).toBe('ClusterAuthToken kept token t-1 is wanted in cluster c-2');
  });

  test('keeps the user of a pair that could not be deleted', async () => {
    const refusal = new ApiError('no', { code: 403, statusReason: 'Forbidden', objectMissing: false });
    const told = await remove({}, (api) => {
      api.fault = ({ verb }) => (verb === 'delete' ? refusal : undefined);
    });
    expect(told.at(-1)).toBe('ClusterUserAttribute kept Secret t-1 is still there');
  });

  test('is refused in what may be another cluster, with what to do', () => {
    expect(() => requireProven('c-1', { unproven: undefined })).not.toThrow();
    const unproven = 'it is not proven that file is of c-1: no operator reports on it';
    expect(() => requireProven('c-1', { unproven })).toThrow(ConfigError);
    expect(() => requireProven('c-1', { unproven })).toThrow('leave --downstream-kubeconfig out');
  });
});
