import { existsSync } from 'node:fs';
import { ConfigError } from '../errors.ts';
import { type Access, accessFrom, type Loaded } from './access.ts';
import { actingAs, type Impersonated } from './impersonation.ts';
import { plainBearer } from './plain-credentials.ts';
import { plainFiles, plainText } from './plain-kubeconfig.ts';
import { inCluster, type PodEnvironment } from './pod-account.ts';

export type { Access } from './access.ts';

/**
 * Access as kubectl has it: the files merged, what an earlier one names wins; where none exists, the pod's own service
 * account.
 *
 * @param options.required - false: it is no fault when none of the files exists
 * @param options.context - instead of the files' current one
 * @param options.as - somebody else to act as
 * @param options.pod - where a pod is told of its API server
 * @throws {ConfigError} when a file cannot be read, the context is not there, or nothing says where to go
 */
export async function personalAccess(options: {
  readonly files: readonly string[];
  readonly required: boolean;
  readonly context: string | undefined;
  readonly as?: Impersonated | undefined;
  readonly pod?: PodEnvironment | undefined;
}): Promise<Access> {
  const { files, required, context, as, pod = {} } = options;
  const found = files.filter((file) => existsSync(file));
  if (found.length > 0) return accessFrom(async () => actingAs(await fromFiles(found, context), as));
  if (required) throw new ConfigError(`cannot load kubeconfig ${files.join(', ')}: no such file`);
  return accessFrom(() => actingAs(inCluster(pod), as)).catch(() => {
    throw new ConfigError('no kubeconfig was found; give one by --kubeconfig or $KUBECONFIG');
  });
}

/** Whatever is wrong is said by client-node's reader, which would have said it in any case. */
async function fromFiles(files: readonly string[], context: string | undefined): Promise<Loaded> {
  let plain: Loaded | undefined;
  try {
    plain = plainFiles(files, context);
  } catch {
    // A file that it names cannot be read.
  }
  return plain ?? (await clientNode()).loadedFiles(files, context);
}

/**
 * Access to a downstream cluster, from the text of a kubeconfig in a Secret.
 *
 * Exec plugins, auth providers and file paths are refused: whoever may write the Secret must not thereby
 * run commands or read files in the operator's pod.
 *
 * @throws {ConfigError} when it is no kubeconfig, or asks for what is refused
 */
export async function downstreamAccess(kubeconfigText: string): Promise<Access> {
  return accessFrom(async () => plainText(kubeconfigText) ?? (await clientNode()).loadedText(kubeconfigText));
}

/** Its 868 modules are loaded for those who need one of its plugins, or to be told what is wrong. */
const clientNode = () => import('./client-node-kubeconfig.ts');

/** The parts that Rancher keeps in a Cluster's status and its service-account Secret, as the text of a kubeconfig. */
export function bearerKubeconfig(server: string, caPem: string, token: string): string {
  const caData = Buffer.from(caPem).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'downstream', cluster: { server, 'certificate-authority-data': caData } }],
    users: [{ name: 'downstream', user: { token } }],
    contexts: [{ name: 'downstream', context: { cluster: 'downstream', user: 'downstream' } }],
    'current-context': 'downstream',
  });
}

/** Access by the parts that Rancher keeps in a Cluster's status and its service-account Secret. @throws {ConfigError} */
export async function bearerAccess(server: string, caPem: string, token: string): Promise<Access> {
  return accessFrom(() => plainBearer(server, caPem, token));
}
