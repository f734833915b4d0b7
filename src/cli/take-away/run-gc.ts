// take-away/: takes out of a cluster what is ours and is not to be there.

import { ANNOTATION_ALLOW_GC, CLUSTER_PROPAGATIONS } from '../../api/names.ts';
import { type GcConfig, gcConfig } from '../../config/gc.ts';
import { blockedObjects } from '../../derive/status.ts';
import { describeError, TerminalError, UnseenError } from '../../errors.ts';
import { EXT_TOKENS_WATCH, type Management } from '../../operator/upstream/management.ts';
import { eachBounded } from '../../plane/bounded.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { missingCluster } from '../../plane/missing-cluster.ts';
import { needed } from '../../plane/needed.ts';
import { type ApplySources, applyPlan } from '../../removal/apply-plan.ts';
import type { RemovalPlan } from '../../removal/plan.ts';
import { managedClusters, type PlanSources, readPlan } from '../../removal/read-plan.ts';
import { readManagement } from '../../removal/snapshot.ts';
import { planTimes, tellClocks, toldNow } from '../reach/clocks.ts';
import { downstreamPlane, managementPlane, tellUnknownInstallation } from '../reach/connect.ts';
import { InOrder } from '../reach/in-order.ts';
import { givenUp, patienceWith } from '../reach/patience.ts';
import { RemovalReport } from '../reach/removal-report.ts';
import type { Invocation } from '../terminal/command.ts';
import { EXIT_OK, EXIT_UNREACHABLE } from '../terminal/exit.ts';
import { InterruptedError } from '../terminal/interruption.ts';
import { progressOf } from '../terminal/progress.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { complain, note, say } from '../terminal/say.ts';
import { planPrinter, tellPlan } from './print-gc.ts';

/** Clusters are many, and far. */
const AT_ONCE = 4;

/** `gc`. @returns the exit code @throws {ConfigError | TerminalError | ConnectionError} */
export async function runGc({ args, given }: Invocation, runtime: Runtime): Promise<number> {
  const config = gcConfig(given, runtime.env, runtime.home, args);
  const management = await managementPlane(config);
  try {
    if (config.what === 'allow')
      return await allow(config.cluster ?? '', config.objects, management, runtime);
    return await planAll(config, management, runtime);
  } finally {
    await management.close();
  }
}

/** Lets one blocked sweep of the operator pass. @throws {TerminalError} when nothing is blocked, or more than was looked at */
async function allow(
  cluster: string,
  looked: number | undefined,
  management: ManagementPlane,
  runtime: Runtime,
): Promise<number> {
  const propagation = needed(await management.propagation(cluster));
  if (!propagation) throw new TerminalError('ClusterDeleted', await missing(cluster, management));
  const blocked = propagation.status.conditions?.find(({ type }) => type === 'GCBlocked');
  if (blocked?.status !== 'True')
    throw new TerminalError('NotBlocked', `nothing is blocked in cluster ${cluster}; nothing was changed`);
  const objects = allowedOf(cluster, looked, blockedObjects(blocked));
  const metadata = { uid: propagation.uid, annotations: { [ANNOTATION_ALLOW_GC]: String(objects) } };
  await management.client.patch({ resource: CLUSTER_PROPAGATIONS, name: cluster }, { metadata });
  say(`clusterpropagation/${cluster} allowed`, runtime);
  note(`the next sweep may delete up to ${objects} objects, within an hour: ${blocked.message}`, runtime);
  return EXIT_OK;
}

/** @throws {TerminalError} */
function allowedOf(cluster: string, looked: number | undefined, held: number | undefined): number {
  const objects = looked ?? held;
  if (objects === undefined)
    throw new TerminalError(
      'GCBlocked',
      `cluster ${cluster}: the operator does not say how many objects it holds; look at gc --plan, then give --objects`,
    );
  if (held !== undefined && held > objects)
    throw new TerminalError(
      'GCBlocked',
      `cluster ${cluster}: ${held} objects are held by now, and ${objects} were looked at; look again: gc --plan ${cluster}`,
    );
  return objects;
}

/** A Cluster may be there, and none of the operator's business. */
async function missing(cluster: string, management: ManagementPlane): Promise<string> {
  const isThere = needed(await management.cluster(cluster)) !== undefined;
  return isThere
    ? `the operator does not look after cluster ${cluster}`
    : missingCluster(cluster, management);
}

async function planAll(config: GcConfig, plane: ManagementPlane, runtime: Runtime): Promise<number> {
  const management = await readManagement(plane, config.downstreamKubeconfig === undefined);
  tellClocks(plane, runtime);
  tellUnread(management, runtime);
  await tellUnknownInstallation(plane, runtime, 'is left out');
  const known = managedClusters(management);
  if (config.cluster !== undefined && !known.includes(config.cluster)) {
    throw new TerminalError('ClusterDeleted', await missing(config.cluster, plane));
  }
  const clusters = config.cluster === undefined ? known : [config.cluster];
  const given = { config, plane, management, runtime };
  return config.what === 'apply' ? applyAll(clusters, given) : showAll(clusters, given);
}

/** What is written for tokens that are not read stays, and so does what may be there for them. */
function tellUnread({ unread }: Management, runtime: Runtime): void {
  const why = unread.get(EXT_TOKENS_WATCH);
  if (why === undefined) return;
  note(
    `not looked at: tokens of ext.cattle.io: ${why}; what was written for them stays, and no user counts as unused`,
    runtime,
  );
}

/** Each cluster as soon as it is seen. */
async function showAll(clusters: readonly string[], given: Given): Promise<number> {
  const { config, runtime } = given;
  const progress = progressOf('reading clusters', runtime);
  const printer = planPrinter(config, runtime, toldNow(given.plane, runtime));
  const shown = new InOrder<RemovalPlan>(
    clusters,
    (plan) => {
      progress.clear();
      printer.add(plan);
    },
    runtime.now,
  );
  let [code, seen]: [number, number] = [EXIT_OK, 0];
  await eachBounded(clusters, AT_ONCE, async (cluster) => {
    let plan: RemovalPlan | undefined;
    try {
      await withCluster(cluster, given, async (read) => {
        plan = read;
      });
    } catch (error) {
      progress.clear();
      code = unseen(cluster, error, runtime);
    }
    shown.come(cluster, plan);
    seen += 1;
    progress.update(seen, clusters.length);
  });
  progress.clear();
  await printer.end();
  return code;
}

/** What each plan says, which is told before; what is no longer true when its turn comes is left, and told. */
async function applyAll(clusters: readonly string[], given: Given): Promise<number> {
  const { config, runtime } = given;
  const progress = progressOf('taking away', runtime);
  const report = new RemovalReport({ output: config.output, dryRun: 'none' }, progress, runtime);
  const interruption = runtime.interruption();
  let [code, seen]: [number, number] = [EXIT_OK, 0];
  const applyOne = async (cluster: string): Promise<void> => {
    seen += 1;
    try {
      const clear = (): void => progress.clear();
      const whom = `cluster ${cluster}`;
      const patience = patienceWith({ whom, limitMs: config.timeLimitMs, runtime, clear });
      const use = async (plan: RemovalPlan, sources: PlanSources): Promise<void> => {
        clear();
        tellPlan(plan, runtime);
        await apply(plan, { ...sources, interruption, patience }, report, config);
      };
      await withCluster(cluster, given, use, patience.limit);
    } catch (error) {
      progress.clear();
      code = unseen(cluster, error, runtime);
    }
  };
  await eachBounded(clusters, AT_ONCE, applyOne, interruption);
  progress.clear();
  const ended = await report.end(config);
  const left = clusters.length - seen;
  if (interruption.aborted && left > 0)
    throw new InterruptedError(interruption, `${left} clusters were not looked at`);
  return code || ended;
}

/** Costs itself alone. */
function unseen(cluster: string, error: unknown, runtime: Runtime): number {
  complain(runtime, `cluster ${cluster}: ${describeError(error)}`);
  return EXIT_UNREACHABLE;
}

interface Given {
  readonly config: GcConfig;
  readonly plane: ManagementPlane;
  readonly management: Management;
  readonly runtime: Runtime;
}

async function withCluster(
  cluster: string,
  { config, plane, management, runtime }: Given,
  use: (plan: RemovalPlan, sources: PlanSources) => Promise<void>,
  deadline?: AbortSignal,
): Promise<void> {
  const downstream = needed(await downstreamPlane(cluster, plane, config, { deadline }));
  if (downstream.unproven) note(downstream.unproven, runtime);
  try {
    const readsCredentials = config.downstreamKubeconfig === undefined;
    const sources = { management, plane, downstream, ...planTimes(plane, runtime), readsCredentials };
    await use(await readPlan(cluster, sources), sources);
  } finally {
    await downstream.close();
  }
}

async function apply(
  plan: RemovalPlan,
  sources: ApplySources,
  report: RemovalReport,
  { timeLimitMs }: GcConfig,
): Promise<void> {
  const due = plan.removals.filter(({ heldBack }) => !heldBack).length;
  report.expect(due);
  let told = 0;
  const { limit } = sources.patience;
  try {
    await applyPlan(plan, sources, (removed) => {
      told += 1;
      report.tell(removed, plan.cluster);
    });
  } catch (error) {
    if (!limit.aborted) throw error;
  }
  if (limit.aborted && told < due) throw new UnseenError(givenUp(timeLimitMs, due - told, due, 'objects'));
}
