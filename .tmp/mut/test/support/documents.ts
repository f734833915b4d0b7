import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { normalised } from './golden.ts';

/** The blocks of a page of Markdown: what a reader types, and what a reader is shown. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Block {
  readonly page: string;
  /** `sh` is typed, `console` is a session: `$ ` before what is typed. */
  readonly language: string;
  readonly line: number;
  /** Without the indentation of the list that it stands in. */
  readonly text: string;
}

const FENCED = /^( *)```(\w+)\n([\s\S]*?)^\1```$/gm;

/** @param page - its path in the repository */
export function blocksOf(page: string, language: string): readonly Block[] {
  const markdown = readFileSync(`${ROOT}${page}`, 'utf8');
  return [...markdown.matchAll(FENCED)]
    .map(({ 1: indent = '', 2: found = '', 3: inner = '', index }) => ({
      page,
      language: found,
      line: markdown.slice(0, index).split('\n').length,
      text: inner.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }))
    .filter((block) => block.language === language);
}

/** What is typed in a session. */
export const typedIn = ({ text }: Block): readonly string[] =>
  [...text.matchAll(/^\$ (.*)$/gm)].map(([, line = '']) => line);

/** The page with these sessions in the place of its own, in their order. */
export function withSessions(page: string, sessions: readonly string[]): void {
  const path = `${ROOT}${page}`;
  let next = 0;
  const text = readFileSync(path, 'utf8').replaceAll(FENCED, (whole, indent: string, language: string) => {
    if (language !== 'console') return whole;
    const session = sessions[next] ?? '';
    next += 1;
    const inner = session.replaceAll(/^(?=.)/gm, indent);
    return `${indent}\`\`\`console\n${inner}${indent}\`\`\``;
  });
  writeFileSync(path, text);
}

/** A session without what differs from run to run: times, ports, and where lines are wrapped because of them. */
export const comparable = (session: string): string =>
  normalised(session)
    .replaceAll(/\d{1,3}(\.\d{1,3}){3}:(\d+|PORT)/g, 'ADDRESS')
    .replaceAll(/\s+/g, ' ')
    .trim();
