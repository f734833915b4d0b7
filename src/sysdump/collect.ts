import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_PROPAGATIONS,
  CLUSTER_USER_ATTRIBUTES,
  CLUSTERS,
  DAEMON_SETS,
  EVENTS,
  LEASE,
  LEASES,
  TOKENS,
  USERS,
} from '../api/names.ts';
import { addList, addOne, addPods, fileName, podMetrics, type Source } from './read.ts';
import {
  CLUSTER,
  CLUSTER_AUTH_TOKEN,
  CLUSTER_USER_ATTRIBUTE,
  DAEMON_SET,
  EVENT,
  LEASE as LEASE_SHAPE,
  PROPAGATION,
  TOKEN,
  USER,
} from './shapes.ts';

/** Where manifests/operator serves it. */
const METRICS_PORT = 9464;

/** The management plane's side: what is wanted, what the operator says of it, and how the operator itself is. */
export async function collectManagement(source: Source, namespace: string): Promise<void> {
  await addList(source, TOKENS, TOKEN);
  await addList(source, USERS, USER);
  await addList(source, CLUSTERS, CLUSTER);
  await addList(source, CLUSTER_PROPAGATIONS, PROPAGATION);
  await addOne(source, LEASES, LEASE_SHAPE, { name: LEASE, namespace });
  await addList(source, EVENTS, EVENT, { namespace });
  const { plane, archive, directory } = source;
  for (const pod of await addPods(source, namespace, 'ace-operator')) {
    const path = `${directory}/metrics/${fileName(pod)}.txt`;
    const metrics = await podMetrics(plane, namespace, pod, METRICS_PORT);
    if (metrics.ok) archive.addLines(path, metrics.value.split('\n'));
    else archive.leave(path, metrics.failure.reason, metrics.failure.message);
  }
}

const DAEMON_SET_NAMES = ['ace-authenticator', 'ace-authenticator-2', 'kube-api-auth'] as const;

/** A cluster's side: what is there, and who answers for it. */
export async function collectCluster(source: Source, namespace: string): Promise<void> {
  await addList(source, CLUSTER_AUTH_TOKENS, CLUSTER_AUTH_TOKEN, { namespace });
  await addList(source, CLUSTER_USER_ATTRIBUTES, CLUSTER_USER_ATTRIBUTE, { namespace });
  for (const name of DAEMON_SET_NAMES) await addOne(source, DAEMON_SETS, DAEMON_SET, { name, namespace });
  await addList(source, EVENTS, EVENT, { namespace });
  await addPods(source, namespace, 'ace-authenticator');
}
