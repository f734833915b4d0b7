import { CLOCKS_AGREE_MS } from '../../kube/plane-clock.ts';
import type { Plane } from '../../plane/plane.ts';
import { humanDuration } from '../../print/duration.ts';
import type { Sides } from '../../removal/plan.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { note } from '../terminal/say.ts';

type Saying = Pick<Plane, 'clock'>;
type Own = Pick<Runtime, 'now'>;

/**
 * The time by which things are told: that of the API server which set when they end; our own until it has said what time it is, so ask
 * for it after what is judged by it was read. Milliseconds since the epoch.
 */
export function toldNow(plane: Saying | undefined, { now }: Own): number {
  return plane?.clock.said() ?? now();
}

/**
 * The time by which things are taken away: what is past by it is past by our clock and by the management plane's, as for the operator.
 * Nothing is by a plane that does not say what time it is. Milliseconds since the epoch.
 */
export function agreedNow({ clock }: Saying, { now }: Own): number {
  return Math.min(now(), clock.said() ?? Number.NEGATIVE_INFINITY);
}

/** The times by which a plan is made. */
export function planTimes(plane: Saying, own: Own): Pick<Sides, 'nowMs' | 'latestMs'> {
  return { nowMs: agreedNow(plane, own), latestMs: Math.max(own.now(), toldNow(plane, own)) };
}

/** Says where what is taken away is not what one of the clocks alone would take. Once the management plane has answered. */
export function tellClocks({ clock }: Saying, runtime: Runtime): void {
  const saidMs = clock.said();
  if (saidMs === undefined) {
    note(
      'the management plane does not say what time it is (its answers bear no date): nothing is taken for expired, or for long unused',
      runtime,
    );
    return;
  }
  const aheadMs = runtime.now() - saidMs;
  if (Math.abs(aheadMs) < CLOCKS_AGREE_MS) return;
  const how = `${humanDuration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'}`;
  note(
    `the clock here is ${how} the management plane's: only what is past by both is taken for expired, or for long unused; set the one that is wrong`,
    runtime,
  );
}
