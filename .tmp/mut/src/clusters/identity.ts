import { ANNOTATION_ACCEPT_CLUSTER } from '../api/names.ts';
import type { SessionState } from './session.ts';

/** What the management plane says of which downstream cluster it is, by the UID of its `kube-system`. */
export interface WrittenIdentity {
  /** As the status says; undefined while that does not. */
  readonly uid: string | undefined;
  /** What a person accepts in its place. */
  readonly acceptedUid: string | undefined;
}

/** Something that a person has to know. */
interface Notice {
  readonly reason: string;
  readonly message: string;
  readonly warning: boolean;
}

/** What became of an acceptance: the cluster that answers is the right one from now on, or it was of another one. */
export type Acceptance = 'accepted' | 'refused';
/** What management says changes which cluster it is, or asks for an answer. */
export type IdentityChange = Acceptance | 'known';

/**
 * Which downstream cluster this is about, by the UID of its `kube-system`: the first that was seen, by whichever process, until
 * a person accepts another one. An address may lead elsewhere from one moment to the next.
 */
export class ClusterIdentity {
  readonly #cluster: string;
  readonly #notify: (notice: Notice) => void;
  #uid: string | undefined;
  #strangerUid: string | undefined;
  /** What earlier processes saw was told. */
  #isTold = false;

  constructor(cluster: string, notify: (notice: Notice) => void) {
    this.#cluster = cluster;
    this.#notify = notify;
  }

  /** Of the cluster that is written to; undefined while none was seen. */
  get uid(): string | undefined {
    return this.#uid;
  }

  /** Of the cluster that answers in its place; undefined when none does. */
  get strangerUid(): string | undefined {
    return this.#strangerUid;
  }

  /** The session tells who answers. */
  seen(state: SessionState): void {
    if (state.phase === 'connecting') return;
    if (state.phase === 'connected') this.#uid ??= state.clusterUid;
    const { strangerUid } = state;
    // Who does not answer is still the one who answered last.
    if (state.phase === 'disconnected' && strangerUid === undefined) return;
    const isNews = strangerUid !== undefined && strangerUid !== this.#strangerUid;
    this.#strangerUid = strangerUid;
    if (isNews) {
      const message = `Cluster ${this.#cluster}: ${replacedMessage(this.#uid ?? '', strangerUid)}`;
      this.#notify({ reason: 'ClusterReplaced', message, warning: true });
    }
  }

  /**
   * Takes over what the management plane says of it.
   *
   * @param isConnected - whether the cluster that answers is known: before that, an acceptance waits
   * @returns what became of an acceptance, which is to be taken off then; `known`: another cluster was taken for this one
   */
  follow({ uid, acceptedUid }: WrittenIdentity, isConnected: boolean): IdentityChange | undefined {
    if (this.#isLate(uid)) return 'known';
    if (acceptedUid === undefined) return undefined;
    const answering = this.#strangerUid ?? (isConnected ? this.#uid : undefined);
    if (answering === undefined) return undefined;
    if (answering !== acceptedUid) {
      const message = `The annotation ${ANNOTATION_ACCEPT_CLUSTER} was removed: the kube-system of the cluster that answers has UID ${answering}, not ${acceptedUid}`;
      this.#notify({ reason: 'AcceptanceRefused', message, warning: true });
      return 'refused';
    }
    if (this.#strangerUid === undefined) return 'refused';
    this.#uid = acceptedUid;
    this.#strangerUid = undefined;
    const message = `Cluster ${this.#cluster} is the one whose kube-system has UID ${acceptedUid} from now on`;
    this.#notify({ reason: 'ClusterAccepted', message, warning: false });
    return 'accepted';
  }

  /** The status could not be read until now, and says another one than we took for it. */
  #isLate(uid: string | undefined): boolean {
    if (uid === undefined || this.#isTold) return false;
    this.#isTold = true;
    const before = this.#uid;
    this.#uid = uid;
    return before !== undefined && before !== uid;
  }
}

/** What a person is told, and what to do. */
export function replacedMessage(uid: string, strangerUid: string): string {
  return `another cluster answers: its kube-system has UID ${strangerUid}, not ${uid}; nothing is added there; correct the credentials, or, if it was set up anew, annotate with ${ANNOTATION_ACCEPT_CLUSTER}=${strangerUid}`;
}
