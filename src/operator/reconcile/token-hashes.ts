import { ANNOTATION_FINGERPRINT } from '../../api/names.ts';
import type { KubeObject, Token } from '../../api/types.ts';
import type { HashToWrite } from '../../derive/desired.ts';
import { HASH_ALGORITHMS } from '../../hash/algorithms.ts';
import { type FingerprintKey, fingerprint, fingerprintsEqual } from '../../hash/fingerprint.ts';
import type { HashRequest, HashStore } from '../../hash/pending.ts';
import type { HashFact, Rules } from '../decide/facts.ts';
import { refusedHash } from '../decide/in-the-way.ts';

/** Hashed upstream: copied. No algorithm of ours is involved, so a change of ours does not touch it. */
const COPIED = 'copied';

export interface HashFacts {
  readonly hash: HashFact;
  /** Those whose hash was made of another secret than the token has now. */
  readonly ofEarlierSecret: ReadonlySet<KubeObject>;
}

type Placed = Pick<Rules, 'algorithm' | 'cluster'>;

const UNKNOWN: HashFacts = { hash: { kind: 'toMake' }, ofEarlierSecret: new Set() };

/**
 * Which hash a token should have, and whose a hash is that is there. The only one that holds the key of the marks, and
 * that passes a token's value on to be hashed.
 */
export class TokenHashes {
  readonly #store: HashStore;
  readonly #key: FingerprintKey;
  readonly #trustsMarks: boolean;

  /** @param trustsMarks - false in a process that had to make a new key: every mark then looks like another secret's */
  constructor(store: HashStore, key: FingerprintKey, trustsMarks: boolean) {
    this.#store = store;
    this.#key = key;
    this.#trustsMarks = trustsMarks;
  }

  /**
   * The hash that a token should have downstream: copied when management stores a hash, kept when the
   * fingerprint says that the one down there is still right, made otherwise. Starts nothing.
   */
  factsOf(token: Token | undefined, objects: readonly KubeObject[], rules: Placed): HashFacts {
    const refused = token && refusedHash(token, rules.algorithm);
    if (token?.secret.kind === 'hashed')
      return { hash: refused ?? this.#copied(token), ofEarlierSecret: new Set() };
    if (token?.secret.kind !== 'plain') return UNKNOWN;
    const { value } = token.secret;
    const { algorithm } = rules;
    const found = objects.map((object) => ({ object, hash: hashIn(object) }));
    const current = found.find(({ hash }) => hash && this.#fits(token, algorithm, value, hash));
    const others = found.filter((one) => one.hash && one !== current);
    const earlier = this.#trustsMarks
      ? others.filter(({ hash }) => hash && !this.#fitsAny(token, value, hash))
      : [];
    return {
      hash: refused ?? this.#keptOrMade(token, current?.hash?.hash, rules),
      ofEarlierSecret: new Set(earlier.map(({ object }) => object)),
    };
  }

  /**
   * Has the hash of a plain token made.
   *
   * @param ready - called once, later, when looking again is worth while
   * @returns true when it is there already
   */
  make(token: Token, rules: Placed, ready: () => void): boolean {
    const request = requestOf(token, rules);
    return request !== undefined && this.#store.get(request, ready) !== undefined;
  }

  /** The hash of the token with that UID is of no more use. */
  forget(uid: string): void {
    this.#store.forget(uid);
  }

  #keptOrMade(token: Token, kept: string | undefined, rules: Placed): HashFact {
    const request = requestOf(token, rules);
    const hash = kept ?? (request && this.#store.made(request));
    if (hash === undefined || !request) return { kind: 'toMake' };
    return { kind: 'ready', hash: this.#sign(token, rules.algorithm, request.value, hash) };
  }

  #copied(token: Token): HashFact {
    const value = token.secret.kind === 'hashed' ? token.secret.value : '';
    return { kind: 'ready', hash: this.#sign(token, COPIED, value, value) };
  }

  /** The mark of an earlier secret fits under no algorithm; one that fits under another than today's is due for conversion. */
  #fitsAny(token: Token, value: string, found: HashToWrite): boolean {
    return [...HASH_ALGORITHMS, COPIED].some((algorithm) => this.#fits(token, algorithm, value, found));
  }

  #fits(token: Token, algorithm: string, value: string, found: HashToWrite): boolean {
    const { fingerprint } = this.#sign(token, algorithm, value, found.hash);
    return fingerprintsEqual(found.fingerprint, fingerprint);
  }

  #sign(token: Token, algorithm: string, value: string, hash: string): HashToWrite {
    return { hash, fingerprint: fingerprint(this.#key, { tokenUid: token.uid, algorithm, value, hash }) };
  }
}

function requestOf({ uid, secret }: Token, { algorithm, cluster }: Placed): HashRequest | undefined {
  return secret.kind === 'plain' ? { id: uid, algorithm, value: secret.value, group: cluster } : undefined;
}

/** The hash that an observed object carries, wherever it is stored. Without a mark nobody can tell whose it is. */
function hashIn(object: KubeObject): HashToWrite | undefined {
  const mark = object.metadata.annotations?.[ANNOTATION_FINGERPRINT];
  if (typeof mark !== 'string') return undefined;
  const data = object['data'] as { hash?: unknown } | undefined;
  const encoded = data?.hash;
  if (typeof encoded === 'string')
    return { hash: Buffer.from(encoded, 'base64').toString('utf8'), fingerprint: mark };
  const inline = object['hash'];
  return typeof inline === 'string' && inline !== '' ? { hash: inline, fingerprint: mark } : undefined;
}
