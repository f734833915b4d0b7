// kubeconfig/: which ways lead to a cluster, as a file that kubectl reads.

import { yamlText } from '../../print/document.ts';
import { printable } from '../../print/printable.ts';
import type { Endpoint } from './endpoints.ts';

/** What a kubeconfig shows its servers. */
export type Credential =
  | { readonly kind: 'bearer'; readonly bearer: string }
  /** Rancher's own command line asks for one at first use. */
  | { readonly kind: 'exec'; readonly server: string; readonly cluster: string | undefined }
  /** Nothing: somebody will put one in. */
  | { readonly kind: 'none' };

export interface KubeconfigFile {
  /** Name of the user entry: the cluster's. */
  readonly user: string;
  readonly credential: Credential;
  readonly endpoints: readonly Endpoint[];
  /** For people, at the top; nothing secret. */
  readonly comments: readonly string[];
}

/** The context that is current: an authorized endpoint before the proxy, a node that is ready before one that is not. */
export function currentContext(endpoints: readonly Endpoint[]): string {
  const ace = endpoints.filter(({ via }) => via === 'ace');
  return (ace.find(({ ready }) => ready) ?? ace[0] ?? endpoints[0])?.name ?? '';
}

/** A kubeconfig, as text: whoever reads it, kubectl or another, finds what was meant and nothing more. */
export function kubeconfigText({ user, credential, endpoints, comments }: KubeconfigFile): string {
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: endpoints.map(({ name, server, authority }) => ({
      name,
      cluster: {
        server,
        ...(authority.kind === 'certificates' ? { 'certificate-authority-data': authority.base64 } : {}),
      },
    })),
    users: [{ name: user, user: userOf(user, credential) }],
    contexts: endpoints.map(({ name }) => ({ name, context: { cluster: name, user } })),
    'current-context': currentContext(endpoints),
  };
  return comments.map((line) => `# ${printable(line)}\n`).join('') + yamlText(content);
}

function userOf(user: string, credential: Credential): object {
  if (credential.kind === 'none') return {};
  if (credential.kind === 'bearer') return { token: credential.bearer };
  const { server, cluster } = credential;
  return {
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1beta1',
      command: 'rancher',
      args: ['token', `--server=${server}`, `--user=${user}`, ...(cluster ? [`--cluster=${cluster}`] : [])],
    },
  };
}
