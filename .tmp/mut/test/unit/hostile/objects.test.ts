import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { parseCluster, parsePropagation, parseSetting } from '../../../src/api/parse-cluster.ts';
import { parseCredentialsSecret } from '../../../src/api/parse-credentials.ts';
import {
  parseClusterAuthToken,
  parseClusterUserAttribute,
  parseConfigValue,
  parseHashSecret,
} from '../../../src/api/parse-downstream.ts';
import { parseExtToken } from '../../../src/api/parse-ext-token.ts';
import { observedParser } from '../../../src/api/parse-observed.ts';
import { parseToken } from '../../../src/api/parse-token.ts';
import { parseUser, parseUserAttribute } from '../../../src/api/parse-user.ts';
import { parseListedExtToken, parseListedToken } from '../../../src/issue/change/listed-token.ts';
import { parseLease } from '../../../src/kube/lease.ts';
import { parseControlPlaneNode } from '../../../src/plane/control-plane-node.ts';
import { fuzzRuns, fuzzTimeoutMs } from '../../support/fuzz-runs.ts';

/** Every parser of an object that comes from an API server. */
const PARSERS: Readonly<Record<string, (raw: unknown) => unknown>> = {
  Token: parseToken,
  'Token for people': parseListedToken,
  'Secret of an ext token': parseExtToken,
  'ext token for people': parseListedExtToken,
  User: parseUser,
  UserAttribute: parseUserAttribute,
  Cluster: parseCluster,
  ClusterPropagation: parsePropagation,
  Setting: parseSetting,
  'Secret with credentials': parseCredentialsSecret,
  ClusterAuthToken: parseClusterAuthToken,
  'Secret with a hash': (raw) => parseHashSecret(raw, () => undefined),
  ClusterUserAttribute: parseClusterUserAttribute,
  ConfigMap: parseConfigValue,
  'observed object': observedParser('cluster.cattle.io/v3', 'ClusterAuthToken'),
  Lease: parseLease,
  'Node of Rancher': parseControlPlaneNode,
};

/** Names of fields that some parser looks at, and some that JavaScript looks at. */
const NAMES = [
  ...[
    'spec',
    'status',
    'data',
    'enabled',
    'token',
    'userId',
    'clusterName',
    'ttl',
    'expiresAt',
    'hash',
    'groups',
  ],
  ...[
    'GroupPrincipals',
    'ExtraByProvider',
    'Items',
    'LastRefresh',
    'NeedsRefresh',
    'lastUsedAt',
    'displayName',
  ],
  ...[
    'localClusterAuthEndpoint',
    'caCerts',
    'fqdn',
    'kubeconfig',
    'value',
    'conditions',
    'userName',
    'default',
  ],
  ...['suspend', 'gc', 'maxDeletePercent', 'minDeletes', 'adopt', 'algorithm', 'storage', 'holderIdentity'],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'length', 'then', 'toJSON', ''],
] as const;

/** Values that are nearly right, and others that JSON can say. */
const value = fc.oneof(
  fc.constantFrom<unknown>(
    'true',
    Number.MAX_VALUE,
    -0,
    2 ** 53,
    '2026-02-30T25:61:61Z',
    '9999-12-31T23:59:60Z',
    '\ud800',
    '\0',
  ),
  fc.constantFrom<unknown>(
    'A'.repeat(4_000),
    'a,b\nc',
    '$3:1:AAAA:AAAA',
    '====',
    'bm90IGEgc2VjcmV0',
    [],
    {},
    [[]],
  ),
  fc.jsonValue({ maxDepth: 3 }),
  fc.dictionary(fc.constantFrom(...NAMES), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }),
);

const metadata = fc.record(
  {
    name: fc.oneof(
      fc.constantFrom('t-1', '..', 'A', '__proto__', 'a'.repeat(300)),
      fc.string({ unit: 'binary', minLength: 1 }),
    ),
    namespace: fc.constantFrom('cattle-system', ''),
    uid: fc.oneof(fc.uuid(), fc.string({ unit: 'binary', minLength: 1 })),
    resourceVersion: fc.constantFrom('1', '-1', 'x'),
    creationTimestamp: fc.constantFrom('2026-01-01T00:00:00Z', 'yesterday', ''),
    deletionTimestamp: fc.constantFrom('2026-01-01T00:00:00Z', 'tomorrow'),
    labels: fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
    annotations: fc.dictionary(fc.string(), fc.string({ unit: 'binary' }), { maxKeys: 3 }),
  },
  { requiredKeys: ['name', 'uid'] },
);

/** An object that an API server could send: metadata as it makes them, all else as somebody likes it. */
const sent = fc
  .tuple(metadata, fc.dictionary(fc.constantFrom(...NAMES), value, { maxKeys: 8 }))
  .map(([own, fields]) => JSON.parse(JSON.stringify({ ...fields, metadata: own })) as unknown);

afterEach(() => {
  expect(Object.keys(Object.prototype)).toEqual([]);
});

describe.each(Object.entries(PARSERS))('%s', (_, parse) => {
  test('takes every object that an API server could send', { timeout: fuzzTimeoutMs() }, () => {
    fc.assert(
      fc.property(sent, (raw) => {
        const [first, again] = [parse(raw), parse(raw)];
        // The same each time: what is kept of it depends on nothing else.
        expect(JSON.stringify(again)).toBe(JSON.stringify(first));
      }),
      fuzzRuns(300),
    );
  });

  test('of anything else says in an Error that it is none, and quotes nothing', {
    timeout: fuzzTimeoutMs(),
  }, () => {
    const canary = 'not-a-real-secret-CANARY';
    fc.assert(
      fc.property(value, (some) => {
        try {
          parse({ ...(some as object), token: canary, data: { hash: canary }, metadata: some });
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect(error).not.toBeInstanceOf(TypeError);
          expect(String(error)).not.toContain(canary);
        }
      }),
      fuzzRuns(300),
    );
  });
});
