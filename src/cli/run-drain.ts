import { CLUSTERS } from '../api/names.ts';
import type { Cluster } from '../api/types.ts';
import { type DrainConfig, drainConfig } from '../config/drain.ts';
import { isReplaced, TerminalError } from '../errors.ts';
import { pause } from '../kube/backoff.ts';
import type { ManagementPlane } from '../plane/management.ts';
import { needed } from '../plane/needed.ts';
import { after } from '../plane/reading.ts';
import { humanDuration } from '../print/duration.ts';
import { findOurs } from '../removal/find-ours.ts';
import type { Invocation } from './command.ts';
import { downstreamPlane, managementPlane } from './connect.ts';
import { complain, EXIT_NO, EXIT_OK } from './exit.ts';
import { note, progressOf } from './progress.ts';
import type { Runtime } from './runtime.ts';

const POLL_MS = 500;

/** `drain CLUSTER`. @returns the exit code @throws {ConfigError | TerminalError | ConnectionError} */
export async function runDrain({ args, given }: Invocation, runtime: Runtime): Promise<number> {
  const config = drainConfig(given, runtime.env, runtime.home, args);
  const management = await managementPlane(config);
  try {
    await begin(config, management, runtime);
    if (config.timeoutMs === undefined) return EXIT_OK;
    if (!(await isDrainedInTime(config.timeoutMs, config, management, runtime))) return EXIT_NO;
    return await confirmEmpty(config, management, runtime);
  } finally {
    await management.close();
  }
}

/** Makes sure that the operator has ground to drain it. @throws {TerminalError} while it would put all back */
async function begin(
  { cluster: id, disableAce, dryRun }: DrainConfig,
  management: ManagementPlane,
  runtime: Runtime,
): Promise<void> {
  const cluster = needed(await management.cluster(id));
  if (!cluster && !needed(await management.propagation(id)))
    throw new TerminalError('ClusterDeleted', `there is no cluster ${id}`);
  if (!cluster || cluster.deleting) {
    note(`cluster ${id} is deleted: the operator drains it`, runtime);
    return;
  }
  if (cluster.aceEnabled === undefined)
    throw new TerminalError('Malformed', `cluster ${id}: ${cluster.problem}; its ACE switch cannot be read`);
  if (!cluster.aceEnabled) {
    note(`cluster ${id} has no ACE: the operator drains it`, runtime);
    return;
  }
  if (!disableAce) {
    throw new TerminalError(
      'InUse',
      `cluster ${id} has ACE on, and the operator would put everything back; switch it off where it is set, or give --disable-ace`,
    );
  }
  if (dryRun !== 'client') await switchOff(cluster, dryRun === 'server', management);
  const dry = { none: '', client: ' (dry run)', server: ' (server dry run)' }[dryRun];
  runtime.stdout.write(`cluster/${id} ACE switched off${dry}\n`);
}

async function switchOff(
  { name, uid }: Cluster,
  dryRun: boolean,
  management: ManagementPlane,
): Promise<void> {
  const patch = { metadata: { uid }, spec: { localClusterAuthEndpoint: { enabled: false } } };
  try {
    await management.client.patch({ resource: CLUSTERS, name }, patch, { dryRun });
  } catch (error) {
    if (!isReplaced(error)) throw error;
    throw new TerminalError('Rejected', `cluster ${name} was replaced meanwhile, or may not be changed so`);
  }
}

async function isDrainedInTime(
  timeoutMs: number,
  { cluster }: DrainConfig,
  management: ManagementPlane,
  runtime: Runtime,
): Promise<boolean> {
  const deadlineMs = runtime.now() + timeoutMs;
  const progress = progressOf(`waiting for ${cluster} to be drained, looks`, runtime);
  for (let looks = 1; ; looks += 1) {
    const propagation = needed(await management.propagation(cluster));
    const drained = propagation?.status.conditions?.find(({ type }) => type === 'Drained');
    if (drained?.status === 'True') break;
    progress.update(looks);
    if (runtime.now() + POLL_MS > deadlineMs) {
      progress.clear();
      const said = drained
        ? `the operator says: ${drained.reason}, ${drained.message}`
        : 'no operator says so';
      complain(
        runtime,
        `cluster ${cluster}: not drained after ${humanDuration(timeoutMs)}; ${said}; without an operator: gc --apply ${cluster}`,
      );
      return false;
    }
    await pause(POLL_MS, new AbortController().signal);
  }
  progress.clear();
  runtime.stdout.write(`cluster/${cluster} drained\n`);
  return true;
}

/** The status is what the operator saw: what is there now is seen in the cluster alone. */
async function confirmEmpty(
  config: DrainConfig,
  management: ManagementPlane,
  runtime: Runtime,
): Promise<number> {
  const { cluster } = config;
  const opened = await downstreamPlane(cluster, management, config);
  const found = await after(opened, (plane) => findOurs(plane, cluster));
  if (opened.ok) await opened.value.close();
  if (!found.ok) {
    note(`not looked at itself: ${found.failure.message}`, runtime);
    return EXIT_OK;
  }
  const { ours } = found.value;
  if (ours.length === 0) {
    note(`nothing of ours is left in cluster ${cluster}`, runtime);
    return EXIT_OK;
  }
  complain(
    runtime,
    `cluster ${cluster}: ${ours.length} objects of ours are there all the same, such as ${ours[0]?.kind} ${ours[0]?.metadata.name}; cleanup --cluster ${cluster} takes them away`,
  );
  return EXIT_NO;
}
