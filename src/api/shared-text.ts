/** Of each of the two generations; what many objects have in common comes up again long before it is forgotten. */
const MAX_SHARED = 2_000;

/** One copy of each of what comes up again and again; what does not is forgotten. */
class Shared<T> {
  #recent = new Map<string, T>();
  #before = new Map<string, T>();

  get(key: string, own: T): T {
    const known = this.#recent.get(key);
    if (known !== undefined) return known;
    const kept = this.#before.get(key) ?? own;
    if (this.#recent.size >= MAX_SHARED) {
      this.#before = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, kept);
    return kept;
  }
}

/** What is longer has nothing in common with others, and whoever writes it must not fill our memory: a name has 253 characters. */
const MAX_LENGTH = 512;

const texts = new Shared<string>();
const labelSets = new Shared<Labels>();

/**
 * The same text, in one copy for all who have it in common: a namespace, a group, the id of a cluster. Every parsed answer
 * brings its own otherwise, and fifty thousand tokens hold as many of them. Not for what is different in each object.
 */
export function sharedText(text: string): string {
  return text.length > MAX_LENGTH ? text : texts.get(text, text);
}

type Labels = Readonly<Record<string, string>>;

/** The same of labels: what we write bears one set of them for each cluster. What is returned is frozen. */
export function sharedLabels(labels: Labels): Labels {
  // No two sets of labels have the same JSON, whatever a hostile cluster puts into them.
  const key = JSON.stringify(labels);
  return key.length > MAX_LENGTH ? Object.freeze(labels) : labelSets.get(key, Object.freeze(labels));
}
