import { DOWNSTREAM_ACCOUNT, joinedSecretName, NAMESPACES, SECRETS } from '../../api/names.ts';
import type { Cluster, KubeObject } from '../../api/types.ts';
import { requestToken } from '../../clusters/bound-token.ts';
import { wayTo } from '../../clusters/ways.ts';
import type { DryRun } from '../../config/act.ts';
import { type JoinConfig, joinConfig } from '../../config/join.ts';
import { formatTime } from '../../derive/expiry.ts';
import { renewalDueAtMs } from '../../derive/lifetime.ts';
import { ConfigError, TerminalError } from '../../errors.ts';
import { worst } from '../../explain/preflight.ts';
import {
  type Address,
  addressOf,
  credentialSecret,
  type Written,
  writtenByJoin,
} from '../../join/credential.ts';
import {
  type Addressed,
  downstreamObjects,
  isDownstreamAccess,
  renewalObjects,
  SERVICE_ACCOUNTS,
} from '../../join/downstream-objects.ts';
import { type Outcome, put } from '../../join/put.ts';
import { personalAccess } from '../../kube/kubeconfig.ts';
import type { DownstreamPlane } from '../../plane/downstream.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { missingCluster } from '../../plane/missing-cluster.ts';
import { needed } from '../../plane/needed.ts';
import { required } from '../../plane/reading.ts';
import { checklist, mark } from '../../print/checklist.ts';
import { humanDuration } from '../../print/duration.ts';
import { printable } from '../../print/printable.ts';
import { paint } from '../../print/style.ts';
import { VERSION } from '../../version.ts';
import { toldNow } from '../reach/clocks.ts';
import { downstreamPlane, managementPlane } from '../reach/connect.ts';
import { inspectCluster } from '../reach/inspect.ts';
import type { Invocation } from '../terminal/command.ts';
import { EXIT_NO, EXIT_OK, EXIT_UNREACHABLE } from '../terminal/exit.ts';
import { requireUninterrupted } from '../terminal/interruption.ts';
import { printerOf } from '../terminal/printer.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { DRY_RUN_SUFFIX, note, say } from '../terminal/say.ts';
import { identityOf, requireNotOthers } from './other-clusters.ts';
import { objectText, removeDownstream } from './remove-object.ts';
import { accountIn, ofOwnAccount, requireLetIn } from './right-account.ts';

/** `join CLUSTER`. @returns the exit code @throws {ConfigError | TerminalError | ConnectionError | ApiError} */
export async function runJoin({ args, given }: Invocation, runtime: Runtime): Promise<number> {
  const config = joinConfig(given, runtime.env, runtime.home, args);
  const management = await managementPlane(config);
  const interruption = runtime.interruption();
  let isKept = false;
  try {
    const cluster = await wanted(config, management, runtime);
    const downstream = required(await downstreamPlane(config.cluster, management, config));
    try {
      await requireRightCluster(config, downstream, management);
      if (downstream.unproven) note(downstream.unproven, runtime);
      const address = await theAddress(config, runtime);
      const written = await writtenBefore(config, cluster, management);
      const own = ofOwnAccount(written, config, downstream, runtime);
      await requireLetIn(config, downstream, runtime);
      requireUninterrupted(interruption, 'nothing was changed');
      const accountUid = await makeAccount(config, downstream, runtime);
      requireUninterrupted(
        interruption,
        `no credential was made for cluster ${config.cluster}; run it again`,
      );
      const making = { config, management, downstream, address, isThere: written !== undefined };
      isKept = await makeCredential(
        { ...making, written: stillGood(own, accountUid, config, runtime) },
        runtime,
      );
    } finally {
      await downstream.close();
    }
    return config.dryRun === 'none' ? await inspect(config, isKept, management, runtime) : EXIT_OK;
  } finally {
    await management.close();
  }
}

/** @throws {TerminalError} when management has no such cluster */
async function wanted(
  { cluster, renew }: JoinConfig,
  management: ManagementPlane,
  runtime: Runtime,
): Promise<Cluster> {
  const found = needed(await management.cluster(cluster));
  if (!found) throw new TerminalError('ClusterDeleted', await missingCluster(cluster, management));
  const meanwhile = renew ? 'carries nothing there, and renews nothing,' : 'carries nothing there';
  if (!found.aceEnabled)
    note(
      `ACE of cluster ${cluster} is off: the operator ${meanwhile} until spec.localClusterAuthEndpoint.enabled of the Cluster is true`,
      runtime,
    );
  return found;
}

/** By the way to another cluster the tokens of this one would go there, and none here. @throws {ConfigError | UnseenError | ConnectionError} */
async function requireRightCluster(
  { cluster }: JoinConfig,
  downstream: DownstreamPlane,
  management: ManagementPlane,
): Promise<void> {
  if (downstream.unproven === undefined) return;
  const identity = await identityOf(downstream, cluster, management);
  await requireNotOthers(identity, downstream, cluster, management);
}

async function theAddress(config: JoinConfig, runtime: Runtime): Promise<Address> {
  const choice = { files: [config.downstreamKubeconfig], required: true, context: undefined };
  const address = addressOf(await personalAccess(choice), config.server);
  if (/^(localhost|127\.|\[::1\])/.test(new URL(address.server).hostname))
    note(
      `${address.server} is this machine's own address: the operator has to reach it from where it runs; --server gives another`,
      runtime,
    );
  return address;
}

/** The Secret of an earlier run. @throws {ConfigError} when somebody else gave the operator another way by the same label */
async function writtenBefore(
  { cluster, namespace }: JoinConfig,
  known: Cluster,
  management: ManagementPlane,
): Promise<Written | undefined> {
  const name = joinedSecretName(cluster);
  const { way } = wayTo(cluster, known, required(await management.ways()));
  const isOther = way && (way.secret.name !== name || way.secret.namespace !== namespace);
  if (way?.how === 'label' && isOther)
    throw new ConfigError(
      `Secret ${way.secret.namespace}/${way.secret.name} is the way to cluster ${cluster} already, by its label, and would go before ours; delete it, or take its label ace-operator.io/cluster off, and run this again`,
    );
  const live = (await management.client.get({ resource: SECRETS, namespace, name })) as
    | KubeObject
    | undefined;
  if (live === undefined) return undefined;
  const written = writtenByJoin(live);
  if (!written)
    throw new ConfigError(
      `Secret ${namespace}/${name} is there, and join did not write it; rename or delete it`,
    );
  return written;
}

/** @returns the UID of the account that was there; undefined: it was made @throws {TerminalError} for an object of that name which somebody else made */
async function makeAccount(
  { dryRun, renew }: JoinConfig,
  { client, namespace }: DownstreamPlane,
  runtime: Runtime,
): Promise<string | undefined> {
  const forRenewal = renewalObjects(namespace, VERSION);
  const objects = [...downstreamObjects(namespace, VERSION), ...(renew ? forRenewal : [])];
  let accountUid: string | undefined;
  for (const one of objects) {
    const live = await requireOurs(client, one);
    if (one.resource === SERVICE_ACCOUNTS) accountUid = live?.metadata.uid;
  }
  const object = { apiVersion: 'v1', kind: NAMESPACES.kind, metadata: { name: namespace } };
  for (const one of [{ resource: NAMESPACES, object }, ...objects]) {
    const outcome = await put(client, one, dryRun);
    if (one.resource === SERVICE_ACCOUNTS && outcome === 'created') accountUid = undefined;
    tell(one, outcome, dryRun, runtime);
  }
  if (!renew) for (const one of forRenewal) await removeDownstream(client, one, dryRun, runtime);
  return accountUid;
}

/**
 * With an account its tokens go. Whether that one is there says the account itself: an earlier run may have made it anew, and ended before it
 * came to the credential.
 */
function stillGood(
  written: Written | undefined,
  accountUid: string | undefined,
  { cluster, namespace }: JoinConfig,
  runtime: Runtime,
): Written | undefined {
  const isOfAccount = accountUid !== undefined && (written?.accountUid ?? accountUid) === accountUid;
  if (isOfAccount || written === undefined) return written;
  note(
    `the credential in Secret ${namespace}/${joinedSecretName(cluster)} was of an account that is no more: it takes a new one`,
    runtime,
  );
  return undefined;
}

/** Before anything is written: what is bound to an account of that name would be the operator's, and the other way round. */
async function requireOurs(
  client: DownstreamPlane['client'],
  { resource, object }: Addressed,
): Promise<KubeObject | undefined> {
  const { name, namespace } = object.metadata;
  const live = (await client.get({ resource, name, namespace })) as KubeObject | undefined;
  if (live && !isDownstreamAccess(live))
    throw new TerminalError(
      'Rejected',
      `${objectText(object)} is there, and neither join nor manifests/downstream-rbac made it (labels part-of and component); look what it is for, and rename or delete it`,
    );
  return live;
}

const RENEWED =
  'the operator renews this credential by itself: whoever steals it can do the same, for as long as the account is there; leave, then join, ends that';

interface Making {
  readonly config: JoinConfig;
  readonly management: ManagementPlane;
  readonly downstream: DownstreamPlane;
  readonly address: Address;
  /** The Secret is there, whatever is in it. */
  readonly isThere: boolean;
  /** What is in it, where that may be kept. */
  readonly written: Written | undefined;
}

/** @returns whether the one that was there is kept */
async function makeCredential(making: Making, runtime: Runtime): Promise<boolean> {
  const { config, management, downstream, address, written } = making;
  const { dryRun, durationMs } = config;
  const nowMs = toldNow(downstream, runtime);
  if (config.renew) note(RENEWED, runtime);
  if (written?.isFor(address, config.cluster) && nowMs < renewalDueAtMs(written.lifetime) && !config.rotate) {
    // The same token; whether it is renewed may be said anew.
    const same = credentialSecret(config, address, written.bound);
    tell(same, await put(management.client, same, dryRun), dryRun, runtime);
    note(`the credential is good for another ${humanDuration(written.lifetime.untilMs - nowMs)}`, runtime);
    return true;
  }
  if (dryRun !== 'none') {
    const what = `secret/${joinedSecretName(config.cluster)} ${making.isThere ? 'configured' : 'created'}`;
    say(`${what}${DRY_RUN_SUFFIX[dryRun]}`, runtime);
    return false;
  }
  // A token that could not be kept would be good all the same: whether it can be is tried first.
  await put(management.client, credentialSecret(config, address, { token: '', expiresAtMs: 0 }), 'server');
  const bound = await requestToken(downstream.client, accountIn(downstream), durationMs / 1_000);
  const secret = credentialSecret(config, address, bound);
  tell(secret, await put(management.client, secret, dryRun), dryRun, runtime);
  const goodMs = bound.expiresAtMs - toldNow(downstream, runtime);
  note(`the credential is good until ${formatTime(bound.expiresAtMs)}`, runtime);
  if (goodMs < durationMs * 0.9)
    note(`that is shorter than was asked for: the cluster allows no more`, runtime);
  if (!config.renew) note(`run join again within ${humanDuration(goodMs)}`, runtime);
  return false;
}

function tell({ object }: Addressed, outcome: Outcome, dryRun: DryRun, runtime: Runtime): void {
  say(`${object.kind.toLowerCase()}/${object.metadata.name} ${outcome}${DRY_RUN_SUFFIX[dryRun]}`, runtime);
}

/** As `preflight` does, with the credential that was just made. */
async function inspect(
  config: JoinConfig,
  isKept: boolean,
  management: ManagementPlane,
  runtime: Runtime,
): Promise<number> {
  const seen = { ...config, strict: false };
  const { hops } = await inspectCluster(config.cluster, seen, management, runtime);
  const printer = printerOf(config, runtime);
  const colour = paint(printer.isTerminal, printer.env);
  const verdict = worst(hops, false);
  const list = checklist(hops, { paint: colour, remedies: true, columns: printer.columns });
  printer.write(`${mark(verdict, colour)} ${colour('strong', printable(config.cluster))}\n${list}`);
  if (isKept && hops.some(({ reason }) => reason === 'CredentialsRejected'))
    note(
      `the credential was kept, for its time is not up, and cluster ${config.cluster} refuses it: ${runtime.program} join ${config.cluster} --rotate with the same flags makes a new one`,
      runtime,
    );
  if (verdict === 'broken') {
    note(
      `cluster ${config.cluster} is joined; what is marked above is still in the way (account ${DOWNSTREAM_ACCOUNT})`,
      runtime,
    );
    return EXIT_NO;
  }
  return verdict === 'unknown' ? EXIT_UNREACHABLE : EXIT_OK;
}
