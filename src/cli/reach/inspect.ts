import type { PreflightConfig } from '../../config/preflight.ts';
import { type Hop, withNames } from '../../explain/hop.ts';
import { judgeCluster, judgeManagement, unreached } from '../../explain/preflight.ts';
import { lookAtCluster, lookAtManagement } from '../../explain/preflight-evidence.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { known } from '../../plane/reading.ts';
import { confirmCluster } from '../../plane/same-cluster.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { downstreamPlane, givenDownstream } from './connect.ts';

/** One API server and what was found about it. */
export interface Inspection {
  readonly name: string;
  readonly hops: readonly Hop[];
  /** Why it is not known that the kubeconfig that was given is of this cluster. */
  readonly unproven?: string | undefined;
}

/** What was found about the management plane. */
export async function inspectManagement(
  management: ManagementPlane,
  now: () => number,
): Promise<readonly Hop[]> {
  return judgeManagement(await lookAtManagement(management, now));
}

/** What was found about a cluster, by the operator's own credential. @throws {ConfigError} when the kubeconfig that was given is of another one */
export async function inspectCluster(
  name: string,
  config: Omit<PreflightConfig, 'cluster'>,
  management: ManagementPlane,
  { now }: Pick<Runtime, 'now'>,
): Promise<Inspection> {
  const propagation = known(await management.remembered.propagation(name));
  // The operator's own credential is what is judged here.
  const opened = await downstreamPlane(name, management, { ...config, downstreamKubeconfig: undefined });
  const names = { token: undefined, cluster: name, user: undefined };
  if (!opened.ok) return { name, hops: [withNames(unreached(opened.failure), names)] };
  const seer = await givenDownstream(config.downstreamKubeconfig, config, opened.value.namespace);
  try {
    const unproven =
      seer && (await confirmCluster(seer, name, await management.remembered.propagation(name)));
    const evidence = await lookAtCluster(opened.value, seer ?? opened.value, now);
    const hops = judgeCluster(evidence, { strict: config.strict, propagation });
    return { name, hops: hops.map((hop) => withNames(hop, names)), unproven };
  } finally {
    await Promise.all([opened.value.close(), seer?.close()]);
  }
}
