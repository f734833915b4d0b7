import { z } from 'zod';
import { boundedName, optionalString } from './parse-fields.ts';

const argoShape = z.object({
  bearerToken: optionalString,
  username: optionalString,
  password: optionalString,
  proxyUrl: optionalString,
  tlsClientConfig: z
    .object({
      insecure: z.boolean().nullish(),
      serverName: optionalString,
      caData: optionalString,
      certData: optionalString,
      keyData: optionalString,
    })
    .nullish(),
  execProviderConfig: z.unknown().optional(),
  awsAuthConfig: z.unknown().optional(),
});

/** What a cluster Secret of Argo CD holds, in the words of a kubeconfig. */
export interface ArgoCluster {
  /** The cluster's name in Argo CD; empty where it has none that counts. */
  readonly name: string;
  readonly kubeconfig: string | undefined;
  /** Why there is no kubeconfig; without a value of it. */
  readonly problem: string | undefined;
}

/**
 * A cluster Secret of Argo CD: data `name`, `server`, and `config` as JSON.
 *
 * Its `config` may name programs to run for a token, which is refused. One that belongs to an Argo CD project counts by our
 * label only: whoever has such a project may be allowed to register clusters, under whatever name.
 *
 * Source: argo-cd docs/operator-manual/declarative-setup.md
 */
export function argoKubeconfig(decode: (key: string) => string | undefined): ArgoCluster {
  const isOfProject = Boolean(decode('project'));
  const name = isOfProject ? '' : boundedName(decode('name') ?? '');
  const server = decode('server') ?? '';
  const config = argoShape.safeParse(jsonOf(decode('config')));
  const refused = (problem: string): ArgoCluster => ({ name, kubeconfig: undefined, problem });
  if (!config.success) return refused('data.config is no configuration of Argo CD');
  const { data } = config;
  if (data.execProviderConfig || data.awsAuthConfig)
    return refused(
      'execProviderConfig and awsAuthConfig are not run from a Secret; use bearerToken or certData',
    );
  const user = userOf(data);
  if (Object.keys(user).length === 0) return refused('data.config holds no credential');
  return { name, kubeconfig: kubeconfigOf(server, data, user), problem: undefined };
}

function jsonOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    // What JSON.parse says quotes the text.
    return undefined;
  }
}

type ArgoConfig = z.infer<typeof argoShape>;

function userOf({ bearerToken, username, password, tlsClientConfig: tls }: ArgoConfig): object {
  return {
    ...(bearerToken ? { token: bearerToken } : {}),
    ...(username ? { username, password } : {}),
    ...(tls?.certData ? { 'client-certificate-data': tls.certData, 'client-key-data': tls.keyData } : {}),
  };
}

function kubeconfigOf(server: string, { proxyUrl, tlsClientConfig: tls }: ArgoConfig, user: object): string {
  const cluster = {
    server,
    ...(tls?.caData ? { 'certificate-authority-data': tls.caData } : {}),
    ...(tls?.insecure ? { 'insecure-skip-tls-verify': true } : {}),
    ...(tls?.serverName ? { 'tls-server-name': tls.serverName } : {}),
    ...(proxyUrl ? { 'proxy-url': proxyUrl } : {}),
  };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'argo-cd', cluster }],
    users: [{ name: 'argo-cd', user }],
    contexts: [{ name: 'argo-cd', context: { cluster: 'argo-cd', user: 'argo-cd' } }],
    'current-context': 'argo-cd',
  });
}
