/** One file of YAML for each thing that people install with kubectl alone. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What we render of a kustomization; anything else in one would be lost, so it is refused. */
const UNDERSTOOD = ['apiVersion', 'kind', 'resources', 'images'];
const IMAGE = /^(\s*image: )ace-operator(?::\S+)?$/gm;

/**
 * The files of a release, by name. Beside Rancher `install.yaml` is all that the management cluster needs: the other
 * definitions are Rancher's there, so that they have a file of their own.
 *
 * @param image - with its tag or digest
 * @throws {Error} when a kustomization has something that is not rendered here
 */
export function releaseManifests(image: string): Readonly<Record<string, string>> {
  const ours = 'ace-operator.io_clusterpropagations.yaml';
  return {
    'install.yaml': joined(
      'The operator and its definition, for the management cluster. Without Rancher: crds.yaml first.',
      [read(`crds/${ours}`), ...base('operator', image)],
    ),
    'crds.yaml': joined(
      "The kinds of the management plane, where there is no Rancher. Never beside Rancher: they are Rancher's there.",
      definitions(/^management\./),
    ),
    'downstream.yaml': joined(
      'What the operator may do in a downstream cluster. Namespace cattle-system has to be there.',
      base('downstream-rbac', image),
    ),
    'authenticator.yaml': joined(
      'The token webhook, for a downstream cluster. Namespace cattle-system has to be there.',
      base('authenticator', image),
    ),
  };
}

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const definitions = (name: RegExp): readonly string[] =>
  readdirSync(join(ROOT, 'crds'))
    .filter((file) => name.test(file) && file.endsWith('.yaml'))
    .map((file) => read(`crds/${file}`));

/** As `kubectl kustomize` renders it, in the order of its file; an integration test compares both. */
function base(name: string, image: string): readonly string[] {
  const directory = `manifests/${name}`;
  const kustomization = parse(read(`${directory}/kustomization.yaml`)) as { resources: readonly string[] };
  const unknown = Object.keys(kustomization).filter((key) => !UNDERSTOOD.includes(key));
  if (unknown.length > 0)
    throw new Error(`${directory}/kustomization.yaml has ${unknown}, which is not rendered here`);
  return kustomization.resources.map((file) => read(`${directory}/${file}`).replace(IMAGE, `$1${image}`));
}

function joined(title: string, texts: readonly string[]): string {
  const documents = texts.map((text) => text.replace(/^---\n/, '').trimEnd());
  return `# ${title}\n${documents.map((text) => `---\n${text}\n`).join('')}`;
}
