/**
 * What may stand in a line for people or in a file that another program reads: letters, marks, digits, punctuation,
 * symbols and the plain space. Everything else moves a cursor, turns the direction of writing, breaks a line for one
 * parser and not for another, or is not seen at all.
 */
const NOT_PRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]+/gu;

/** The text in one line, without anything that could not be seen. */
export function printable(text: string): string {
  return text.replaceAll(NOT_PRINTABLE, ' ');
}

/** Whether nothing of it would be lost. */
export function isPrintable(text: string): boolean {
  return text.search(NOT_PRINTABLE) < 0;
}

/**
 * A list in one line that a person can read: as many of its items as the bounds allow, one at least, and how many more there
 * are. An item that is longer than the line is cut off.
 */
export function shortened(
  list: readonly string[],
  { items, characters }: { readonly items: number; readonly characters: number },
): string {
  const shown: string[] = [];
  let length = 0;
  for (const item of list.slice(0, items)) {
    length += item.length + 2;
    if (length > characters && shown.length > 0) break;
    shown.push(item.length > characters ? `${item.slice(0, characters)}…` : item);
  }
  const more = list.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
