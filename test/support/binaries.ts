import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface Binaries {
  readonly etcd: string;
  readonly apiServer: string;
}

/** Looks where hack/control-plane/provide.sh looks, in the same order: change both together. */
export function findControlPlane(env: NodeJS.ProcessEnv = process.env): Binaries {
  for (const place of places(env)) {
    const apiServer = executableIn(place, 'kube-apiserver');
    if (apiServer === undefined) continue;
    const etcd = executableIn(place, 'etcd') ?? executableIn(pathOf(env), 'etcd');
    if (etcd !== undefined) return { etcd, apiServer };
  }
  throw missing('etcd and kube-apiserver', env);
}

export function findKubectl(env: NodeJS.ProcessEnv = process.env): string {
  for (const place of places(env)) {
    const found = executableIn(place, 'kubectl');
    if (found !== undefined) return found;
  }
  throw missing('kubectl', env);
}

/** Each place is a list of directories, because PATH counts as one place. */
function places(env: NodeJS.ProcessEnv): readonly (readonly string[])[] {
  const assets = env['KUBEBUILDER_ASSETS'];
  return [assets ? [assets] : [], pathOf(env), [cacheDirectory(env)]];
}

function pathOf(env: NodeJS.ProcessEnv): readonly string[] {
  return (env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
}

function cacheDirectory(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'ace-operator', 'control-plane', 'bin');
}

function executableIn(directories: readonly string[], program: string): string | undefined {
  return directories.map((directory) => join(directory, program)).find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function missing(what: string, env: NodeJS.ProcessEnv): Error {
  return new Error(
    `${what} not found in KUBEBUILDER_ASSETS, PATH or ${cacheDirectory(env)}: run \`make control-plane\``,
  );
}
