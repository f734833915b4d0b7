import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../../../src/', import.meta.url));
const READER = 'kube/client-node-kubeconfig.ts';

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

/** What a file loads as soon as it is loaded; types are not. */
function importsOf(file: string): readonly string[] {
  const source = readFileSync(join(SRC, file), 'utf8');
  const found = source.matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)';/gms);
  return [...found].map(([, from = '']) =>
    from.startsWith('.') ? relative(SRC, join(SRC, dirname(file), from)) : from,
  );
}

test('client-node is known to one file, which is loaded when it is needed', () => {
  const users = (wanted: RegExp): string[] =>
    files.filter((file) => importsOf(file).some((from) => wanted.test(from)));
  expect(users(/^@kubernetes\/client-node/)).toEqual([READER]);
  expect(users(/^kube\/client-node-kubeconfig\.ts$/)).toEqual([]);
});

const COMMANDS = files.filter((file) => /^cli\/.*\/run-/.test(file));

test.each(COMMANDS)(
  '%s loads neither client-node at its start, nor what only the operator needs',
  (command) => {
    const loaded = new Set<string>();
    const load = (file: string): void => {
      if (loaded.has(file)) return;
      loaded.add(file);
      if (file.endsWith('.ts')) importsOf(file).forEach(load);
    };
    load(command);
    expect(loaded.size).toBeGreaterThan(1);
    const foreign = command === 'cli/serve/run-operator.ts' ? /client-node/ : /client-node|operator-base/;
    expect([...loaded].filter((file) => foreign.test(file))).toEqual([]);
  },
);
