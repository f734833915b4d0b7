import { kubectl } from './kubectl.ts';

/** Why the guard cannot be tried on this API server; undefined where it can. ValidatingAdmissionPolicy is served as v1 since 1.30. */
export async function whyNoGuard(kubeconfig: string): Promise<string | undefined> {
  const served = await kubectl(kubeconfig, 'get', '--raw', '/apis/admissionregistration.k8s.io/v1');
  if (served.includes('"validatingadmissionpolicies"')) return undefined;
  const { gitVersion } = JSON.parse(await kubectl(kubeconfig, 'get', '--raw', '/version'));
  return `ValidatingAdmissionPolicy v1 came with Kubernetes 1.30; this API server is ${gitVersion}`;
}
