import type { AskConfig } from '../../config/ask.ts';
import { versionConfig } from '../../config/version.ts';
import { type Skew, SUPPORTED_SKEW, skewOf } from '../../derive/skew.ts';
import { eachBounded } from '../../plane/bounded.ts';
import type { DownstreamPlane } from '../../plane/downstream.ts';
import { readLeader } from '../../plane/leader.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import type { Plane } from '../../plane/plane.ts';
import { after, type ReadFailure, type Reading, required } from '../../plane/reading.ts';
import { authenticators } from '../../plane/workloads.ts';
import { type Answer, printAnswer, printObject } from '../../print/output.ts';
import type { Tone } from '../../print/style.ts';
import { VERSION } from '../../version.ts';
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
  /** `here`, `management plane`, or the id of a cluster. */
  readonly where: string;
  readonly version: string | undefined;
  /** Of the API server below it. */
  readonly kubernetes?: string | undefined;
  /** To the operator. */
  readonly skew: Skew;
  readonly failure?: ReadFailure | undefined;
}

/** How many clusters are asked at a time. */
const PARALLEL = 16;
/** Runs in no cluster of ours, and is not ours: docs/support.md says what it goes with. */
const STOCK = 'kube-api-auth';

/** `ace-operator version`. @returns the exit code @throws {ConfigError | UnseenError} */
export async function runVersion({ given }: Invocation, runtime: Runtime): Promise<number> {
  const config = versionConfig(given, runtime.env, runtime.home);
  const { parts, unopened } = config.clientOnly
    ? { parts: [clientPart(undefined)], unopened: NONE }
    : await withManagement(config, (management) => partVersions({ config, management, now: runtime.now }));
  const printer = printerOf(config, runtime);
  if (config.output === 'json' || config.output === 'yaml')
    await printObject(versionsObject(parts), config.output, printer);
  else await printAnswer(answer(parts, unopened), printer);
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
    note(`not known: ${part}, ${where}: ${failure?.reason}: ${failure?.message}`, runtime);
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

interface Asked {
  readonly parts: readonly PartVersion[];
  /** Clusters to which there was no way from here. */
  readonly unopened: ReadonlySet<string>;
}

/**
 * All parts that can be asked, this program first.
 *
 * @throws {UnseenError} when the management plane tells nothing
 */
async function partVersions(work: Work): Promise<Asked> {
  const { config, management } = work;
  const [own, clusters, propagations] = await Promise.all([
    ownVersions(work),
    management.clusters(),
    management.propagations(),
  ]);
  management.remembered.learn({ clusters, propagations });
  const withAce = required(clusters).filter(({ aceEnabled }) => aceEnabled);
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
  return { parts: [...own.parts, ...names.flatMap((name) => found.get(name) ?? [])], unopened };
}

interface Work {
  readonly config: AskConfig;
  readonly management: ManagementPlane;
  readonly now: () => number;
}

/** Of this program and of the operator, whose release is undefined where its Lease does not tell. */
export async function ownVersions({ config, management, now }: Work): Promise<{
  readonly parts: readonly PartVersion[];
  readonly operator: string | undefined;
}> {
  const [leader, kubernetes] = await Promise.all([
    readLeader(config.namespace, management),
    kubernetesOf(management, now),
  ]);
  const operator = leader.ok ? leader.value?.version : undefined;
  const failure = leader.ok ? undefined : leader.failure;
  const its: PartVersion = {
    ...{ part: OPERATOR, where: 'management plane', version: operator, kubernetes, failure },
    skew: operator === undefined ? 'unknown' : 'same',
  };
  return { parts: [clientPart(operator), its], operator };
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
      { title: 'MESSAGE', wide: true, cell: ({ failure }) => failure?.message ?? '' },
    ],
    rows,
    object: (row) => row,
    name: ({ part, where }) => `${part}/${where}`,
    empty: '',
  };
}
