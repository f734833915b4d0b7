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
