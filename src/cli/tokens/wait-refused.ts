import type { AskConfig } from '../../config/ask.ts';
import type { TokenChangeConfig } from '../../config/token.ts';
import { ConfigError } from '../../errors.ts';
import type { ChangeTarget } from '../../issue/change/change.ts';
import { type StillAccepted, untilRefused } from '../../issue/change/refused.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { humanDuration } from '../../print/duration.ts';
import { downstreamPlane, managementPlane, whileWaiting } from '../reach/connect.ts';
import { EXIT_NO, EXIT_OK, EXIT_UNREACHABLE, worstOf } from '../terminal/exit.ts';
import { progressOf } from '../terminal/progress.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { complain, note } from '../terminal/say.ts';

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
 * @returns the exit code
 */
export async function waitRefused(
  tokens: readonly Taken[],
  { config, runtime }: { readonly config: TokenChangeConfig; readonly runtime: Runtime },
): Promise<number> {
  if (config.timeoutMs === undefined) return EXIT_OK;
  const bounds = whileWaiting(config.timeoutMs, config);
  // Its own: no request of this one outlives the waiting, and that of before was to have all its time.
  const management = await managementPlane(config, bounds);
  const progress = progressOf('waiting, still accepted downstream', runtime);
  const unproven = new Set<string>();
  try {
    const left = await untilRefused(namesByCluster(tokens), {
      deadlineMs: runtime.now() + config.timeoutMs,
      now: runtime.now,
      interruption: runtime.interruption(),
      open: async (cluster) => {
        const opened = await downstreamPlane(cluster, management, config, bounds);
        if (opened.ok && opened.value.unproven) unproven.add(opened.value.unproven);
        return opened;
      },
      tell: (count) => progress.update(count),
    });
    progress.clear();
    for (const why of unproven) note(why, runtime);
    return codeOf(left, config.timeoutMs, runtime);
  } finally {
    progress.clear();
    await management.close();
  }
}

function namesByCluster(tokens: readonly Taken[]): ReadonlyMap<string, readonly string[]> {
  const scoped = Map.groupBy(
    tokens.filter(({ clusterName }) => clusterName !== ''),
    ({ clusterName }) => clusterName,
  );
  return new Map([...scoped].map(([cluster, some]) => [cluster, some.map(({ name }) => name)]));
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
      ? 'no cluster was asked: none of them is scoped to one'
      : `refused downstream in ${listed(clusters)}; an API server may remember an earlier yes for its webhook cache TTL`,
    runtime,
  );
}

const SHOWN = 3;

function listed(names: readonly string[]): string {
  const rest = names.length - SHOWN;
  return rest > 0 ? `${names.slice(0, SHOWN).join(', ')} and ${rest} more` : names.slice(0, SHOWN).join(', ');
}
