import { LABEL_CLUSTER, TOKENS } from '../../api/names.ts';
import type { ClusterAuthToken } from '../../api/parse-downstream.ts';
import { parseExtToken } from '../../api/parse-ext-token.ts';
import { parseToken } from '../../api/parse-token.ts';
import type { Token } from '../../api/types.ts';
import { mayBeOfExtToken } from '../../derive/diff.ts';
import { eachBounded } from '../../plane/bounded.ts';
import type { Seen } from '../../plane/downstream.ts';
import { readExtToken, readExtTokens } from '../../plane/ext-tokens.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { known, type Reading } from '../../plane/reading.ts';

const AT_ONCE = 8;

/**
 * Tokens that were meant by a revocation and no longer exist, by what a ClusterAuthToken says of them: labels and ages are gone with the
 * token. All that is given has to fit.
 */
export interface GoneTokens {
  readonly names: ReadonlySet<string> | undefined;
  readonly user: string | undefined;
  /** The only one that is looked into. */
  readonly cluster: string | undefined;
}

/** Of what is enabled in a cluster, the names of those whose token is gone; or why that is not known. */
export type FindGone = (
  cluster: string,
  enabled: readonly Seen<ClusterAuthToken>[],
) => Promise<Reading<readonly string[]>>;

/** Tokens that were there when they were listed, as `cluster/name`. */
interface Standing {
  readonly v3: Reading<ReadonlySet<string>>;
  readonly ext: Reading<ReadonlySet<string>>;
}

/** Finds what was revoked before and is still in a cluster. Tokens are listed once; that one is gone is confirmed by a live read. */
export function goneFinder(which: GoneTokens, management: ManagementPlane): FindGone {
  let listed: Promise<Standing> | undefined;
  // Of what could not be listed it is asked again with the next look.
  const list = async (): Promise<Standing> => {
    listed ??= listStanding(management);
    const standing = await listed;
    if (!standing.v3.ok || !standing.ext.ok) listed = undefined;
    return standing;
  };
  const living = livingClusters(management);
  return async (cluster, enabled) => {
    const meant = enabled.filter(({ parsed }) => isMeant(parsed, which));
    if (meant.length === 0) return { ok: true, value: [] };
    const homes = await homesOf(cluster, meant, living);
    if (!homes.ok) return homes;
    const isHome: IsHome = (seen, id) =>
      id === cluster || (id !== undefined && id === labelOf(seen) && homes.value.has(id));
    // Of a few that are named each is read by itself, which takes no right to list all.
    const standing = which.names ? undefined : await list();
    if (standing && !standing.v3.ok) return standing.v3;
    const isListed = (seen: Seen<ClusterAuthToken>): boolean =>
      [cluster, labelOf(seen)].some((id) => isHome(seen, id) && isIn(standing, `${id}/${seen.parsed.name}`));
    return goneOf(
      isHome,
      meant.filter((seen) => !isListed(seen)),
      management,
      standing?.ext,
    );
  };
}

/**
 * Whether a Token that is scoped to a cluster is the one that an object was written for. Where two Clusters lead to one API server, the good
 * tokens of the other are there as well, and its label says so.
 */
type IsHome = (seen: Seen<ClusterAuthToken>, cluster: string | undefined) => boolean;

const labelOf = ({ object }: Seen<ClusterAuthToken>): string | undefined =>
  object.metadata.labels?.[LABEL_CLUSTER] ?? undefined;

const isIn = (standing: Standing | undefined, key: string): boolean =>
  [standing?.v3, standing?.ext].some((some) => known(some)?.has(key) === true);

/** Whether there is a Cluster of that id, and it is to stay: only then does anybody have its tokens let in. Each is read once. */
function livingClusters(management: ManagementPlane): (id: string) => Promise<Reading<boolean>> {
  const read = new Map<string, Promise<Reading<boolean>>>();
  return async (id) => {
    const asked = read.get(id) ?? isLiving(id, management);
    read.set(id, asked);
    const is = await asked;
    // It is asked again with the next look.
    if (!is.ok) read.delete(id);
    return is;
  };
}

async function isLiving(id: string, management: ManagementPlane): Promise<Reading<boolean>> {
  const read = await management.cluster(id);
  return read.ok ? { ok: true, value: read.value !== undefined && !read.value.deleting } : read;
}

/** Living clusters other than this one for which something there was written. */
async function homesOf(
  cluster: string,
  meant: readonly Seen<ClusterAuthToken>[],
  living: (id: string) => Promise<Reading<boolean>>,
): Promise<Reading<ReadonlySet<string>>> {
  const homes = new Set<string>();
  for (const id of new Set(meant.map(labelOf))) {
    if (id === undefined || id === cluster) continue;
    const is = await living(id);
    if (!is.ok) return is;
    if (is.value) homes.add(id);
  }
  return { ok: true, value: homes };
}

function isMeant({ name, userName }: ClusterAuthToken, { names, user }: GoneTokens): boolean {
  return (names === undefined || names.has(name)) && (user === undefined || userName === user);
}

async function listStanding(management: ManagementPlane): Promise<Standing> {
  const keyBy =
    (parse: (raw: unknown) => Token) =>
    (raw: unknown): string => {
      const { clusterName, name } = parse(raw);
      return `${clusterName}/${name}`;
    };
  const [v3, ext] = await Promise.all([
    management.list(TOKENS, keyBy(parseToken)),
    readExtTokens(management, keyBy(parseExtToken)),
  ]);
  return { v3: setOf(v3), ext: setOf(ext) };
}

function setOf(read: Reading<readonly string[]>): Reading<ReadonlySet<string>> {
  return read.ok ? { ok: true, value: new Set(read.value) } : read;
}

/** One that is known to be gone weighs more than one of which that is not known. */
async function goneOf(
  isHome: IsHome,
  candidates: readonly Seen<ClusterAuthToken>[],
  management: ManagementPlane,
  ext: Reading<unknown> | undefined,
): Promise<Reading<readonly string[]>> {
  const gone: string[] = [];
  let unknown: Reading<never> | undefined;
  await eachBounded(candidates, AT_ONCE, async (seen) => {
    // Where that kind could not be listed one of it is not read either.
    const isUnread = ext?.ok === false && mayBeOfExtToken(seen.object);
    const read = isUnread ? ext : await isGone(seen, isHome, management);
    if (!read.ok) unknown = read;
    else if (read.value) gone.push(seen.parsed.name);
  });
  return gone.length === 0 && unknown ? unknown : { ok: true, value: gone.sort() };
}

async function isGone(
  seen: Seen<ClusterAuthToken>,
  isHome: IsHome,
  management: ManagementPlane,
): Promise<Reading<boolean>> {
  const { name } = seen.parsed;
  const v3 = await management.get(TOKENS, name, parseToken);
  if (!v3.ok) return v3;
  if (isHome(seen, v3.value?.clusterName)) return { ok: true, value: false };
  const ext = await readExtToken(management, name);
  if (ext.ok) return { ok: true, value: !isHome(seen, ext.value?.clusterName) };
  return mayBeOfExtToken(seen.object) ? ext : { ok: true, value: true };
}
