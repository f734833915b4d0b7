import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Binaries {
  readonly etcd: string;
  readonly apiServer: string;
}

let directory: string | undefined;

/** Of the version that ACE_KUBERNETES names, or the newest that is there. @throws {Error} when there is none */
export function findControlPlane(): Binaries {
  return { etcd: find('etcd'), apiServer: find('kube-apiserver') };
}

/** The kubectl of the same version. @throws {Error} when there is none */
export function findKubectl(): string {
  return find('kubectl');
}

function find(program: string): string {
  directory ??= installed();
  const found = [directory, ...(process.env['PATH'] ?? '').split(delimiter)]
    .map((place) => join(place, program))
    .find(isExecutable);
  if (found === undefined) throw new Error(`${program} is neither in ${directory} nor on PATH`);
  return found;
}

/** The script that provides the programs knows where they may be. */
function installed(): string {
  const script = fileURLToPath(new URL('../../hack/control-plane/provide.sh', import.meta.url));
  try {
    return execFileSync(script, ['--installed'], { encoding: 'utf8' }).trim();
  } catch (error) {
    throw new Error('no etcd and kube-apiserver found: run `make control-plane`', { cause: error });
  }
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
