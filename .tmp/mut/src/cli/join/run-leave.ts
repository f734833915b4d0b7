import { joinedSecretName, SECRETS } from '../../api/names.ts';
import type { KubeObject } from '../../api/types.ts';
import { type LeaveConfig, leaveConfig } from '../../config/join.ts';
import { TerminalError } from '../../errors.ts';
import { writtenByJoin } from '../../join/credential.ts';
import { downstreamObjects, renewalObjects, SERVICE_ACCOUNTS } from '../../join/downstream-objects.ts';
import type { DownstreamPlane } from '../../plane/downstream.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { needed } from '../../plane/needed.ts';
import { required } from '../../plane/reading.ts';
import { findOurs } from '../../removal/find-ours.ts';
import { VERSION } from '../../version.ts';
import { downstreamPlane, managementPlane } from '../reach/connect.ts';
import { askPerson } from '../terminal/ask-person.ts';
import type { Invocation } from '../terminal/command.ts';
import { EXIT_NO, EXIT_OK } from '../terminal/exit.ts';
import { requireUninterrupted } from '../terminal/interruption.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { complain, note } from '../terminal/say.ts';
import { remove, removeDownstream } from './remove-object.ts';

/** `leave CLUSTER`. @returns the exit code @throws {ConfigError | TerminalError | ConnectionError | ApiError} */
export async function runLeave({ args, given }: Invocation, runtime: Runtime): Promise<number> {
  const config = leaveConfig(given, runtime.env, runtime.home, args);
  const management = await managementPlane(config);
  const interruption = runtime.interruption();
  try {
    const downstream = required(await downstreamPlane(config.cluster, management, config));
    try {
      const obstacle =
        (await whyNot(config, management, downstream)) ?? (await left(config, downstream, runtime));
      if (obstacle !== undefined) {
        complain(runtime, obstacle);
        return EXIT_NO;
      }
      if (!(await isMeant(config, runtime))) return EXIT_NO;
      requireUninterrupted(interruption, 'nothing was changed');
      // The operator must not come back by a credential whose account goes next.
      await removeSecret(config, management, runtime);
      requireUninterrupted(
        interruption,
        `the account in cluster ${config.cluster} is still there; run it again`,
      );
      // What it wrote while a person thought about the question would be there for ever.
      const since = config.dryRun === 'none' ? await left(config, downstream, runtime) : undefined;
      if (since !== undefined) {
        complain(runtime, `${since}; the account is still there: join it again to drain it`);
        return EXIT_NO;
      }
      await removeAccount(config, downstream, runtime);
      return EXIT_OK;
    } finally {
      await downstream.close();
    }
  } finally {
    await management.close();
  }
}

/** The operator has to have been told that nothing of ours is to be there, or it would write while we look. */
async function whyNot(
  { cluster }: LeaveConfig,
  management: ManagementPlane,
  { unproven }: DownstreamPlane,
): Promise<string | undefined> {
  const known = needed(await management.cluster(cluster));
  const propagation = needed(await management.propagation(cluster));
  const isDrained = propagation?.spec.drain === true && propagation.problem === undefined;
  if (known && known.aceEnabled !== false && !isDrained)
    return `cluster ${cluster} is in use: the operator writes there while ACE is on; drain ${cluster} --wait first`;
  // Without an operator's word nobody knows any better.
  if (unproven !== undefined && propagation?.status.clusterUID !== undefined)
    return `cluster ${cluster}: ${unproven}; give a kubeconfig that may get namespace kube-system there`;
  return undefined;
}

/** What of ours is there, in words; undefined: nothing. */
async function left(
  { cluster }: LeaveConfig,
  downstream: DownstreamPlane,
  { program }: Runtime,
): Promise<string | undefined> {
  const { ours } = required(await findOurs(downstream, undefined));
  if (ours.length === 0) return undefined;
  return `cluster ${cluster}: ${ours.length} objects of ours are there, such as ${ours[0]?.kind} ${ours[0]?.metadata.name}; ${program} drain ${cluster} --wait takes them away first`;
}

async function isMeant({ cluster, yes, dryRun }: LeaveConfig, runtime: Runtime): Promise<boolean> {
  if (yes || dryRun !== 'none') return true;
  return askPerson(`Take the operator's way into cluster ${cluster} away?`, runtime);
}

async function removeSecret(
  { cluster, namespace, dryRun }: LeaveConfig,
  { client }: ManagementPlane,
  runtime: Runtime,
): Promise<void> {
  const name = joinedSecretName(cluster);
  const live = (await client.get({ resource: SECRETS, namespace, name })) as KubeObject | undefined;
  if (live === undefined) return note(`Secret ${namespace}/${name} is not there`, runtime);
  if (!writtenByJoin(live))
    throw new TerminalError('Rejected', `Secret ${namespace}/${name} was not written by join, and stays`);
  await remove(client, { resource: SECRETS, object: live }, dryRun, runtime);
}

/** In the reverse order: the account first, so that its token ends before anything is half gone. */
async function removeAccount(
  { dryRun }: LeaveConfig,
  { client, namespace }: DownstreamPlane,
  runtime: Runtime,
): Promise<void> {
  const all = [...downstreamObjects(namespace, VERSION), ...renewalObjects(namespace, VERSION)];
  const account = all.filter(({ resource }) => resource === SERVICE_ACCOUNTS);
  const rest = all.filter(({ resource }) => resource !== SERVICE_ACCOUNTS).reverse();
  for (const one of [...account, ...rest]) await removeDownstream(client, one, dryRun, runtime);
}
