/** The definition of a kind of Rancher's that takes any fields: what tests store of it is theirs to say. */
export function openDefinition(kind: string, plural: string, scope: 'Cluster' | 'Namespaced'): object {
  const group = 'management.cattle.io';
  const openAPIV3Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { kind, plural },
      scope,
      versions: [{ name: 'v3', served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  };
}
