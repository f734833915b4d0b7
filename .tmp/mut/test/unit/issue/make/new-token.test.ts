import { describe, expect, test } from 'vitest';
import { parseToken } from '../../../../src/api/parse-token.ts';
import type { KubeObject } from '../../../../src/api/types.ts';
import { newToken, principalOf } from '../../../../src/issue/make/new-token.ts';
import { randomText, SECRET_LENGTH } from '../../../../src/issue/make/random-text.ts';
import { CANARY, rawUser } from '../../../support/builders.ts';

describe('a random secret', () => {
  test('has the length and the letters of the ones Rancher makes', () => {
    for (let round = 0; round < 200; round += 1)
      expect(randomText(SECRET_LENGTH)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{54}$/);
  });

  test('uses every letter about as often as any other', () => {
    const counts = new Map<string, number>();
    for (const letter of randomText(27_000)) counts.set(letter, (counts.get(letter) ?? 0) + 1);
    expect(counts.size).toBe(27);
    // Seven standard deviations from 1,000: chance does not come here.
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(220);
  });
});

describe('a new Token', () => {
  const wish = {
    name: 'kubeconfig-u-1abcde',
    user: 'u-1',
    principal: principalOf(rawUser()),
    cluster: 'c-1',
    kind: 'kubeconfig',
    description: 'Kubeconfig token',
    ttlMs: 60_000,
    stored: { value: CANARY, hashed: false },
  };

  test('has the fields and labels of one of Rancher', () => {
    expect(newToken(wish)).toEqual({
      apiVersion: 'management.cattle.io/v3',
      kind: 'Token',
      metadata: {
        name: 'kubeconfig-u-1abcde',
        labels: {
          'authn.management.cattle.io/token-userId': 'u-1',
          'authn.management.cattle.io/kind': 'kubeconfig',
        },
      },
      token: CANARY,
      userId: 'u-1',
      userPrincipal: {
        metadata: { name: 'local://u-1', creationTimestamp: null },
        displayName: '',
        loginName: 'user',
        principalType: 'user',
        provider: 'local',
        me: true,
      },
      authProvider: 'local',
      clusterName: 'c-1',
      description: 'Kubeconfig token',
      ttl: 60_000,
      expiresAt: '',
      enabled: true,
      expired: false,
      current: false,
      isDerived: true,
    });
  });

  test('is marked when it is stored hashed, and read back so', () => {
    const raw = newToken({ ...wish, stored: { value: '$3:1:x:y', hashed: true } });
    expect(raw.metadata.annotations).toEqual({ 'authn.management.cattle.io/token-hashed': 'true' });
    expect(parseToken(raw as KubeObject).secret.kind).toBe('hashed');
  });
});

describe('the principal of a new token', () => {
  const cases = {
    'of nobody in particular is the local one': { ids: undefined, want: ['local://u-1', 'local'] },
    'is that of the login provider before the local one': {
      ids: ['local://u-1', 'github_user://42'],
      want: ['github_user://42', 'github'],
    },
    'of a provider whose ids name no kind': {
      ids: ['okta://ada'],
      want: ['okta://ada', 'okta'],
    },
    'is never a system one': { ids: ['system://provisioning/a/b'], want: ['local://u-1', 'local'] },
    'is not made of something else': { ids: [7, 'nonsense'], want: ['local://u-1', 'local'] },
  };
  test.each(Object.entries(cases))('%s', (_title, { ids, want }) => {
    const { id, provider } = principalOf(rawUser({ principalIds: ids }));
    expect([id, provider]).toEqual(want);
  });
});
