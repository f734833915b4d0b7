import { LRUCache } from 'lru-cache';
import { CLUSTER_AUTH_TOKENS } from '../../api/names.ts';
import type { KubeObject, Token } from '../../api/types.ts';
import type { HashToWrite } from '../../derive/desired.ts';
import { hasLostHash, sourceUid } from '../../derive/diff.ts';
import { type FoundHash, foundIn, markOf } from '../../derive/found-hash.ts';
import { upTo } from '../../growing-cache.ts';
import { HASH_ALGORITHMS } from '../../hash/algorithms.ts';
import { detectFormat } from '../../hash/detect.ts';
import { fingerprintsEqual } from '../../hash/fingerprint.ts';
import type { Marks } from '../../hash/marks.ts';
import type { HashRequest, HashStore } from '../../hash/pending.ts';
import { Signatures } from '../../hash/signatures.ts';
import { type HashFact, type Rules, refusedHash } from '../decide/facts.ts';
import type { Lane } from '../keys.ts';

/** Hashed upstream: copied. No algorithm of ours is involved, so a change of ours does not touch it. */
const COPIED = 'copied';

/** Tokens that are looked at several times within moments, with those of one user at once; more would only be held for nothing. */
const MAX_IN_HAND = 16_384;
const MAX_MOVED = 50_000;
/** After that long it is looked again whether a hash that was moved is still there. */
const MOVED_MS = 600_000;

export interface HashFacts {
  readonly hash: HashFact;
  /** Those whose hash is for certain not of the secret that the token has now. */
  readonly ofEarlierSecret: readonly KubeObject[];
  /** Those whose hash is for certain of that secret. */
  readonly ofPresentSecret: readonly KubeObject[];
}

type Placed = Pick<Rules, 'algorithm' | 'place'>;

/** Of which secret of a token a hash is, for certain. */
export type Whose = 'present' | 'earlier';

/** What was found last, and of what. */
interface Looked {
  readonly token: Token;
  readonly objects: readonly KubeObject[];
  readonly signer: string;
  readonly algorithm: string;
  readonly facts: HashFacts;
}

interface Refused {
  readonly token: Token;
  readonly algorithm: Placed['algorithm'];
  readonly fact: HashFact | undefined;
}

const UNKNOWN: HashFacts = { hash: { kind: 'toMake' }, ofEarlierSecret: [], ofPresentSecret: [] };

/**
 * Which hash a token should have, and whose a hash is that is there. The only one that can read and write the marks, and
 * that passes a token's value on to be hashed.
 */
export class TokenHashes {
  readonly #store: HashStore;
  readonly #marks: Marks;
  /** Whose the hash was that was seen last where someone else had moved it. */
  readonly #moved = new LRUCache<string, Whose>({ ...upTo(MAX_MOVED), ttl: MOVED_MS });
  readonly #signatures: Signatures;
  /** All that was found last, by cluster and token: what is found of another version takes the place of this. */
  readonly #looked = new LRUCache<string, Looked>(upTo(MAX_IN_HAND));
  readonly #refused = new LRUCache<string, Refused>(upTo(MAX_IN_HAND));

  constructor(store: HashStore, marks: Marks) {
    this.#store = store;
    this.#marks = marks;
    this.#signatures = new Signatures(marks, MAX_IN_HAND);
  }

  /**
   * The hash that a token should have downstream: copied when management stores a hash, kept when the one down there is of
   * the token's secret, made otherwise. Starts nothing.
   */
  factsOf(token: Token | undefined, objects: readonly KubeObject[], rules: Placed): HashFacts {
    if (!token || token.secret.kind === 'missing') return UNKNOWN;
    const about = `${rules.place.cluster}/${token.uid}`;
    const of = { token, objects, signer: this.#marks.signer, algorithm: rules.algorithm };
    const looked = this.#looked.get(about);
    if (looked && isSameLook(looked, of)) return this.#withMoved(looked.facts, token, objects);
    const { facts, isFinal } =
      token.secret.kind === 'hashed'
        ? { facts: this.#ofHashed(token, token.secret.value, objects, rules), isFinal: true }
        : this.#ofPlain(token, objects, rules);
    if (isFinal) this.#looked.set(about, { ...of, facts });
    return this.#withMoved(facts, token, objects);
  }

  /**
   * Has the hash of a plain token made; where nobody can read the mark of one that is there, has that one checked first. To
   * check costs what it costs to hash, and what passes stays where it is.
   *
   * @param wake - called later, when looking again is worth while
   * @returns true when it is there already
   */
  make(token: Token, objects: readonly KubeObject[], rules: Placed, wake: (lane: Lane) => void): boolean {
    const request = requestOf(token, rules);
    if (!request) return false;
    const judged = foundIn(objects).map((one) => ({
      one,
      isPresent: this.#isOfPresentSecret(token, one, rules),
    }));
    if (keptOf(judged, rules) !== undefined) return true;
    const unread = judged.filter(({ isPresent }) => isPresent === undefined);
    for (const { one } of unread) this.check(token, one.hash, rules, wake);
    return unread.length === 0 && this.#store.get(request, () => wake('normal')) !== undefined;
  }

  /**
   * Of which secret a hash is that stands in a Secret beside our ClusterAuthToken, moved there by someone or not: by the mark of the
   * ClusterAuthToken, made for this token or for the one of that name before it. A mark that does not fit is of another hash, or
   * under another key, and says nothing: the hash itself is asked. Starts nothing.
   *
   * @returns undefined where nobody can tell, or not without a check
   */
  whoseBeside(token: Token, written: KubeObject, hash: string): Whose | undefined {
    const whose = this.#judgeBeside(token, { object: written, hash, mark: markOf(written) });
    if (whose === undefined) this.#moved.delete(movedKey(token, written));
    else this.#moved.set(movedKey(token, written), whose);
    return whose;
  }

  /** Whether such a hash was found to be of the present secret a short while ago. */
  wasMoved(token: Token, written: KubeObject): boolean {
    return this.#moved.get(movedKey(token, written)) === 'present';
  }

  /** Has a hash of another's checked, where only that can tell. @param wake - called later, when looking again is worth while */
  check(token: Token, hash: string, rules: Placed, wake: (lane: Lane) => void): void {
    const request = requestOf(token, rules);
    if (!request || detectFormat(hash) === undefined) return;
    this.#store.checks.start({ secret: request.value, hash, group: request.group }, (isMatch) =>
      // What turns out to be of an earlier secret is to go at once.
      wake(isMatch === false ? 'revocation' : 'normal'),
    );
  }

  /** The hash of the token with that UID is of no more use. */
  forget(uid: string): void {
    this.#store.forget(uid);
  }

  /** @returns undefined where the hash can be had */
  #refusal(token: Token, algorithm: Placed['algorithm']): HashFact | undefined {
    const known = this.#refused.get(token.uid);
    if (known?.token === token && known.algorithm === algorithm) return known.fact;
    const fact = refusedHash(token, algorithm);
    this.#refused.set(token.uid, { token, algorithm, fact });
    return fact;
  }

  #ofHashed(token: Token, value: string, objects: readonly KubeObject[], { algorithm }: Placed): HashFacts {
    const found = foundIn(objects);
    return {
      hash: this.#refusal(token, algorithm) ?? this.#copied(token),
      ofEarlierSecret: objectsOf(found.filter((one) => this.#isOfEarlierCopy(token, one))),
      ofPresentSecret: objectsOf(found.filter(({ hash }) => hash === value)),
    };
  }

  /** `isFinal`: no hash or check that is under way can make it otherwise. */
  #ofPlain(
    token: Token,
    objects: readonly KubeObject[],
    rules: Placed,
  ): { readonly facts: HashFacts; readonly isFinal: boolean } {
    const judged = foundIn(objects).map((one) => ({
      one,
      isPresent: this.#isOfPresentSecret(token, one, rules),
    }));
    const those = (is: boolean): readonly KubeObject[] =>
      objectsOf(judged.filter(({ isPresent }) => isPresent === is).map(({ one }) => one));
    const kept = keptOf(judged, rules);
    const hash = this.#refusal(token, rules.algorithm) ?? this.#keptOrMade(token, kept, rules);
    return {
      facts: { hash, ofEarlierSecret: those(false), ofPresentSecret: those(true) },
      isFinal: kept !== undefined && judged.every(({ isPresent }) => isPresent !== undefined),
    };
  }

  #keptOrMade(token: Token, kept: string | undefined, rules: Placed): HashFact {
    const request = requestOf(token, rules);
    const hash = kept ?? (request && this.#store.made(request));
    if (hash === undefined || !request) return { kind: 'toMake' };
    return { kind: 'ready', hash: this.#sign(token, rules.algorithm, request.value, hash) };
  }

  /** Through a ClusterAuthToken whose hash was moved, that hash lets in which stands where it was moved to. */
  #withMoved(facts: HashFacts, token: Token, objects: readonly KubeObject[]): HashFacts {
    const written = objects.find(({ kind }) => kind === CLUSTER_AUTH_TOKENS.kind);
    if (!written || !hasLostHash(written) || this.#moved.get(movedKey(token, written)) !== 'earlier')
      return facts;
    // What is seen in a Secret by now is judged by itself.
    if (!foundIn(objects).every(({ object }) => facts.ofEarlierSecret.includes(object))) return facts;
    return { ...facts, ofEarlierSecret: [...facts.ofEarlierSecret, written] };
  }

  #judgeBeside(token: Token, found: FoundHash): Whose | undefined {
    const { secret } = token;
    if (secret.kind === 'missing') return undefined;
    if (this.#isMarkedFor(token, secret.value, found)) return 'present';
    // What no authenticator of ours reads says nothing: another one's may.
    if (detectFormat(found.hash) === undefined) return undefined;
    if (secret.kind === 'hashed') {
      if (found.hash === secret.value) return 'present';
      return this.#isOfEarlierCopy(token, found) ? 'earlier' : undefined;
    }
    const isMatch = this.#store.checks.known({ secret: secret.value, hash: found.hash });
    if (isMatch === undefined) return undefined;
    return isMatch ? 'present' : 'earlier';
  }

  /** Whether the mark vouches for it, made for this token or for the one of that name before it, whatever the algorithm. */
  #isMarkedFor({ uid, secret }: Token, value: string, { object, hash, mark }: FoundHash): boolean {
    const algorithms = secret.kind === 'hashed' ? [COPIED] : HASH_ALGORITHMS;
    const uids = new Set([uid, sourceUid(object) ?? uid]);
    return [...uids].some((tokenUid) =>
      algorithms.some((algorithm) => this.#marks.fits(mark, { tokenUid, algorithm, value, hash })),
    );
  }

  #copied(token: Token): HashFact {
    const value = token.secret.kind === 'hashed' ? token.secret.value : '';
    return { kind: 'ready', hash: this.#sign(token, COPIED, value, value) };
  }

  /**
   * By its mark, made for this token or for the one of that name before it, whatever the algorithm: another one than today's
   * is due for conversion and no earlier secret's. A mark that fits nothing says that the token has another secret by now, or that
   * somebody put another hash there: it may be of the same secret, as Rancher's is, so that one is asked where it answers at once.
   * Where it would take a check, it counts as of an earlier secret, which must not wait for that. A mark that nobody here can read
   * proves nothing, and the hash itself is asked.
   *
   * @returns undefined when only a check can tell
   */
  #isOfPresentSecret(token: Token, found: FoundHash, { algorithm }: Placed): boolean | undefined {
    const { hash, mark } = found;
    const value = token.secret.kind === 'plain' ? token.secret.value : '';
    if (fingerprintsEqual(mark, this.#sign(token, algorithm, value, hash).fingerprint)) return true;
    if (this.#isMarkedFor(token, value, found)) return true;
    const isMatch = this.#store.checks.known({ secret: value, hash });
    return this.#marks.isReadable(mark) ? isMatch === true : isMatch;
  }

  /** Another hash than the one to be copied: of another token of that name, or copied from what this one had before. */
  #isOfEarlierCopy(token: Token, { object, hash, mark }: FoundHash): boolean {
    if (token.secret.kind !== 'hashed' || hash === token.secret.value) return false;
    const uid = sourceUid(object);
    if (uid !== undefined && uid !== token.uid) return true;
    return this.#marks.fits(mark, { tokenUid: token.uid, algorithm: COPIED, value: hash, hash });
  }

  #sign(token: Token, algorithm: string, value: string, hash: string): HashToWrite {
    return this.#signatures.sign(token, { tokenUid: token.uid, algorithm, value, hash });
  }
}

/** The hash that may stay: of the token's secret, and as today's algorithm makes it. */
function keptOf(
  judged: readonly { readonly one: FoundHash; readonly isPresent: boolean | undefined }[],
  { algorithm }: Placed,
): string | undefined {
  return judged.find(({ one, isPresent }) => isPresent && detectFormat(one.hash) === algorithm)?.one.hash;
}

function isSameLook(a: Looked, b: Omit<Looked, 'facts'>): boolean {
  return (
    a.token === b.token &&
    a.signer === b.signer &&
    a.algorithm === b.algorithm &&
    a.objects.length === b.objects.length &&
    a.objects.every((object, index) => object === b.objects[index])
  );
}

/** A token that was changed since may have another secret. */
function movedKey({ uid, resourceVersion }: Token, written: KubeObject): string {
  return `${uid}/${resourceVersion}/${written.metadata.uid}/${markOf(written)}`;
}

function objectsOf(found: readonly FoundHash[]): readonly KubeObject[] {
  return found.map(({ object }) => object);
}

function requestOf(
  { uid, secret, userName }: Token,
  { algorithm, place }: Placed,
): (HashRequest & { readonly group: string }) | undefined {
  return secret.kind === 'plain'
    ? { id: uid, algorithm, value: secret.value, group: `${place.cluster}/${userName}` }
    : undefined;
}
