import type { ClusterFacts, PlaceFacts, SeenFacts } from '../../src/derive/cluster-facts.ts';

// Facts as tests write them: one connected cluster in sync, and what differs from that.

export const COUNTS: ClusterFacts['counts'] = {
  synced: 3,
  pending: 0,
  failed: 0,
  refused: {},
  usersPending: 0,
  usersFailed: 0,
  groupsUnknown: 0,
  firstFailure: undefined,
};

/** What differs, without saying in which part of the facts it is. */
export type FactChanges = Partial<
  Omit<PlaceFacts, 'namespace'> &
    SeenFacts &
    Pick<ClusterFacts, 'keyProblem' | 'connection' | 'counts'> &
    Pick<ClusterFacts['spec'], 'generation' | 'suspended'> & {
      readonly mode: ClusterFacts['course']['mode'];
      readonly modeReason: ClusterFacts['course']['reason'];
      readonly modeMessage: string;
      readonly specProblem: string | undefined;
      readonly specUnknown: boolean;
    }
>;

export function factsWith(changes: FactChanges = {}): ClusterFacts {
  const { mode, modeReason, modeMessage, generation, suspended, specProblem, specUnknown } = changes;
  const { clusterUid, extTokens, way, lifetime, keyProblem, connection, counts, ...seen } = changes;
  return {
    place: {
      ...{ namespace: 'cattle-system', clusterUid, way, lifetime },
      ...(extTokens === undefined ? {} : { extTokens }),
    },
    course: {
      mode: mode ?? 'propagate',
      reason: modeReason ?? 'Connected',
      message: modeMessage ?? 'ACE is on',
    },
    spec: {
      generation: generation ?? 2,
      suspended: suspended ?? false,
      problem: specProblem,
      isUnknown: specUnknown ?? false,
    },
    keyProblem,
    connection: connection ?? { phase: 'connected' },
    seen: {
      reviewed: seen.reviewed ?? true,
      drained: seen.drained ?? false,
      gcBlocked: seen.gcBlocked,
      ...{ hashes: seen.hashes, sibling: seen.sibling, others: seen.others },
    },
    counts: counts ?? COUNTS,
  };
}
