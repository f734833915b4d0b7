import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HashAlgorithmName, HashStorage, KubeObject } from '../../../src/api/types.ts';
import { desiredTokenObjects, desiredUserObject, type Placement } from '../../../src/derive/desired.ts';
import { withoutNulls } from '../../../src/derive/merge-patch.ts';
import { createHasher } from '../../../src/hash/hasher.ts';
import { anAttribute, aToken, aUser, groupsOf, HOUR, NOW, timeText } from '../../support/builders.ts';
import { startWebhookRig, type WebhookRig } from '../../support/webhook-rig.ts';
import hashes from '../../vectors/hashes.json' with { type: 'json' };
import fixtures from '../../vectors/rancher-eras.json' with { type: 'json' };

let rig: WebhookRig;
beforeEach(async () => {
  rig = await startWebhookRig();
});
afterEach(() => rig.close());

describe.each(fixtures.eras)('$era', ({ objects, accepted, refused }) => {
  beforeEach(async () => {
    rig.put(...(objects as unknown as readonly KubeObject[]));
    await rig.settled();
  });

  test('what it let in is let in, with the same name and groups', async () => {
    for (const { bearer, username, groups } of accepted) {
      const { json } = await rig.review(bearer, 'v1beta1');
      expect(json.status, bearer).toMatchObject({ authenticated: true, user: { username, groups } });
    }
  });

  test('what it kept out is kept out', async () => {
    for (const { bearer, reason } of refused) {
      expect((await rig.review(bearer)).json.status, bearer).toEqual({ authenticated: false, error: reason });
    }
  });

  test('its hashes are those that were checked against Rancher’s own hashers', () => {
    const known = new Set(hashes.verify.map(({ hash }) => hash));
    const used = objects.flatMap((object) => {
      const { hash, data } = object as { hash?: string; data?: { hash: string } };
      return [
        hash ?? '',
        Buffer.from(data?.hash ?? '', 'base64')
          .toString()
          .trim(),
      ];
    });
    for (const hash of used.filter((text) => text !== '')) expect(known).toContain(hash);
  });
});

/** What stock kube-api-auth knows of its objects: name and type of each JSON key (rancher.md 1.9 to 1.11). */
const READ_BY_KUBE_API_AUTH = {
  ClusterAuthToken: {
    userName: 'string',
    enabled: 'boolean',
    expiresAt: 'string',
    hash: 'string',
    lastUsedAt: 'string',
  },
  ClusterUserAttribute: {
    groups: 'object',
    lastRefresh: 'string',
    needsRefresh: 'boolean',
    enabled: 'boolean',
    extraByProvider: 'object',
  },
} as const;
const OBJECT_KEYS = ['apiVersion', 'kind', 'metadata'];
const RANCHER_HASH: Readonly<Record<'sha3-512' | 'scrypt', RegExp>> = {
  'sha3-512': /^\$3:1:[A-Za-z0-9+/]{11}:[A-Za-z0-9+/]{86}$/,
  scrypt: /^\$1:[0-9a-f]{16}:15:8:1:[A-Za-z0-9+/]{86}$/,
};

/** As it is created in an API server. */
const stored = (object: KubeObject): Record<string, unknown> =>
  JSON.parse(JSON.stringify(withoutNulls(object))) as Record<string, unknown>;

describe('what our operator writes is what stock kube-api-auth reads', () => {
  const hasher = createHasher();
  const SECRET = 'bcdfghjklmnpqrstvwxz2456789bcdfghjklmnpqrstvwxz2456789';
  const combinations = (['sha3-512', 'scrypt'] as const).flatMap((algorithm) =>
    (['secret', 'inline'] as const).map((storage) => ({ algorithm, storage })),
  );

  async function written(
    algorithm: HashAlgorithmName,
    storage: HashStorage,
  ): Promise<readonly Record<string, unknown>[]> {
    const placement: Placement = { cluster: 'c-1', namespace: 'cattle-system', storage };
    const token = aToken({ expiresAt: timeText(NOW + HOUR) });
    const hash = { hash: await hasher.hash(algorithm, SECRET), fingerprint: 'f' };
    const attribute = anAttribute({
      GroupPrincipals: { local: groupsOf('g-1', 'g-2') },
      LastRefresh: timeText(NOW),
      ExtraByProvider: { local: { principalid: ['local://u-1'], username: ['ada'] } },
    });
    const objects = [
      ...desiredTokenObjects(token, NOW + HOUR + 999, hash, placement),
      desiredUserObject(aUser(), attribute, placement, undefined),
    ];
    return objects.map(stored);
  }
  const ofKind = (
    objects: readonly Record<string, unknown>[],
    kind: string,
  ): Record<string, unknown> | undefined => objects.find((object) => object['kind'] === kind);

  test.each(combinations)('with $algorithm in $storage', async ({ algorithm, storage }) => {
    const objects = await written(algorithm, storage);
    const token = ofKind(objects, 'ClusterAuthToken');
    expect(token).toMatchObject({
      apiVersion: 'cluster.cattle.io/v3',
      userName: 'u-1',
      enabled: true,
      expiresAt: timeText(NOW + HOUR),
    });
    const secret = ofKind(objects, 'Secret') as
      | { metadata: object; type: string; data: Record<string, string> }
      | undefined;
    const hash =
      storage === 'inline' ? token?.['hash'] : Buffer.from(secret?.data['hash'] ?? '', 'base64').toString();
    expect(hash).toMatch(RANCHER_HASH[algorithm]);
    if (storage === 'inline') {
      expect(secret).toBeUndefined();
    } else {
      // Its `hash` would win over the Secret's.
      expect(token).not.toHaveProperty('hash');
      expect(secret).toMatchObject({
        apiVersion: 'v1',
        type: 'Opaque',
        metadata: { name: 't-1', namespace: 'cattle-system' },
      });
      expect(Object.keys(secret?.data ?? {})).toEqual(['hash']);
      // Standard alphabet with padding, as Go's []byte.
      expect(secret?.data['hash']).toBe(Buffer.from(hash as string).toString('base64'));
    }
    const user = ofKind(objects, 'ClusterUserAttribute');
    expect(user).toMatchObject({
      groups: ['g-1', 'g-2'],
      lastRefresh: timeText(NOW),
      needsRefresh: false,
      enabled: true,
    });
    expect(user?.['extraByProvider']).toEqual({ local: { principalid: ['local://u-1'], username: ['ada'] } });
  });

  test.each(combinations)('with $algorithm in $storage, key by key', async ({ algorithm, storage }) => {
    const objects = await written(algorithm, storage);
    for (const [kind, keys] of Object.entries(READ_BY_KUBE_API_AUTH)) {
      const object = ofKind(objects, kind) ?? {};
      for (const [key, value] of Object.entries(object)) {
        if (OBJECT_KEYS.includes(key)) continue;
        expect(keys, `${kind}.${key}`).toHaveProperty(key);
        expect(typeof value, `${kind}.${key}`).toBe((keys as Record<string, string>)[key]);
      }
      // Go decodes a missing boolean as false, which denies.
      expect(object['enabled']).toBe(true);
    }
  });

  test.each(combinations)(
    'with $algorithm in $storage, our own authenticator reads the same',
    async ({ algorithm, storage }) => {
      rig.put(...((await written(algorithm, storage)) as unknown as readonly KubeObject[]));
      await rig.settled();
      expect((await rig.review(`t-1:${SECRET}`)).json.status).toMatchObject({
        authenticated: true,
        user: { username: 'u-1', groups: ['g-1', 'g-2'], extra: { username: ['ada'] } },
      });
      expect((await rig.review(`t-1:${SECRET}x`)).json.status.error).toBe('WrongSecret');
    },
  );
});
