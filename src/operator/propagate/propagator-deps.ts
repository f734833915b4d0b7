import type { HashAlgorithmName, HashStorage, Token } from '../../api/types.ts';
import type { SessionOptions } from '../../clusters/session.ts';
import type { FingerprintKey } from '../../hash/fingerprint.ts';
import type { HashStore } from '../../hash/pending.ts';
import type { Reader } from '../../kube/client.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { Notice } from '../reconcile/cluster-context.ts';
import type { SyncBack } from '../report/sync-back.ts';
import type { DeletionEvidence } from '../upstream/deletions.ts';
import type { Management } from '../upstream/management.ts';

/** What all propagators share. */
export interface PropagatorDeps {
  readonly management: Management;
  /** Live reads of the management plane. */
  readonly live: Reader;
  readonly hashes: HashStore;
  readonly installationKey: FingerprintKey;
  /** False in a process that had to make a new installation key. */
  readonly trustsFingerprints: boolean;
  readonly evidence: DeletionEvidence;
  readonly syncBack: SyncBack;
  readonly downstreamNamespace: string;
  readonly defaults: { readonly algorithm: HashAlgorithmName; readonly storage: HashStorage };
  readonly log: Log;
  readonly metrics: Metrics;
  readonly now: () => number;
  /** How often a whole cluster is compared, whatever the watches say. */
  readonly sweepIntervalMs: number;
  sessionOptions(cluster: string): Omit<SessionOptions, 'access' | 'listener'>;
  /** True while the cluster that a token names now is about to have it. */
  isAwaitedElsewhere(token: Token): boolean;
  notifyToken(token: Token, notice: Notice): void;
  notifyCluster(cluster: string, notice: Notice): void;
  /** Writes the cluster's status at once. @throws whatever the write throws */
  publishStatus(cluster: string): Promise<void>;
  /** The cluster's status may have changed. */
  statusChanged(cluster: string): void;
  /** The annotation that let one blocked sweep pass has done its work. */
  allowanceUsed(cluster: string): void;
}
