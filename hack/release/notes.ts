/**
 * What a changelog says of one version, without its title.
 *
 * @throws {Error} when it says nothing of it
 */
export function notesOf(version: string, changelog: string): string {
  const sections = changelog.split(/^## /m).slice(1);
  const found = sections.find((section) => section.split(/[\s(]/, 1)[0] === version);
  const text = found?.slice(found.indexOf('\n') + 1).trim();
  if (!text) throw new Error(`CHANGELOG.md says nothing of ${version}`);
  return `${text}\n`;
}
