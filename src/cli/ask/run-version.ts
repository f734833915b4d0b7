import type { AskConfig } from '../../config/ask.ts';
import { versionConfig } from '../../config/version.ts';
import { newestOf, type Skew, SUPPORTED_SKEW, skewOf } from '../../derive/skew.ts';
import { eachBounded } from '../../plane/bounded.ts';
import type { DownstreamPlane } from '../../plane/downstream.ts';
import { readLeader } from '../../plane/leader.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import type { Plane } from '../../plane/plane.ts';
import { after, failureText, known, type ReadFailure, type Reading } from '../../plane/reading.ts';
import { type Replica, readDivision, shardsOf } from '../../plane/shards.ts';
import { authenticators } from '../../plane/workloads.ts';
import { type Answer, printAnswer, printObject } from '../../print/output.ts';
import type { Tone } from '../../print/style.ts';
import { VERSION } from '../../version.ts';
import { toldNow } from '../reach/clocks.ts';
import { downstreamPlane, managementPlane } from '../reach/connect.ts';
import { NOT_LOOKED_AT, tellNotLookedAt } from '../reach/not-looked-at.ts';
import type { Invocation } from '../terminal/command.ts';
import { EXIT_NO, EXIT_OK, EXIT_UNREACHABLE } from '../terminal/exit.ts';
import { printerOf } from '../terminal/printer.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { note } from '../terminal/say.ts';

/** One part of ours, and where it runs. Why a thing is not known is said by `failure`. */
export interface PartVersion {
  readonly part: string;
  /** `here`, `management plane`, the id of a cluster, or `all clusters` where it is not known which there are. */
  readonly where: string;
  readonly version: string | undefined;
  /** Of the API server below it. */
  readonly kubernetes?: string | undefined;
  /** To the operator; of its replicas to the newest of them. */
  readonly skew: Skew;
  /** Those of this release, where clusters are divided over replicas. */
  readonly replicas?: readonly string[];
  readonly failure?: ReadFailure | undefined;
}

/** How many clusters are asked at a time. */
const PARALLEL = 16;
/** Runs in no cluster of ours, and is not ours: docs/support.md says what it goes with. */
const STOCK = 'kube-api-auth';

/** `ace-operator version`. @returns the exit code @throws {ConfigError} */
export async function runVersion({ given }: Invocation, runtime: Runtime): Promise<number> {
  const config = versionConfig(given, runtime.env, runtime.home);
  const { parts, unopened, notes } = config.clientOnly
    ? { parts: [clientPart(undefined)], unopened: NONE, notes: [] }
    : await withManagement(config, (management) => partVersions({ config, management, now: runtime.now }));
  const printer = printerOf(config, runtime);
  if (config.output === 'json' || config.output === 'yaml')
    await printObject(versionsObject(parts), config.output, printer);
  else await printAnswer(answer(parts, unopened), printer);
  for (const line of notes) note(line, runtime);
  tellUnasked(parts, unopened, runtime);
  if (parts.some(({ skew }) => skew === 'unsupported')) return EXIT_NO;
  return parts.some((part) => isUnreached(part, unopened)) ? EXIT_UNREACHABLE : EXIT_OK;
}

const NONE: ReadonlySet<string> = new Set();

/** What goes to people line by line; the table names the rest. */
const MAX_TOLD = 20;

function tellUnasked(parts: readonly PartVersion[], unopened: ReadonlySet<string>, runtime: Runtime): void {
  const unasked = parts.filter((part) => isUnreached(part, unopened));
  for (const { part, where, failure } of unasked.slice(0, MAX_TOLD))
    note(`not known: ${part}, ${where}: ${failure ? failureText(failure) : ''}`, runtime);
  if (unasked.length > MAX_TOLD)
    note(`and ${unasked.length - MAX_TOLD} more: -o wide says why of each`, runtime);
  const others = parts.filter((part) => isNotLookedAt(part, unopened)).map(({ where }) => where);
  tellNotLookedAt('authenticator', others, runtime);
}

/**
 * The operator's least credential may not look at authenticators, and never may: as for `preflight`, that is told and no fault. That
 * whoever asks may not read that credential is another thing: then the cluster was not asked at all.
 */
function isNotLookedAt({ part, where, failure }: PartVersion, unopened: ReadonlySet<string>): boolean {
  return failure?.reason === 'Forbidden' && part !== OPERATOR && !unopened.has(where);
}

function isUnreached(part: PartVersion, unopened: ReadonlySet<string>): boolean {
  return part.failure !== undefined && !isNotLookedAt(part, unopened);
}

const OPERATOR = 'operator';

async function withManagement<T>(
  config: AskConfig,
  work: (plane: ManagementPlane) => Promise<T>,
): Promise<T> {
  const management = await managementPlane(config);
  try {
    return await work(management);
  } finally {
    await management.close();
  }
}

interface Asked extends Pick<OwnVersions, 'parts' | 'notes'> {
  /** Clusters to which there was no way from here. */
  readonly unopened: ReadonlySet<string>;
}

/** All parts that can be asked, this program first. */
async function partVersions(work: Work): Promise<Asked> {
  const { config, management } = work;
  const [own, clusters, propagations] = await Promise.all([
    ownVersions(work),
    management.clusters(),
    management.propagations(),
  ]);
  management.remembered.learn({ clusters, propagations });
  if (!clusters.ok) {
    const parts = [...own.parts, unlisted(clusters.failure)];
    return { parts, unopened: new Set([ALL_CLUSTERS]), notes: own.notes };
  }
  const withAce = clusters.value.filter(({ aceEnabled }) => aceEnabled);
  const names = withAce.map(({ name }) => name).sort();
  const found = new Map<string, readonly PartVersion[]>();
  const unopened = new Set<string>();
  await eachBounded(names, PARALLEL, async (name) => {
    const deadline = AbortSignal.timeout(2 * config.requestTimeoutMs);
    const opened = await downstreamPlane(name, management, config, { connections: 1, deadline });
    found.set(name, await versionsThere(opened, name, { operator: own.operator, now: work.now }));
    if (opened.ok) await opened.value.close();
    else unopened.add(name);
  });
  const parts = [...own.parts, ...names.flatMap((name) => found.get(name) ?? [])];
  return { parts, unopened, notes: own.notes };
}

const ALL_CLUSTERS = 'all clusters';

/** Which clusters there are is not known: what runs in them is not, either. */
function unlisted(failure: ReadFailure): PartVersion {
  return { part: 'authenticator', where: ALL_CLUSTERS, version: undefined, skew: 'unknown', failure };
}

interface Work {
  readonly config: AskConfig;
  readonly management: ManagementPlane;
  readonly now: () => number;
}

/** Of this program and of the operator. */
export interface OwnVersions {
  readonly parts: readonly PartVersion[];
  /** The newest release among its replicas; undefined where its Lease does not tell. */
  readonly operator: string | undefined;
  /** For people: what was not seen of it without harm, and where its replicas differ. */
  readonly notes: readonly string[];
}

/** Where clusters are divided over replicas, of each of them. */
export async function ownVersions({ config, management, now }: Work): Promise<OwnVersions> {
  const { namespace } = config;
  const [leader, kubernetes] = await Promise.all([
    readLeader(namespace, management, () => toldNow(management, { now })),
    kubernetesOf(management, now),
  ]);
  const its = { part: OPERATOR, where: 'management plane', kubernetes };
  const shards = shardsOf(known(leader)?.holder ?? '');
  const division = shards > 0 ? await readDivision(namespace, shards, management) : undefined;
  if (division?.ok && division.value.replicas.length > 0) {
    const releases = Map.groupBy(division.value.replicas, ({ version }) => version);
    const operator = newestOf([...releases.keys()]);
    const parts = [...releases].map(([version, replicas]) => ({
      ...{ ...its, version, skew: skewOf(version, operator) },
      replicas: replicas.map(({ name }) => name),
    }));
    return { parts: [clientPart(operator), ...parts], operator, notes: differing(releases) };
  }
  const operator = known(leader)?.version;
  const skew = operator === undefined ? 'unknown' : 'same';
  const part: PartVersion = {
    ...{ ...its, version: operator, skew },
    failure: leader.ok ? undefined : leader.failure,
  };
  const unseen = division && !division.ok ? [unseenReplicas(division.failure)] : [];
  return { parts: [clientPart(operator), part], operator, notes: unseen };
}

const unseenReplicas = ({ reason, message }: ReadFailure): string =>
  `the release is that of one replica of the operator; those of the others cannot be seen: ${reason}: ${message}`;

/** As while a roll-out is under way, or when it has stopped half-way. */
function differing(releases: ReadonlyMap<string | undefined, readonly Replica[]>): readonly string[] {
  if (releases.size < 2) return [];
  const each = [...releases].map(
    ([version, replicas]) =>
      `${version ?? 'one that is not told'} (${replicas.map(({ name }) => name).join(', ')})`,
  );
  return [
    `replicas of the operator run different releases: ${each.join(', ')}; as while a roll-out is under way: kubectl rollout status says whether one is`,
  ];
}

const clientPart = (operator: string | undefined): PartVersion => ({
  ...{ part: 'client', where: 'here', version: VERSION },
  skew: skewOf(VERSION, operator),
});

/** Of the authenticators of a cluster, or why they are not known. */
export async function versionsThere(
  opened: Reading<DownstreamPlane>,
  where: string,
  { operator, now }: { readonly operator: string | undefined; readonly now: () => number },
): Promise<readonly PartVersion[]> {
  const running = await after(opened, (plane) => authenticators(plane, plane.namespace));
  const kubernetes = opened.ok ? await kubernetesOf(opened.value, now) : undefined;
  const unknown = { where, version: undefined, kubernetes, skew: 'unknown' } as const;
  if (!running.ok) return [{ ...unknown, part: 'authenticator', failure: running.failure }];
  if (running.value.length === 0) return [{ ...unknown, part: 'authenticator' }];
  return running.value.map(({ name, version }) => ({
    ...{ part: name, where, version: version || undefined, kubernetes },
    skew: name === STOCK ? 'unknown' : skewOf(version, operator),
  }));
}

/** What everybody may ask; undefined where it is not told. */
async function kubernetesOf(plane: Plane, now: () => number): Promise<string | undefined> {
  const answered: Reading<{ text: string }> = await plane.probe('/version', now);
  if (!answered.ok) return undefined;
  try {
    const { gitVersion } = JSON.parse(answered.value.text) as { gitVersion?: unknown };
    return typeof gitVersion === 'string' ? gitVersion : undefined;
  } catch {
    return undefined;
  }
}

/** As a document. */
export function versionsObject(parts: readonly PartVersion[]): object {
  const [client] = parts;
  return {
    kind: 'Versions',
    client: { version: client?.version, skew: client?.skew },
    parts: parts.slice(1),
    supported: SUPPORTED_SKEW,
  };
}

const TONES: Readonly<Record<Skew, Tone>> = {
  same: 'good',
  supported: 'good',
  unsupported: 'bad',
  unknown: 'dim',
};

function answer(rows: readonly PartVersion[], unopened: ReadonlySet<string>): Answer<PartVersion> {
  const unseen = (part: PartVersion): string =>
    isNotLookedAt(part, unopened) ? NOT_LOOKED_AT : (part.failure?.reason ?? '<unknown>');
  return {
    columns: [
      { title: 'PART', cell: ({ part }) => part },
      { title: 'WHERE', cell: ({ where }) => where },
      { title: 'VERSION', cell: (part) => part.version ?? unseen(part) },
      { title: 'SKEW', cell: ({ skew }) => ({ text: skew, tone: TONES[skew] }) },
      { title: 'KUBERNETES', cell: ({ kubernetes }) => kubernetes ?? '' },
      {
        title: 'MESSAGE',
        wide: true,
        cell: ({ failure, replicas }) => failure?.message ?? replicas?.join() ?? '',
      },
    ],
    rows,
    object: (row) => row,
    name: ({ part, where }) => `${part}/${where}`,
    empty: '',
  };
}
