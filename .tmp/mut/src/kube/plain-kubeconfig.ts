import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { readYaml } from '../api/read-yaml.ts';
import { ConfigError } from '../errors.ts';
import type { HttpsOptions, Loaded } from './access.ts';
import { impersonatedGroups } from './impersonation.ts';
import { clusterFault } from './kubeconfig-faults.ts';
import { type KubeconfigContent, tokenIn } from './token-file.ts';

const entries = z.array(z.object({ name: z.string() }).loose());
const kubeconfig = z.object({
  'current-context': z.string(),
  contexts: entries,
  clusters: entries,
  users: entries,
});
const contextEntry = z.object({ context: z.object({ cluster: z.string(), user: z.string() }) });
const clusterEntry = z.object({
  cluster: z.object({
    server: z.string(),
    'certificate-authority': z.string().optional(),
    'certificate-authority-data': z.string().optional(),
    'insecure-skip-tls-verify': z.boolean().optional(),
    'tls-server-name': z.string().optional(),
    'proxy-url': z.string().optional(),
  }),
});
const userEntry = z.object({
  // Strict: whatever else is there (exec, auth-provider, what is yet to be invented) is not for us to leave out.
  user: z.strictObject({
    'client-certificate': z.string().optional(),
    'client-certificate-data': z.string().optional(),
    'client-key': z.string().optional(),
    'client-key-data': z.string().optional(),
    token: z.string().optional(),
    tokenFile: z.string().optional(),
    username: z.string().optional(),
    password: z.string().optional(),
    as: z.string().optional(),
    'as-groups': z.unknown().optional(),
  }),
});
type Cluster = z.infer<typeof clusterEntry>['cluster'];
type User = z.infer<typeof userEntry>['user'];

/**
 * What a kubeconfig file says, if its current user takes no more than reading files: a token, a certificate, a name and a
 * password.
 *
 * client-node reads every kubeconfig and runs plugins, too; it costs a process 37 MB and most of a second before that.
 *
 * @returns undefined when it is not one of these, or cannot be understood at all: client-node says then what is wrong
 * @throws {ConfigError} for impersonation that is not obeyed; the system's error when a file cannot be read
 */
export function plainFile(file: string): Loaded | undefined {
  const content = parsed(readFileSync(file, 'utf8'));
  const config = kubeconfig.safeParse(content).data;
  const entry = (list: 'contexts' | 'clusters' | 'users', wanted: string | undefined): unknown =>
    config?.[list].find(({ name }) => name === wanted);
  const context = contextEntry.safeParse(entry('contexts', config?.['current-context'])).data?.context;
  const cluster = clusterEntry.safeParse(entry('clusters', context?.cluster)).data?.cluster;
  const user = userEntry.safeParse(entry('users', context?.user)).data?.user;
  // Over HTTP a credential is shown to whoever listens; client-node refuses that, but for some.
  if (!context || !cluster || !user || !cluster.server.startsWith('https:')) return undefined;
  const groups = impersonatedGroups(content as KubeconfigContent).get(context.user);
  const place = `${file}, context ${config?.['current-context']}`;
  return loadedFrom(cluster, user, { root: dirname(file), groups, place });
}

/** Where a pod finds its service account. Source: kubernetes.io, "Accessing the Kubernetes API from a Pod". */
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The API server of the cluster that a pod runs in. @throws {ConfigError} outside of one; the system's error for its files */
export function inCluster(env: Readonly<Record<string, string | undefined>>, account = ACCOUNT): Loaded {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = env;
  if (host === '' || port === '') throw new ConfigError('this is no pod of a cluster; give --kubeconfig');
  const cluster = {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    'certificate-authority': join(account, 'ca.crt'),
  };
  return loadedFrom(
    cluster,
    { tokenFile: join(account, 'token') },
    { root: account, groups: undefined, place: '' },
  );
}

function parsed(text: string): unknown {
  try {
    return readYaml(text);
  } catch {
    return undefined;
  }
}

/** Files are read now: one that is missing, or empty, is a mistake of now. */
function loadedFrom(
  cluster: Cluster,
  user: User,
  { root, groups, place }: { root: string; groups: Loaded['groups']; place: string },
): Loaded {
  const material = (path: string | undefined, data: string | undefined): Buffer | undefined => {
    if (path) return readFileSync(resolve(root, path));
    return data ? Buffer.from(data, 'base64') : undefined;
  };
  const token = user.tokenFile ? tokenIn(resolve(root, user.tokenFile)) : user.token;
  const options: HttpsOptions = {
    headers: {
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...(user.as ? { 'Impersonate-User': user.as } : {}),
    },
    ca: material(cluster['certificate-authority'], cluster['certificate-authority-data']),
    cert: material(user['client-certificate'], user['client-certificate-data']),
    key: material(user['client-key'], user['client-key-data']),
    ...(cluster['insecure-skip-tls-verify'] ? { rejectUnauthorized: false } : {}),
    ...(cluster['tls-server-name'] ? { servername: cluster['tls-server-name'] } : {}),
    ...(user.username ? { auth: `${user.username}:${user.password}` } : {}),
  };
  const files = [
    cluster['certificate-authority'],
    user['client-certificate'],
    user['client-key'],
    user.tokenFile,
  ];
  return {
    place,
    fault: clusterFault({
      caFile: cluster['certificate-authority'],
      caData: cluster['certificate-authority-data'],
      proxyUrl: cluster['proxy-url'],
    }),
    server: cluster.server.replace(/\/$/, ''),
    proxyUrl: cluster['proxy-url'],
    readsFiles: files.some(Boolean),
    groups,
    options: async () => options,
  };
}
