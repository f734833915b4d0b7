import type { Token } from '../../api/types.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { Notice } from '../decide/plan.ts';

/** Where the work on one cluster tells what came of it. */
export interface Reports {
  readonly log: Log;
  readonly metrics: Metrics;
  notifyToken(token: Token, notice: Notice): void;
  notifyCluster(cluster: string, notice: Notice): void;
  /** Writes the cluster's status at once. @throws whatever the write throws */
  publishStatus(cluster: string): Promise<void>;
  /** The cluster's status may have changed. */
  statusChanged(cluster: string): void;
  /** The annotation that let one blocked sweep pass has done its work. */
  allowanceUsed(cluster: string): void;
  /** The annotation by which a person accepts another cluster has done its work, or does not fit. */
  acceptanceUsed(cluster: string): void;
}
