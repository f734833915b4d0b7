import { ANNOTATION_FINGERPRINT } from '../api/names.ts';
import type { KubeObject } from '../api/types.ts';
import { hashIn } from './diff.ts';

/** A hash that stands in an object, and the mark beside it; empty where there is none. */
export interface FoundHash {
  readonly object: KubeObject;
  readonly hash: string;
  readonly mark: string;
}

/** Those of these objects that hold a hash. */
export function foundIn(objects: readonly KubeObject[]): readonly FoundHash[] {
  return objects.flatMap((object) => {
    const hash = hashIn(object);
    return hash === undefined ? [] : [{ object, hash, mark: markOf(object) }];
  });
}

/** The mark of the hash that an object holds, or held. */
export function markOf({ metadata }: KubeObject): string {
  return metadata.annotations?.[ANNOTATION_FINGERPRINT] ?? '';
}
