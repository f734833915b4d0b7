import type { HashAlgorithmName, HashStorage, Token } from '../../api/types.ts';
import type { Credentials } from '../../clusters/credentials.ts';
import type { ClusterSession, SessionListener } from '../../clusters/session.ts';
import type { Installation } from '../../derive/ownership.ts';
import type { Access } from '../../kube/kubeconfig.ts';
import type { DebtKeeper, DebtKeeperDeps } from '../debts/debt-keeper.ts';
import type { EarlierIds } from '../installation/earlier-ids.ts';
import type { SpareWorkers } from '../queue/spare-workers.ts';
import type { TokenHashes } from '../reconcile/token-hashes.ts';
import type { Upstream } from '../reconcile/work.ts';
import type { Reports } from '../report/reports.ts';
import type { SyncBack } from '../report/sync-back.ts';

/** What all propagators share. */
export interface PropagatorDeps {
  readonly upstream: UpstreamOfAll;
  readonly hashing: Hashing;
  readonly books: KeptBooks;
  readonly reports: Reports;
  readonly defaults: PropagatorDefaults;
  readonly clocks: Clocks;
  readonly sessions: Sessions;
  readonly engagement: Engagement;
}

/** What the management plane says, of other cluster ids than one's own, too. */
export interface UpstreamOfAll extends Pick<Upstream, 'management' | 'live' | 'deletions'> {
  readonly installation: Installation;
  readonly earlierIds: EarlierIds;
}

export interface Hashing {
  readonly hashes: TokenHashes;
  /** Why no hash can be marked; undefined: it can. */
  keyProblem(): string | undefined;
}

/** What is kept of a cluster in the management plane. */
export interface KeptBooks {
  readonly syncBack: SyncBack;
  /** What is owed to a cluster, as earlier processes left it, and kept from now on. */
  keepDebts(of: Pick<DebtKeeperDeps, 'cluster' | 'ledger'>): DebtKeeper;
}

export interface Clocks {
  readonly now: () => number;
  /** What time it is by the management plane; ours, while it has not said so. */
  readonly planeNow: () => number;
}

/** The ways into clusters. */
export interface Sessions {
  /** A session that is not started yet. */
  open(cluster: string, way: WayIn, listener: SessionListener): ClusterSession;
  /** Whether anything of ours is in a cluster. @throws when it does not tell */
  holdsOurs(cluster: string, access: () => Promise<Access>): Promise<boolean>;
  /** Resolves when that way lets us in. @throws when it does not */
  letsIn(cluster: string, access: () => Promise<Access>): Promise<void>;
}

/** What one cluster asks of whoever engages all of them. */
export interface Engagement {
  readonly spareWorkers: SpareWorkers;
  readonly handover: {
    /** @param from - the cluster that it was moved from */
    awaitedElsewhereSinceMs(token: Token, from: string): number | undefined;
  };
  /** Keeps the way to a connected cluster, for when its credentials go before what is ours there. */
  keepWay(cluster: string, by: Credentials | 'drained'): void;
  /** The settings of a cluster are to be read again. */
  configureAgain(cluster: string): void;
  /** From this turn on the cluster may have what the key stands for, or has judged it. */
  keyKnown(key: string, cluster: string): void;
  /** Nothing of the key is left in the cluster, as far as was looked. */
  keyEnded(key: string, cluster: string): void;
}

/** How a cluster is reached. */
export interface WayIn {
  readonly access: () => Promise<Access>;
  /** UID of the cluster that is to be found there; undefined while none was seen. */
  readonly knownUid: string | undefined;
  /** Revocations wait for it. */
  readonly owes: () => boolean;
  /** It takes the place of a session that was open until now. */
  readonly replaces: boolean;
}

/** What holds for every cluster that was not told otherwise. */
export interface PropagatorDefaults {
  /** Where our objects are, downstream. */
  readonly namespace: string;
  readonly algorithm: HashAlgorithmName;
  readonly storage: HashStorage;
  /** How often a whole cluster is compared, whatever the watches say. */
  readonly sweepIntervalMs: number;
}
