import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHARTS } from '../charts.ts';
import { tarGz } from './archive.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The charts as Helm wants them, by file name. Not by `helm package`, which keeps the times of the checkout. */
export async function packedCharts(
  version: string,
  epochS: number,
): Promise<Readonly<Record<string, Buffer>>> {
  const packed = CHARTS.map(async (chart) => {
    const directory = join(ROOT, 'charts', chart);
    const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(directory, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .sort();
    const files = paths.map((path) => ({
      path: `${chart}/${path}`,
      content: readFileSync(join(directory, path)),
    }));
    return [`${chart}-${version}.tgz`, await tarGz(files, epochS)] as const;
  });
  return Object.fromEntries(await Promise.all(packed));
}
