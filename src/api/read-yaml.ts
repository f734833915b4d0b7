import { Composer, type Document, isAlias, isMap, isScalar, isSeq, Lexer, Parser } from 'yaml';

/**
 * The value of a YAML document that came from outside, in time that grows with its length and no faster. The library's warnings,
 * which would print parts of the text, and with it of a credential, are not given. Of a key that is there twice the last counts, as
 * for kubectl.
 *
 * @throws {Error} whose message may quote the text: when it is no YAML, more than one document, or of a form that takes a parser's time and is in no honest file
 */
export function readYaml(text: string): unknown {
  refuseCostly(text);
  return documentOf(text).toJS();
}

/**
 * The value of a YAML document of which no two readers think differently: plain characters, no anchors, tags or directives, no key
 * that is there twice or that stands for something, nothing nested deep.
 *
 * @returns undefined for any other, and for what is no YAML
 */
export function readSimpleYaml(text: string): unknown {
  if (/[^\x20-\x7e\r\n]|\r(?!\n)/.test(text)) return undefined;
  try {
    if (!hasSimpleStructure(text)) return undefined;
    const document = documentOf(text);
    return isSimple(document.contents) ? document.toJS() : undefined;
  } catch {
    return undefined;
  }
}

function documentOf(text: string): Document.Parsed {
  // That keys are unique is found by comparing each with each: seconds for 100 KB.
  const composer = new Composer({ merge: true, logLevel: 'error', uniqueKeys: false });
  // The library goes on after an error, for as long as there is text, and each costs as much as many lines: the first is enough.
  Object.assign(composer, { onError: throwFirst });
  const documents = composer.compose(withoutErrors(text), true, text.length);
  const document = documents.next();
  if (document.done || !documents.next().done) throw new Error('not one YAML document');
  if (document.value.errors.length > 0) throw new Error(NOT_YAML);
  return document.value;
}

/** Whether there is nothing in it by which parts are named, tagged or directed, and no key that is marked as one. */
function hasSimpleStructure(text: string): boolean {
  refuseCostly(text);
  for (const lexeme of structureOf(text)) if (lexeme === '?' || PROPERTY.test(lexeme)) return false;
  return true;
}

/** Readers differ in what else they take for a key, and in how deep they go. */
const NO_KEYS: ReadonlySet<unknown> = new Set(['<<', '__proto__']);
const MAX_KEY_LENGTH = 256;

function isSimple(node: unknown, depth = 0): boolean {
  if (depth > MAX_DEPTH || isAlias(node)) return false;
  if (isSeq(node)) return node.items.every((item) => isSimple(item, depth + 1));
  if (!isMap(node)) return true;
  const keys = node.items.map(({ key }) => (isScalar(key) ? key.value : undefined));
  const areKeys = keys.every(
    (key) => typeof key === 'string' && key.length <= MAX_KEY_LENGTH && !NO_KEYS.has(key),
  );
  if (!areKeys || new Set(keys).size < keys.length) return false;
  return node.items.every(({ value }) => isSimple(value, depth + 1));
}

const NOT_YAML = 'not YAML';

/** In the form in which the composer tells of errors and, with `isWarning`, of what it makes do with. */
function throwFirst(_at: unknown, _code: string, _message: string, isWarning?: boolean): void {
  if (isWarning !== true) throw new Error(NOT_YAML);
}

function* withoutErrors(text: string): ReturnType<Parser['parse']> {
  for (const token of new Parser().parse(text)) {
    if (token.type === 'error') throw new Error(NOT_YAML);
    yield token;
  }
}

/** A kubeconfig is six deep, and has an anchor or two if a person wrote it. */
const MAX_DEPTH = 64;
const MAX_PROPERTIES = 256;

/** Before a scalar: what follows is its text, whatever it begins with. */
const SCALAR = '\x1f';

/** What each lexeme adds to: how deep it is in brackets, in one-line lists, and how much is named, tagged or directed. */
const DEEPER: ReadonlyMap<string, number> = new Map([
  ['[', 1],
  ['{', 1],
  [']', -1],
  ['}', -1],
]);
const COMPACT: ReadonlySet<string> = new Set(['-', '?']);
const PROPERTY = /^[!&*%]/;

/** The parser takes seconds for what is nested deeper than its stack; the lexer, which is flat, sees it coming. @throws {Error} */
function refuseCostly(text: string): void {
  let depth = 0;
  let compact = 0;
  let properties = 0;
  for (const lexeme of structureOf(text)) {
    depth += DEEPER.get(lexeme) ?? 0;
    if (lexeme.startsWith('\n')) compact = 0;
    if (COMPACT.has(lexeme)) compact += 1;
    if (PROPERTY.test(lexeme)) properties += 1;
    if (Math.max(depth, compact) > MAX_DEPTH) throw new Error('nested too deep');
    if (properties > MAX_PROPERTIES) throw new Error('too many anchors, aliases, tags or directives');
  }
}

/** The lexemes but for the texts of scalars. */
function* structureOf(text: string): Generator<string> {
  let isText = false;
  for (const lexeme of new Lexer().lex(text)) {
    if (!isText) yield lexeme;
    isText = lexeme === SCALAR;
  }
}
