import { kept } from './allow.ts';
import type { Scrubber } from './scrub.ts';
import { LOG_LINE } from './shapes.ts';

/** What is kept of a line of a log, before the last look for secrets. */

/** Ours are JSON, of which only the known fields stay; of any other line what is no secret. */
export function logLine(line: string, scrubber: Scrubber): string {
  try {
    const parsed: unknown = JSON.parse(line);
    if (parsed !== null && typeof parsed === 'object' && !Array.isArray(parsed))
      return JSON.stringify(kept(LOG_LINE, parsed, (text) => scrubber.learn(text)));
  } catch {
    // Of another program, of Node itself, or cut off.
  }
  return line;
}

/** `time="…" level=info msg="…" error="…"`, quoted as Go does where there are blanks. Source: sirupsen/logrus, TextFormatter. */
const FIELD = /(?:^| )([A-Za-z_.]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)/g;
const STOCK_FIELDS = new Set(['time', 'level', 'msg', 'error']);
/** How Go says why it gives up. */
const STOCK_END = /^(?:panic|fatal error): /;

/** kube-api-auth's: the known fields of it, and how it ended. Of lines in no form that we know nobody can say what they hold. */
export function stockLogLine(line: string): string | undefined {
  if (STOCK_END.test(line)) return line;
  const fields = [...line.matchAll(FIELD)];
  if (!fields.some(([, name]) => name === 'msg')) return undefined;
  const told = fields.filter(([, name = '']) => STOCK_FIELDS.has(name));
  return told.map(([, name, value]) => `${name}=${value}`).join(' ');
}
