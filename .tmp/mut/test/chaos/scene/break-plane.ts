import { setTimeout as delay } from 'node:timers/promises';
import type { ControlPlane } from '../../support/control-plane.ts';
import { apply, kubectl } from '../../support/kubectl.ts';
import { NO_DELETES, NO_DELETES_BINDING } from '../../support/no-deletes.ts';
import { until } from './until.ts';

// What can befall an API server with its etcd.

export async function stopped(plane: ControlPlane, forMs: number): Promise<void> {
  await plane.stopApiServer();
  await delay(forMs);
  await plane.startApiServer();
}

/** What changes in the meantime never was. */
export async function putBack(plane: ControlPlane, forMs: number): Promise<void> {
  await plane.backUp();
  await delay(forMs);
  await plane.restore();
}

/** Deletions of ClusterAuthTokens are refused for a while. */
export function refuseDeletions({ adminKubeconfig }: ControlPlane, forMs: number): Promise<void> {
  return refusing(adminKubeconfig, [NO_DELETES, NO_DELETES_BINDING], forMs);
}

/** What the operator writes, in a cluster or in the management plane, but for its Lease. */
const WRITTEN = [
  [['cluster.cattle.io', 'ace-operator.io'], ['*/*']],
  [[''], ['secrets', 'configmaps', 'events']],
] as const;
const NAME = 'no-writes';
const NO_WRITES = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicy',
  metadata: { name: NAME },
  spec: {
    failurePolicy: 'Fail',
    matchConstraints: {
      resourceRules: WRITTEN.map(([apiGroups, resources]) => ({
        ...{ apiGroups, resources, apiVersions: ['*'], operations: ['CREATE', 'UPDATE'] },
      })),
    },
    validations: [{ expression: 'false', message: 'not now' }],
  },
};
const NO_WRITES_BINDING = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  metadata: { name: NAME },
  spec: { policyName: NAME, validationActions: ['Deny'] },
};

/** Nothing of ours can be made or changed for a while; deletions go on. */
export function refuseWrites({ adminKubeconfig }: ControlPlane, forMs: number): Promise<void> {
  return refusing(adminKubeconfig, [NO_WRITES, NO_WRITES_BINDING], forMs);
}

async function refusing(
  kubeconfig: string,
  [policy, binding]: readonly [typeof NO_WRITES | typeof NO_DELETES, typeof NO_DELETES_BINDING],
  forMs: number,
): Promise<void> {
  await until(() => apply(kubeconfig, [policy, binding]));
  await delay(forMs);
  const gone = ['delete', 'validatingadmissionpolicybinding', binding.metadata.name, '--ignore-not-found'];
  await until(() => kubectl(kubeconfig, ...gone));
}
