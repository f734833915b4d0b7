import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CHARTS, type Chart, chartsPage, copiesOf, valuesOf } from '../../../hack/charts.ts';
import { AUTHENTICATOR_FLAGS } from '../../../src/config/authenticator.ts';
import { OPERATOR_FLAGS } from '../../../src/config/operator.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');
const schemaOf = (chart: Chart) => JSON.parse(read(`charts/${chart}/values.schema.json`));

// biome-ignore lint/suspicious/noExplicitAny: a JSON Schema
type Any = any;

test('the tables of values are current; if not: make docs', () => {
  expect(read('charts/README.md')).toBe(chartsPage());
});

describe.each(CHARTS)('%s', (chart) => {
  test('holds what it has from elsewhere as it is there; if not: make docs', () => {
    const copies = copiesOf(chart);
    for (const [copy, original] of Object.entries(copies)) {
      expect(read(`charts/${chart}/${copy}`), copy).toBe(read(original));
    }
    const files = readdirSync(`${ROOT}charts/${chart}/files`, { recursive: true, withFileTypes: true });
    expect(files.filter((file) => file.isFile())).toHaveLength(Object.keys(copies).length);
  });

  test('has the version of the project', () => {
    const { version } = JSON.parse(read('package.json'));
    expect(parse(read(`charts/${chart}/Chart.yaml`))).toMatchObject({
      name: chart,
      version,
      appVersion: version,
    });
  });

  test('has a schema that knows its values, and no others', () => {
    const paths = (schema: Any, prefix = ''): readonly string[] =>
      Object.entries<Any>(schema.properties ?? {}).flatMap(([key, inner]) => {
        const below = key === 'flags' || key === 'resources' ? [] : paths(inner, `${prefix}${key}.`);
        return below.length > 0 ? below : [`${prefix}${key}`];
      });
    const schema = schemaOf(chart);
    expect([...paths(schema)].sort()).toEqual(
      valuesOf(chart)
        .map(({ path }) => path)
        .sort(),
    );
    const closed = (inner: Any): void => {
      if (inner.properties) expect(inner.additionalProperties).toBe(false);
      for (const property of Object.values(inner.properties ?? {})) closed(property);
    };
    // What Helm and Rancher put into `global` is theirs. Objects of Kubernetes are the API server's to judge.
    const { global: _, extraEnv: __, ...ours } = schema.properties;
    closed({ ...schema, properties: ours });
  });

  test('takes each flag of its program that it does not set itself', () => {
    const OWN = {
      'ace-operator': ['kubeconfig', 'namespace', 'listen', 'credential-namespaces', 'ext-tokens', 'shards'],
      'ace-authenticator': [
        ...['kubeconfig', 'namespace', 'listen', 'insecure-listen', 'metrics-listen', 'ready-file'],
        ...['snapshot-file', 'snapshot-key-file'],
      ],
    }[chart];
    const flags = (chart === 'ace-operator' ? OPERATOR_FLAGS : AUTHENTICATOR_FLAGS).map(({ flag }) => flag);
    const taken = Object.keys(schemaOf(chart).properties.flags.properties);
    expect([...taken, ...OWN].sort()).toEqual([...flags].sort());
  });
});
