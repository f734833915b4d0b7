/** What package-lock.json says about the packages that are needed at run time. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface LockedPackage {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly deprecated?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly peer?: boolean;
}

/** All packages of the lockfile by their path, `node_modules/…`; without the project itself. */
export function lockedPackages(root: string): [path: string, entry: LockedPackage][] {
  const { packages } = readJson(join(root, 'package-lock.json')) as {
    packages: Record<string, LockedPackage>;
  };
  return Object.entries(packages).filter(([path]) => path !== '');
}

/**
 * Those that `npm ci --omit=dev --omit=optional` installs. Optional ones are left out because ours are native code, by
 * which the image would differ from platform to platform; the packages that name them do without.
 */
export function runtimePackages(root: string): [path: string, entry: LockedPackage][] {
  return lockedPackages(root).filter(([, entry]) => !(entry.dev || entry.optional || entry.devOptional));
}

export function readJson(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
}
