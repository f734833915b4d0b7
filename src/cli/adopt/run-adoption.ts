import { type AdoptionConfig, adoptionConfig } from '../../config/adoption.ts';
import { describeError, TerminalError, UnseenError } from '../../errors.ts';
import type { Management } from '../../operator/upstream/management.ts';
import { eachBounded } from '../../plane/bounded.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { missingCluster } from '../../plane/missing-cluster.ts';
import { needed } from '../../plane/needed.ts';
import { AnswerInParts } from '../../print/output.ts';
import type { Progress } from '../../print/progress.ts';
import type { Adoption, AdoptionItem } from '../../removal/adoption.ts';
import { leftoversOf, removeLeftovers, requireProven } from '../../removal/apply-adoption.ts';
import type { ApplySources } from '../../removal/apply-plan.ts';
import { clustersOf, readAdoption } from '../../removal/read-adoption.ts';
import type { PlanSources } from '../../removal/read-plan.ts';
import type { Removed } from '../../removal/remove.ts';
import { readManagement } from '../../removal/snapshot.ts';
import { planTimes, tellClocks, toldNow } from '../reach/clocks.ts';
import { downstreamPlane, managementPlane, tellUnknownInstallation } from '../reach/connect.ts';
import { InOrder } from '../reach/in-order.ts';
import { givenUp, patienceWith } from '../reach/patience.ts';
import { RemovalReport } from '../reach/removal-report.ts';
import { askPerson } from '../terminal/ask-person.ts';
import type { Invocation } from '../terminal/command.ts';
import { EXIT_NO, EXIT_OK, EXIT_UNREACHABLE } from '../terminal/exit.ts';
import { printerOf } from '../terminal/printer.ts';
import { progressOf } from '../terminal/progress.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { complain, note } from '../terminal/say.ts';
import { adoptionAnswer, rowsOf, tellCluster } from './print-adoption.ts';

const AT_ONCE = 4;

interface Given {
  readonly config: AdoptionConfig;
  readonly plane: ManagementPlane;
  readonly management: Management;
  readonly runtime: Runtime;
}

/** `adoption`. @returns the exit code @throws {ConfigError | TerminalError | ConnectionError} */
export async function runAdoption({ args, given }: Invocation, runtime: Runtime): Promise<number> {
  const config = adoptionConfig(given, runtime.env, runtime.home, args);
  const plane = await managementPlane(config);
  try {
    const management = await readManagement(plane, config.downstreamKubeconfig === undefined);
    const { cluster } = config;
    if (cluster !== undefined && !management.clusters.get(cluster))
      throw new TerminalError('ClusterDeleted', await missingCluster(cluster, plane));
    tellClocks(plane, runtime);
    await tellUnknownInstallation(plane, runtime, "is told as another writer's");
    const all = { config, plane, management, runtime };
    if (cluster !== undefined && config.removes) return await remove(cluster, all);
    return await show(cluster === undefined ? clustersOf(management) : [cluster], all);
  } finally {
    await plane.close();
  }
}

/** Each cluster as soon as it is seen; one that is not costs itself alone. */
async function show(clusters: readonly string[], given: Given): Promise<number> {
  const { config, runtime } = given;
  const progress = progressOf('reading clusters', runtime);
  const answer = new AnswerInParts(adoptionAnswer(toldNow(given.plane, runtime)), printerOf(config, runtime));
  const pass = (adoption: Adoption): void => {
    progress.clear();
    answer.add(rowsOf(adoption));
    tellCluster(adoption, runtime);
  };
  const shown = new InOrder<Adoption>(clusters, pass, runtime.now);
  let [code, seen] = [EXIT_OK as number, 0];
  await eachBounded(clusters, AT_ONCE, async (cluster) => {
    let found: Adoption | undefined;
    try {
      await withCluster(cluster, given, async (adoption) => {
        found = adoption;
      });
    } catch (error) {
      progress.clear();
      complain(runtime, `cluster ${cluster}: ${describeError(error)}`);
      code = EXIT_UNREACHABLE;
    }
    shown.come(cluster, found);
    seen += 1;
    progress.update(seen, clusters.length);
  });
  progress.clear();
  await answer.end();
  return code;
}

/** What is shown is what is carried out. */
async function remove(cluster: string, given: Given): Promise<number> {
  const { config, runtime } = given;
  const interruption = runtime.interruption();
  const progress = progressOf('taking away', runtime);
  let code: number = EXIT_OK;
  await withCluster(cluster, given, async (adoption, sources) => {
    requireProven(cluster, sources.downstream);
    tellCluster(adoption, runtime);
    const due = leftoversOf(adoption);
    if (due.length === 0) {
      note(`Nothing in cluster ${cluster} is known to be left behind by Rancher.`, runtime);
      return;
    }
    const question = `Delete ${counted(due)}, which Rancher left behind, in ${sources.downstream.server}?`;
    if (!config.yes && config.dryRun === 'none' && !(await askPerson(question, runtime))) {
      note('Nothing was changed.', runtime);
      code = EXIT_NO;
      return;
    }
    code = await carryOut(adoption, { ...sources, interruption }, progress, given);
  });
  return code;
}

/** @returns the exit code @throws what ended it before all was done, when all that was done is told */
async function carryOut(
  adoption: Adoption,
  sources: Omit<ApplySources, 'patience'>,
  progress: Progress,
  { config, runtime }: Given,
): Promise<number> {
  const { cluster } = adoption;
  const due = leftoversOf(adoption);
  const report = new RemovalReport({ output: config.output, dryRun: config.dryRun }, progress, runtime);
  report.expect(due.length);
  const clear = (): void => progress.clear();
  const limitMs = config.timeLimitMs;
  const patience = patienceWith({ whom: `cluster ${cluster}`, limitMs, runtime, clear });
  let told = 0;
  const tell = (removed: Removed): void => {
    told += 1;
    report.tell(removed, cluster);
  };
  let failure: unknown;
  try {
    if (config.dryRun === 'client') for (const { object } of due) tell({ object, result: 'deleted' });
    else await removeLeftovers(adoption, { ...sources, patience }, config.dryRun === 'server', tell);
  } catch (error) {
    failure = error;
  }
  const code = await report.end(config);
  if (failure !== undefined && !patience.limit.aborted) throw failure;
  if (told < due.length) throw new UnseenError(givenUp(limitMs, due.length - told, due.length, 'objects'));
  return code;
}

async function withCluster(
  cluster: string,
  { config, plane, management, runtime }: Given,
  use: (adoption: Adoption, sources: PlanSources) => Promise<void>,
): Promise<void> {
  const downstream = needed(await downstreamPlane(cluster, plane, config));
  if (downstream.unproven) note(downstream.unproven, runtime);
  try {
    const readsCredentials = config.downstreamKubeconfig === undefined;
    const sources = { management, plane, downstream, ...planTimes(plane, runtime), readsCredentials };
    await use(await readAdoption(cluster, sources), sources);
  } finally {
    await downstream.close();
  }
}

function counted(items: readonly AdoptionItem[]): string {
  const byKind = Map.groupBy(items, ({ object }) => object.kind);
  return [...byKind]
    .map(([kind, some]) => `${some.length} ${kind}${some.length === 1 ? '' : 's'}`)
    .join(', ');
}
