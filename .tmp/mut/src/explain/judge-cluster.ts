import { CLUSTER_TEXTS } from '../api/cluster-reason-texts.ts';
import { HOP_TEXTS, READ_TEXTS } from '../api/hop-reason-texts.ts';
import { TOKEN_TEXTS } from '../api/reason-texts.ts';
import { CLUSTER_REASONS, type ClusterReason, type ReadFailureReason } from '../api/reasons.ts';
import type { Cluster, Condition, Propagation } from '../api/types.ts';
import { known, type ReadFailure } from '../plane/reading.ts';
import { type Evidence, proxiedBy } from './evidence.ts';
import { broken, flawed, type Hop, ok, skipped, unseen } from './hop.ts';
import { otherWriterOf } from './written.ts';

/** Whether the cluster has ACE, and whether it can be reached: by the operator, and as the kubeconfig says. Pure. */
export function judgeCluster(evidence: Evidence): readonly Hop[] {
  return [ace(evidence), connection(evidence), ...endpoint(evidence)];
}

/** The address and the authority in the person's own kubeconfig, where one was given. */
function endpoint({ given, webhook: { live } }: Evidence): readonly Hop[] {
  if (given.kind === 'name') return [];
  const { server, bearerProblem } = given;
  if (live?.ok === false) return [unanswered(live.failure, server, proxiedBy(given))];
  if (proxiedBy(given) !== undefined)
    return [flawed('endpoint', 'warning', 'NotAnAce', HOP_TEXTS, `${server} ${NOT_AN_ACE}`)];
  const unasked = bearerProblem ? 'as the bearer cannot be sent like this' : 'for want of a bearer';
  if (!live) return [skipped('endpoint', `${server} was not asked, ${unasked}`)];
  return [ok('endpoint', `${server} answers, and its certificate is trusted`)];
}

const NOT_AN_ACE = "is the management plane's proxy, and no cluster's own endpoint: ACE has no part in it";

function unanswered({ reason, message }: ReadFailure, server: string, proxied: string | undefined): Hop {
  const detail = proxied === undefined ? message : `${message}; ${server} ${NOT_AN_ACE}`;
  const hop = broken('endpoint', reason, READ_TEXTS, detail);
  // What ACE is there for: it goes on working while the management plane does not.
  return proxied === undefined ? hop : { ...hop, remedy: HOP_TEXTS.NotAnAce.remedy };
}

function ace(evidence: Evidence): Hop {
  const { given, target, management } = evidence;
  const { cluster, propagation } = management;
  const name = target.cluster;
  if (name === undefined) return flawed('cluster', 'unknown', 'ClusterUnknown', HOP_TEXTS, target.how);
  if (!cluster) return unseen('cluster', `Cluster ${name} was not read`);
  if (!cluster.ok)
    return flawed('cluster', 'unknown', cluster.failure.reason, READ_TEXTS, cluster.failure.message);
  const { value } = cluster;
  if (!value) return broken('cluster', 'ClusterNotFound', HOP_TEXTS, `there is no Cluster ${name}`);
  if (proxiedBy(given) !== undefined) return skipped('cluster', `no ACE is asked; ${target.how}`);
  const hop = switchOf(value, target.how);
  if (hop.state !== 'ok' || !known(propagation)?.spec.drain) return hop;
  const detail = `spec.drain of ClusterPropagation ${name} is set`;
  const other = otherWriterOf(evidence);
  if (other === undefined) return broken('cluster', 'DrainRequested', CLUSTER_TEXTS, detail);
  const told = `${hop.detail}; ${detail}, so our operator carries nothing there; ${other} writes this cluster`;
  return ok('cluster', told);
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

function connection({ given, target, downstream, management }: Evidence): Hop {
  const { way, clusterAuthToken } = downstream;
  if (proxiedBy(given) !== undefined)
    return skipped('connection', 'nothing in the cluster decides about this bearer');
  if (!way) return skipped('connection', 'it is not known which cluster to reach');
  const propagation = management.propagation?.ok ? management.propagation.value : undefined;
  if (!way.ok) return unreached(way.failure, true, propagation);
  const { server, isOperators } = way.value;
  if (!clusterAuthToken) return unseen('connection', `${server} was not asked for anything`);
  const failure = clusterAuthToken.ok ? undefined : clusterAuthToken.failure;
  if (failure && failure.reason !== 'KindMissing' && failure.reason !== 'Forbidden') {
    return unreached(failure, isOperators, propagation);
  }
  if (failure?.reason === 'Forbidden' && isOperators) {
    return broken('connection', 'Forbidden', CLUSTER_TEXTS, failure.message);
  }
  return reached(way.value, target.cluster ?? 'the cluster', propagation);
}

type Way = Extract<NonNullable<Evidence['downstream']['way']>, { ok: true }>['value'];

function reached(
  { server, source, unproven }: Way,
  cluster: string,
  propagation: Propagation | undefined,
): Hop {
  const said = statusOf(propagation);
  if (said?.status === 'False' && said.reason !== 'Drained') {
    const detail = `reached ${server}, but the operator reports: ${said.message}`;
    return broken('connection', reasonIn(said), CLUSTER_TEXTS, detail);
  }
  return unproven
    ? flawed('connection', 'warning', 'ClusterUnproven', HOP_TEXTS, `${server} answers; ${unproven}`)
    : ok('connection', `${cluster} answers at ${server}, by ${source}`);
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
