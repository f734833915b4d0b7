/** Of each of the two generations; what many objects have in common comes up again long before it is forgotten. */
const MAX_TEXTS = 2_000;

let recent = new Map<string, string>();
let before = new Map<string, string>();

/**
 * The same text, in one copy for all who have it in common: a namespace, a group, the id of a cluster. Every parsed answer
 * brings its own otherwise, and fifty thousand tokens hold as many of them. Not for what is different in each object.
 */
export function sharedText(text: string): string {
  const known = recent.get(text) ?? before.get(text) ?? text;
  if (!recent.has(text)) {
    if (recent.size >= MAX_TEXTS) {
      before = recent;
      recent = new Map();
    }
    recent.set(known, known);
  }
  return known;
}
