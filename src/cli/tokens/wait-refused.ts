import type { AskConfig } from '../../config/ask.ts';
import type { TokenChangeConfig } from '../../config/token.ts';
import { ConfigError } from '../../errors.ts';
import type { ChangeTarget } from '../../issue/change/change.ts';
import { type GoneTokens, goneFinder } from '../../issue/change/gone.ts';
import { type StillAccepted, untilRefused } from '../../issue/change/refused.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import type { ReadFailure, Reading } from '../../plane/reading.ts';
import { humanDuration } from '../../print/duration.ts';
import { type Bounds, downstreamPlane, managementPlane, whileWaiting } from '../reach/connect.ts';
import { clusterOfFile, possibleClusters } from '../reach/possible-clusters.ts';
import { EXIT_NO, EXIT_OK, EXIT_UNREACHABLE, worstOf } from '../terminal/exit.ts';
import { progressOf } from '../terminal/progress.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { complain, note } from '../terminal/say.ts';

interface Work {
  readonly config: TokenChangeConfig;
  readonly runtime: Runtime;
  readonly missing?: Error | undefined;
}

/** What was taken away: a token without a cluster opens the management plane alone. */
type Taken = Pick<ChangeTarget, 'name' | 'clusterName'>;

/** In one cluster nothing can be seen of another. @throws {ConfigError} */
export async function requireItsCluster(
  tokens: readonly Taken[],
  config: AskConfig,
  management: ManagementPlane,
): Promise<void> {
  if (config.downstreamKubeconfig === undefined) return;
  const [cluster, ...more] = namesByCluster(tokens).keys();
  if (cluster === undefined) return;
  if (more.length > 0)
    throw new ConfigError(
      `--downstream-kubeconfig: it is of one cluster, and the tokens are of ${listed([cluster, ...more])}; nothing was changed`,
    );
  const opened = await downstreamPlane(cluster, management, config);
  if (opened.ok) await opened.value.close();
}

/**
 * Until the clusters refuse what was taken away, also what had been before: a repetition waits as the first time did.
 *
 * @param gone - tokens that were meant and no longer exist; undefined: there are none
 * @param work.missing - a user or a cluster that `gone` names and that is not there: mistyped, unless a cluster held something of it
 * @returns the exit code
 */
export async function waitRefused(
  tokens: readonly Taken[],
  gone: GoneTokens | undefined,
  { config, runtime, missing }: Work,
): Promise<number> {
  if (config.timeoutMs === undefined || (tokens.length === 0 && !gone)) return EXIT_OK;
  const bounds = whileWaiting(config.timeoutMs, config);
  const deadlineMs = runtime.now() + config.timeoutMs;
  // Its own: no request of this one outlives the waiting, and that of before was to have all its time.
  const management = await managementPlane(config, bounds);
  const progress = progressOf('waiting, still accepted downstream', runtime);
  const unproven = new Set<string>();
  let wasHeld = false;
  try {
    const byCluster = namesByCluster(tokens);
    const places = await placesOf(byCluster, gone, { config, management, bounds });
    if (!places.ok) {
      complain(runtime, `cannot see whether what was revoked before is refused: ${places.failure.message}`);
      return EXIT_UNREACHABLE;
    }
    const { ids, notLookedAt } = places.value;
    const left = await untilRefused(new Map(ids.map((id) => [id, byCluster.get(id) ?? []])), {
      deadlineMs,
      now: runtime.now,
      interruption: runtime.interruption(),
      open: async (cluster) => {
        const opened = await downstreamPlane(cluster, management, config, bounds);
        if (opened.ok && opened.value.unproven) unproven.add(opened.value.unproven);
        return opened;
      },
      findGone: gone && goneFinder(gone, management),
      tell: (count) => {
        wasHeld ||= count > 0;
        progress.update(count);
      },
    });
    progress.clear();
    for (const why of unproven) note(why, runtime);
    if (missing && !wasHeld && isLookedAt(left, gone)) {
      complain(runtime, missing.message);
      return EXIT_NO;
    }
    const code = codeOf(left, config.timeoutMs, runtime);
    if (notLookedAt) note(`not looked at: ${notLookedAt}`, runtime);
    return code;
  } finally {
    progress.clear();
    await management.close();
  }
}

/** Where to look, and in words where not. */
interface Places {
  readonly ids: readonly string[];
  readonly notLookedAt: string | undefined;
}

interface Reach {
  readonly config: TokenChangeConfig;
  readonly management: ManagementPlane;
  readonly bounds: Bounds;
}

/** A token that is gone no longer tells for which cluster it was: then all are looked into that may have it. */
async function placesOf(
  byCluster: ReadonlyMap<string, readonly string[]>,
  gone: GoneTokens | undefined,
  { config, management, bounds }: Reach,
): Promise<Reading<Places>> {
  const own = [...byCluster.keys()];
  if (!gone) return { ok: true, value: { ids: own, notLookedAt: undefined } };
  if (gone.cluster !== undefined) return { ok: true, value: { ids: [gone.cluster], notLookedAt: undefined } };
  if (config.downstreamKubeconfig !== undefined) {
    const id = own[0] ?? (await clusterOfFile(management, config, bounds));
    if (id === undefined) return { ok: false, failure: unknownFile(config.downstreamKubeconfig) };
    const notLookedAt = `clusters other than ${id}, which may accept what was revoked before`;
    return { ok: true, value: { ids: [id], notLookedAt } };
  }
  const possible = await possibleClusters(management, config);
  if (!possible.ok) return possible;
  const { ids, unreached } = possible.value;
  const never = unreached.filter((id) => !byCluster.has(id));
  const notLookedAt =
    never.length === 0
      ? undefined
      : `${listed(never)}, to which no way leads and where the operator never was`;
  return { ok: true, value: { ids: [...new Set([...own, ...ids])], notLookedAt } };
}

function unknownFile(file: string): ReadFailure {
  const message = `no ClusterPropagation that can be read names the UID of the namespace kube-system to which --downstream-kubeconfig ${file} leads, so it is not known which cluster that is; leave the flag out, or name the cluster by --cluster (of token revoke, or of wait)`;
  return { reason: 'NoCredentials', message };
}

function namesByCluster(tokens: readonly Taken[]): ReadonlyMap<string, readonly string[]> {
  const scoped = Map.groupBy(
    tokens.filter(({ clusterName }) => clusterName !== ''),
    ({ clusterName }) => clusterName,
  );
  return new Map([...scoped].map(([cluster, some]) => [cluster, some.map(({ name }) => name)]));
}

/** Nothing is left to be seen: each cluster has answered, and to a single one that is not there no way needs to lead. */
function isLookedAt(left: ReadonlyMap<string, StillAccepted>, gone: GoneTokens | undefined): boolean {
  const isNowhere = (read: StillAccepted): boolean =>
    gone?.cluster !== undefined && !read.ok && read.failure.reason === 'NoCredentials';
  return [...left.values()].every((read) => read.ok || isNowhere(read));
}

function codeOf(left: ReadonlyMap<string, StillAccepted>, timeoutMs: number, runtime: Runtime): number {
  const codes = [...left].map(([cluster, accepted]) => {
    if (!accepted.ok) {
      complain(
        runtime,
        `cluster ${cluster}: ${accepted.failure.message}: cannot see whether it refuses them`,
      );
      return EXIT_UNREACHABLE;
    }
    if (accepted.value.length === 0) return EXIT_OK;
    const after = humanDuration(timeoutMs);
    complain(
      runtime,
      `cluster ${cluster}: still accepts ${listed(accepted.value)} after ${after}; does the operator run?`,
    );
    return EXIT_NO;
  });
  const worst = worstOf(codes);
  if (worst === EXIT_OK) {
    tellRefused([...left.keys()], runtime);
  }
  return worst;
}

/** Of whom it is said: a token without a cluster opens the management plane alone. */
function tellRefused(clusters: readonly string[], runtime: Runtime): void {
  note(
    clusters.length === 0
      ? 'no cluster was asked: none may have any of them'
      : `refused downstream in ${listed(clusters)}; an API server may remember an earlier yes for its webhook cache TTL`,
    runtime,
  );
}

const SHOWN = 3;

function listed(names: readonly string[]): string {
  const rest = names.length - SHOWN;
  return rest > 0 ? `${names.slice(0, SHOWN).join(', ')} and ${rest} more` : names.slice(0, SHOWN).join(', ');
}
