import { lstat, open, unlink } from 'node:fs/promises';
import type { Cluster, Propagation } from '../../api/types.ts';
import { type SysdumpConfig, sysdumpConfig } from '../../config/sysdump.ts';
import { formatTime } from '../../derive/expiry.ts';
import { ConfigError, describeFileError, TerminalError } from '../../errors.ts';
import { type Hop, withNames } from '../../explain/hop.ts';
import { judgeCluster } from '../../explain/preflight.ts';
import { lookAtCluster } from '../../explain/preflight-evidence.ts';
import { eachBounded } from '../../plane/bounded.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { missingCluster } from '../../plane/missing-cluster.ts';
import { known, type Reading, required } from '../../plane/reading.ts';
import { printObject } from '../../print/output.ts';
import { Archive, type LeftOut } from '../../sysdump/archive.ts';
import { collectCluster, collectManagement } from '../../sysdump/collect.ts';
import { fileName } from '../../sysdump/read.ts';
import { Scrubber } from '../../sysdump/scrub.ts';
import { VERSION } from '../../version.ts';
import { downstreamPlane, managementPlane } from '../reach/connect.ts';
import { inspectManagement } from '../reach/inspect.ts';
import type { Invocation } from '../terminal/command.ts';
import { EXIT_OK, EXIT_UNREACHABLE } from '../terminal/exit.ts';
import { printerOf } from '../terminal/printer.ts';
import { progressOf } from '../terminal/progress.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { note, say } from '../terminal/say.ts';
import { ownVersions, type PartVersion, versionsObject, versionsThere } from './run-version.ts';

/** A cluster that answers slowly takes its share of the time and no more. */
const PARALLEL = 4;
const CLUSTER_MS = 60_000;
const FILE_BYTES = 16 * 1024 * 1024;
/** What goes to people line by line; the rest is in the archive. */
const MAX_TOLD = 20;

interface Work {
  readonly config: SysdumpConfig;
  readonly management: ManagementPlane;
  /** Of the clusters that were looked at. */
  readonly versions: Map<string, readonly PartVersion[]>;
  readonly archive: Archive;
  readonly scrubber: Scrubber;
  readonly deadline: AbortSignal;
  readonly runtime: Runtime;
}

/** `ace-operator sysdump`. @returns the exit code @throws {ConfigError | UnseenError | TerminalError} */
export async function runSysdump({ args, given }: Invocation, runtime: Runtime): Promise<number> {
  const config = sysdumpConfig(args, given, runtime.env, runtime.home);
  const atMs = runtime.now();
  const stamp = formatTime(atMs).replaceAll(/[-:]/g, '');
  const path = config.outputFile ?? `ace-sysdump-${stamp}.tar.gz`;
  if (path !== '-') await requirePlace(path);
  const scrubber = new Scrubber();
  const archive = new Archive({ totalBytes: config.sizeLimitBytes, fileBytes: FILE_BYTES }, scrubber);
  const deadline = AbortSignal.timeout(config.timeLimitMs);
  const management = await managementPlane(config, { deadline });
  try {
    archive.addObject('sysdump.json', { made: formatTime(atMs), by: config.userAgent, version: VERSION });
    await collect({ config, management, versions: new Map(), archive, scrubber, deadline, runtime });
  } finally {
    await management.close();
  }
  const bytes = await archive.pack(`ace-sysdump-${stamp}`, new Date(atMs));
  if (path === '-') await new Promise((resolve) => runtime.stdout.write(bytes, resolve));
  else await writeNew(path, bytes);
  await tell({ path, bytes: bytes.length, archive, config }, runtime);
  return archive.leftOut.length === 0 ? EXIT_OK : EXIT_UNREACHABLE;
}

/** @throws {UnseenError | TerminalError} when the management plane tells nothing at all, or of no such cluster */
async function collect(work: Work): Promise<void> {
  const { config, management, archive, scrubber, runtime } = work;
  const { namespace } = config;
  const names = await clusterNames(work);
  await collectManagement({ plane: management, archive, scrubber, directory: 'management' }, namespace);
  addPreflight('management', await inspectManagement(management, runtime.now), work);
  const own = await ownVersions({ config, management, now: runtime.now });
  for (const line of own.notes) note(line, runtime);
  for (const { part, failure } of own.parts)
    if (failure) archive.leave(`versions.json, ${part}`, failure.reason, failure.message);
  const progress = progressOf('looking into clusters', runtime);
  let done = 0;
  await eachBounded(names, PARALLEL, async (name) => {
    await collectOne(name, own.operator, work);
    done += 1;
    progress.update(done, names.length);
  });
  progress.clear();
  const parts = [...own.parts, ...names.flatMap((name) => work.versions.get(name) ?? [])];
  archive.addObject('versions.json', versionsObject(parts));
}

/** Those that are named, else all with ACE; where Clusters cannot be listed, all that the operator reports on. @throws {UnseenError | TerminalError} */
async function clusterNames({ config, management, archive }: Work): Promise<readonly string[]> {
  const [clusters, propagations] = await Promise.all([management.clusters(), management.propagations()]);
  management.remembered.learn({ clusters, propagations });
  const named = config.clusters;
  if (clusters.ok) {
    await requireKnown(named, clusters.value, propagations, management);
    const withAce = clusters.value.filter(({ aceEnabled }) => aceEnabled).map(({ name }) => name);
    return named.length > 0 ? named : withAce.sort();
  }
  const { reason, message } = clusters.failure;
  // Who refuses answers all the same: there may be more to tell.
  if (!propagations.ok && reason !== 'Forbidden') required(clusters);
  if (named.length > 0) return named;
  archive.leave(
    'clusters',
    reason,
    `${message}; only those that the operator reports on were looked at, name others as CLUSTER`,
  );
  return (known(propagations) ?? []).map(({ name }) => name).sort();
}

/** One whose Cluster is deleted may be what the archive is wanted for: its ClusterPropagation is there for as long as something is left in it. */
async function requireKnown(
  named: readonly string[],
  clusters: readonly Cluster[],
  propagations: Reading<readonly Propagation[]>,
  management: ManagementPlane,
): Promise<void> {
  // Where it is not known whether there is one, it is looked for.
  if (!propagations.ok && propagations.failure.reason !== 'KindMissing') return;
  const there = new Set([...clusters, ...(known(propagations) ?? [])].map(({ name }) => name));
  const missing = named.find((name) => !there.has(name));
  if (missing !== undefined)
    throw new TerminalError('ClusterDeleted', await missingCluster(missing, management));
}

/** All of it in the time of one cluster. */
async function collectOne(name: string, operator: string | undefined, work: Work): Promise<void> {
  const { config, management, archive, scrubber, runtime } = work;
  const directory = `clusters/${fileName(name)}`;
  if (work.deadline.aborted)
    return archive.leave(
      directory,
      'TimeLimit',
      'not looked at: the time was up, --time-limit gives it longer',
    );
  const deadline = AbortSignal.any([work.deadline, AbortSignal.timeout(CLUSTER_MS)]);
  const opened = await downstreamPlane(name, management, config, { connections: 2, deadline });
  work.versions.set(name, await versionsThere(opened, name, { operator, now: runtime.now }));
  if (!opened.ok) return archive.leave(directory, opened.failure.reason, opened.failure.message);
  const plane = opened.value;
  try {
    if (plane.unproven) {
      note(plane.unproven, runtime);
      archive.addObject(`${directory}/unproven.json`, { unproven: plane.unproven });
    }
    await collectCluster({ plane, archive, scrubber, directory }, plane.namespace);
    const propagation = known(await management.remembered.propagation(name));
    const evidence = await lookAtCluster(plane, plane, runtime.now);
    const hops = judgeCluster(evidence, { strict: false, propagation });
    const names = { token: undefined, cluster: name, user: undefined };
    addPreflight(
      directory,
      hops.map((hop) => withNames(hop, names)),
      work,
    );
  } finally {
    await plane.close();
  }
}

/** What a check could not see is left out as well, and said. */
function addPreflight(directory: string, hops: readonly Hop[], { archive }: Work): void {
  archive.addObject(`${directory}/preflight.json`, hops);
  for (const { id, state, reason = 'Unknown', detail } of hops)
    if (state === 'unknown') archive.leave(`${directory}/preflight.json: ${id}`, reason, detail);
}

/** A file can be made there, and none is there yet. @throws {ConfigError} before anything is asked for nothing */
async function requirePlace(path: string): Promise<void> {
  const there = await lstat(path).catch(() => undefined);
  if (there !== undefined) throw new ConfigError(`--output-file ${path}: the file exists`);
  // Of all that may be in the way (rights, a missing directory, a read-only file system) trying alone tells.
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
    throw new ConfigError(`--output-file ${path}: ${describeFileError(error)}`);
  });
  await file.close();
  await unlink(path);
}

/** For its owner alone: it has no secrets, and much that is nobody else's business. @throws {ConfigError} */
async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  const failed = (error: unknown): never => {
    throw new ConfigError(`--output-file ${path}: ${describeFileError(error)}`);
  };
  const file = await open(path, 'wx', 0o600).catch(failed);
  try {
    await file.writeFile(bytes);
    await file.close();
  } catch (error) {
    await unlink(path).catch(() => undefined); // half an archive is none
    failed(error);
  }
}

interface Result {
  readonly path: string;
  readonly bytes: number;
  readonly archive: Archive;
  readonly config: SysdumpConfig;
}

async function tell({ path, bytes, archive, config }: Result, runtime: Runtime): Promise<void> {
  const { leftOut, count: files } = archive;
  for (const one of leftOut.slice(0, MAX_TOLD)) note(lineOf(one), runtime);
  if (leftOut.length > MAX_TOLD) note(`and ${leftOut.length - MAX_TOLD} more: left-out.json`, runtime);
  const toldBeside = path === '-';
  const { output } = config;
  if (!toldBeside && (output === 'json' || output === 'yaml')) {
    const object = { kind: 'SysdumpResult', file: path, files, bytes, leftOut };
    return printObject(object, output, printerOf(config, runtime));
  }
  if (!toldBeside && output === 'name') return say(path, runtime);
  const left = leftOut.length === 0 ? '' : `; not in it: ${leftOut.length}, see left-out.json`;
  (toldBeside ? note : say)(`${path}: ${files} files, ${Math.ceil(bytes / 1024)} KiB${left}`, runtime);
}

const lineOf = ({ what, reason, message }: LeftOut): string => `left out: ${what}: ${reason}: ${message}`;
