import { deepFreeze, parseMetadata } from './parse-fields.ts';
import { sharedLabels, sharedText } from './shared-text.ts';
import type { KubeObject, Observed } from './types.ts';

/**
 * A downstream object as we keep it: its own fields, our marks, and none of the bulk (managedFields).
 * Lists leave out `apiVersion` and `kind`, so they are given.
 */
export function observedParser(apiVersion: string, kind: string): (raw: unknown) => Observed {
  return (raw) => {
    const meta = parseMetadata(raw);
    const namespace = sharedText(meta.namespace);
    // Spread whole: leaving one field out would put all others outside of the object, at twice the price.
    const object: KubeObject = {
      ...(raw as object),
      apiVersion,
      kind,
      metadata: {
        name: meta.name,
        namespace,
        uid: meta.uid,
        resourceVersion: meta.resourceVersion,
        labels: sharedLabels(meta.labels ?? {}),
        annotations: meta.annotations ?? {},
        ...(meta.deletionTimestamp ? { deletionTimestamp: meta.deletionTimestamp } : {}),
        ...(meta.finalizers?.length ? { finalizers: meta.finalizers } : {}),
      },
    };
    return deepFreeze({
      name: meta.name,
      namespace,
      uid: meta.uid,
      resourceVersion: meta.resourceVersion,
      object,
    });
  };
}
