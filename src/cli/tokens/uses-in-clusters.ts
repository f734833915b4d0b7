import type { AskConfig } from '../../config/ask.ts';
import type { Selection } from '../../config/token.ts';
import type { ListedToken } from '../../issue/change/listed-token.ts';
import { isOutOfUse } from '../../issue/change/select.ts';
import { eachBounded } from '../../plane/bounded.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { after, type Reading } from '../../plane/reading.ts';
import { downstreamPlane } from '../reach/connect.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { note } from '../terminal/say.ts';

const AT_ONCE = 8;

interface Asking {
  readonly config: AskConfig;
  readonly management: ManagementPlane;
  readonly runtime: Runtime;
  /** By which a use was long ago; milliseconds since the epoch. */
  readonly now: () => number;
}

/** When each token of a cluster was last used there, in milliseconds since the epoch, by name. */
type Uses = ReadonlyMap<string, number>;

/**
 * Of tokens that the management plane takes for unused those that their cluster does not know better: a use is noted
 * there first, and may never come up. A token whose cluster cannot be seen is left out, and counted on stderr.
 */
export async function outOfUseInClusters(
  tokens: readonly ListedToken[],
  selection: Selection,
  { config, management, runtime, now }: Asking,
): Promise<readonly ListedToken[]> {
  if (selection.unusedForMs === undefined && selection.neverUsedForMs === undefined) return tokens;
  const uses = new Map<string, Reading<Uses>>();
  const clusters = new Set(tokens.map(({ clusterName }) => clusterName).filter((name) => name !== ''));
  await eachBounded(clusters, AT_ONCE, async (cluster) => {
    uses.set(cluster, await usesIn(cluster, { config, management, runtime, now }));
  });
  const isUnseen = ({ clusterName }: ListedToken): boolean => uses.get(clusterName)?.ok === false;
  for (const [cluster, read] of uses) {
    if (read.ok) continue;
    const count = tokens.filter(({ clusterName }) => clusterName === cluster).length;
    note(
      `left out: ${count} tokens of cluster ${cluster}, which cannot be asked: ${read.failure.message}`,
      runtime,
    );
  }
  return tokens
    .filter((token) => !isUnseen(token))
    .map((token) => ({ ...token, lastUsedAtMs: latest(token, uses.get(token.clusterName)) }))
    .filter((token) => isOutOfUse(token, selection, now()));
}

async function usesIn(cluster: string, { config, management, runtime }: Asking): Promise<Reading<Uses>> {
  const opened = await downstreamPlane(cluster, management, config);
  if (opened.ok && opened.value.unproven) note(opened.value.unproven, runtime);
  const read = await after(opened, (plane) => plane.clusterAuthTokens());
  if (opened.ok) await opened.value.close();
  if (!read.ok) return read;
  const noted = read.value.flatMap(({ parsed: { name, lastUsedAtMs } }): [string, number][] =>
    lastUsedAtMs === undefined ? [] : [[name, lastUsedAtMs]],
  );
  return { ok: true, value: new Map(noted) };
}

function latest({ name, lastUsedAtMs }: ListedToken, uses: Reading<Uses> | undefined): number | undefined {
  const there = uses?.ok ? uses.value.get(name) : undefined;
  return there === undefined ? lastUsedAtMs : Math.max(there, lastUsedAtMs ?? there);
}
