import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { releaseManifests } from '../../hack/release/manifests.ts';
import { findKubectl } from '../support/binaries.ts';

/** The files of a release hold what kustomize makes of the same manifests, but for the image. */
const MANIFESTS = fileURLToPath(new URL('../../manifests/', import.meta.url));
const IMAGE = 'registry.example/ace-operator:1.2.3';

interface Named {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

function objects(text: string): ReadonlyMap<string, unknown> {
  const all = parseAllDocuments(text).map((document) => document.toJS() as Named | null);
  const named = all.filter((one) => one !== null);
  return new Map(
    named.map((one) => [`${one.kind} ${one.metadata.namespace ?? ''}/${one.metadata.name}`, one]),
  );
}

test.each([
  ['install.yaml', 'operator'],
  ['downstream.yaml', 'downstream-rbac'],
  ['authenticator.yaml', 'authenticator'],
])('%s is manifests/%s', (file, directory) => {
  const rendered = execFileSync(findKubectl(), ['kustomize', join(MANIFESTS, directory)], {
    encoding: 'utf8',
  });
  const wanted = objects(rendered.replaceAll('image: ace-operator:latest', `image: ${IMAGE}`));
  const released = objects(releaseManifests(IMAGE)[file] ?? '');
  expect(wanted.size).toBeGreaterThan(2);
  for (const [name, object] of wanted) expect(released.get(name), name).toEqual(object);
  const more = [...released.keys()].filter((name) => !wanted.has(name));
  expect(more).toEqual(
    file === 'install.yaml' ? ['CustomResourceDefinition /clusterpropagations.ace-operator.io'] : [],
  );
});
