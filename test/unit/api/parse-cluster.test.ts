import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DEFAULT_SPEC,
  parseCluster,
  parsePropagation,
  parseSetting,
} from '../../../src/api/parse-cluster.ts';
import { pemCertificates } from '../../../src/derive/pem.ts';
import { endpointAddress } from '../../../src/plane/endpoint-address.ts';
import { CANARY, type Json, NOW_TEXT, rawCluster } from '../../support/builders.ts';

describe('parseCluster', () => {
  test('every field that we read', () => {
    const raw = rawCluster(
      {
        spec: {
          displayName: 'one',
          localClusterAuthEndpoint: { enabled: true, fqdn: 'ace.example', caCerts: 'PEM' },
        },
        status: {
          apiEndpoint: 'https://10.43.0.1:443',
          caCert: 'Q0E=',
          serviceAccountTokenSecret: 'cluster-serviceaccounttoken-x',
          conditions: [{ type: 'Ready', status: 'True' }],
        },
      },
      { name: 'c-m-1', uid: 'uid-9', resourceVersion: '5' },
    );
    expect(parseCluster(raw)).toEqual({
      name: 'c-m-1',
      namespace: '',
      uid: 'uid-9',
      resourceVersion: '5',
      deleting: false,
      aceEnabled: true,
      apiEndpoint: 'https://10.43.0.1:443',
      caCert: 'Q0E=',
      serviceAccountTokenSecret: 'cluster-serviceaccounttoken-x',
      displayName: 'one',
      fqdn: 'ace.example',
      fqdnCaPem: 'PEM',
      problem: undefined,
    });
  });

  const switches: Record<string, { spec?: unknown; want: boolean | undefined }> = {
    'no spec is off': { want: false },
    'a null spec is off': { spec: null, want: false },
    'no endpoint is off': { spec: {}, want: false },
    'a null endpoint is off': { spec: { localClusterAuthEndpoint: null }, want: false },
    'an endpoint without a switch is off': { spec: { localClusterAuthEndpoint: { fqdn: 'x' } }, want: false },
    'false is off': { spec: { localClusterAuthEndpoint: { enabled: false } }, want: false },
    'true is on': { spec: { localClusterAuthEndpoint: { enabled: true } }, want: true },
    'a word is neither': { spec: { localClusterAuthEndpoint: { enabled: CANARY } }, want: undefined },
    'an endpoint that is a list is neither': {
      spec: { localClusterAuthEndpoint: [CANARY] },
      want: undefined,
    },
    'a spec that is a string is neither': { spec: CANARY, want: undefined },
  };
  for (const [title, { spec, want }] of Object.entries(switches)) {
    test(title, () => {
      const cluster = parseCluster(rawCluster({ spec }));
      expect(cluster.aceEnabled).toBe(want);
      expect(cluster.problem === undefined).toBe(want !== undefined);
      expect(cluster.problem ?? '').not.toContain(CANARY);
    });
  }

  for (const [title, status] of Object.entries({
    'no status': undefined,
    'a null status': null,
    'a status that is a string': 'x',
    'an endpoint that is a number': { apiEndpoint: 5 },
  })) {
    test(`${title} leaves the switch readable and the rest empty`, () => {
      const cluster = parseCluster(
        rawCluster({ spec: { localClusterAuthEndpoint: { enabled: true } }, status }),
      );
      expect(cluster).toMatchObject({
        aceEnabled: true,
        apiEndpoint: '',
        caCert: '',
        serviceAccountTokenSecret: '',
        problem: undefined,
      });
    });
  }

  test('a deletionTimestamp means deleting', () => {
    expect(parseCluster(rawCluster({}, { deletionTimestamp: NOW_TEXT })).deleting).toBe(true);
  });

  test('any JSON beside a name is read, never thrown at, and never changed', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (spec, status) => {
        const cluster = parseCluster({ metadata: { name: 'c-1' }, spec, status });
        expect([true, false, undefined]).toContain(cluster.aceEnabled);
        expect(() => {
          (cluster as { aceEnabled: boolean }).aceEnabled = true;
        }).toThrow(TypeError);
      }),
    );
  });
});

describe('fields that no cluster needs so long', () => {
  const megabyte = 'u'.repeat(1_000_000);
  const held = (raw: object): number =>
    JSON.stringify(parseCluster({ metadata: { name: 'c-1', uid: 'u' }, ...raw })).length;

  test.each([
    { status: { apiEndpoint: megabyte } },
    { status: { caCert: megabyte } },
    { status: { serviceAccountTokenSecret: megabyte } },
    { spec: { displayName: megabyte } },
    { spec: { localClusterAuthEndpoint: { enabled: true, fqdn: megabyte } } },
    { spec: { localClusterAuthEndpoint: { enabled: true, caCerts: megabyte } } },
    {
      metadata: {
        ...{ name: 'c-1', uid: 'u' },
        annotations: {
          'objectset.rio.cattle.io/owner-name': megabyte,
          'objectset.rio.cattle.io/owner-namespace': megabyte,
        },
      },
    },
  ])('are not held (%#)', (raw) => {
    expect(held(raw)).toBeLessThan(2_000);
  });

  test('and what is held instead can be none of them, and is not absent', () => {
    const status = { apiEndpoint: megabyte, caCert: megabyte };
    const spec = { localClusterAuthEndpoint: { enabled: true, fqdn: megabyte, caCerts: megabyte } };
    const cluster = parseCluster({ metadata: { name: 'c-1', uid: 'u' }, spec, status });
    expect(cluster).toMatchObject({ aceEnabled: true, problem: undefined });
    expect(URL.canParse(cluster.apiEndpoint)).toBe(false);
    expect(endpointAddress(cluster.fqdn).kind).not.toBe('address');
    expect([cluster.caCert, cluster.fqdnCaPem].map((pem) => [pem === '', pemCertificates(pem)])).toEqual([
      [false, []],
      [false, []],
    ]);
  });
});

const aPropagation = (fields: Json, metadata: Json = {}): ReturnType<typeof parsePropagation> =>
  parsePropagation({ metadata: { name: 'c-1', generation: 3, ...metadata }, ...fields });

describe('parsePropagation', () => {
  test('a full spec', () => {
    const spec = {
      suspend: true,
      drain: true,
      hash: { algorithm: 'scrypt', storage: 'inline' },
      gc: { maxDeletePercent: 50, minDeletes: 0 },
      adopt: true,
    };
    expect(aPropagation({ spec })).toMatchObject({
      generation: 3,
      allowance: undefined,
      problem: undefined,
      spec: {
        suspend: true,
        drain: true,
        algorithm: 'scrypt',
        storage: 'inline',
        maxDeletePercent: 50,
        minDeletes: 0,
        adopt: true,
      },
    });
  });

  const defaulted: Record<string, Json> = {
    'no spec': {},
    'a null spec': { spec: null },
    'an empty spec': { spec: {} },
    'empty parts': { spec: { hash: {}, gc: {} } },
    'fields that nobody knows': { spec: { colour: 'red' } },
  };
  for (const [title, fields] of Object.entries(defaulted)) {
    test(`${title} means the defaults, and no problem`, () => {
      expect(aPropagation(fields)).toMatchObject({ spec: DEFAULT_SPEC, problem: undefined, status: {} });
    });
  }

  const invalid: Record<string, unknown> = {
    'suspend as a word': { suspend: CANARY },
    'an unknown algorithm': { hash: { algorithm: CANARY } },
    'an unknown storage': { hash: { storage: CANARY } },
    'a percentage over 100': { gc: { maxDeletePercent: 101 } },
    'a negative percentage': { gc: { maxDeletePercent: -1 } },
    'a fraction of an object': { gc: { minDeletes: 0.5 } },
    'adopt as a string': { adopt: 'true' },
    'a spec that is a list': [CANARY],
    'a spec that is a string': CANARY,
  };
  for (const [title, spec] of Object.entries(invalid)) {
    test(`${title} is a problem, and the defaults are in force`, () => {
      const propagation = aPropagation({ spec: spec as Json });
      expect(propagation.spec).toEqual(DEFAULT_SPEC);
      expect(propagation.problem).toMatch(/^spec\./);
      expect(propagation.problem).not.toContain(CANARY);
    });
  }

  test('one bad field does not let the good ones half through', () => {
    expect(aPropagation({ spec: { suspend: 5, adopt: true } }).spec.adopt).toBe(false);
  });

  const allowances: Record<string, { annotations: Json | null | undefined; want: unknown }> = {
    'a number allows so many': { annotations: { 'ace-operator.io/allow-gc': '24' }, want: 24 },
    'true allows what was told': { annotations: { 'ace-operator.io/allow-gc': 'true' }, want: 'told' },
    'anything else allows nothing': { annotations: { 'ace-operator.io/allow-gc': 'yes' }, want: 0 },
    'no annotation says nothing': { annotations: undefined, want: undefined },
  };
  for (const [title, { annotations, want }] of Object.entries(allowances)) {
    test(`allow-gc: ${title}`, () => {
      expect(aPropagation({}, annotations ? { annotations } : {}).allowance).toBe(want);
    });
  }

  test('allow-gc: when it was said is what the API server notes of that annotation', () => {
    const said = (time: unknown, annotation: string): Json =>
      ({
        ...{ manager: 'kubectl', operation: 'Update', time },
        fieldsV1: { 'f:metadata': { 'f:annotations': { '.': {}, [`f:${annotation}`]: {} } } },
      }) as Json;
    const allowedAtMs = (...managedFields: Json[]): number | undefined =>
      aPropagation({}, { managedFields }).allowedAtMs;
    const allowGc = 'ace-operator.io/allow-gc';
    expect(allowedAtMs(said('2026-11-01T00:00:00Z', allowGc), said('2026-11-02T00:00:00Z', 'other'))).toBe(
      Date.parse('2026-11-01T00:00:00Z'),
    );
    expect(allowedAtMs(said('2026-11-01T00:00:00Z', allowGc), said('2026-11-03T00:00:00Z', allowGc))).toBe(
      Date.parse('2026-11-03T00:00:00Z'),
    );
    expect([allowedAtMs(), allowedAtMs(said(5, allowGc)), allowedAtMs({ fieldsV1: null })]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('any JSON beside a name is read, never thrown at, and never changed', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (spec, status) => {
        const propagation = parsePropagation({ metadata: { name: 'c-1' }, spec, status });
        expect(() => {
          (propagation.spec as { suspend: boolean }).suspend = true;
        }).toThrow(TypeError);
      }),
    );
  });
});

describe('parseSetting', () => {
  const cases: Record<string, { fields: Json; want: string }> = {
    'the value that was set': { fields: { value: '60', default: '300' }, want: '60' },
    'else the default': { fields: { value: '', default: '300' }, want: '300' },
    'neither is empty': { fields: {}, want: '' },
    'wrong types are as absent': { fields: { value: 5, default: [] }, want: '' },
  };
  for (const [title, { fields, want }] of Object.entries(cases)) {
    test(title, () => {
      expect(parseSetting({ metadata: { name: 's' }, ...fields }).value).toBe(want);
    });
  }
});
