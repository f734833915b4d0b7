import { ConfigError, describeError } from '../errors.ts';
import { type Access, accessFrom, type Loaded } from './access.ts';
import { plainFiles } from './plain-kubeconfig.ts';
import { inCluster, type PodEnvironment } from './pod-account.ts';

/**
 * Access to the API server that this process is about: by a kubeconfig file, or by the pod's own service account.
 *
 * @param env - where a pod is told of its API server
 * @throws {ConfigError} when the file cannot be read or names no server
 */
export async function managementAccess(
  kubeconfigFile: string | undefined,
  env: PodEnvironment = {},
): Promise<Access> {
  return accessFrom(async () => {
    try {
      return kubeconfigFile === undefined ? inCluster(env) : await fromFile(kubeconfigFile);
    } catch (error) {
      throw new ConfigError(
        `cannot load ${kubeconfigFile === undefined ? 'the in-cluster configuration' : `kubeconfig ${kubeconfigFile}`}: ${describeError(error)}`,
      );
    }
  });
}

/** client-node is loaded for those who need it only; a file may become one of those at any time. */
async function fromFile(file: string): Promise<Loaded> {
  const plain = plainFiles([file]);
  return plain ?? (await import('./client-node-kubeconfig.ts')).loadedFile(file);
}
