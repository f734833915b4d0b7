import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

/** A kubeconfig for a cluster with a bearer token instead of a certificate. @returns its path */
export async function bearerKubeconfig(
  cluster: { readonly dir: string; kubeconfigYaml(): string },
  bearer: string,
): Promise<string> {
  const config = parse(cluster.kubeconfigYaml());
  config.users[0].user = { token: bearer };
  const path = join(cluster.dir, `bearer-${randomUUID()}.yaml`);
  await writeFile(path, stringify(config), { mode: 0o600 });
  return path;
}
