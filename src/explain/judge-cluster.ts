import { CLUSTER_TEXTS } from '../api/cluster-reason-texts.ts';
import { HOP_TEXTS, READ_TEXTS } from '../api/hop-reason-texts.ts';
import { proxiedCluster } from '../api/parse-credentials.ts';
import { TOKEN_TEXTS } from '../api/reason-texts.ts';
import { CLUSTER_REASONS, type ClusterReason, type ReadFailureReason } from '../api/reasons.ts';
import type { Cluster, Condition, Propagation } from '../api/types.ts';
import { known, type ReadFailure } from '../plane/reading.ts';
import type { Evidence } from './evidence.ts';
import { broken, flawed, type Hop, ok, skipped, unseen } from './hop.ts';

/** Whether the cluster has ACE, and whether it can be reached: by the operator, and as the kubeconfig says. Pure. */
export function judgeCluster(evidence: Evidence): readonly Hop[] {
  return [ace(evidence), connection(evidence), ...endpoint(evidence)];
}

/** The address and the authority in the person's own kubeconfig, where one was given. */
function endpoint({ given, webhook: { live } }: Evidence): readonly Hop[] {
  if (given.kind === 'name') return [];
  const { server, bearerProblem } = given;
  const proxied = proxiedCluster(server);
  if (proxied)
    return [skipped('endpoint', `${server} is the management plane's proxy: ACE has no part in it`)];
  const unasked = bearerProblem ? 'as the bearer cannot be sent like this' : 'for want of a bearer';
  if (!live) return [skipped('endpoint', `${server} was not asked, ${unasked}`)];
  if (live.ok) return [ok('endpoint', `${server} answers, and its certificate is trusted`)];
  const { reason, message } = live.failure;
  return [broken('endpoint', reason, READ_TEXTS, message)];
}

function ace({ target, management: { cluster, propagation } }: Evidence): Hop {
  const name = target.cluster;
  if (name === undefined) return flawed('cluster', 'unknown', 'ClusterUnknown', HOP_TEXTS, target.how);
  if (!cluster) return unseen('cluster', `Cluster ${name} was not read`);
  if (!cluster.ok)
    return flawed('cluster', 'unknown', cluster.failure.reason, READ_TEXTS, cluster.failure.message);
  const { value } = cluster;
  if (!value) return broken('cluster', 'ClusterNotFound', HOP_TEXTS, `there is no Cluster ${name}`);
  const hop = switchOf(value, target.how);
  if (hop.state !== 'ok' || !known(propagation)?.spec.drain) return hop;
  return broken(
    'cluster',
    'DrainRequested',
    CLUSTER_TEXTS,
    `spec.drain of ClusterPropagation ${name} is set`,
  );
}

function switchOf(cluster: Cluster, how: string): Hop {
  const { name, displayName } = cluster;
  if (cluster.deleting)
    return broken('cluster', 'ClusterDeleted', CLUSTER_TEXTS, `Cluster ${name} is being deleted`);
  if (cluster.aceEnabled === undefined) {
    return broken('cluster', 'Malformed', CLUSTER_TEXTS, `Cluster ${name}: ${cluster.problem}`);
  }
  if (!cluster.aceEnabled) {
    const detail = `spec.localClusterAuthEndpoint.enabled of Cluster ${name} is not true`;
    return broken('cluster', 'AceDisabled', TOKEN_TEXTS, detail);
  }
  const shown = displayName === name ? name : `${name} (${displayName})`;
  return ok('cluster', `${shown} has it; ${how}`);
}

/** The operator's own credentials that do not work are in the token's way; what only we cannot reach is not. */
const OPERATORS_FAULT: ReadonlySet<ReadFailureReason> = new Set([
  'NoCredentials',
  'CredentialsInvalid',
  'CredentialsRejected',
  'CertificateInvalid',
  'CertificateName',
  'CertificateExpired',
]);

function connection({ target, downstream, management }: Evidence): Hop {
  const { way, clusterAuthToken } = downstream;
  if (!way) return skipped('connection', 'it is not known which cluster to reach');
  const propagation = management.propagation?.ok ? management.propagation.value : undefined;
  if (!way.ok) return unreached(way.failure, true, propagation);
  const { server, source, isOperators } = way.value;
  if (!clusterAuthToken) return unseen('connection', `${server} was not asked for anything`);
  const failure = clusterAuthToken.ok ? undefined : clusterAuthToken.failure;
  if (failure && failure.reason !== 'KindMissing' && failure.reason !== 'Forbidden') {
    return unreached(failure, isOperators, propagation);
  }
  if (failure?.reason === 'Forbidden' && isOperators) {
    return broken('connection', 'Forbidden', CLUSTER_TEXTS, failure.message);
  }
  const said = statusOf(propagation);
  const isOperatorAway = said?.status === 'False' && said.reason !== 'Drained';
  if (isOperatorAway) {
    const detail = `reached ${server}, but the operator reports: ${said.message}`;
    return broken('connection', reasonIn(said), CLUSTER_TEXTS, detail);
  }
  return ok('connection', `${target.cluster ?? 'the cluster'} answers at ${server}, by ${source}`);
}

function unreached(failure: ReadFailure, isOperators: boolean, propagation: Propagation | undefined): Hop {
  if (isOperators && OPERATORS_FAULT.has(failure.reason)) {
    return broken('connection', failure.reason, READ_TEXTS, failure.message);
  }
  const said = statusOf(propagation);
  if (said?.status === 'False' && said.reason !== 'Drained') {
    const detail = `the operator reports: ${said.message}`;
    return broken('connection', reasonIn(said), CLUSTER_TEXTS, detail);
  }
  const operator = said?.status === 'True' ? ' from here; the operator reports that it is connected' : '';
  return flawed('connection', 'unknown', failure.reason, READ_TEXTS, `${failure.message}${operator}`);
}

/** Whether the operator is connected to the cluster, by its own word. */
function statusOf(propagation: Propagation | undefined): Condition | undefined {
  return propagation?.status.conditions?.find(({ type }) => type === 'Connected');
}

function reasonIn({ reason }: Condition): ClusterReason {
  return CLUSTER_REASONS.find((known) => known === reason) ?? 'Failing';
}
