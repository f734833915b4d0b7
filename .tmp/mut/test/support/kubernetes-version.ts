import { execFileSync } from 'node:child_process';
import { findControlPlane } from './binaries.ts';

/** The minor of the API servers that the tests run on: 37 of Kubernetes 1.37.2. */
export function kubernetesMinor(): number {
  const version = execFileSync(findControlPlane().apiServer, ['--version'], { encoding: 'utf8' });
  const minor = /^Kubernetes v1\.(\d+)\./.exec(version)?.[1];
  if (minor === undefined) throw new Error(`kube-apiserver --version says ${version.trim()}`);
  return Number(minor);
}

/**
 * For `test.skipIf(lacks(30, 'ValidatingAdmissionPolicy'))`: whether the API servers are too old, and the printed reason.
 *
 * @param minor - the first version of Kubernetes 1.x that has it
 */
export function lacks(minor: number, what: string): boolean {
  const present = kubernetesMinor();
  if (present >= minor) return false;
  console.warn(`skipped on Kubernetes 1.${present}: ${what} is there from 1.${minor} on`);
  return true;
}

/** The same for what newer versions no longer have. @param minor - the first version without it */
export function hasNoLonger(minor: number, what: string): boolean {
  const present = kubernetesMinor();
  if (present < minor) return false;
  console.warn(`skipped on Kubernetes 1.${present}: ${what} ended with 1.${minor - 1}`);
  return true;
}
