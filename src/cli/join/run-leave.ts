import { joinedSecretName, SECRETS } from '../../api/names.ts';
import type { KubeObject } from '../../api/types.ts';
import { type LeaveConfig, leaveConfig } from '../../config/join.ts';
import { TerminalError } from '../../errors.ts';
import { writtenByJoin } from '../../join/credential.ts';
import { downstreamObjects, renewalObjects, SERVICE_ACCOUNTS } from '../../join/downstream-objects.ts';
import type { DownstreamPlane } from '../../plane/downstream.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { missingCluster } from '../../plane/missing-cluster.ts';
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
import { type Identity, identityOf, isInUse, requireNotOthers } from './other-clusters.ts';
import { objectText, remove, removeDownstream } from './remove-object.ts';
import { othersCredential } from './right-account.ts';

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
      if (downstream.unproven) note(downstream.unproven, runtime);
      if (!(await isMeant(config, runtime))) return EXIT_NO;
      requireUninterrupted(interruption, 'nothing was changed');
      // The operator must not come back by a credential whose account goes next.
      await removeSecret(config, management, downstream, runtime);
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
      return (await removeAccount(config, downstream, runtime)) ? EXIT_OK : EXIT_NO;
    } finally {
      await downstream.close();
    }
  } finally {
    await management.close();
  }
}

/** Why nothing is to be taken away, in words. @throws {ConfigError | TerminalError | ConnectionError} */
async function whyNot(
  config: LeaveConfig,
  management: ManagementPlane,
  downstream: DownstreamPlane,
): Promise<string | undefined> {
  const { cluster } = config;
  const known = needed(await management.cluster(cluster));
  const propagation = needed(await management.propagation(cluster));
  if (known === undefined && propagation === undefined) await requireJoined(config, management);
  if (isInUse(known, propagation))
    return `cluster ${cluster} is in use: the operator writes there while ACE is on; drain ${cluster} --wait first`;
  const identity = await identityOf(downstream, cluster, management);
  await requireNotOthers(identity, downstream, cluster, management);
  // Without an operator's word nobody knows any better.
  if (downstream.unproven !== undefined && propagation?.status.clusterUID !== undefined)
    return `cluster ${cluster}: ${downstream.unproven}; give a kubeconfig that may get namespace kube-system there`;
  return sharedText(config, identity);
}

/** Two Clusters may lead to one API server: the account there is of both. */
function sharedText({ cluster, namespace }: LeaveConfig, { others }: Identity): string | undefined {
  const used = others.find((one) => one.isInUse)?.name;
  if (used === undefined) return undefined;
  const secret = joinedSecretName(cluster);
  return `cluster ${cluster}: cluster ${used} leads to the same API server, and is in use by the same account; kubectl delete secret ${secret} -n ${namespace} takes the way of ${cluster} alone`;
}

/** A name that was mistyped must not cost the cluster of the kubeconfig its account. @throws {TerminalError | ConnectionError | ApiError} */
async function requireJoined(
  { cluster, namespace }: LeaveConfig,
  management: ManagementPlane,
): Promise<void> {
  const name = joinedSecretName(cluster);
  if (await management.client.get({ resource: SECRETS, namespace, name })) return;
  throw new TerminalError(
    'ClusterDeleted',
    `${await missingCluster(cluster, management)}; nor is there a ClusterPropagation of it, or Secret ${namespace}/${name}; what an earlier leave did not come to, kubectl delete -k manifests/downstream-rbac takes out of the cluster`,
  );
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
  downstream: DownstreamPlane,
  runtime: Runtime,
): Promise<void> {
  const name = joinedSecretName(cluster);
  const live = (await client.get({ resource: SECRETS, namespace, name })) as KubeObject | undefined;
  if (live === undefined) return note(`Secret ${namespace}/${name} is not there`, runtime);
  const written = writtenByJoin(live);
  if (!written)
    throw new TerminalError('Rejected', `Secret ${namespace}/${name} was not written by join, and stays`);
  const others = othersCredential(written, downstream);
  if (others !== undefined)
    note(
      `Secret ${namespace}/${name} holds ${others}, which stays good until it ends, or until its account is deleted`,
      runtime,
    );
  await remove(client, { resource: SECRETS, object: live }, dryRun, runtime);
}

/** In the reverse order: the account first, so that its token ends before anything is half gone. @returns whether nothing of these names is left */
async function removeAccount(
  { dryRun }: LeaveConfig,
  { client, namespace }: DownstreamPlane,
  runtime: Runtime,
): Promise<boolean> {
  const all = [...downstreamObjects(namespace, VERSION), ...renewalObjects(namespace, VERSION)];
  const account = all.filter(({ resource }) => resource === SERVICE_ACCOUNTS);
  const rest = all.filter(({ resource }) => resource !== SERVICE_ACCOUNTS).reverse();
  let isGone = true;
  for (const one of [...account, ...rest]) {
    if (await removeDownstream(client, one, dryRun, runtime)) continue;
    isGone = false;
    complain(
      runtime,
      `${objectText(one.object)} stays: neither join nor manifests/downstream-rbac made it (labels part-of and component); if it is the operator's all the same, delete it: a token of its account is good for as long as that is there`,
    );
  }
  return isGone;
}
