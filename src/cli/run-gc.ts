import { ANNOTATION_ALLOW_GC, CLUSTER_PROPAGATIONS } from '../api/names.ts';
import { type GcConfig, gcConfig } from '../config/gc.ts';
import { describeError, TerminalError } from '../errors.ts';
import type { Management } from '../operator/upstream/management.ts';
import { eachBounded } from '../plane/bounded.ts';
import type { ManagementPlane } from '../plane/management.ts';
import { missingCluster } from '../plane/missing-cluster.ts';
import { needed } from '../plane/needed.ts';
import { type ApplySources, applyPlan } from '../removal/apply-plan.ts';
import type { RemovalPlan } from '../removal/plan.ts';
import { managedClusters, type PlanSources, readPlan } from '../removal/read-plan.ts';
import { readManagement } from '../removal/snapshot.ts';
import type { Invocation } from './command.ts';
import { downstreamPlane, managementPlane } from './connect.ts';
import { EXIT_OK, EXIT_UNREACHABLE } from './exit.ts';
import { InterruptedError } from './interruption.ts';
import { printGc, tellHeld } from './print-gc.ts';
import { progressOf } from './progress.ts';
import { RemovalReport } from './removal-report.ts';
import type { Runtime } from './runtime.ts';
import { complain, note, say } from './say.ts';

/** Clusters are many, and far. */
const AT_ONCE = 4;

/** `gc`. @returns the exit code @throws {ConfigError | TerminalError | ConnectionError} */
export async function runGc({ args, given }: Invocation, runtime: Runtime): Promise<number> {
  const config = gcConfig(given, runtime.env, runtime.home, args);
  const management = await managementPlane(config);
  try {
    if (config.what === 'allow') return await allow(config.cluster ?? '', management, runtime);
    return await planAll(config, management, runtime);
  } finally {
    await management.close();
  }
}

/** Lets one blocked sweep of the operator pass. @throws {TerminalError} when nothing is blocked */
async function allow(cluster: string, management: ManagementPlane, runtime: Runtime): Promise<number> {
  const propagation = needed(await management.propagation(cluster));
  if (!propagation) throw new TerminalError('ClusterDeleted', await missing(cluster, management));
  const blocked = propagation.status.conditions?.find(({ type }) => type === 'GCBlocked');
  if (blocked?.status !== 'True')
    throw new TerminalError('NotBlocked', `nothing is blocked in cluster ${cluster}; nothing was changed`);
  if (!propagation.allowGc) {
    const metadata = { uid: propagation.uid, annotations: { [ANNOTATION_ALLOW_GC]: 'true' } };
    await management.client.patch({ resource: CLUSTER_PROPAGATIONS, name: cluster }, { metadata });
  }
  say(`clusterpropagation/${cluster} allowed`, runtime);
  note(`the next sweep may pass: ${blocked.message}`, runtime);
  return EXIT_OK;
}

/** A Cluster may be there, and none of the operator's business. */
async function missing(cluster: string, management: ManagementPlane): Promise<string> {
  const isThere = needed(await management.cluster(cluster)) !== undefined;
  return isThere
    ? `the operator does not look after cluster ${cluster}`
    : missingCluster(cluster, management);
}

async function planAll(config: GcConfig, plane: ManagementPlane, runtime: Runtime): Promise<number> {
  const management = await readManagement(plane);
  const known = managedClusters(management);
  if (config.cluster !== undefined && !known.includes(config.cluster)) {
    throw new TerminalError('ClusterDeleted', await missing(config.cluster, plane));
  }
  const clusters = config.cluster === undefined ? known : [config.cluster];
  const isApplied = config.what === 'apply';
  const progress = progressOf(isApplied ? 'taking away' : 'reading clusters', runtime);
  const report = new RemovalReport({ output: config.output, dryRun: 'none' }, progress, runtime);
  const plans = new Map<string, RemovalPlan>();
  let code = EXIT_OK;
  const interruption = isApplied ? runtime.interruption() : undefined;
  let seen = 0;
  const planOne = async (cluster: string): Promise<void> => {
    seen += 1;
    try {
      await withCluster(cluster, { config, plane, management, runtime }, async (plan, sources) => {
        plans.set(cluster, plan);
        if (interruption) await apply(plan, { ...sources, interruption }, report);
      });
    } catch (error) {
      progress.clear();
      complain(runtime, `cluster ${cluster}: ${describeError(error)}`);
      code = EXIT_UNREACHABLE;
    }
    if (!isApplied) progress.update(plans.size, clusters.length);
  };
  await eachBounded(clusters, AT_ONCE, planOne, interruption);
  progress.clear();
  const inOrder = clusters.flatMap((cluster) => plans.get(cluster) ?? []);
  if (!isApplied) {
    await printGc(inOrder, config, runtime);
    return code;
  }
  tellHeld(inOrder, runtime);
  const ended = await report.end(config);
  const left = clusters.length - seen;
  if (interruption?.aborted && left > 0)
    throw new InterruptedError(interruption, `${left} clusters were not looked at`);
  return ended || code;
}

interface Reading {
  readonly config: GcConfig;
  readonly plane: ManagementPlane;
  readonly management: Management;
  readonly runtime: Runtime;
}

async function withCluster(
  cluster: string,
  { config, plane, management, runtime }: Reading,
  use: (plan: RemovalPlan, sources: PlanSources) => Promise<void>,
): Promise<void> {
  const downstream = needed(await downstreamPlane(cluster, plane, config));
  try {
    const sources = { management, plane, downstream, nowMs: runtime.now() };
    await use(await readPlan(cluster, sources), sources);
  } finally {
    await downstream.close();
  }
}

async function apply(plan: RemovalPlan, sources: ApplySources, report: RemovalReport): Promise<void> {
  report.expect(plan.removals.filter(({ heldBack }) => !heldBack).length);
  await applyPlan(plan, sources, (removed) => report.tell(removed, plan.cluster));
}
