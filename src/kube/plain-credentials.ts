import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { HttpsOptions, Loaded } from './access.ts';
import { clusterFault } from './kubeconfig-faults.ts';
import { tokenIn } from './token-file.ts';

/** A cluster of a kubeconfig, all of it that counts. */
export interface PlainCluster {
  readonly server: string;
  readonly 'certificate-authority'?: string | undefined;
  readonly 'certificate-authority-data'?: string | undefined;
  readonly 'insecure-skip-tls-verify'?: boolean | undefined;
  readonly 'tls-server-name'?: string | undefined;
  readonly 'proxy-url'?: string | undefined;
}

/** A user of a kubeconfig who takes no more than reading files. */
export interface PlainUser {
  readonly 'client-certificate'?: string | undefined;
  readonly 'client-certificate-data'?: string | undefined;
  readonly 'client-key'?: string | undefined;
  readonly 'client-key-data'?: string | undefined;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly as?: string | undefined;
}

/** An entry, and the file that it is from, where its relative paths begin. */
export interface From<T> {
  readonly entry: T;
  readonly file: string;
}

/** The paths that they name. */
export function pathsOf(cluster: PlainCluster, user: PlainUser): readonly string[] {
  const authority = cluster['certificate-authority'];
  const paths = [authority, user['client-certificate'], user['client-key'], user.tokenFile];
  return paths.filter((path) => path !== undefined && path !== '') as string[];
}

/**
 * What a cluster and a user come to. Files are read now: one that is missing, or empty, is a mistake of now.
 *
 * @throws the system's error when a file cannot be read
 */
export function plainLoaded(
  cluster: From<PlainCluster>,
  user: From<PlainUser>,
  { groups, place }: Pick<Loaded, 'groups' | 'place'>,
): Loaded {
  const options = optionsOf(cluster, user);
  const { server, 'proxy-url': proxyUrl } = cluster.entry;
  return {
    place,
    fault: clusterFault({
      server,
      proxyUrl,
      caFile: cluster.entry['certificate-authority'],
      caData: cluster.entry['certificate-authority-data'],
      isInsecure: cluster.entry['insecure-skip-tls-verify'],
    }),
    server,
    proxyUrl,
    readsFiles: pathsOf(cluster.entry, user.entry).length > 0,
    groups,
    options: async () => options,
  };
}

/** The parts that Rancher keeps in a Cluster's status and its service-account Secret: there is no file, and no context of anybody's. */
export function plainBearer(server: string, caPem: string, token: string): Loaded {
  const caData = Buffer.from(caPem).toString('base64');
  return plainLoaded(
    { entry: { server, 'certificate-authority-data': caData }, file: '' },
    { entry: { token }, file: '' },
    { groups: undefined, place: '' },
  );
}

function optionsOf(
  { entry: cluster, file: clusterFile }: From<PlainCluster>,
  { entry: user, file: userFile }: From<PlainUser>,
): HttpsOptions {
  const token = user.tokenFile ? tokenIn(resolve(dirname(userFile), user.tokenFile)) : user.token;
  return {
    headers: {
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...(user.as === undefined ? {} : { 'Impersonate-User': user.as }),
    },
    ca: material(clusterFile, cluster['certificate-authority'], cluster['certificate-authority-data']),
    cert: material(userFile, user['client-certificate'], user['client-certificate-data']),
    key: material(userFile, user['client-key'], user['client-key-data']),
    ...(cluster['insecure-skip-tls-verify'] ? { rejectUnauthorized: false } : {}),
    ...(cluster['tls-server-name'] ? { servername: cluster['tls-server-name'] } : {}),
    ...(user.username ? { auth: `${user.username}:${user.password}` } : {}),
  };
}

/** A path counts before data. */
function material(file: string, path: string | undefined, data: string | undefined): Buffer | undefined {
  if (path) return readFileSync(isAbsolute(path) ? path : join(dirname(file), path));
  return data ? Buffer.from(data, 'base64') : undefined;
}
