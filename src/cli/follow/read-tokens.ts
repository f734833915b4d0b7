import type { Token, User } from '../../api/types.ts';
import type { StatusConfig } from '../../config/status.ts';
import { type Held, type TokenStatus, tokenStatuses } from '../../explain/token-status.ts';
import type { DownstreamPlane } from '../../plane/downstream.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { after, type ReadFailure, type Reading, required } from '../../plane/reading.ts';
import { toldNow } from '../reach/clocks.ts';
import { downstreamPlane } from '../reach/connect.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { complain, note } from '../terminal/say.ts';

/** Where no operator of ours was ever installed, clusters and tokens are there all the same. */
export function unlessUnknown<T>(read: Reading<T>, none: T, runtime: Runtime): T {
  if (read.ok || read.failure.reason !== 'KindMissing') return required(read);
  note('no operator reports here: the kind ClusterPropagation is not installed', runtime);
  return none;
}

/** What decides about tokens in the management plane. */
export interface UpstreamReadings {
  /** Of both kinds, as far as `ext` could be read. */
  readonly tokens: Reading<readonly Token[]>;
  readonly users: Reading<readonly User[]>;
  readonly ext: Reading<readonly Token[]>;
}

/** Reads both sorts of tokens, and users. */
export async function readUpstream(management: ManagementPlane): Promise<UpstreamReadings> {
  const [v3, users, ext] = await Promise.all([
    management.v3Tokens(),
    management.users(),
    management.extTokens(),
  ]);
  return { tokens: management.together(v3, ext), users, ext };
}

/** What is to be said where they could not be read. */
export const withoutExt = ({ message }: ReadFailure): string =>
  `not looked at: tokens of ext.cattle.io: ${message}`;

/** The tokens of one cluster, as `status CLUSTER` shows them. */
export interface ClusterTokens {
  readonly rows: readonly TokenStatus[];
  /** False: where some of them stand could not be seen, and it was said why. */
  readonly isSeen: boolean;
}

/** @returns undefined when there is no such cluster @throws {ConfigError | UnseenError} */
export async function readTokens(
  id: string,
  config: StatusConfig,
  management: ManagementPlane,
  runtime: Runtime,
): Promise<ClusterTokens | undefined> {
  const cluster = required(await management.cluster(id));
  const propagation = unlessUnknown(await management.propagation(id), undefined, runtime);
  if (!cluster && !propagation) return undefined;
  const { tokens, users, ext } = await readUpstream(management);
  const there = await readDownstream(id, config, management, runtime);
  const { drain = false, suspend = false } = propagation?.spec ?? {};
  const deleting = cluster?.deleting ?? true;
  const settings = { name: id, aceEnabled: cluster?.aceEnabled, deleting, drain, suspend };
  const upstream = { tokens: required(tokens), users: required(users), isExtUnread: !ext.ok };
  const rows = tokenStatuses(settings, upstream, there, toldNow(management, runtime));
  const isJudged = ext.ok || tellUnjudged(rows, id, ext.failure, runtime) === 0;
  const isRead = there.tokens.ok && there.attributes.ok;
  return { rows, isSeen: isJudged && (isRead || !config.asksClusters) };
}

/** What of a cluster decides where its tokens stand there; where it could not be opened, neither was read. */
export async function readHeld(opened: Reading<DownstreamPlane>): Promise<Held> {
  const [tokens, attributes] = await Promise.all([
    after(opened, (plane) => plane.clusterAuthTokens()),
    after(opened, (plane) => plane.clusterUserAttributes()),
  ]);
  return { tokens, attributes };
}

const NOT_ASKED = { ok: false, failure: { reason: 'Unreachable', message: 'not asked' } } as const;
const said = ({ reason, message }: ReadFailure): string => `${reason}: ${message}`;

/** What is in the cluster; where it could not be asked that is said. */
async function readDownstream(
  id: string,
  config: StatusConfig,
  management: ManagementPlane,
  runtime: Runtime,
): Promise<Held> {
  if (!config.asksClusters) return readHeld(NOT_ASKED);
  const opened = await downstreamPlane(id, management, config);
  try {
    if (opened.ok && opened.value.unproven) note(opened.value.unproven, runtime);
    const held = await readHeld(opened);
    if (!held.tokens.ok) complain(runtime, `cluster ${id} could not be asked: ${said(held.tokens.failure)}`);
    else if (!held.attributes.ok)
      complain(
        runtime,
        `not seen in cluster ${id}, whether users are let in: ClusterUserAttributes: ${said(held.attributes.failure)}`,
      );
    return held;
  } finally {
    if (opened.ok) await opened.value.close();
  }
}

/** @returns how many are in the cluster of which nobody can say whether they belong there */
function tellUnjudged(
  rows: readonly TokenStatus[],
  cluster: string,
  failure: ReadFailure,
  runtime: Runtime,
): number {
  // Those with a reason have a Token, and are unknown because of their user.
  const { length } = rows.filter(
    ({ state, reason, isThere }) => state === 'unknown' && reason === '' && isThere,
  );
  const unknown = length > 0 ? `; unknown: ${length} tokens that are in ${cluster} and may be of those` : '';
  note(`${withoutExt(failure)}${unknown}`, runtime);
  return length;
}
