import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { findKubectl } from '../support/binaries.ts';
import type { Any } from '../support/plane-client.ts';

/** The kustomization with TLS of docs/enable-ace.md, as kubectl renders it. No API server. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TLS = ['--tls-cert-file=/tls/tls.crt', '--tls-key-file=/tls/tls.key', '--client-ca-file=/tls/ca.crt'];
const kubectl = findKubectl();
/** Before 1.21, kubectl carries a kustomize that takes no components. */
const isOldKubectl = / v1\.20\.|"v1\.20\./.test(
  execFileSync(kubectl, ['version', '--client', '-o', 'json'], { encoding: 'utf8' }),
);
if (isOldKubectl) console.warn('skipped: the kustomize of kubectl 1.20 takes no directory as a resource');

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ace-tls-page-'));
  symlinkSync(ROOT, join(directory, 'ace-operator'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** @param change - what the page says to change in its kustomization */
function daemonSets(change: (kustomization: Any) => void = () => {}): readonly Any[] {
  const page = readFileSync(join(ROOT, 'docs/enable-ace.md'), 'utf8');
  const [, block = ''] = /```yaml\n(# kustomization[^`]*tls-cert-file[^`]*)```/.exec(page) ?? [];
  const kustomization = parse(block);
  change(kustomization);
  writeFileSync(join(directory, 'kustomization.yaml'), stringify(kustomization));
  const text = execFileSync(kubectl, ['kustomize', directory, '--load-restrictor=LoadRestrictionsNone'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Any)
    .filter(({ kind }) => kind === 'DaemonSet');
}

const containerOf = ({ spec }: Any): Any => spec.template.spec.containers[0];
const probesOf = (daemonSet: Any): readonly [string, Any][] =>
  Object.entries<Any>(containerOf(daemonSet)).filter(([name]) => name.endsWith('Probe'));

function expectTls(daemonSet: Any): void {
  expect(containerOf(daemonSet).args).toEqual(expect.arrayContaining(TLS));
  expect(containerOf(daemonSet).volumeMounts).toContainEqual(
    expect.objectContaining({ name: 'tls', mountPath: '/tls' }),
  );
  const { securityContext, volumes } = daemonSet.spec.template.spec;
  expect(securityContext.fsGroup).toBe(65_532);
  expect(volumes).toContainEqual(expect.objectContaining({ name: 'tls' }));
}

describe.skipIf(isOldKubectl)('the page on TLS', () => {
  test('has every probe look at a plain listener on loopback: one of the webhook itself would fail for ever', () => {
    const [daemonSet, ...others] = daemonSets();
    expect(others).toEqual([]);
    expectTls(daemonSet);
    const ports = probesOf(daemonSet).map(([, { httpGet }]) => httpGet.port);
    expect(ports).toEqual([6441, 6441, 6441]);
    expect(containerOf(daemonSet).args).toContain('--metrics-listen=127.0.0.1:6441');
  });

  test('leaves a pair without gaps one: both speak TLS, are looked at apart, and keep their state', () => {
    const both = daemonSets((kustomization) => {
      kustomization.resources = ['ace-operator/manifests/authenticator-without-gaps'];
      kustomization.patches.pop();
    });
    expect(both.map(({ metadata }) => metadata.name).sort()).toEqual([
      'ace-authenticator',
      'ace-authenticator-2',
    ]);
    for (const [index, port] of [6_441, 6_442].entries()) {
      expectTls(both[index]);
      const { args, livenessProbe, readinessProbe, startupProbe } = containerOf(both[index]);
      expect([livenessProbe.httpGet.port, readinessProbe.httpGet.port]).toEqual([port, port]);
      expect(startupProbe.exec).toBeDefined();
      expect(args.filter((arg: string) => arg.startsWith('--metrics-listen'))).toEqual([
        `--metrics-listen=127.0.0.1:${port}`,
      ]);
      for (const flag of ['--ready-file=', '--snapshot-file=', '--snapshot-key-file='])
        expect(args.filter((arg: string) => arg.startsWith(flag))).toHaveLength(1);
      const volumes = both[index].spec.template.spec.volumes.map(({ name }: Any) => name);
      expect(volumes.sort()).toEqual(['kept-state', 'run', 'tls']);
    }
  });
});
