import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_PROPAGATIONS,
  CLUSTER_USER_ATTRIBUTES,
  CLUSTERS,
  DAEMON_SETS,
  EVENTS,
  LEASES,
  TOKENS,
  USERS,
} from '../api/names.ts';
import { logLine, stockLogLine } from './log-lines.ts';
import { addAuthenticatorMetrics, addMetrics, OPERATOR_PORT } from './metrics.ts';
import { addList, addOne, addPods, type Program, type Source } from './read.ts';
import {
  CLUSTER,
  CLUSTER_AUTH_TOKEN,
  CLUSTER_USER_ATTRIBUTE,
  DAEMON_SET,
  EVENT,
  LEASE,
  PROPAGATION,
  TOKEN,
  USER,
} from './shapes.ts';

const ours = (...names: readonly string[]): Program => ({
  labelSelector: `app.kubernetes.io/name in (${names.join(',')})`,
  file: 'pods',
  line: logLine,
});

const OPERATOR = ours('ace-operator');
const AUTHENTICATORS = ours('ace-authenticator', 'ace-authenticator-2');
/** As Rancher's own manifest labels it. */
const STOCK: Program = {
  labelSelector: 'app=kube-api-auth',
  file: 'pods-kube-api-auth',
  line: stockLogLine,
};

/** The management plane's side: what is wanted, what the operator says of it, and how the operator itself is. */
export async function collectManagement(source: Source, namespace: string): Promise<void> {
  await addList(source, TOKENS, TOKEN);
  await addList(source, USERS, USER);
  await addList(source, CLUSTERS, CLUSTER);
  await addList(source, CLUSTER_PROPAGATIONS, PROPAGATION);
  await addList(source, LEASES, LEASE, { namespace });
  await addList(source, EVENTS, EVENT, { namespace });
  for (const { metadata } of await addPods(source, namespace, OPERATOR))
    await addMetrics(source, namespace, { name: metadata?.name ?? '', port: OPERATOR_PORT });
}

const DAEMON_SET_NAMES = ['ace-authenticator', 'ace-authenticator-2', 'kube-api-auth'] as const;

/** A cluster's side: what is there, and who answers for it. */
export async function collectCluster(source: Source, namespace: string): Promise<void> {
  await addList(source, CLUSTER_AUTH_TOKENS, CLUSTER_AUTH_TOKEN, { namespace });
  await addList(source, CLUSTER_USER_ATTRIBUTES, CLUSTER_USER_ATTRIBUTE, { namespace });
  for (const name of DAEMON_SET_NAMES) await addOne(source, DAEMON_SETS, DAEMON_SET, { name, namespace });
  await addList(source, EVENTS, EVENT, { namespace });
  for (const pod of await addPods(source, namespace, AUTHENTICATORS))
    await addAuthenticatorMetrics(source, namespace, pod);
  await addPods(source, namespace, STOCK);
}
