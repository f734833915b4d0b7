import { Document, Scalar, visit } from 'yaml';

/** Documents that another program reads: each of them comes out of any parser as it went in. */

/** All that is neither printable nor the line break of the document itself. */
const TO_ESCAPE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} \n]/gu;
/** A key that no parser takes for anything but text. */
const PLAIN_KEY = /^[a-z][A-Za-z-]{2,}$/;
const WORDS: ReadonlySet<string> = new Set(['yes', 'off', 'true', 'false', 'null']);

/** An object as JSON. What could not be seen, or could move a cursor, is escaped. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  const escaped = text.replaceAll(TO_ESCAPE, (char) =>
    // By units: JSON has no escape for a whole character beyond the first plane.
    Array.from({ length: char.length }, (_, at) => unitEscape(char.charCodeAt(at))).join(''),
  );
  return `${escaped}\n`;
}

/**
 * An object as YAML. Parsers differ in what ends a line and in what is text (`yes`, `1e3`, U+2028): every text stands in
 * double quotes on one line, and what could not be seen is escaped. Half a character is U+FFFD: YAML has no word for it.
 */
export function yamlText(value: unknown): string {
  const document = new Document(wellFormed(value), { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(key, node) {
      if (typeof node.value !== 'string') return;
      const isPlain = key === 'key' && PLAIN_KEY.test(node.value) && !WORDS.has(node.value);
      node.type = isPlain ? Scalar.PLAIN : Scalar.QUOTE_DOUBLE;
    },
  });
  const text = document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER });
  return text.replaceAll(TO_ESCAPE, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : unitEscape(code);
  });
}

function unitEscape(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}

/** As JSON would store it, every half character replaced. */
function wellFormed(value: unknown): unknown {
  if (value === undefined) return null;
  return JSON.parse(JSON.stringify(value, (_key, member: unknown) => mended(member)));
}

function mended(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key.toWellFormed(), member]));
}
