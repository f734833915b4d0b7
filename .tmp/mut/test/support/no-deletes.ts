// Refuses every deletion of a ClusterAuthToken in a cluster of Kubernetes 1.30 and newer.

export const NO_DELETES = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicy',
  metadata: { name: 'no-deletes' },
  spec: {
    failurePolicy: 'Fail',
    matchConstraints: {
      resourceRules: [
        {
          apiGroups: ['cluster.cattle.io'],
          apiVersions: ['*'],
          operations: ['DELETE'],
          resources: ['clusterauthtokens'],
        },
      ],
    },
    validations: [{ expression: 'false', message: 'not now' }],
  },
};

export const NO_DELETES_BINDING = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  metadata: { name: 'no-deletes' },
  spec: { policyName: 'no-deletes', validationActions: ['Deny'] },
};
