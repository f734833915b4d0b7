import { apiVersionOf, CLUSTER_PROPAGATIONS } from '../../api/names.ts';
import { parsePropagation } from '../../api/parse-cluster.ts';
import type { KubeObject, Propagation } from '../../api/types.ts';
import { type DrainConfig, drainConfig } from '../../config/drain.ts';
import { describeError, TerminalError, UnseenError } from '../../errors.ts';
import { pause } from '../../kube/backoff.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { missingCluster } from '../../plane/missing-cluster.ts';
import { needed } from '../../plane/needed.ts';
import { after } from '../../plane/reading.ts';
import { humanDuration } from '../../print/duration.ts';
import { findOurs } from '../../removal/find-ours.ts';
import { downstreamPlane, managementPlane, whileWaiting } from '../reach/connect.ts';
import type { Invocation } from '../terminal/command.ts';
import { EXIT_NO, EXIT_OK, EXIT_UNREACHABLE } from '../terminal/exit.ts';
import { InterruptedError } from '../terminal/interruption.ts';
import { progressOf } from '../terminal/progress.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { complain, DRY_RUN_SUFFIX, note, say } from '../terminal/say.ts';

const POLL_MS = 500;

/** `drain CLUSTER`. @returns the exit code @throws {ConfigError | TerminalError | ConnectionError} */
export async function runDrain({ args, given }: Invocation, runtime: Runtime): Promise<number> {
  const config = drainConfig(given, runtime.env, runtime.home, args);
  const management = await managementPlane(config);
  try {
    runtime.interruption();
    await requireRightFile(config, management);
    const generation = await setDrain(config, management, runtime);
    if (config.timeoutMs === undefined) return EXIT_OK;
    return await waitDrained({ ...config, generation, timeoutMs: config.timeoutMs }, runtime);
  } finally {
    await management.close();
  }
}

type Waiting = DrainConfig & { readonly generation: number; readonly timeoutMs: number };

/** No request outlives the waiting, neither to the management plane nor to the cluster. */
async function waitDrained(config: Waiting, runtime: Runtime): Promise<number> {
  const bounds = whileWaiting(config.timeoutMs, config);
  const management = await managementPlane(config, bounds);
  try {
    if (!(await isDrainedInTime(config, management, runtime))) return EXIT_NO;
    return await confirmEmpty(config, management, bounds, runtime);
  } finally {
    await management.close();
  }
}

/** Nothing is changed where the end could be looked for in another cluster alone. @throws {ConfigError} */
async function requireRightFile(config: DrainConfig, management: ManagementPlane): Promise<void> {
  if (config.downstreamKubeconfig === undefined || config.timeoutMs === undefined) return;
  const opened = await downstreamPlane(config.cluster, management, config);
  if (opened.ok) await opened.value.close();
}

/** Says to the operator what is to be. @returns the generation of the spec that says it */
async function setDrain(
  { cluster, undo, dryRun }: DrainConfig,
  management: ManagementPlane,
  runtime: Runtime,
): Promise<number> {
  const propagation = needed(await management.propagation(cluster));
  const known = propagation ?? needed(await management.cluster(cluster));
  if (known === undefined)
    throw new TerminalError('ClusterDeleted', await missingCluster(cluster, management));
  const isSet = propagation?.spec.drain ?? false;
  const what = `clusterpropagation/${cluster}`;
  // A spec that cannot be read says nothing: it is written, and read again.
  if (isSet !== undo && propagation?.problem === undefined) {
    say(`${what} unchanged`, runtime);
    return propagation?.generation ?? 0;
  }
  if (dryRun === 'client') {
    say(`${what} ${undo ? 'undrained' : 'draining'}${DRY_RUN_SUFFIX.client}`, runtime);
    return 0;
  }
  const stored = await storeDrain(cluster, propagation, !undo, dryRun === 'server', management);
  if (stored.problem !== undefined)
    throw new TerminalError(
      'Rejected',
      `ClusterPropagation ${cluster}: ${stored.problem}: the operator keeps its hands off until that is mended; kubectl edit cprop ${cluster}`,
    );
  // An API server drops a field that its definition does not have, and calls that success.
  if (stored.spec.drain === undo) {
    throw new TerminalError(
      'Rejected',
      `ClusterPropagation ${cluster} cannot hold spec.drain: its definition is older than this program; apply crds/`,
    );
  }
  say(`${what} ${undo ? 'undrained' : 'draining'}${DRY_RUN_SUFFIX[dryRun]}`, runtime);
  return stored.generation;
}

async function storeDrain(
  name: string,
  propagation: Propagation | undefined,
  drain: boolean,
  dryRun: boolean,
  { client }: ManagementPlane,
): Promise<Propagation> {
  if (propagation === undefined) {
    const { kind } = CLUSTER_PROPAGATIONS;
    const apiVersion = apiVersionOf(CLUSTER_PROPAGATIONS);
    const object: KubeObject = { apiVersion, kind, metadata: { name }, spec: { drain } };
    return parsePropagation(await client.create(CLUSTER_PROPAGATIONS, object, { dryRun }));
  }
  const patch = { metadata: { uid: propagation.uid }, spec: { drain } };
  return parsePropagation(await client.patch({ resource: CLUSTER_PROPAGATIONS, name }, patch, { dryRun }));
}

/** @throws {UnseenError} when the management plane does not say */
async function isDrainedInTime(
  { cluster, generation, timeoutMs }: Waiting,
  management: ManagementPlane,
  runtime: Runtime,
): Promise<boolean> {
  const deadlineMs = runtime.now() + timeoutMs;
  const interruption = runtime.interruption();
  const progress = progressOf(`waiting for ${cluster} to be drained, looks`, runtime);
  for (let looks = 1; ; looks += 1) {
    const propagation = await seen(cluster, management);
    const drained = propagation?.status.conditions?.find(({ type }) => type === 'Drained');
    // What was said of an earlier spec says nothing about this one.
    if (drained?.status === 'True' && drained.observedGeneration >= generation) break;
    progress.update(looks);
    if (interruption.aborted) {
      progress.clear();
      throw new InterruptedError(
        interruption,
        `cluster ${cluster} is being drained, and nobody waited for the end`,
      );
    }
    if (runtime.now() + POLL_MS > deadlineMs) {
      progress.clear();
      const said = drained ? `the operator last said: ${drained.reason}` : 'no operator says anything';
      complain(
        runtime,
        `cluster ${cluster}: not drained after ${humanDuration(timeoutMs)}; ${said}; without an operator: ${runtime.program} gc --apply ${cluster}`,
      );
      return false;
    }
    await pause(POLL_MS, interruption);
  }
  progress.clear();
  say(`clusterpropagation/${cluster} drained`, runtime);
  return true;
}

/** @throws {UnseenError} */
async function seen(cluster: string, management: ManagementPlane): Promise<Propagation | undefined> {
  try {
    return needed(await management.propagation(cluster));
  } catch (error) {
    throw new UnseenError(`cluster ${cluster}: cannot see whether it is drained: ${describeError(error)}`);
  }
}

/** The status is what the operator saw: what is there now is seen in the cluster alone. */
async function confirmEmpty(
  config: DrainConfig,
  management: ManagementPlane,
  bounds: ReturnType<typeof whileWaiting>,
  runtime: Runtime,
): Promise<number> {
  const { cluster } = config;
  const opened = await downstreamPlane(cluster, management, config, bounds);
  if (opened.ok && opened.value.unproven) note(opened.value.unproven, runtime);
  const found = await after(opened, (plane) => findOurs(plane, cluster));
  if (opened.ok) await opened.value.close();
  if (!found.ok) {
    complain(
      runtime,
      `cluster ${cluster}: the operator says that it is drained, and nobody looked: ${found.failure.message}; --downstream-kubeconfig FILE looks by another way`,
    );
    return EXIT_UNREACHABLE;
  }
  const { ours } = found.value;
  if (ours.length === 0) {
    note(`nothing of ours is left in cluster ${cluster}`, runtime);
    return EXIT_OK;
  }
  complain(
    runtime,
    `cluster ${cluster}: ${ours.length} objects of ours are there all the same, such as ${ours[0]?.kind} ${ours[0]?.metadata.name}; ${runtime.program} cleanup --kubeconfig FILE --cluster ${cluster} takes them away`,
  );
  return EXIT_NO;
}
