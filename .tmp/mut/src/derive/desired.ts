import {
  ANNOTATION_EARLIER_TOKEN_UID,
  ANNOTATION_FINGERPRINT,
  ANNOTATION_TOKEN_API,
  ANNOTATION_TOKEN_UID,
  ANNOTATION_USER_UID,
  apiVersionOf,
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  EXT_TOKENS,
  FIELD_MANAGER,
  LABEL_CLUSTER,
  LABEL_INSTALLATION,
  LABEL_MANAGED_BY,
  SECRETS,
} from '../api/names.ts';
import type { HashStorage, KubeObject, Token, User, UserAttribute } from '../api/types.ts';
import { formatTime } from './expiry.ts';

/** Where downstream objects go. */
export interface Placement {
  /** Management id of the cluster. */
  readonly cluster: string;
  readonly namespace: string;
  readonly storage: HashStorage;
  /** Which installation writes; undefined: that is left as it is. */
  readonly installation?: string | undefined;
}

/** The hash to write, and the fingerprint that lets us recognise it later. */
export interface HashToWrite {
  readonly hash: string;
  readonly fingerprint: string;
}

/**
 * Downstream objects of a wanted token, in write order.
 *
 * Each is a merge-patch document (RFC 7386): `null` means that the field must be absent. The Secret comes
 * first, so that the authenticator never sees a token without its hash.
 *
 * @param earlierUid - of the token of the same name, user and secret for which the ClusterAuthToken was written that is there
 */
export function desiredTokenObjects(
  token: Token,
  expiresAtMs: number | undefined,
  hash: HashToWrite,
  placement: Placement,
  earlierUid?: string,
): readonly KubeObject[] {
  const inline = placement.storage === 'inline';
  const marks = {
    [ANNOTATION_TOKEN_UID]: token.uid,
    [ANNOTATION_TOKEN_API]: token.api === 'ext' ? EXT_TOKENS.group : null,
  };
  const fingerprint = { [ANNOTATION_FINGERPRINT]: hash.fingerprint };
  const earlier = earlierUid === undefined ? {} : { [ANNOTATION_EARLIER_TOKEN_UID]: earlierUid };
  const secret: KubeObject = {
    apiVersion: apiVersionOf(SECRETS),
    kind: SECRETS.kind,
    metadata: metadata(token.name, placement, { ...marks, ...fingerprint, ...earlier }),
    type: 'Opaque',
    data: { hash: Buffer.from(hash.hash).toString('base64') },
  };
  const clusterAuthToken: KubeObject = {
    apiVersion: apiVersionOf(CLUSTER_AUTH_TOKENS),
    kind: CLUSTER_AUTH_TOKENS.kind,
    metadata: metadata(token.name, placement, {
      ...marks,
      [ANNOTATION_FINGERPRINT]: inline ? hash.fingerprint : null,
    }),
    userName: token.userName,
    enabled: true,
    expiresAt: expiresAtMs === undefined ? null : formatTime(expiresAtMs),
    // A leftover inline hash would win over the Secret (rancher.md W13).
    hash: inline ? hash.hash : null,
  };
  return inline ? [clusterAuthToken] : [secret, clusterAuthToken];
}

/**
 * The ClusterUserAttribute of a user. A missing UserAttribute means empty groups, never "no sync".
 *
 * `needsRefresh` belongs to the authenticator until a newer `lastRefresh` answers it: then we clear it.
 *
 * @param observedLastRefresh - what the object downstream says now; undefined when there is none
 */
export function desiredUserObject(
  user: User,
  attribute: UserAttribute | undefined,
  placement: Placement,
  observedLastRefresh: string | undefined,
): KubeObject {
  const lastRefresh = attribute?.lastRefresh ?? '';
  const answered = observedLastRefresh !== lastRefresh;
  return {
    apiVersion: apiVersionOf(CLUSTER_USER_ATTRIBUTES),
    kind: CLUSTER_USER_ATTRIBUTES.kind,
    metadata: metadata(user.name, placement, { [ANNOTATION_USER_UID]: user.uid }),
    enabled: user.enabled && !user.deleting,
    // What cannot be read says nothing: the groups that are there stay.
    ...(attribute?.problem === undefined ? { groups: attribute?.groups ?? [] } : {}),
    lastRefresh,
    ...(answered ? { needsRefresh: attribute?.needsRefresh ?? false } : {}),
    extraByProvider: attribute?.extraByProvider ?? null,
  };
}

/**
 * Of what is desired of a ClusterUserAttribute, only what takes something away from the user: the groups that both
 * have, and enabled only where both say so.
 */
export function revocationsOf(desired: KubeObject, current: KubeObject): KubeObject {
  const { apiVersion, kind, metadata } = desired;
  const held = Array.isArray(current['groups']) ? current['groups'] : [];
  const granted = Array.isArray(desired['groups']) ? desired['groups'] : held;
  return {
    apiVersion,
    kind,
    metadata: { name: metadata.name, ...(metadata.namespace ? { namespace: metadata.namespace } : {}) },
    enabled: current['enabled'] === true && desired['enabled'] === true,
    groups: held.filter((group) => granted.includes(group)),
  };
}

/** By which we, and people, know what we wrote. */
export function ownLabels({
  cluster,
  installation,
}: Pick<Placement, 'cluster' | 'installation'>): Readonly<Record<string, string>> {
  return {
    [LABEL_MANAGED_BY]: FIELD_MANAGER,
    [LABEL_CLUSTER]: cluster,
    ...(installation === undefined ? {} : { [LABEL_INSTALLATION]: installation }),
  };
}

function metadata(
  name: string,
  placement: Placement,
  annotations: Record<string, string | null>,
): KubeObject['metadata'] {
  return {
    name,
    namespace: placement.namespace,
    labels: ownLabels(placement),
    annotations,
  };
}
