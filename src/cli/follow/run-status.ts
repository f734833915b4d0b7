// follow/: shows where clusters and tokens stand, once, or until they stand where they should.

import { Writable } from 'node:stream';
import type { Cluster } from '../../api/types.ts';
import { type StatusConfig, statusConfig } from '../../config/status.ts';
import {
  authenticatorOf,
  type ClusterStatus,
  clusterStatuses,
  countedStatus,
  expiryNotice,
} from '../../explain/cluster-status.ts';
import { tokenStatuses } from '../../explain/token-status.ts';
import { pause } from '../../kube/backoff.ts';
import { eachBounded } from '../../plane/bounded.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { missingCluster } from '../../plane/missing-cluster.ts';
import { after, type ReadFailure, required } from '../../plane/reading.ts';
import { authenticators } from '../../plane/workloads.ts';
import { AnswerInParts, type Printer, printAnswer } from '../../print/output.ts';
import { toldNow } from '../reach/clocks.ts';
import { downstreamPlane, managementPlane } from '../reach/connect.ts';
import { InOrder } from '../reach/in-order.ts';
import { tellNotLookedAt } from '../reach/not-looked-at.ts';
import type { Invocation } from '../terminal/command.ts';
import { EXIT_NO, EXIT_OK, EXIT_UNREACHABLE } from '../terminal/exit.ts';
import { printerOf } from '../terminal/printer.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { complain, note } from '../terminal/say.ts';
import {
  readHeld,
  readTokens,
  readUpstream,
  type UpstreamReadings,
  unlessUnknown,
  withoutExt,
} from './read-tokens.ts';
import { clusterAnswer, tokenAnswer } from './status-columns.ts';
import { type Shown, tellOperator } from './tell-operator.ts';

/** How many clusters are asked at a time. */
const PARALLEL = 16;
const REDRAW = '\u001b[H\u001b[2J\u001b[3J';

/** `ace-operator status`. @returns the exit code @throws {ConfigError | UnseenError} */
export async function runStatus({ args, given }: Invocation, runtime: Runtime): Promise<number> {
  const config = statusConfig(args, given, runtime.env, runtime.home);
  const management = await managementPlane(config);
  try {
    if (!config.watch) return await show(config, management, runtime, printerOf(config, runtime));
    return await watch(config, management, runtime);
  } finally {
    await management.close();
  }
}

async function watch(config: StatusConfig, management: ManagementPlane, runtime: Runtime): Promise<number> {
  const interrupted = new AbortController();
  const signalled = runtime.signal().then(() => interrupted.abort());
  while (!interrupted.signal.aborted) {
    const looked = look(config, management, runtime, interrupted.signal);
    const code = (await Promise.race([looked, signalled])) ?? EXIT_OK;
    if (interrupted.signal.aborted) break;
    // A cluster that is away for a moment is what one may be watching for.
    if (code !== EXIT_OK && code !== EXIT_UNREACHABLE) return code;
    await pause(config.intervalMs, interrupted.signal);
  }
  return EXIT_OK;
}

/**
 * Draws a whole picture at once, and below it what is to be said of it: half of one is not to be seen. What is interrupted says nothing at
 * all: nobody is away because we left.
 */
async function look(
  config: StatusConfig,
  management: ManagementPlane,
  runtime: Runtime,
  interruption: AbortSignal,
): Promise<number> {
  const [parts, notes]: [string[], string[]] = [[], []];
  const printer = { ...printerOf(config, runtime), write: (text: string) => void parts.push(text) };
  let failure: unknown;
  const code = await show(config, management, { ...runtime, stderr: gathered(notes) }, printer).catch(
    (error: unknown) => {
      failure = error;
      return EXIT_OK;
    },
  );
  if (interruption.aborted) return EXIT_OK;
  const picture = parts.join('');
  if (failure === undefined) runtime.stdout.write(runtime.isTerminal ? REDRAW + picture : `${picture}\n`);
  runtime.stderr.write(notes.join(''));
  if (failure !== undefined) throw failure;
  return code;
}

function gathered(into: string[]): NodeJS.WritableStream {
  return new Writable({
    write: (chunk, _encoding, done) => {
      into.push(String(chunk));
      done();
    },
  });
}

async function show(
  config: StatusConfig,
  management: ManagementPlane,
  runtime: Runtime,
  printer: Printer,
): Promise<number> {
  management.remembered.forget();
  // Told once the rest could be read: whoever sees nothing at all is told that, and why.
  const tell = (shown: Shown): Promise<void> => tellOperator(config.namespace, management, runtime, shown);
  if (config.cluster === undefined) {
    await showClusters(config, management, runtime, printer, tell);
    return EXIT_OK;
  }
  const tokens = await readTokens(config.cluster, config, management, runtime);
  if (!tokens) {
    complain(runtime, await missingCluster(config.cluster, management));
    return EXIT_NO;
  }
  await tell({ clusters: [config.cluster], isOne: true });
  await printAnswer(tokenAnswer(tokens.rows, config.cluster, toldNow(management, runtime)), printer);
  return tokens.isSeen ? EXIT_OK : EXIT_UNREACHABLE;
}

/** Each cluster as soon as it has been asked. */
async function showClusters(
  config: StatusConfig,
  management: ManagementPlane,
  runtime: Runtime,
  printer: Printer,
  tell: (shown: Shown) => Promise<void>,
): Promise<void> {
  const [clusters, propagations] = await Promise.all([management.clusters(), management.propagations()]);
  management.remembered.learn({ clusters, propagations });
  const nowMs = toldNow(management, runtime);
  const statuses = clusterStatuses(
    required(clusters),
    unlessUnknown(propagations, [], runtime),
    new Map(),
    nowMs,
  );
  await tell({ clusters: statuses.map(({ name }) => name), isOne: false });
  for (const status of statuses)
    for (const notice of [status.otherWriter, expiryNotice(status, nowMs) ?? ''])
      if (notice !== '') note(`cluster ${status.name}: ${notice}`, runtime);
  const known = new Map(required(clusters).map((cluster) => [cluster.name, cluster]));
  const answer = new AnswerInParts(clusterAnswer(nowMs), printer);
  answer.reserve(statuses);
  const names = statuses.map(({ name }) => name);
  const shown = new InOrder<ClusterStatus>(names, (status) => answer.add([status]), runtime.now);
  let read: ReturnType<Work['held']> | undefined;
  const held: Work['held'] = () => (read ??= readUpstream(management));
  const unseen: Unseen = { forbidden: [], unopened: undefined, ext: undefined };
  const work = { config, management, nowMs, held, unseen };
  await eachBounded(statuses, PARALLEL, async (status) => {
    const { name } = status;
    const cluster = known.get(name);
    const isAsked = config.asksClusters && cluster?.aceEnabled === true;
    shown.come(name, isAsked ? await asked(status, cluster, work) : status);
  });
  await answer.end();
  tellNotLookedAt('authenticator', unseen.forbidden.sort(), runtime);
  if (unseen.ext) note(`${withoutExt(unseen.ext)}; what may be of them is not counted`, runtime);
  if (unseen.unopened)
    note(
      `no cluster was asked itself: ${unseen.unopened.reason}: ${unseen.unopened.message}; --management-only does not try`,
      runtime,
    );
}

interface Work {
  readonly config: StatusConfig;
  readonly management: ManagementPlane;
  readonly nowMs: number;
  /** Read when it is needed first. */
  held(): Promise<UpstreamReadings>;
  readonly unseen: Unseen;
}

/** What rights did not allow to see. */
interface Unseen {
  /** Clusters where the operator's credential may not look at authenticators. */
  readonly forbidden: string[];
  /** Whoever asks may not read the operator's credentials: the same for all clusters. */
  unopened: ReadFailure | undefined;
  /** Why tokens of `ext.cattle.io` could not be read, where they would have been counted. */
  ext: ReadFailure | undefined;
}

/** What the cluster itself says: its authenticators, and its tokens where no operator tells of them. */
async function asked(
  status: ClusterStatus,
  cluster: Cluster,
  { config, management, nowMs, held, unseen }: Work,
): Promise<ClusterStatus> {
  const opened = await downstreamPlane(cluster.name, management, config, {
    connections: 1,
    deadline: AbortSignal.timeout(2 * config.requestTimeoutMs),
  });
  try {
    const running = await after(opened, (plane) => authenticators(plane, plane.namespace));
    if (!running.ok && running.failure.reason === 'Forbidden') {
      if (opened.ok) unseen.forbidden.push(cluster.name);
      else unseen.unopened = running.failure;
    }
    const whole = { ...status, ...authenticatorOf(running) };
    if (status.ready !== 'NotReported') return whole;
    const there = await readHeld(opened);
    const { tokens, users, ext } = await held();
    if (!there.tokens.ok || !there.attributes.ok || !tokens.ok || !users.ok) return whole;
    if (!ext.ok) unseen.ext = ext.failure;
    const { name, aceEnabled, deleting } = cluster;
    const home = { name, aceEnabled, deleting, drain: false, suspend: false };
    const upstream = { tokens: tokens.value, users: users.value, isExtUnread: !ext.ok };
    return countedStatus(whole, tokenStatuses(home, upstream, there, nowMs));
  } finally {
    if (opened.ok) await opened.value.close();
  }
}
