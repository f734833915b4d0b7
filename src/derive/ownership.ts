import {
  ANNOTATION_TOKEN_UID,
  ANNOTATION_USER_UID,
  FIELD_MANAGER,
  LABEL_CLUSTER,
  LABEL_MANAGED_BY,
} from '../api/names.ts';
import type { KubeObject } from '../api/types.ts';

/**
 * Whether we wrote this object for this cluster id. Anything else is never touched.
 *
 * Our UID annotations count beside the labels: someone who took the label off by hand has drifted our object,
 * not made it theirs. An object labelled for another cluster id is another installation's.
 */
export function isOurs(object: KubeObject, cluster: string): boolean {
  const { labels, annotations } = object.metadata;
  const labelledFor = labels?.[LABEL_CLUSTER];
  if (labelledFor !== undefined && labelledFor !== cluster) return false;
  if (labels?.[LABEL_MANAGED_BY] === FIELD_MANAGER && labelledFor === cluster) return true;
  return (
    annotations?.[ANNOTATION_TOKEN_UID] !== undefined || annotations?.[ANNOTATION_USER_UID] !== undefined
  );
}
