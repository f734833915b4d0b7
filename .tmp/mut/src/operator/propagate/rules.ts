import { DEFAULT_SPEC } from '../../api/parse-cluster.ts';
import type { Rules } from '../decide/facts.ts';
import type { ClusterSettings } from '../upstream/cluster-settings.ts';
import type { PropagatorDeps } from './propagator-deps.ts';

/**
 * What holds in a cluster at this moment.
 *
 * @param settings - undefined before the first word of management: nothing is added then
 * @param isElsewhere - another cluster answers in its place
 */
export function rulesOf(
  cluster: string,
  settings: ClusterSettings | undefined,
  isElsewhere: boolean,
  {
    defaults,
    upstream,
    clocks,
    hashing,
  }: Pick<PropagatorDeps, 'defaults' | 'upstream' | 'clocks' | 'hashing'>,
): Rules {
  const spec = settings?.spec ?? DEFAULT_SPEC;
  const mode = settings?.course.mode ?? 'hold';
  const isHeld =
    mode === 'hold' ||
    (settings?.reading.isUnknown ?? true) ||
    isElsewhere ||
    hashing.keyProblem() !== undefined;
  const isPaused = spec.suspend || isHeld;
  const [nowMs, planeMs] = [clocks.now(), clocks.planeNow()];
  return {
    place: {
      ...{ cluster, namespace: defaults.namespace, storage: spec.storage ?? defaults.storage },
      // A label alone is no reason to call a paused cluster behind.
      installation: isPaused ? undefined : upstream.installation.id,
    },
    algorithm: spec.algorithm ?? defaults.algorithm,
    ...{ mode, isPaused, adopts: spec.adopt && !isElsewhere },
    clock: { nowMs, agreedMs: Math.min(nowMs, planeMs), latestMs: Math.max(nowMs, planeMs) },
  };
}
