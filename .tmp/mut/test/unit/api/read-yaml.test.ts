import { describe, expect, it } from 'vitest';
import { readYaml } from '../../../src/api/read-yaml.ts';

const times = (count: number, line: (index: number) => string, between = '\n'): string =>
  Array.from({ length: count }, (_, index) => line(index)).join(between);

// Each takes a parser without bounds from seconds to minutes; here the time limit of a test would be up.
describe('a text that costs more than it is long is refused', () => {
  const costly: Readonly<Record<string, string>> = {
    'lists in lists': '['.repeat(400_000),
    'maps in maps': '{a: '.repeat(100_000),
    'lists in lists on one line': `${'- '.repeat(150_000)}x`,
    'keys of keys': '? '.repeat(150_000),
    tags: `a: ${'!x '.repeat(100_000)}`,
    anchors: `a: ${'&x '.repeat(100_000)}`,
    merges: `a: &a {x: 1}\nb:\n${'  <<: *a\n'.repeat(20_000)}`,
    directives: '%x\n'.repeat(100_000),
    'ends without a beginning': `a: ${']'.repeat(100_000)}`,
    'escapes that there are not': `a: "${'\\q'.repeat(200_000)}"`,
    'keys behind keys': 'a: '.repeat(100_000),
    'lines that are each wrong': 'a: b: c\n'.repeat(100_000),
    'texts behind texts': `a: ${'"x" '.repeat(100_000)}`,
    'documents behind documents': 'a: 1\n---\n'.repeat(20_000),
  };
  for (const [what, text] of Object.entries(costly))
    it(what, () => {
      expect(() => readYaml(text)).toThrow();
    });
});

describe('what people have is read', () => {
  it('thousands of keys in one map, in either form', () => {
    const entries = (between: string): string => times(10_000, (index) => `k${index}: ${index}`, between);
    expect(readYaml(entries('\n'))).toMatchObject({ k0: 0, k9999: 9_999 });
    expect(readYaml(`{${entries(', ')}}`)).toMatchObject({ k0: 0, k9999: 9_999 });
  });

  it('a file of many clusters, in YAML and in JSON', () => {
    const clusters = Array.from({ length: 1_000 }, (_, index) => ({
      name: `c-${index}`,
      cluster: { server: `https://10.0.0.1:${index}` },
    }));
    const yaml = times(
      1_000,
      (index) => `- name: c-${index}\n  cluster:\n    server: https://10.0.0.1:${index}`,
    );
    expect(readYaml(`clusters:\n${yaml}\n`)).toEqual({ clusters });
    expect(readYaml(JSON.stringify({ clusters }))).toEqual({ clusters });
  });

  it('the last of a key that is there twice, as kubectl takes it', () => {
    expect(readYaml('kind: Other\nkind: Config\n')).toEqual({ kind: 'Config' });
  });

  it('anchors and merges, signs within texts, and what is empty', () => {
    expect(readYaml('a: &a {x: 1}\nb:\n  <<: *a\n  y: 2\n')).toEqual({ a: { x: 1 }, b: { x: 1, y: 2 } });
    expect(readYaml(`args: ["${'[{!&*'.repeat(300)}"]`)).toEqual({ args: ['[{!&*'.repeat(300)] });
    expect(readYaml('')).toBeNull();
    expect(readYaml('--- !custom\na: 1\n...\n')).toEqual({ a: 1 });
  });

  it.each(['a: [', 'a: "x', 'a: 1\n b: 2\n', 'a: *nobody', '\ta: 1'])('%j is no YAML', (text) => {
    expect(() => readYaml(text)).toThrow();
  });

  it('an error does not quote what it was read from', () => {
    expect(() => readYaml('token: "kubeconfig-u-x:abcdef\nb')).toThrow(/^not YAML$/);
  });
});
