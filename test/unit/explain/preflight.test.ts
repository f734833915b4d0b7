import { describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS } from '../../../src/api/names.ts';
import { parsePropagation } from '../../../src/api/parse-cluster.ts';
import { judgeCluster, judgeManagement, worst } from '../../../src/explain/preflight.ts';
import type { ClusterEvidence } from '../../../src/explain/preflight-evidence.ts';
import { EXCESSIVE_RIGHTS, neededRights, rightsText } from '../../../src/explain/rights.ts';
import { readReview } from '../../../src/plane/reviews.ts';
import { failed, found } from './evidence-builder.ts';

const needed = neededRights('cattle-system');
const definition = {
  name: 'clusterauthtokens.cluster.cattle.io',
  isServed: true,
  isNamespaced: true,
  dropped: [],
};
const definitions = (found: ClusterEvidence['definitions'][number]['found']) => [
  { name: definition.name, resource: CLUSTER_AUTH_TOKENS, found },
];
const ours = { name: 'ace-authenticator', version: 'v1', wanted: 3, ready: 3 } as const;
const theirs = { name: 'kube-api-auth', version: 'v0.2.4', wanted: 3, ready: 3 } as const;

const good: ClusterEvidence = {
  server: 'https://c-1.example',
  source: 'Secret ns/c-1',
  skewMs: found(0),
  definitions: definitions(found(definition)),
  reached: found(undefined),
  needed,
  held: found(needed),
  excessive: found([]),
  daemonSets: found([ours]),
  formats: found({ bcrypt: 2 }),
  probe: found({ kind: 'refused', reason: 'UnknownToken', mayChange: true }),
  apiServers: found([{ name: 'a', cacheTtl: '10s' }]),
};
const judge = (
  changes: Partial<ClusterEvidence>,
  strict = false,
  propagation?: ReturnType<typeof parsePropagation>,
) => judgeCluster({ ...good, ...changes }, { strict, propagation });

test('a cluster that has all that it takes', () => {
  const checks = judge({});
  expect(checks.filter(({ state }) => state !== 'ok')).toEqual([]);
  expect(worst(checks)).toBe('ok');
});

const readReviewOf = (said: string) => found(readReview({ error: `[invalid bearer token, ${said}]` }));
type Case = [changes: Partial<ClusterEvidence>, id: string, state: string, reason: string | undefined];
const nobody = found({ kind: 'notAsked' } as const);
const cases: Record<string, Case> = {
  'a definition that is not there': [
    { definitions: definitions(found(undefined)) },
    'definitions',
    'broken',
    'DefinitionMissing',
  ],
  'a definition that drops a field': [
    { definitions: definitions(found({ ...definition, dropped: ['hash'] })) },
    'definitions',
    'broken',
    'DefinitionOutdated',
  ],
  'a definition of another version': [
    { definitions: definitions(found({ ...definition, isServed: false })) },
    'definitions',
    'broken',
    'DefinitionOutdated',
  ],
  'a definition of the wrong scope': [
    { definitions: definitions(found({ ...definition, isNamespaced: false })) },
    'definitions',
    'broken',
    'DefinitionOutdated',
  ],
  'a definition that may not be read': [
    { definitions: definitions(failed('Forbidden')) },
    'definitions',
    'unknown',
    'Forbidden',
  ],
  'a right too few': [{ held: found(needed.slice(1)) }, 'rights', 'broken', 'RightsMissing'],
  'rights too many': [{ excessive: found(EXCESSIVE_RIGHTS) }, 'excess', 'warning', 'RightsExcessive'],
  'a clock that is ahead': [{ skewMs: found(9_000) }, 'clock', 'warning', 'ClockSkew'],
  'a clock that is behind': [{ skewMs: found(-3_600_000) }, 'clock', 'warning', 'ClockSkew'],
  'a clock within what a header can tell': [{ skewMs: found(4_000) }, 'clock', 'ok', undefined],
  'a server that tells no time': [{ skewMs: found(undefined) }, 'clock', 'unknown', undefined],
  'no authenticator': [
    { daemonSets: found([]), probe: nobody },
    'authenticator',
    'broken',
    'AuthenticatorMissing',
  ],
  'an authenticator that runs otherwise': [{ daemonSets: found([]) }, 'authenticator', 'ok', undefined],
  'an authenticator that is not ready': [
    { daemonSets: found([{ ...ours, ready: 1 }]), probe: nobody },
    'authenticator',
    'broken',
    'AuthenticatorNotReady',
  ],
  'both authenticators': [{ daemonSets: found([ours, theirs]) }, 'rivals', 'warning', 'TwoAuthenticators'],
  'a pair of ours': [
    { daemonSets: found([ours, { ...ours, name: 'ace-authenticator-2' }]) },
    'rivals',
    'ok',
    undefined,
  ],
  'bcrypt, and theirs alone': [
    { daemonSets: found([theirs]), probe: found({ kind: 'refusedByOther' }) },
    'formats',
    'broken',
    'CannotVerify',
  ],
  'sha3, and theirs alone': [
    {
      daemonSets: found([theirs]),
      probe: found({ kind: 'refusedByOther' }),
      formats: found({ 'sha3-512': 1 }),
    },
    'formats',
    'ok',
    undefined,
  ],
  'a hash of no format': [{ formats: found({ unknown: 1 }) }, 'formats', 'broken', 'UnsupportedHash'],
  'an API server that asks nobody': [{ probe: nobody }, 'webhook', 'broken', 'WebhookNotConsulted'],
  'an API server whose webhook kubeconfig names a wrong path': [
    { probe: readReviewOf('the server could not find the requested resource') },
    'webhook',
    'broken',
    'WebhookUnreachable',
  ],
  'an API server that asks somebody else’s webhook': [
    { probe: readReviewOf('no such session') },
    'webhook',
    'unknown',
    'WebhookUnclear',
  ],
  'an API server that may not be asked': [{ probe: failed('Forbidden') }, 'webhook', 'unknown', 'Forbidden'],
  'a long memory on one of three nodes': [
    {
      apiServers: found([
        { name: 'a', cacheTtl: '10s' },
        { name: 'b', cacheTtl: undefined },
      ]),
    },
    'cache',
    'warning',
    'CacheTooLong',
  ],
  'API servers that are no Pods': [{ apiServers: found([]) }, 'cache', 'unknown', undefined],
  'a cluster that gives no answer': [
    { reached: failed('Unreachable') },
    'connection',
    'unknown',
    'Unreachable',
  ],
};

describe('what is found', () => {
  test.each(Object.entries(cases))('%s', (_title, [changes, id, state, reason]) => {
    const check = judge(changes).find((one) => one.id === id);
    expect({ state: check?.state, reason: check?.reason }).toEqual({ state, reason });
    if (reason) expect(check?.remedy).toBeTruthy();
  });

  test('too many rights are a fault when asked to be strict', () => {
    expect(worst(judge({ excessive: found(EXCESSIVE_RIGHTS) }))).toBe('ok');
    expect(worst(judge({ excessive: found(EXCESSIVE_RIGHTS) }, true))).toBe('broken');
  });

  test('a DaemonSet that is ready does not outweigh a webhook of which nobody can tell', () => {
    expect(worst(judge({ probe: readReviewOf('no such session') }))).toBe('unknown');
    expect(worst(judge({ probe: failed('Forbidden') }))).toBe('ok');
  });

  test('an algorithm that is asked for and not verified there counts before anything is stored', () => {
    const propagation = parsePropagation({
      metadata: { name: 'c-1' },
      spec: { hash: { algorithm: 'bcrypt' } },
    });
    const changes = { daemonSets: found([theirs]), probe: nobody, formats: found({}) };
    expect(judge(changes, false, propagation)).toContainEqual(
      expect.objectContaining({ reason: 'CannotVerify' }),
    );
  });

  test('what is not reached makes the whole not known, what is broken makes it broken', () => {
    expect(worst(judge({ reached: failed('Unreachable') }))).toBe('unknown');
    expect(worst(judge({ reached: failed('NoCredentials') }))).toBe('broken');
    const away = judgeManagement({ server: 'https://m', skewMs: failed('Unreachable'), definitions: [] });
    expect(worst(away)).toBe('unknown');
  });
});

test('rights are gathered by what they are for', () => {
  expect(rightsText(needed.slice(0, 3))).toBe(
    'get, list, watch clusterauthtokens.cluster.cattle.io in cattle-system',
  );
  expect(rightsText(EXCESSIVE_RIGHTS)).toMatch(/^\* everything; get secrets in kube-system; /);
});
