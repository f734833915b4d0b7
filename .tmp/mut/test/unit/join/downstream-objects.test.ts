import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { downstreamObjects, renewalObjects } from '../../../src/join/downstream-objects.ts';
import { VERSION } from '../../../src/version.ts';

const RBAC = new URL('../../../manifests/downstream-rbac/', import.meta.url);

interface Named {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}
const byName = (a: Named, b: Named): number =>
  `${a.kind}/${a.metadata.name}`.localeCompare(`${b.kind}/${b.metadata.name}`);

test('what join makes in a cluster is what the manifests hold', () => {
  const shipped = ['serviceaccount', 'role', 'clusterrole'].flatMap((file) =>
    parseAllDocuments(readFileSync(new URL(`${file}.yaml`, RBAC), 'utf8')).map(
      (document) => document.toJS() as Named,
    ),
  );
  const made = downstreamObjects('cattle-system', VERSION).map(({ object }) => object as unknown as Named);
  expect([...made].sort(byName)).toEqual([...shipped].sort(byName));
});

test('what renewal takes beyond that is one right, to one name', () => {
  const [role, binding] = renewalObjects('cattle-system', VERSION).map(({ object }) => object);
  expect(role).toMatchObject({
    ...{ kind: 'Role', metadata: { namespace: 'cattle-system' } },
    rules: [
      {
        ...{ apiGroups: [''], resources: ['serviceaccounts/token'] },
        ...{ resourceNames: ['ace-operator'], verbs: ['create'] },
      },
    ],
  });
  expect(binding).toMatchObject({
    roleRef: { kind: 'Role', name: role?.metadata.name },
    subjects: [{ kind: 'ServiceAccount', name: 'ace-operator', namespace: 'cattle-system' }],
  });
});

test('where our objects are elsewhere, nothing names the usual namespace', () => {
  const all = [...downstreamObjects('elsewhere', '1'), ...renewalObjects('elsewhere', '1')];
  expect(JSON.stringify(all)).not.toContain('cattle-system');
});
