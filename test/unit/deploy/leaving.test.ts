import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';

/** What the pages tell a reader to take away is all that a directory of manifests can have brought. */

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The shell lines below a heading of a page, up to the next one. */
function linesBelow(page: string, heading: string): string {
  const section = read(page).split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, lines]) => lines).join('');
}

interface Shipped {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

function objectsIn(directory: string): readonly Shipped[] {
  return readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => parseAllDocuments(read(join(directory, name))))
    .map((document) => document.toJS() as Partial<Shipped> | null)
    .filter((object): object is Shipped => object?.metadata !== undefined);
}

test('the way back takes every authenticator away, whichever directory was applied, and then looks at the port', () => {
  const lines = linesBelow('docs/enable-ace.md', 'Back again');
  const [, deleted = ''] = /delete daemonset (.*) --ignore-not-found/.exec(lines) ?? [];
  const shipped = objectsIn('manifests/authenticator').filter(({ kind }) => kind === 'DaemonSet');
  const daemonSets = [...new Set(shipped.map(({ metadata }) => metadata.name))];
  expect(daemonSets).toContain('ace-authenticator-2');
  expect(deleted.split(' ').sort()).toEqual(daemonSets.sort());
  // By name first: what is deleted with its account answers from memory for as long as it is left.
  expect(lines.indexOf('delete daemonset')).toBeLessThan(lines.indexOf('delete -k'));
  expect(lines).toMatch(/ss -ltn.*6440/);
});

const ALL_CLUSTERS = 'kubectl get cprop -o name | xargs -n 1 kubectl patch --type merge -p';

test('a cluster that was drained before Helm took the operator away is told how to be worked on again', () => {
  const lines = linesBelow('docs/install-helm.md', 'Uninstalling');
  expect(lines).toContain(`${ALL_CLUSTERS} '{"spec":{"drain":true}}'`);
  const undrain = `kubectl patch cprop CLUSTER --type merge -p '{"spec":{"drain":false}}'`;
  for (const text of [read('docs/install-helm.md'), read('charts/ace-operator/templates/NOTES.txt')]) {
    expect(text).toContain('kubectl get cprop -o custom-columns=CLUSTER:.metadata.name,DRAIN:.spec.drain');
    expect(text).toContain(undrain);
    // Some may have been drained to end access there.
    expect(text).not.toMatch(/xargs.*"drain":false/);
  }
});

/** Directories for the management cluster whose objects lie outside of the operator's namespace, so that they outlive it. */
const BESIDE = readdirSync(join(ROOT, 'manifests'))
  .filter((name) => name.startsWith('operator-'))
  .filter((name) =>
    objectsIn(`manifests/${name}`).some(({ metadata }) => metadata.namespace !== 'ace-operator'),
  )
  .map((name) => `manifests/${name}`);

test('the rights that were given beside the operator go with it', () => {
  expect(BESIDE).toEqual(['manifests/operator-ext-tokens', 'manifests/operator-rancher-credentials']);
  const page = read('docs/uninstall.md');
  for (const directory of BESIDE) expect(page).toContain(`kubectl delete -k ${directory} --ignore-not-found`);
});
