import {
  ANNOTATION_ACCEPT_CLUSTER,
  ANNOTATION_ALLOW_GC,
  ANNOTATION_PUT_BACK,
  ANNOTATION_SHARDS,
  ANNOTATION_TOKEN_HASHED,
  ANNOTATION_TOKEN_UID,
  ANNOTATION_USER_UID,
  ANNOTATION_VERSION,
  LABEL_CLUSTER,
  LABEL_COMPONENT,
  LABEL_INSTALLATION,
  LABEL_MANAGED_BY,
  LABEL_TOKEN_KIND,
  LABEL_TOKEN_USER,
} from '../api/names.ts';
import type { Shape } from './allow.ts';

/** What support needs of each kind. Names of people, descriptions and free annotations are nobody's business there. */

const fields = (...names: readonly string[]): Record<string, Shape> =>
  Object.fromEntries(names.map((name) => [name, true]));

const METADATA: Shape = {
  ...fields('name', 'namespace', 'uid', 'resourceVersion', 'generation'),
  ...fields('creationTimestamp', 'deletionTimestamp'),
  finalizers: [true],
  labels: {
    ...fields(LABEL_MANAGED_BY, LABEL_COMPONENT, LABEL_CLUSTER, LABEL_INSTALLATION),
    ...fields(LABEL_TOKEN_USER, LABEL_TOKEN_KIND, 'app.kubernetes.io/name', 'app.kubernetes.io/version'),
  },
  annotations: {
    ...fields(ANNOTATION_TOKEN_HASHED, ANNOTATION_TOKEN_UID, ANNOTATION_USER_UID, ANNOTATION_VERSION),
    ...fields(ANNOTATION_ALLOW_GC, ANNOTATION_ACCEPT_CLUSTER, ANNOTATION_SHARDS, ANNOTATION_PUT_BACK),
  },
};

const CONDITIONS: Shape = [
  fields('type', 'status', 'reason', 'message', 'lastTransitionTime', 'lastUpdateTime', 'observedGeneration'),
];

export const TOKEN: Shape = {
  metadata: METADATA,
  ...fields('userId', 'clusterName', 'authProvider', 'ttl', 'expiresAt', 'enabled', 'expired'),
  ...fields('isDerived', 'lastUsedAt', 'current'),
};

export const USER: Shape = { metadata: METADATA, enabled: true };

export const CLUSTER: Shape = {
  metadata: METADATA,
  spec: { displayName: true, localClusterAuthEndpoint: fields('enabled', 'fqdn') },
  status: { apiEndpoint: true, driver: true, version: fields('gitVersion'), conditions: CONDITIONS },
};

export const PROPAGATION: Shape = {
  metadata: METADATA,
  spec: {
    ...fields('suspend', 'drain', 'adopt'),
    hash: fields('algorithm', 'storage'),
    gc: fields('maxDeletePercent', 'minDeletes'),
  },
  status: {
    conditions: CONDITIONS,
    refused: { '*': true },
    hashes: { '*': true },
    ...fields('observedGeneration', 'wanted', 'synced', 'pending', 'failed', 'tokens', 'downstreamNamespace'),
    ...fields('clusterUID', 'extTokens', 'lastSyncTime', 'nextRetryTime', 'lastError'),
    ...fields('credentialsIssueTime', 'credentialsExpireTime', 'credentialsState'),
  },
};

export const CLUSTER_AUTH_TOKEN: Shape = {
  metadata: METADATA,
  ...fields('userName', 'enabled', 'expiresAt', 'lastUsedAt'),
};

export const CLUSTER_USER_ATTRIBUTE: Shape = {
  metadata: METADATA,
  groups: [true],
  ...fields('enabled', 'lastRefresh', 'needsRefresh'),
};

export const LEASE: Shape = {
  metadata: METADATA,
  spec: fields('holderIdentity', 'leaseDurationSeconds', 'acquireTime', 'renewTime', 'leaseTransitions'),
};

export const EVENT: Shape = {
  metadata: METADATA,
  ...fields('type', 'reason', 'message', 'count', 'firstTimestamp', 'lastTimestamp', 'eventTime'),
  ...fields('reportingComponent', 'action'),
  involvedObject: fields('kind', 'namespace', 'name', 'uid'),
};

const CONTAINER_STATE: Shape = {
  running: fields('startedAt'),
  waiting: fields('reason'),
  terminated: fields('reason', 'exitCode', 'signal', 'startedAt', 'finishedAt'),
};

export const POD: Shape = {
  metadata: METADATA,
  spec: {
    nodeName: true,
    priorityClassName: true,
    containers: [{ ...fields('name', 'image'), args: [true] }],
  },
  status: {
    ...fields('phase', 'reason', 'startTime', 'qosClass'),
    conditions: CONDITIONS,
    containerStatuses: [
      {
        ...fields('name', 'image', 'imageID', 'ready', 'started', 'restartCount'),
        state: CONTAINER_STATE,
        lastState: CONTAINER_STATE,
      },
    ],
  },
};

export const DAEMON_SET: Shape = {
  metadata: METADATA,
  spec: { template: { spec: { containers: [{ ...fields('name', 'image'), args: [true] }] } } },
  status: fields(
    ...['desiredNumberScheduled', 'currentNumberScheduled', 'numberReady', 'numberUnavailable'],
    ...['numberMisscheduled', 'updatedNumberScheduled', 'observedGeneration'],
  ),
};

/** Of a line of our own logs: what src/telemetry/log.ts lets in, and the audit lines of the authenticator. */
export const LOG_LINE: Shape = fields(
  ...['timestamp', 'level', 'message', 'cluster', 'token', 'user', 'key', 'resource', 'namespace', 'reason'],
  ...['source', 'detail', 'count', 'durationMs', 'delayMs', 'version', 'address', 'signal', 'error'],
  ...['audit', 'verdict', 'final', 'dropped'],
);
