/** The last look at every text before it goes into an archive: free text repeats what it was told. */

export const REMOVED = '[removed]';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** What has the form of a secret, whoever wrote it, and how much of it stays. */
const FORMS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|$)/g, REMOVED],
  // JSON Web Tokens, whole or cut off.
  [/\beyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)*/g, REMOVED],
  // Hashes: $2b$10$…, $3:1:salt:hash, $1:…, $argon2id$…
  [/\$[0-9a-z]{1,10}[:$][A-Za-z0-9./+=:$,_-]{16,}/g, REMOVED],
  [/\b(bearer|basic)\s+[A-Za-z0-9._~+/=:-]{8,}/gi, `$1 ${REMOVED}`],
  [/\b((?:password|passwd|secret|token|api[-_]?key)["']?\s*[=:]\s*["']?)[^\s"',;&\\]{8,}/gi, `$1${REMOVED}`],
  [/(\/\/)[^/@\s"']+@/g, `$1${REMOVED}@`],
];

/** Random text without a break: longer than any word, shorter than any key. */
const RUN = /[A-Za-z0-9+/_=]{24,}/g;
const WORD = /[^\s"'`,;=()<>[\]{}\\]+/g;

/** Knows texts that are secret, and takes them, and whatever looks like one, out of any other. */
export class Scrubber {
  readonly #secrets = new Set<string>();

  /** Was seen where secrets are kept. */
  learn(secret: string): void {
    this.#secrets.add(secret);
  }

  /** The text without any secret. A name that an object is asked for by stays, unless it is one. */
  scrub(text: string): string {
    let rest = text;
    for (const [form, instead] of FORMS) rest = rest.replaceAll(form, instead);
    rest = rest.replaceAll(WORD, (word) => this.#withoutKnown(word));
    return rest.replaceAll(RUN, (run: string, at: number, whole: string) =>
      isRandom(run) && !isDigest(run, whole.slice(Math.max(0, at - 7), at)) ? REMOVED : run,
    );
  }

  /** A known secret, alone or behind a name, as in `token-x7k2p:secret`. */
  #withoutKnown(word: string): string {
    if (UUID.test(word)) return word;
    if (this.#secrets.has(word)) return REMOVED;
    const parts = word.split(':');
    if (parts.length === 1 || !parts.some((part) => this.#secrets.has(part))) return word;
    return parts.map((part) => (this.#secrets.has(part) ? REMOVED : part)).join(':');
  }
}

/** Words, paths and identifiers in one piece have letters of one kind; what is made by chance has several kinds. */
function isRandom(run: string): boolean {
  if (/^[A-Za-z]+$/.test(run)) return false;
  // Paths: /apis/management.cattle.io/v3/tokens; names of metrics: ace_operator_requests_total.
  return !/^[a-z_/]*$/i.test(run) && run.split(/[/_]/).some((part) => part.length >= 20 && /\d/.test(part));
}

/** Of an image: what tells which one it is. */
function isDigest(run: string, before: string): boolean {
  return before === 'sha256:' && /^[0-9a-f]{64}$/.test(run);
}
