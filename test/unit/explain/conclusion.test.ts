import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCluster, parsePropagation } from '../../../src/api/parse-cluster.ts';
import { parseExtToken } from '../../../src/api/parse-ext-token.ts';
import { judgeToken } from '../../../src/derive/verdict.ts';
import { conclude } from '../../../src/explain/conclusion.ts';
import type { Evidence } from '../../../src/explain/evidence.ts';
import { HOP_TITLES } from '../../../src/explain/hop.ts';
import { judgeToken as judgeTokenHops } from '../../../src/explain/judge-token.ts';
import { aToken, aUser, CANARY, NOW, rawCluster, rawExtToken, timeText } from '../../support/builders.ts';
import { accepted, bearer, evidence, failed, found, letIn, nothingThere } from './evidence-builder.ts';

const base = evidence();
const { downstream, management, webhook, hash } = base;

describe('everything in order', () => {
  test('is expected to be let in, with no hop in doubt; accepted is only what was asked', () => {
    const { verdict, hops, reason } = conclude(base);
    expect({ verdict, reason }).toEqual({ verdict: 'expected', reason: undefined });
    const asked = { given: bearer(), webhook: { ...webhook, review: accepted } };
    expect(conclude({ ...base, ...asked }).verdict).toBe('expected');
    const live = letIn('u-1');
    expect(conclude({ ...base, ...asked, webhook: { ...asked.webhook, live } }).verdict).toBe('accepted');
    expect(hops.filter(({ state }) => state !== 'ok' && state !== 'skipped')).toEqual([]);
  });

  test('has each hop once, in the order of its list', () => {
    const ids = conclude({
      ...base,
      given: bearer(),
      right: { question: 'get pods', answer: undefined },
    }).hops.map(({ id }) => id);
    expect(ids).toEqual(Object.keys(HOP_TITLES).filter((id) => ids.includes(id)));
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('no way to the cluster', () => {
  const way = failed('Unreachable');
  const unseen: Evidence['downstream'] = {
    ...downstream,
    way: failed('NoCredentials'),
    clusterAuthToken: undefined,
    hashSecret: undefined,
    userAttribute: undefined,
    daemonSets: undefined,
  };
  const asked = { probe: way, review: undefined, live: undefined };

  test('says nothing of a token that may have arrived before, and the first broken hop is the headline', () => {
    const { verdict, reason } = conclude({ ...base, downstream: unseen, webhook: asked });
    expect({ verdict, reason }).toEqual({ verdict: 'unknown', reason: 'NoCredentials' });
  });

  test('says nothing either of one that is to be refused, and may not have been taken away; it is said why', () => {
    const token = found(aToken({ name: 't-1', enabled: false }));
    const { verdict, reason } = conclude({
      ...base,
      management: { ...management, token },
      downstream: unseen,
      webhook: asked,
    });
    expect({ verdict, reason }).toEqual({ verdict: 'unknown', reason: 'Disabled' });
  });
});

const broken: Record<string, [changes: Partial<Evidence>, reason: string, hop: string]> = {
  'stock kube-api-auth before a bcrypt hash': [
    {
      downstream: {
        ...downstream,
        daemonSets: found([{ name: 'kube-api-auth', version: '', wanted: 1, ready: 1 }]),
      },
      webhook: { ...webhook, probe: found({ kind: 'refusedByOther' }) },
    },
    'CannotVerify',
    'hash',
  ],
  'an authenticator that is not ready, and nobody answers': [
    {
      downstream: {
        ...downstream,
        daemonSets: found([{ name: 'ace-authenticator', version: 'v1', wanted: 3, ready: 2 }]),
      },
      webhook: { ...webhook, probe: found({ kind: 'webhookFailed', cause: 'not ready' }) },
    },
    'AuthenticatorNotReady',
    'authenticator',
  ],
  'an API server that asks nobody': [
    { webhook: { ...webhook, probe: found({ kind: 'notAsked' }) } },
    'WebhookNotConsulted',
    'webhook',
  ],
  'an API server whose webhook kubeconfig names a wrong path': [
    { webhook: { ...webhook, probe: found({ kind: 'webhookFailed', cause: 'wrong path or protocol' }) } },
    'WebhookUnreachable',
    'webhook',
  ],
  'a refusal by another’s webhook': [
    {
      given: bearer(),
      webhook: {
        ...webhook,
        probe: found({ kind: 'refusedByOther' }),
        review: found({ kind: 'refusedByOther' }),
      },
    },
    'RefusedByWebhook',
    'webhook',
  ],
  'a refusal for staleness': [
    {
      given: bearer(),
      webhook: { ...webhook, review: found({ kind: 'refused', reason: 'Stale', mayChange: true }) },
    },
    'Stale',
    'webhook',
  ],
  'a secret that the cluster’s hash is not of': [
    { given: bearer('x'), hash: { ...hash, isOfBearer: false } },
    'WrongSecret',
    'secret',
  ],
  'a secret that is not the Token’s, with the cluster out of sight': [
    {
      given: bearer('x'),
      hash: { format: undefined, isOfToken: undefined, isOfBearer: undefined, isBearerOfToken: false },
      downstream: {
        ...downstream,
        way: failed('Unreachable'),
        clusterAuthToken: undefined,
        hashSecret: undefined,
        userAttribute: undefined,
        daemonSets: undefined,
      },
    },
    'WrongSecret',
    'secret',
  ],
  'a hash of an earlier secret': [{ hash: { ...hash, isOfToken: false } }, 'Outdated', 'hash'],
  'definitions that are not there': [
    { downstream: { ...downstream, clusterAuthToken: failed('KindMissing') } },
    'KindMissing',
    'clusterAuthToken',
  ],
  'a right that is missing': [
    { right: { question: 'get pods', answer: found({ allowed: false, reason: '' }) } },
    'NotAllowed',
    'right',
  ],
};

describe('a hop that is broken decides', () => {
  test.each(Object.entries(broken))('%s', (_title, [changes, reason, hop]) => {
    const explanation = conclude({ ...base, ...changes });
    expect(explanation).toMatchObject({ verdict: 'refused', reason });
    expect(explanation.hops.find(({ state }) => state === 'broken')?.id).toBe(hop);
    expect(explanation.remedy).toBeTruthy();
  });

  test.each([
    [true, /may be on its way$/],
    [false, /for good$/],
  ])('a refusal that may change: %s', (mayChange, said) => {
    const review = found({ kind: 'refused', reason: 'HashMissing', mayChange } as const);
    expect(conclude({ ...base, given: bearer(), webhook: { ...webhook, review } }).message).toMatch(said);
  });
});

test('nobody can tell of a webhook whose words are of no authenticator that is known, but by the bearer itself', () => {
  const unclear = { ...webhook, probe: found({ kind: 'unclear' } as const) };
  const want = { verdict: 'unknown', reason: 'WebhookUnclear', remedy: expect.stringMatching(/explain -f/) };
  expect(conclude({ ...base, webhook: unclear })).toMatchObject(want);
  expect(conclude({ ...base, given: bearer(), webhook: { ...unclear, review: accepted } }).verdict).toBe(
    'expected',
  );
  const review = found({ kind: 'unclear' } as const);
  expect(conclude({ ...base, given: bearer(), webhook: { ...unclear, review } }).verdict).toBe('refused');
});

describe('a bearer that the API server lets in, with a broken hop before it', () => {
  const asked = {
    given: bearer(),
    webhook: { ...webhook, review: accepted, live: letIn('u-1') },
  };

  test.each<[title: string, changes: Partial<Evidence>, reason: string]>([
    ['whose Token is gone', { management: { ...management, token: found(undefined) } }, 'TokenNotFound'],
    [
      'whose Token is disabled',
      { management: { ...management, token: found(aToken({ enabled: false })) } },
      'Disabled',
    ],
    [
      'on an API server whose authenticator lacks a Pod',
      {
        downstream: {
          ...downstream,
          daemonSets: found([{ name: 'ace-authenticator', version: 'v1', wanted: 3, ready: 2 }]),
        },
        webhook: { ...asked.webhook, probe: found({ kind: 'refusedByOther' }) },
      },
      'AuthenticatorNotReady',
    ],
  ])('%s: it is not said to be refused', (_title, changes, reason) => {
    expect(conclude({ ...base, ...asked, ...changes })).toMatchObject({ verdict: 'stillAccepted', reason });
  });

  test('for as long as it remembers it, while its webhook gives no answer', () => {
    const probe = found({ kind: 'webhookFailed', cause: 'no answer' } as const);
    expect(conclude({ ...base, ...asked, webhook: { ...asked.webhook, probe } })).toMatchObject({
      verdict: 'stillAccepted',
      reason: 'WebhookUnreachable',
    });
  });

  test('that may not do what was asked is refused, and whose own server is silent cannot be told', () => {
    for (const reason of ['Unreachable', 'Failing'] as const) {
      const live = failed(reason);
      const webhook = { ...asked.webhook, live };
      expect(conclude({ ...base, ...asked, webhook })).toMatchObject({ verdict: 'unknown', reason });
    }
    const right = { question: 'get pods', answer: found({ allowed: false, reason: '' }) };
    expect(conclude({ ...base, ...asked, right }).verdict).toBe('refused');
  });
});

describe('the answer of the API server in the kubeconfig', () => {
  const refused = { probe: webhook.probe, review: accepted, live: found({ kind: 'refused' } as const) };

  test('is no, though the cluster of the token lets it in: two kubeconfigs were merged', () => {
    expect(conclude({ ...base, given: bearer(), webhook: refused })).toMatchObject({
      verdict: 'refused',
      reason: 'RefusedThere',
    });
  });

  test('is no, and nothing is known of the cluster', () => {
    const unseen = {
      downstream: { ...nothingThere },
      webhook: { ...refused, probe: undefined, review: undefined },
    };
    expect(conclude({ ...base, ...unseen, given: bearer() })).toMatchObject({
      verdict: 'refused',
      reason: 'RefusedByWebhook',
    });
  });

  test('is no, and only the management plane knows why: it is to be asked', () => {
    const unseen = {
      downstream: { ...nothingThere },
      management: { ...management, token: failed('Unreachable') },
      webhook: { ...refused, probe: undefined, review: undefined },
    };
    const { reason, remedy } = conclude({ ...base, ...unseen, given: bearer() });
    expect(reason).toBe('RefusedByWebhook');
    expect(remedy).toMatch(
      /^the management plane knows why: ask again with a kubeconfig of it \(--kubeconfig FILE/,
    );
  });

  test('is yes, whatever the one says that the cluster is known by', () => {
    const review = found({ kind: 'refused', reason: 'WrongSecret', mayChange: false } as const);
    const asked = { probe: webhook.probe, review, live: letIn('u-1') };
    expect(conclude({ ...base, given: bearer(), webhook: asked }).verdict).toBe('stillAccepted');
  });

  test('was not given: what answers there is no API server', () => {
    const live = failed('NoApiServer');
    expect(conclude({ ...base, given: bearer(), webhook: { ...refused, live } })).toMatchObject({
      verdict: 'refused',
      reason: 'NoApiServer',
    });
  });
});

describe('a token that is revoked upstream, and lies in the cluster as good', () => {
  test.each<[string, Partial<Evidence['management']>, string]>([
    ['disabled', { token: found(aToken({ enabled: false })) }, 'Disabled'],
    ['deleted', { token: found(undefined) }, 'TokenNotFound'],
    ['of a disabled user', { user: found(aUser({ enabled: false })) }, 'UserDisabled'],
  ])('%s: it is not said to be refused before it is', (_what, changes, reason) => {
    expect(conclude({ ...base, management: { ...management, ...changes } })).toMatchObject({
      verdict: 'stillAccepted',
      reason,
    });
  });
});

describe('what could not be seen', () => {
  test('at the cluster leaves it open', () => {
    const unseen = {
      downstream: nothingThere,
      webhook: { probe: undefined, review: undefined, live: undefined },
    };
    expect(conclude({ ...base, ...unseen })).toMatchObject({ verdict: 'unknown', reason: 'Unreachable' });
  });

  test('of the webhook leaves it open, when only that is not known', () => {
    expect(conclude({ ...base, webhook: { ...webhook, probe: failed('Forbidden') } })).toMatchObject({
      verdict: 'unknown',
      reason: 'Forbidden',
    });
  });

  test('at the management plane does not matter, when the cluster shows all', () => {
    const away = failed('Unreachable');
    const management = {
      token: away,
      user: undefined,
      attribute: undefined,
      cluster: away,
      propagation: away,
    };
    expect(conclude({ ...base, management }).verdict).toBe('expected');
  });

  test('does not matter for a bearer that was just let in', () => {
    const away = failed('Unreachable');
    const none = {
      token: away,
      user: undefined,
      attribute: undefined,
      cluster: undefined,
      propagation: undefined,
    };
    const live = { probe: undefined, review: undefined, live: letIn('u-1') };
    const target = { cluster: undefined, how: 'no --cluster' };
    expect(
      conclude({
        ...base,
        target,
        given: bearer(),
        management: none,
        downstream: { ...nothingThere, way: undefined },
        webhook: live,
      }).verdict,
    ).toBe('accepted');
    const right = { question: 'get pods', answer: failed('Forbidden') };
    expect(conclude({ ...base, right }).verdict).toBe('unknown');
  });
});

describe('a Cluster that is gone', () => {
  const gone = { ...management, cluster: found(undefined) };
  const typo = { cluster: 'typo', how: 'asked for' };
  const empty = {
    ...downstream,
    ...{ clusterAuthToken: found(undefined), hashSecret: found(undefined), userAttribute: found(undefined) },
  };
  const held = (hops: ReturnType<typeof conclude>['hops']) =>
    hops.find(({ id }) => id === 'clusterAuthToken');

  test('is not another cluster', () => {
    const unreached = { ...nothingThere, way: failed('NoCredentials'), clusterAuthToken: undefined };
    expect(conclude({ ...base, target: typo, management: gone, downstream: unreached })).toMatchObject({
      verdict: 'refused',
      reason: 'ClusterNotFound',
    });
  });

  test('has nothing of a token, as it should be', () => {
    const { hops } = conclude({ ...base, management: gone, downstream: empty });
    expect(held(hops)).toMatchObject({
      state: 'skipped',
      detail: expect.stringContaining('ClusterNotFound'),
    });
  });

  test('still lets a token in that is there', () => {
    const { hops, verdict } = conclude({ ...base, management: gone });
    expect(verdict).toBe('stillAccepted');
    expect(held(hops)).toMatchObject({ state: 'broken', reason: 'NotRevoked' });
  });

  test('so it is with one that is being deleted', () => {
    const leaving = parseCluster(
      rawCluster(
        { spec: { localClusterAuthEndpoint: { enabled: true } } },
        { deletionTimestamp: timeText(NOW), finalizers: ['example.org/hold'] },
      ),
    );
    const { hops } = conclude({
      ...base,
      management: { ...management, cluster: found(leaving) },
      downstream: empty,
    });
    expect(held(hops)).toMatchObject({
      state: 'skipped',
      detail: expect.stringContaining('ClusterDeleted'),
    });
  });
});

test('what was revoked and is still let in is first of all not to be given back', () => {
  const token = aToken({ enabled: false });
  const live = { given: bearer(), webhook: { ...webhook, review: accepted, live: letIn('u-1') } };
  const { verdict, remedy } = conclude({
    ...base,
    ...live,
    management: { ...management, token: found(token) },
  });
  expect(verdict).toBe('stillAccepted');
  expect(remedy).toMatch(
    /^it is out when .*kubectl ace status c-1\. If it is to be let in: kubectl patch tokens/,
  );
});

test('names are put into what to do', () => {
  const token = aToken({ enabled: false });
  const { remedy } = conclude({ ...base, management: { ...management, token: found(token) } });
  expect(remedy).toContain('tokens.management.cattle.io t-1 ');
});

describe('the hops of the Token', () => {
  const tokens = fc.record({
    clusterName: fc.constantFrom('c-1', 'c-2', ''),
    enabled: fc.constantFrom(true, false, undefined),
    ttl: fc.constantFrom(0, -1, 1, 3_600_000),
    expiresAt: fc.constantFrom('', timeText(NOW - 1_000), timeText(NOW + 60_000), 'tomorrow'),
    userId: fc.constantFrom('u-1', ''),
    token: fc.constantFrom('secret-1', ''),
    isDeleting: fc.boolean(),
  });
  const users = fc.constantFrom(undefined, aUser(), aUser({ enabled: false }));

  test('are all in order exactly when the operator wants the token, and its user is enabled', () => {
    fc.assert(
      fc.property(tokens, users, ({ isDeleting, ...fields }, user) => {
        const token = aToken(fields, isDeleting ? { deletionTimestamp: timeText(NOW) } : {});
        const verdict = judgeToken(token, user, { cluster: 'c-1', aceEnabled: true, nowMs: NOW });
        const hops = judgeTokenHops({
          ...base,
          management: { ...management, token: found(token), user: found(user) },
        });
        const isInOrder = hops.every(({ state }) => state === 'ok');
        expect(isInOrder).toBe(verdict.wanted && !verdict.userDisabled);
      }),
    );
  });
});

test('no secret is in anything that is said', () => {
  const token = aToken({ token: CANARY });
  const said = JSON.stringify(
    conclude({
      ...base,
      given: bearer(CANARY),
      management: { ...management, token: found(token) },
      hash: { ...hash, isOfBearer: false },
    }),
  );
  expect(said).not.toContain(CANARY);
});

describe('a token of ext.cattle.io', () => {
  const ext = parseExtToken(rawExtToken());
  const inPropagation = (status: object) =>
    found(parsePropagation({ metadata: { name: 'c-1' }, status: { conditions: [], ...status } }));
  const absentOf = (status: object): Evidence => {
    const of = evidence({ token: ext });
    return {
      ...of,
      management: { ...of.management, propagation: inPropagation(status) },
      downstream: { ...of.downstream, clusterAuthToken: found(undefined), hashSecret: found(undefined) },
    };
  };

  test('is explained like any other', () => {
    const { verdict, hops } = conclude(evidence({ token: ext }));
    expect(verdict).toBe('expected');
    expect(hops.find(({ id }) => id === 'token')?.detail).toMatch(/^of ext.cattle.io, of user u-1/);
  });

  test('that no operator was told to carry: that is said, and what to do', () => {
    expect(conclude(absentOf({}))).toMatchObject({
      verdict: 'refused',
      reason: 'ExtTokensOff',
      remedy: expect.stringContaining('kubectl apply -k manifests/operator-ext-tokens'),
    });
    expect(conclude(absentOf({ extTokens: true })).reason).toBe('NotPropagated');
  });

  test('that is disabled is switched on by its own API', () => {
    const { reason, remedy } = conclude(evidence({ token: { ...ext, enabled: false } }));
    expect(reason).toBe('Disabled');
    expect(remedy).toContain('kubectl patch tokens.ext.cattle.io t-1');
  });

  test('keeps the prefix that its bearer has', () => {
    const given = bearer();
    if (given.kind !== 'kubeconfig' || given.credential.kind !== 'ours') throw new Error('no bearer');
    const credential = { ...given.credential, prefix: 'ext/' as const };
    const { hops } = conclude(evidence({ token: ext, given: { ...given, credential } }));
    expect(hops[0]?.detail).toContain('a bearer of token ext/t-1');
  });
});
