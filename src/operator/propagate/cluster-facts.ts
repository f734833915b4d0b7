import type { SessionState } from '../../clusters/session.ts';
import type { ClusterFacts } from '../../derive/status.ts';
import type { Notice } from '../decide/plan.ts';
import type { Outcomes } from '../report/outcomes.ts';
import type { Sweeper } from '../sweep/sweeper.ts';
import type { ClusterSettings } from '../upstream/cluster-settings.ts';
import { type ClusterIdentity, replacedMessage } from './cluster-identity.ts';

/** What one cluster's status is made from. */
export interface StatusSources {
  /** Undefined before the first word of management. */
  readonly settings: ClusterSettings | undefined;
  /** Undefined while there is no session. */
  readonly session: SessionState | undefined;
  readonly sweeper: Pick<Sweeper, 'reviewed' | 'blocked'>;
  readonly isDrained: boolean;
  readonly identity: Pick<ClusterIdentity, 'uid'>;
  readonly sibling: string | undefined;
  readonly outcomes: Pick<Outcomes, 'count'>;
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
  sibling,
  outcomes,
}: StatusSources): ClusterFacts {
  return {
    generation: settings?.generation ?? 0,
    downstreamNamespace,
    clusterUid: identity.uid,
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
    sibling,
    gcBlocked: sweeper.blocked,
    counts: outcomes.count(),
  };
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

export function keyNotice(problem: string): Notice {
  const message = `${problem}; until then nothing is added or repaired in any cluster, and revocations are carried out`;
  return { reason: 'InstallationKeyUnusable', message, warning: true };
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
