import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CLUSTER_AUTH_TOKENS, CLUSTER_PROPAGATIONS } from '../../../src/api/names.ts';
import { goDurationMs } from '../../../src/plane/api-servers.ts';
import { parseDefinition } from '../../../src/plane/definitions.ts';

test.each([
  ['10s', 10_000],
  ['2m0s', 120_000],
  ['1h30m', 5_400_000],
  ['1.5s', 1_500],
  ['250ms', 250],
  ['0s', 0],
  ['', undefined],
  ['10', undefined],
  ['10s later', undefined],
])('Go’s duration %s is %s ms', (text, want) => {
  expect(goDurationMs(text)).toBe(want);
});

const shipped = (file: string) =>
  parse(readFileSync(new URL(`../../../crds/${file}.yaml`, import.meta.url), 'utf8'));

describe('a definition', () => {
  const own = shipped('ace-operator.io_clusterpropagations');
  const name = own.metadata.name as string;
  const judged = (raw: object, fields: readonly string[]) =>
    parseDefinition(name, CLUSTER_PROPAGATIONS, fields, raw);

  test('of ours keeps every field that we write', () => {
    expect(judged(own, ['spec.suspend', 'spec.hash.algorithm', 'status.conditions'])).toEqual({
      name,
      isServed: true,
      isNamespaced: false,
      dropped: [],
    });
    const loose = shipped('cluster.cattle.io_clusterauthtokens');
    expect(parseDefinition(name, CLUSTER_AUTH_TOKENS, ['anything.at.all'], loose)).toMatchObject({
      isNamespaced: true,
      dropped: [],
    });
  });

  test('of an earlier version drops what it does not know, at whatever depth', () => {
    expect(judged(own, ['spec.later', 'spec.hash.later', 'later']).dropped).toEqual([
      'spec.later',
      'spec.hash.later',
      'later',
    ]);
  });

  test('that does not serve our version, or is no definition', () => {
    const versions = [{ name: 'v1beta9', served: true, schema: {} }];
    expect(judged({ spec: { scope: 'Cluster', versions } }, ['x'])).toMatchObject({
      isServed: false,
      dropped: [],
    });
    expect(judged({}, ['x'])).toMatchObject({ isServed: false });
  });
});
