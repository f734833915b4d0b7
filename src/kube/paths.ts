import { apiVersionOf, type Resource } from '../api/names.ts';

/** Which object: `namespace` is left out for cluster-scoped kinds. */
export interface ObjectKey {
  readonly resource: Resource;
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** Path of a kind's collection, in a namespace or across all. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const root = resource.group === '' ? '/api' : '/apis';
  const scope = resource.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}/${apiVersionOf(resource)}${scope}/${resource.plural}`;
}

/** Path of one object. */
export function objectPath(key: ObjectKey): string {
  return `${collectionPath(key.resource, key.namespace)}/${encodeURIComponent(key.name)}`;
}
