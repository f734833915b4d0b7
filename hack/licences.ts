/**
 * Writes docs/licences.md: what the image holds that others wrote, and under which licence.
 *
 * usage: node hack/licences.ts
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isTypesOnly, legalFile, nodeVersion, packageName, runtimePackages } from './packages.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const HEAD = `# Licences of what the image holds

Written by \`make licences\` from package-lock.json; a test holds it current. ace-operator itself is under Apache-2.0 (\`/app/LICENSE\`
in the image). The texts are in the image beside the packages, below \`/app\`.

| package | version | licence | text |
|---|---|---|---|
`;

/** What is not from npm: its parts and their licences are listed by those who publish it. */
const FOOT = `
Not from npm: Node ${nodeVersion(ROOT)} (MIT, with the licences of its parts in \`/usr/local/share/doc/node/LICENSE\`), and below it the base
image's glibc (LGPL-2.1-or-later), libstdc++ and libgcc (GPL-3.0-or-later with the GCC Runtime Library Exception), unchanged from Debian, with Debian's copyright files in
\`/usr/share/doc\`.
`;

/**
 * The whole page.
 *
 * @throws {Error} when a package states no licence
 */
export function licencesPage(): string {
  const rows = runtimePackages(ROOT)
    .filter(([path]) => !isTypesOnly(path))
    .map(([path, { version, license }]) => {
      if (license === undefined) throw new Error(`${path} states no licence`);
      const text = legalFile(join(ROOT, path)) ?? 'package.json';
      return `| ${packageName(path)} | ${version} | ${license} | \`${path}/${text}\` |\n`;
    });
  return HEAD + rows.join('') + FOOT;
}

if (import.meta.filename === process.argv[1]) {
  writeFileSync(join(ROOT, 'docs', 'licences.md'), licencesPage());
}
