import { parse } from 'yaml';

/**
 * The value of a YAML document that came from outside. The library's warnings, which would print parts of the text, and with it of a
 * credential, are not given.
 *
 * @throws {Error} when it is no YAML; its message may quote the text
 */
export function readYaml(text: string): unknown {
  return parse(text, { merge: true, logLevel: 'error' });
}
