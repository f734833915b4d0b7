import type { HashAlgorithmName, HashStorage, PropagationSpec, Token } from '../../api/types.ts';
import type { Connection } from '../../clusters/connection.ts';
import type { Mode } from '../../derive/status.ts';
import type { FingerprintKey } from '../../hash/fingerprint.ts';
import type { HashStore } from '../../hash/pending.ts';
import type { Reader } from '../../kube/client.ts';
import type { Lane } from '../keys.ts';
import type { WriteObserver } from '../report/lag.ts';
import type { Outcomes } from '../report/outcomes.ts';
import type { DeletionEvidence } from '../upstream/deletions.ts';
import type { Management } from '../upstream/management.ts';

/** Something that a person has to know about a token or a cluster. */
export interface Notice {
  readonly reason: string;
  readonly message: string;
  readonly warning: boolean;
}

/** Where keys wait for a worker. */
export interface KeyQueue {
  add(key: string, lane: Lane): void;
  addAfter(key: string, delayMs: number, lane: Lane): void;
}

/** All that the reconcilers of one cluster may see and use. */
export interface ClusterContext {
  readonly name: string;
  readonly mode: Mode;
  readonly spec: PropagationSpec;
  /** Suspended or on hold: nothing is added or repaired. Revocations go on all the same. */
  readonly isPaused: boolean;
  readonly downstreamNamespace: string;
  readonly algorithm: HashAlgorithmName;
  readonly storage: HashStorage;
  readonly management: Management;
  /** Live reads of the management plane: absence is never taken from a cache. */
  readonly live: Reader;
  readonly hashes: HashStore;
  readonly installationKey: FingerprintKey;
  /** False in a process that had to make a new installation key: every mark then looks like another secret's. */
  readonly trustsFingerprints: boolean;
  readonly outcomes: Outcomes;
  readonly queue: KeyQueue;
  readonly evidence: DeletionEvidence;
  readonly now: () => number;
  /** Keys whose absence a sweep looked at and let pass the brake. */
  isApproved(key: string): boolean;
  /** A token of ours that is absent upstream without evidence or approval: a sweep has to decide. */
  requestSweep(): void;
  /** True while another cluster, to which the token was moved, is about to have it. */
  isMoving(token: Token): boolean;
  /** Tells a person, about a token of the management plane. */
  notify(token: Token, notice: Notice): void;
  /** Tells a person, about this cluster. */
  notifyCluster(notice: Notice): void;
  /** Told before each write of this key, and after each that was answered. */
  readonly writes: WriteObserver;
}

/** A context whose cluster is connected. */
export interface ConnectedContext extends ClusterContext {
  readonly connection: Connection;
}
