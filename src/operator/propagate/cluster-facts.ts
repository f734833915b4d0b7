import { describeWay } from '../../clusters/credentials.ts';
import type { HashInventory } from '../../clusters/hash-inventory.ts';
import { type ClusterIdentity, replacedMessage } from '../../clusters/identity.ts';
import type { SessionState } from '../../clusters/session.ts';
import type { ClusterFacts } from '../../derive/status.ts';
import type { Counts, Outcomes } from '../report/outcomes.ts';
import type { Sweeper } from '../sweep/sweeper.ts';
import type { ClusterSettings } from '../upstream/cluster-settings.ts';
import type { TokenSources } from '../upstream/token-sources.ts';

/** What one cluster's status is made from. */
export interface StatusSources {
  readonly cluster: string;
  /** Undefined before the first word of management. */
  readonly settings: ClusterSettings | undefined;
  /** Undefined while there is no session. */
  readonly session: SessionState | undefined;
  readonly sweeper: Pick<Sweeper, 'reviewed' | 'blocked' | 'others'>;
  readonly isDrained: boolean;
  readonly identity: Pick<ClusterIdentity, 'uid'>;
  /** Undefined while there is no connection. */
  readonly hashes: HashInventory | undefined;
  readonly sibling: string | undefined;
  readonly outcomes: Pick<Outcomes, 'count'>;
  /** Of tokens of `ext.cattle.io`; undefined where they are not carried. */
  readonly tokenSources: Pick<TokenSources, 'collisionsOf'> | undefined;
  readonly downstreamNamespace: string;
  readonly keyProblem: string | undefined;
}

export function clusterFacts({
  downstreamNamespace,
  keyProblem,
  settings,
  session,
  sweeper,
  isDrained,
  identity,
  hashes,
  sibling,
  outcomes,
  tokenSources,
  cluster,
}: StatusSources): ClusterFacts {
  return {
    generation: settings?.generation ?? 0,
    downstreamNamespace,
    clusterUid: identity.uid,
    extTokens: tokenSources !== undefined,
    way: settings && describeWay(settings.credentials),
    mode: settings?.mode ?? 'hold',
    modeReason: settings?.modeReason ?? 'Connecting',
    modeMessage: settings?.modeMessage ?? '',
    keyProblem,
    suspended: settings?.spec.suspend ?? false,
    specProblem: settings?.specProblem,
    specUnknown: settings?.specUnknown ?? false,
    connection: isDrained ? { phase: 'ended' } : connectionFacts(settings, session, identity),
    reviewed: sweeper.reviewed,
    drained: isDrained,
    hashes: hashes?.counts(),
    sibling,
    others: sweeper.others,
    gcBlocked: sweeper.blocked,
    counts: withCollisions(outcomes.count(), tokenSources?.collisionsOf(cluster).length ?? 0),
  };
}

function withCollisions(counts: Counts, collisions: number): Counts {
  return collisions === 0 ? counts : { ...counts, refused: { ...counts.refused, NameCollision: collisions } };
}

function connectionFacts(
  settings: ClusterSettings | undefined,
  session: SessionState | undefined,
  { uid }: StatusSources['identity'],
): ClusterFacts['connection'] {
  const strangerUid = session && session.phase !== 'connecting' ? session.strangerUid : undefined;
  if (uid !== undefined && strangerUid !== undefined) {
    const message = replacedMessage(uid, strangerUid);
    return { phase: 'disconnected', reason: 'ClusterReplaced', message, nextTryMs: undefined };
  }
  if (session) return session;
  const credentials = settings?.credentials;
  if (credentials?.kind === 'found') return { phase: 'connecting' };
  const message = credentials?.kind === 'missing' ? credentials.message : 'no session';
  return { phase: 'disconnected', reason: 'NoCredentials', message, nextTryMs: undefined };
}

/** True when the status would be a guess: connecting, or not everything was looked at yet. */
export function isSettling({
  settings,
  session,
  sweeper,
}: Pick<StatusSources, 'settings' | 'session' | 'sweeper'>): boolean {
  if (settings === undefined) return true;
  if (session === undefined) return false;
  return session.phase === 'connecting' || (session.phase === 'connected' && !sweeper.reviewed);
}
