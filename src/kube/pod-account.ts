import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { ConfigError } from '../errors.ts';
import type { Loaded } from './access.ts';
import { plainLoaded } from './plain-credentials.ts';

/** Where a pod is told of its API server. */
export type PodEnvironment = Readonly<
  Partial<Record<'KUBERNETES_SERVICE_HOST' | 'KUBERNETES_SERVICE_PORT', string | undefined>>
>;

/** Where a pod finds its service account. Source: kubernetes.io, "Accessing the Kubernetes API from a Pod". */
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The API server of the cluster that a pod runs in. @throws {ConfigError} outside of one; the system's error for its files */
export function inCluster(env: PodEnvironment, account = ACCOUNT): Loaded {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = env;
  if (host === '' || port === '') throw new ConfigError('this is no pod of a cluster; give --kubeconfig');
  const cluster = {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    'certificate-authority': join(account, 'ca.crt'),
  };
  return plainLoaded(
    { entry: cluster, file: '' },
    { entry: { tokenFile: join(account, 'token') }, file: '' },
    { groups: undefined, place: '' },
  );
}
