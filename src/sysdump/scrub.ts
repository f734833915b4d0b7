/** The last look at every text before it goes into an archive: free text repeats what it was told. */

export const REMOVED = '[removed]';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Before it: no word, or an escape of JSON, whose letter is none of it. */
const START = String.raw`(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))`;

/** A flag whose value is a secret, as programs are given it: `--db-password`. */
const SECRET_FLAG = String.raw`(?:(?<![\w-])|(?<=\\[nrt]))--?[\w-]*?(?:password|passwd|passphrase|secret|token|(?:api|client|private)[-_]?key)`;
/** Between words of a command line, or the items of a list in YAML. */
const NEXT_WORD = String.raw`(?:\s|\\[nrt])+(?:-\s+)?`;

/** What has the form of a secret, whoever wrote it, and how much of it stays. Texts are JSON, and may quote JSON themselves. */
const FORMS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z0-9 ]+-----[^"]{0,16384}?-----END [A-Z0-9 ]+-----/g, REMOVED],
  // Cut off: what follows it is of others.
  [/-----BEGIN [A-Z0-9 ]+-----(?:[A-Za-z0-9+/=\s]|\\[nrt])*/g, REMOVED],
  // JSON Web Tokens, whole or cut off.
  [new RegExp(String.raw`${START}eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)*`, 'g'), REMOVED],
  // Hashes: $2b$10$…, $3:1:salt:hash, $1:…, $argon2id$…
  [/\$[0-9a-z]{1,10}[:$][A-Za-z0-9./+=:$,_-]{16,}/g, REMOVED],
  // Of kubeadm: abcdef.0123456789abcdef
  [/\b[a-z0-9]{6}\.(?=[a-z]*\d)[a-z0-9]{16}\b/g, REMOVED],
  [/\b(bearer|basic)\s+[A-Za-z0-9._~+/=:-]{8,}/gi, `$1 ${REMOVED}`],
  // Of our own fields `token` holds a name.
  [
    /((?:password|passwd|secret|(?<!")token|token(?!":\s?"[a-z0-9.-]{1,63}")|(?:api|client|private)[-_]?key(?:[-_]data)?)\\*["']?\s*(?:[=:]|%3[ad])\s*\\*["']?)[^\s"',;&\\]{8,}/gi,
    `$1${REMOVED}`,
  ],
  // As the next argument: in a list of JSON, in one that JSON quotes, in a line. Escapes are taken whole, so that JSON stays JSON.
  [new RegExp(String.raw`(${SECRET_FLAG}"\s*,\s*")(?:[^"\\]|\\.)+`, 'gi'), `$1${REMOVED}`],
  [
    new RegExp(String.raw`(${SECRET_FLAG}\\+"\s*,\s*\\+")(?:[^"\\]|\\\\(?:\\.|[^"\\]))+`, 'gi'),
    `$1${REMOVED}`,
  ],
  [
    new RegExp(
      String.raw`(${SECRET_FLAG}${NEXT_WORD})(?:'[^'"\\]+'|\\+"[^"\\]+|(?!-)[^\s"',;&\\]{8,})`,
      'gi',
    ),
    `$1${REMOVED}`,
  ],
  [/(\/\/)[^/@\s"']+@/g, `$1${REMOVED}@`],
];

/** Random text without a break: longer than any word, shorter than any key. */
const RUN = /[A-Za-z0-9+/_=]{24,}/g;
/** Base64 with dashes or slashes in it has capitals, small letters and digits; names and paths have no capitals. */
const MIXED = /[A-Za-z0-9+/_=-]{32,}/g;
/** Pieces in which a known secret is looked for; what an escape has in it begins none. */
const PIECE = /\\u[0-9a-f]{4}|\\.|%[0-9A-Fa-f]{2}|[A-Za-z0-9\u0080-\uffff]+/g;
const LETTER = /[A-Za-z0-9]/;

interface Known {
  readonly text: string;
  /** Where its first piece begins. */
  readonly at: number;
}

/** Knows texts that are secret, and takes them, and whatever looks like one, out of any other. */
export class Scrubber {
  /** By their first piece. */
  readonly #secrets = new Map<string, Known[]>();

  /** Was seen where secrets are kept. */
  learn(secret: string): void {
    // As JSON writes it, too: that is where it is looked for.
    for (const text of new Set([secret, JSON.stringify(secret).slice(1, -1)])) {
      const first = [...text.matchAll(PIECE)].find(([piece]) => /^[^\\%]/.test(piece));
      if (first === undefined || UUID.test(text)) continue;
      const known = this.#secrets.get(first[0]) ?? [];
      if (!known.some((one) => one.text === text)) known.push({ text, at: first.index });
      this.#secrets.set(first[0], known);
    }
  }

  /** The text without any secret. A name that an object is asked for by stays, unless it is one. */
  scrub(text: string): string {
    let rest = text;
    for (const [form, instead] of FORMS) rest = rest.replaceAll(form, instead);
    rest = this.#withoutKnown(rest);
    rest = rest.replaceAll(RUN, (run: string, at: number, whole: string) =>
      isRandom(run) && !isDigest(run, whole.slice(Math.max(0, at - 7), at)) ? REMOVED : run,
    );
    return rest.replaceAll(MIXED, (run: string) => (isMixed(run) ? REMOVED : run));
  }

  /** Known ones, wherever they begin and end as words do. */
  #withoutKnown(text: string): string {
    if (this.#secrets.size === 0) return text;
    let [kept, from] = ['', 0];
    for (const { 0: piece, index } of text.matchAll(PIECE)) {
      const found = this.#secrets.get(piece)?.find(({ text: secret, at }) => {
        const begin = index - at;
        const after = text[begin + secret.length] ?? '';
        const isWhole = !LETTER.test(after) || !LETTER.test(secret.at(-1) ?? '');
        return begin >= from && isWhole && text.startsWith(secret, begin);
      });
      if (found === undefined) continue;
      kept += text.slice(from, index - found.at) + REMOVED;
      from = index - found.at + found.text.length;
    }
    return kept + text.slice(from);
  }
}

function isMixed(run: string): boolean {
  return /[A-Z]/.test(run) && /[a-z]/.test(run) && /\d/.test(run);
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
