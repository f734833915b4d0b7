import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { jsonText, yamlText } from '../../../src/print/document.ts';
import { printable } from '../../../src/print/printable.ts';

/** Characters that parsers, terminals and eyes take in different ways, and some that need no care. */
const CHARACTERS = [
  ...['\n', '\r', '\t', '\u0085', '\u2028', '\u2029', '\u000b', '\u000c', '\ufeff', '\u00a0', '\u3000'],
  ...['\u0000', '\u0007', '\u001b', '\u007f', '\u009b', '\u009d', '\u202e', '\u2066', '\u200d', '\u00ad'],
  ...['\\', '"', "'", '#', ':', ' ', '-', '?', '&', '*', '!', '|', '>', '%', '@', '`', '{', '}', '[', ']'],
  ...['---', '...', '<<', '~', 'null', 'yes', '0o7', '1e3', '.inf', '2001-01-01', '12:30:45', '\\u0041'],
  ...['a', 'Z', 'é', 'e\u0301', '漢', '😀', '\u{e0001}', '\ud800', '\udc00', '\uffff'],
];
const hostile = fc.array(fc.constantFrom(...CHARACTERS), { maxLength: 12 }).map((parts) => parts.join(''));
const anyText = fc.oneof(hostile, fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));
const anyValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    anyText,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      anyText.filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 4 },
    ),
  ),
})).value;

const wellFormed = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value).replaceAll(/\\ud[89a-f][0-9a-f]{2}/g, '\ufffd'));
const UNSEEN = /[^\p{L}\p{M}\p{N}\p{P}\p{S} \n]/u;

describe('a document', () => {
  test.each(['1.1', '1.2'] as const)('of YAML comes out of a parser of %s as it went in', (version) => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const text = yamlText(value);
        expect(parseAllDocuments(text)).toHaveLength(1);
        expect(parse(text, { version, merge: false, uniqueKeys: false })).toEqual(wellFormed(value));
        expect(text).not.toMatch(UNSEEN);
      }),
      { numRuns: 1_000 },
    );
  });

  test('of YAML has no text outside of quotes, and no more lines than it has fields', () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1 }), (texts) => {
        const lines = yamlText(texts).trimEnd().split('\n');
        expect(lines).toHaveLength(texts.length);
        for (const line of lines) expect(line).toMatch(/^- ".*"$/);
      }),
    );
  });

  test('of JSON comes out as it went in, too, and shows nothing that could not be seen', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(JSON.parse(jsonText(value))).toEqual(value);
        expect(jsonText(value)).not.toMatch(UNSEEN);
      }),
    );
  });
});

test('a printable text is one line of characters that can be seen', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(printable(text)).not.toMatch(/\n/);
      expect(printable(text)).not.toMatch(UNSEEN);
    }),
  );
  expect(printable('Zürich (漢字) – 😀')).toBe('Zürich (漢字) – 😀');
});
