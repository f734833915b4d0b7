import type { Any } from '../../support/plane-client.ts';
import type { Site } from './site.ts';

/** Kinds that the cluster itself writes all the time. */
const RESTLESS = /^(events|componentstatuses|endpoints|endpointslices)\b/;
/** What Kubernetes puts into every namespace, and the numbers in its names. */
const IN_EVERY_NAMESPACE =
  /(ServiceAccount|Secret|ConfigMap) \S+\/(default|default-token-\w+|kube-root-ca\.crt)$/;
/** What nodes and controllers say of themselves; a young cluster's may come after the first look at it. */
const OF_THE_CLUSTER = /^(Lease kube-\S+\/|CSINode )/;

/** Every object of every kind that the API server lists, as `Kind namespace/name`, sorted. */
export async function inventory(site: Site): Promise<readonly string[]> {
  const kinds = (await site.admin('api-resources', '--verbs=list', '-o=name')).split('\n');
  const lasting = kinds.filter((kind) => kind !== '' && !RESTLESS.test(kind));
  const { items } = JSON.parse(await site.admin('get', lasting.join(','), '-A', '-o=json')) as Any;
  const names = items.map(
    ({ kind, metadata }: Any) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`,
  );
  return [...new Set<string>(names)]
    .filter((name) => !IN_EVERY_NAMESPACE.test(name) && !OF_THE_CLUSTER.test(name))
    .sort();
}
