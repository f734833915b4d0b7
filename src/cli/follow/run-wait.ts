import { type WaitConfig, waitConfig } from '../../config/status.ts';
import { ConfigError } from '../../errors.ts';
import { conclude, type Explanation } from '../../explain/conclusion.ts';
import type { Evidence } from '../../explain/evidence.ts';
import { gather } from '../../explain/gather.ts';
import type { Hop, HopId } from '../../explain/hop.ts';
import { pause } from '../../kube/backoff.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { known, type ReadFailure } from '../../plane/reading.ts';
import { humanDuration } from '../../print/duration.ts';
import { printObject } from '../../print/output.ts';
import { toldNow } from '../reach/clocks.ts';
import { givenDownstream, managementPlane, whileWaiting } from '../reach/connect.ts';
import type { Invocation } from '../terminal/command.ts';
import { EXIT_NO, EXIT_OK, EXIT_UNREACHABLE } from '../terminal/exit.ts';
import { printerOf } from '../terminal/printer.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { complain, note, say } from '../terminal/say.ts';

const POLL_MS = 500;

/** `ace-operator wait`. @returns the exit code @throws {ConfigError} for a flag or file that cannot be used */
export async function runWait({ args, given }: Invocation, runtime: Runtime): Promise<number> {
  const config = waitConfig(args, given, runtime.env, runtime.home);
  const bounds = whileWaiting(config.timeoutMs, config);
  const management = await managementPlane(config, bounds);
  const deadlineMs = runtime.now() + config.timeoutMs;
  let wasSeen = config.ignoreNotFound;
  try {
    for (;;) {
      const evidence = await look(config, management, { ...bounds, now: () => toldNow(management, runtime) });
      requireScope(config, evidence);
      wasSeen ||= isSeen(evidence);
      const explanation = conclude(evidence);
      if (isSo(config.until, explanation) && isCompared(config.until, evidence))
        return wasSeen
          ? await succeed(config, explanation, { evidence, runtime })
          : neverSeen(explanation, runtime);
      if (runtime.now() + POLL_MS > deadlineMs) return giveUp(config, explanation, evidence, runtime);
      await pause(POLL_MS, new AbortController().signal);
    }
  } finally {
    await management.close();
  }
}

async function look(
  config: WaitConfig,
  management: ManagementPlane,
  bounds: { readonly deadline?: AbortSignal | undefined; readonly now: () => number },
): Promise<Evidence> {
  const downstream = await givenDownstream(config.downstreamKubeconfig, config, '', bounds);
  const evidence = gather({
    ...bounds,
    given: { kind: 'name', name: config.token },
    cluster: config.cluster,
    management: { ok: true, value: management },
    downstream,
    bearer: undefined,
    wish: undefined,
    asksWebhook: false,
    namespace: config.downstreamNamespace,
    timeoutMs: config.requestTimeoutMs,
    userAgent: config.userAgent,
  });
  return evidence.finally(() => downstream?.close());
}

/** A token is carried into one cluster: that it is not in another says nothing. @throws {ConfigError} */
function requireScope({ token: name, cluster }: WaitConfig, { management }: Evidence): void {
  const token = known(management.token);
  if (!token || cluster === undefined || token.clusterName === cluster) return;
  throw new ConfigError(
    token.clusterName === ''
      ? `--cluster ${cluster}: token ${name} is scoped to no cluster`
      : `--cluster ${cluster}: token ${name} is scoped to ${token.clusterName}`,
  );
}

/**
 * What is in a cluster is current if it is what the management plane says, all of which has to be read; what is not there is gone for
 * good if the management plane does not want it there.
 */
function isCompared(until: WaitConfig['until'], evidence: Evidence): boolean {
  return unreadSource(until, evidence) === undefined;
}

function unreadSource(
  until: WaitConfig['until'],
  { management: { token, user, attribute } }: Evidence,
): ReadFailure | undefined {
  for (const read of until === 'revoked' ? [token, user] : [token, user, attribute])
    if (read && !read.ok) return read.failure;
  return undefined;
}

function giveUp(config: WaitConfig, explanation: Explanation, evidence: Evidence, runtime: Runtime): number {
  const unread = unreadSource(config.until, evidence);
  if (!unread) return fail(config, explanation, runtime);
  complain(
    runtime,
    `token ${config.token}: cannot see whether it is ${config.until}: ${unread.reason}: ${unread.message}`,
  );
  return EXIT_UNREACHABLE;
}

/** Whether there is, or was a moment ago, a token of that name. */
function isSeen({ management, downstream }: Evidence): boolean {
  return known(management.token) !== undefined || known(downstream.clusterAuthToken) !== undefined;
}

function neverSeen({ token, cluster }: Explanation, runtime: Runtime): number {
  complain(
    runtime,
    `no token ${token} was seen, neither in the management plane nor in ${cluster}: is the name right? --ignore-not-found takes that for revoked`,
  );
  return EXIT_NO;
}

/** What the cluster needs to let a token in. */
const NEEDED: readonly HopId[] = ['clusterAuthToken', 'hash', 'userAttribute'];

function isSo(until: WaitConfig['until'], { hops, cluster }: Explanation): boolean {
  const state = (id: HopId): string | undefined => hops.find((hop) => hop.id === id)?.state;
  // A warning is no obstacle: another writer's objects, such as Rancher's own, let a token in as well.
  if (until === 'propagated') return NEEDED.every((id) => ['ok', 'warning'].includes(state(id) ?? ''));
  const token = hops.find(({ id }) => id === 'clusterAuthToken');
  // Gone is what was looked for and not found, and is not to come: not what could not be looked for, nor what is on its way.
  return cluster !== undefined && (token?.state === 'skipped' || token?.reason === 'UnknownToken');
}

async function succeed(
  config: WaitConfig,
  { token, cluster }: Explanation,
  { evidence, runtime }: { readonly evidence: Evidence; readonly runtime: Runtime },
): Promise<number> {
  const printer = printerOf(config, runtime);
  const { output, until } = config;
  const unproven = known(evidence.downstream.way)?.unproven;
  if (unproven) note(unproven, runtime);
  if (output === 'json' || output === 'yaml') {
    await printObject({ kind: 'WaitResult', token, cluster, state: until, unproven }, output, printer);
  } else say(`token.management.cattle.io/${token} ${until} in ${cluster}`, runtime);
  return EXIT_OK;
}

function fail(config: WaitConfig, explanation: Explanation, runtime: Runtime): number {
  const { token, cluster = 'its cluster', hops } = explanation;
  const inCluster = hops.find(({ id }) => id === 'clusterAuthToken');
  const culprit = culpritOf(config, hops);
  const isUnseen =
    culprit?.state === 'unknown' ||
    inCluster?.state === 'unknown' ||
    (inCluster?.state === 'skipped' && config.until === 'revoked');
  const waited = humanDuration(config.timeoutMs);
  complain(
    runtime,
    `token ${token} is not ${config.until} in ${cluster} after ${waited}; ${whyNot(config, hops, culprit)}`,
  );
  return isUnseen ? EXIT_UNREACHABLE : EXIT_NO;
}

const DECIDING: readonly HopId[] = ['clusterAuthToken', 'cluster', 'connection'];

/** What a person has to know: what is in the way of a token, or that it is still there. */
function whyNot({ until }: WaitConfig, hops: readonly Hop[], culprit: Hop | undefined): string {
  const held = hops.find(({ id }) => id === 'clusterAuthToken');
  const isThere = held?.state === 'ok' || held?.state === 'warning';
  if (until === 'revoked' && isThere) {
    // Such as a disabled user's: it is refused, and its ClusterAuthToken stays.
    const why = hops.find(({ state, reason }) => state === 'broken' && reason);
    const order = why
      ? `and stays: ${why.reason}: ${why.detail}`
      : `and the Token is in order (${held.detail})`;
    return `its ClusterAuthToken is still there, ${order}`;
  }
  if (!culprit) return 'nothing of it was seen';
  return culprit.reason ? `${culprit.reason}: ${culprit.detail}` : culprit.detail;
}

/** What is broken, else what could not be seen. */
function culpritOf({ until }: WaitConfig, hops: readonly Hop[]): Hop | undefined {
  // That there is no Token is no obstacle to its being gone; that the cluster cannot be asked is, and what is still there.
  const concerned =
    until === 'revoked' ? DECIDING.flatMap((id) => hops.filter((hop) => hop.id === id)) : hops;
  return (
    concerned.find(({ state }) => state === 'broken') ??
    concerned.find(({ state, reason }) => state === 'unknown' && reason)
  );
}
