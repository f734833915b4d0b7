/** Integration tests that start no API server: on another Kubernetes they would do the same again. */
export const WITHOUT_API_SERVER: readonly string[] = [
  'charts-rendered',
  'executable',
  'image',
  'image-arm64',
  'kubeconfig-parsed',
  'monitoring-manifests',
  'prometheus-rules',
  'release-manifests',
  'status-many-clusters',
].map((name) => `test/integration/${name}.test.ts`);
