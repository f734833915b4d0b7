import {
  ANNOTATION_TOKEN_UID,
  ANNOTATION_USER_UID,
  FIELD_MANAGER,
  LABEL_CLUSTER,
  LABEL_INSTALLATION,
  LABEL_MANAGED_BY,
} from '../api/names.ts';
import type { KubeObject } from '../api/types.ts';

/** What a management plane knows of cluster ids other than the one that is looked at. */
export interface Installation {
  /** Which management plane this is, as its objects say it; undefined where it may not be known. */
  readonly id: string | undefined;
  /** A Cluster of that id is there, and stays. */
  isInUse(cluster: string): boolean;
  /** Something was written for that id, or may have been, since the plane began. */
  wasServed(cluster: string): boolean;
  /**
   * What is looked at is not the cluster that was written to: only what this installation signed with its label is ours there.
   * Left out: false.
   */
  readonly isElsewhere?: boolean;
  /** The object says for which Token or User it was written, by a UID, and that very one is there. */
  isSourceOf(object: KubeObject): boolean;
}

/**
 * Whose an object is: `ours`, to be kept current or taken away; a `sibling`'s, of another Cluster of this installation that
 * leads to the same API server; or `foreign`. What is not ours is never touched.
 */
export type Owner = 'ours' | 'sibling' | 'foreign';

const ALONE: Installation = {
  id: undefined,
  isInUse: () => false,
  wasServed: () => false,
  isSourceOf: () => false,
};

/**
 * Whose an object is that was found in a cluster.
 *
 * Our UID annotations count beside the labels: someone who took the label off by hand has drifted our object, not made it
 * theirs. What names another cluster id is ours if this installation wrote it and no Cluster of that id is there any more: the
 * cluster was registered again. Of older versions nothing says which installation wrote it; then a UID of one of our Users or
 * Tokens proves it, or that id's ClusterPropagation.
 *
 * @param cluster - the id by which it is looked at
 */
export function ownerOf(object: KubeObject, cluster: string, installation: Installation = ALONE): Owner {
  const { labels } = object.metadata;
  const id = labels?.[LABEL_CLUSTER];
  if (installation.isElsewhere) return isSigned(object, cluster, installation) ? 'ours' : 'foreign';
  const isManaged = labels?.[LABEL_MANAGED_BY] === FIELD_MANAGER;
  if (id === undefined || id === null) return isMarked(object) ? 'ours' : 'foreign';
  if (!isManaged && !isMarked(object)) return 'foreign';
  if (id === cluster) return 'ours';
  if (!isOfInstallation(object, id, installation)) return 'foreign';
  return installation.isInUse(id) ? 'sibling' : 'ours';
}

/** Whether we may change an object, and take it away. */
export function isOurs(object: KubeObject, cluster: string, installation?: Installation): boolean {
  return ownerOf(object, cluster, installation) === 'ours';
}

/** Whether this installation wrote it for this very id, and says so. */
function isSigned({ metadata: { labels } }: KubeObject, cluster: string, { id }: Installation): boolean {
  const isOfCluster = labels?.[LABEL_MANAGED_BY] === FIELD_MANAGER && labels[LABEL_CLUSTER] === cluster;
  return isOfCluster && id !== undefined && labels[LABEL_INSTALLATION] === id;
}

/** Whether this installation wrote it. */
function isOfInstallation(object: KubeObject, cluster: string, installation: Installation): boolean {
  const writer = object.metadata.labels?.[LABEL_INSTALLATION];
  if (installation.isSourceOf(object)) return true;
  if (typeof writer === 'string') return writer === installation.id;
  return installation.wasServed(cluster);
}

/** Whether it says for which Token or User we wrote it. */
export function isMarked({ metadata: { annotations } }: KubeObject): boolean {
  return (
    annotations?.[ANNOTATION_TOKEN_UID] !== undefined || annotations?.[ANNOTATION_USER_UID] !== undefined
  );
}
