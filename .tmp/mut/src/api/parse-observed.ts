import { deepFreeze, parseMetadata } from './parse-fields.ts';
import type { KubeObject, Observed } from './types.ts';

/**
 * A downstream object as we keep it: its own fields, our marks, and none of the bulk (managedFields).
 * Lists leave out `apiVersion` and `kind`, so they are given.
 */
export function observedParser(apiVersion: string, kind: string): (raw: unknown) => Observed {
  return (raw) => {
    const meta = parseMetadata(raw);
    const { metadata: _, ...fields } = raw as Record<string, unknown>;
    const object: KubeObject = {
      ...fields,
      apiVersion,
      kind,
      metadata: {
        name: meta.name,
        namespace: meta.namespace,
        uid: meta.uid,
        resourceVersion: meta.resourceVersion,
        labels: meta.labels ?? {},
        annotations: meta.annotations ?? {},
        ...(meta.deletionTimestamp ? { deletionTimestamp: meta.deletionTimestamp } : {}),
        ...(meta.finalizers?.length ? { finalizers: meta.finalizers } : {}),
      },
    };
    return deepFreeze({
      name: meta.name,
      namespace: meta.namespace,
      uid: meta.uid,
      resourceVersion: meta.resourceVersion,
      object,
    });
  };
}
