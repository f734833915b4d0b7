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

function namesOf(kind: string, directory: string): readonly string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => parseAllDocuments(read(join(directory, name))))
    .map((document) => document.toJS() as { kind?: string; metadata?: { name: string } })
    .flatMap((object) => (object.kind === kind && object.metadata ? [object.metadata.name] : []));
}

test('the way back takes every authenticator away, whichever directory was applied, and then looks at the port', () => {
  const lines = linesBelow('docs/enable-ace.md', 'Back again');
  const [, deleted = ''] = /delete daemonset (.*) --ignore-not-found/.exec(lines) ?? [];
  const daemonSets = [...new Set(namesOf('DaemonSet', 'manifests/authenticator'))];
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
  expect(lines).toContain(`${ALL_CLUSTERS} '{"spec":{"drain":false}}'`);
  expect(read('charts/ace-operator/templates/NOTES.txt')).toContain('{"spec":{"drain":false}}');
});
