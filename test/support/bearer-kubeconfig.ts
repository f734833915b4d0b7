import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { ControlPlane } from './control-plane.ts';

/** A kubeconfig for a plane with a bearer token instead of a certificate. @returns its path */
export async function bearerKubeconfig(plane: ControlPlane, bearer: string): Promise<string> {
  const config = parse(plane.kubeconfigYaml());
  config.users[0].user = { token: bearer };
  const path = join(plane.dir, `bearer-${randomUUID()}.yaml`);
  await writeFile(path, stringify(config), { mode: 0o600 });
  return path;
}
