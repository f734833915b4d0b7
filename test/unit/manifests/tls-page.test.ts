import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

/** The kustomization with TLS of docs/enable-ace.md: a probe that it leaves as it is fails for ever, and nobody is let in. */

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly value: unknown;
}

test('with TLS every probe looks at a plain listener on loopback', () => {
  const [, block = ''] =
    /```yaml\n(# kustomization[^`]*tls-cert-file[^`]*)```/.exec(read('docs/enable-ace.md')) ?? [];
  const [{ patch }] = parse(block).patches as [{ patch: string }];
  const operations = parse(patch) as readonly Operation[];
  const valueAt = (path: string): unknown =>
    operations.find((operation) => operation.path === `/spec/template/spec/containers/0/${path}`)?.value;

  const [container] = parse(read('manifests/authenticator/daemonset.yaml')).spec.template.spec.containers;
  const probes = Object.keys(container).filter((key) => key.endsWith('Probe'));
  expect(probes).toHaveLength(3);
  const ports = probes.map((probe) => valueAt(`${probe}/httpGet/port`));
  expect(ports).toEqual([6441, 6441, 6441]);
  expect(valueAt('args')).toContain('--metrics-listen=127.0.0.1:6441');
});
