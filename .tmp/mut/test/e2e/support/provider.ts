/**
 * A Kubernetes cluster of one real node, with pods, Services, controllers and RBAC, whoever provides it. The node counts
 * as a control-plane node: what listens on its loopback (the authenticator) is on the API server's loopback, too.
 */
export interface TestCluster {
  readonly provider: string;
  /** For files that go away together with the cluster. */
  readonly dir: string;
  /** Path of a kubeconfig of group system:masters. */
  readonly kubeconfig: string;
  /** The text of that kubeconfig; it needs no other file, and is valid in pods, too. */
  kubeconfigYaml(): string;
  /** Where tests and pods alike reach the API server. */
  readonly url: string;
  /** The address of this machine as pods see it: what listens there (a management plane) can be reached from pods. */
  readonly hostAddress: string;
  /** Path of a kubeconfig for a user who may do only what RBAC grants. */
  kubeconfigFor(user: string, groups?: readonly string[]): Promise<string>;
  /**
   * Gives an image archive (docker-archive or OCI) to the node. Nothing is ever pulled: pods need imagePullPolicy Never or
   * IfNotPresent, which tag `latest` has not by default.
   */
  loadImage(archive: string): Promise<void>;
  /** The command line that runs `command` on the node, in its network: to ask what listens on its loopback. */
  nodeCommand(...command: readonly string[]): readonly [program: string, ...args: string[]];
  /** Takes the cluster away. Can be repeated. */
  stop(options?: { keepLogs?: boolean }): Promise<void>;
}

export interface TestClusterOptions {
  /** The API server asks this webhook about bearer tokens: a path of a kubeconfig; version v1. */
  readonly tokenWebhook?: { readonly kubeconfig: string; readonly cacheTtl?: string };
}
