import { fileURLToPath } from 'node:url';
import { apply, kubectl } from './kubectl.ts';

/** Path of a directory in manifests/. */
export function manifests(directory: string): string {
  return fileURLToPath(new URL(`../../manifests/${directory}`, import.meta.url));
}

/** `kubectl apply -k` of a shipped directory. Kubernetes 1.20 knows disruption budgets by their older name only. */
export async function applyManifests(kubeconfig: string, directory: string): Promise<string> {
  return apply(kubeconfig, await renderManifests(kubeconfig, directory));
}

/** What that applies, as text. */
export async function renderManifests(kubeconfig: string, directory: string): Promise<string> {
  const text = await kubectl(kubeconfig, 'kustomize', manifests(directory));
  const knowsPolicy = await kubectl(kubeconfig, 'get', '--raw', '/apis/policy/v1').then(
    () => true,
    () => false,
  );
  return knowsPolicy ? text : text.replaceAll(/^apiVersion: policy\/v1$/gm, 'apiVersion: policy/v1beta1');
}
