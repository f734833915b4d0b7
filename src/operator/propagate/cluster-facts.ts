import { describeWay } from '../../clusters/credentials.ts';
import type { HashInventory } from '../../clusters/hash-inventory.ts';
import { type ClusterIdentity, replacedMessage } from '../../clusters/identity.ts';
import type { SessionState } from '../../clusters/session.ts';
import type { ClusterFacts, SpecReading } from '../../derive/cluster-facts.ts';
import type { Counts, Outcomes } from '../report/outcomes.ts';
import type { Sweeper } from '../sweep/sweeper.ts';
import type { ClusterSettings } from '../upstream/cluster-settings.ts';

/** What one cluster's status is made from. */
export interface StatusSources {
  /** Undefined before the first word of management. */
  readonly settings: ClusterSettings | undefined;
  /** Undefined while there is no session. */
  readonly session: SessionState | undefined;
  readonly sweeper: Pick<Sweeper, 'reviewed' | 'blocked' | 'others'>;
  readonly place: Place;
  /** Undefined while there is no connection. */
  readonly hashes: HashInventory | undefined;
  readonly outcomes: Pick<Outcomes, 'count'>;
  /** Tokens whose name another one has here; undefined where only one kind is carried. */
  readonly collisions: number | undefined;
  readonly keyProblem: string | undefined;
}

/** Which cluster it is, and what is ours there. */
export interface Place {
  readonly identity: Pick<ClusterIdentity, 'uid'>;
  /** Id of another Cluster that leads there, too. */
  readonly sibling: string | undefined;
  readonly namespace: string;
  /** Nothing of ours is left there. */
  readonly isDrained: boolean;
}

/** Before the first word of management. */
const UNREAD: SpecReading = { generation: 0, problem: undefined, isUnknown: false };

export function clusterFacts({
  keyProblem,
  settings,
  session,
  sweeper,
  place: { identity, sibling, namespace, isDrained },
  hashes,
  outcomes,
  collisions,
}: StatusSources): ClusterFacts {
  return {
    place: {
      namespace,
      clusterUid: identity.uid,
      extTokens: collisions !== undefined,
      way: settings && describeWay(settings.credentials),
      lifetime: settings?.lifetime,
    },
    course: settings?.course ?? { mode: 'hold', reason: 'Connecting', message: '' },
    spec: { ...(settings?.reading ?? UNREAD), suspended: settings?.spec.suspend ?? false },
    keyProblem,
    connection: isDrained ? { phase: 'ended' } : connectionFacts(settings, session, identity),
    seen: {
      ...{ reviewed: sweeper.reviewed, drained: isDrained, gcBlocked: sweeper.blocked },
      ...{ hashes: hashes?.counts(), sibling, others: sweeper.others },
    },
    counts: withCollisions(outcomes.count(), collisions ?? 0),
  };
}

function withCollisions(counts: Counts, collisions: number): Counts {
  return collisions === 0 ? counts : { ...counts, refused: { ...counts.refused, NameCollision: collisions } };
}

function connectionFacts(
  settings: ClusterSettings | undefined,
  session: SessionState | undefined,
  { uid }: Place['identity'],
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
