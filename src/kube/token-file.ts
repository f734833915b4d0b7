import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { readYaml } from '../api/read-yaml.ts';

/** As much of a kubeconfig's user as matters here; client-node's own type has it. */
interface Holder {
  readonly name: string;
  readonly token?: string;
  readonly authProvider?: unknown;
}

/** As much of a kubeconfig file as matters here. */
export interface KubeconfigContent {
  readonly users?: readonly ({
    readonly name?: string;
    readonly user?: Readonly<Record<string, unknown>> | null | undefined;
  } | null)[];
}

/** Kubernetes' own name, which client-node does not know, and client-node's, which Kubernetes does not know. */
const TOKEN_FILE_KEYS = ['tokenFile', 'token-file'];

/** Whether any user of a kubeconfig has its token in a file. */
export function namesTokenFile(content: KubeconfigContent): boolean {
  return (content.users ?? []).some((entry) =>
    TOKEN_FILE_KEYS.some((key) => entry?.user?.[key] !== undefined),
  );
}

/** Token files by user: of a kubeconfig file, relative to it, as kubectl reads them. */
export function tokenFilesOf(kubeconfigFile: string): ReadonlyMap<string, string> {
  const { users } = readYaml(readFileSync(kubeconfigFile, 'utf8')) as KubeconfigContent;
  const files = new Map<string, string>();
  for (const entry of users ?? []) {
    const path = entry?.user?.['tokenFile'];
    if (entry?.name !== undefined && typeof path === 'string') {
      files.set(entry.name, resolve(dirname(kubeconfigFile), path));
    }
  }
  return files;
}

/**
 * Users with the tokens that are in their files at this moment; a file counts before a token beside it.
 *
 * client-node's own reader keeps what it read for a minute, whatever happens, and does not trim it.
 *
 * @throws when a file cannot be read, or is empty: whoever writes it in place has not written it yet
 */
export function withTokensRead<T extends Holder>(
  users: readonly T[],
  files: ReadonlyMap<string, string>,
): T[] {
  return users.map((user) => {
    const path = files.get(user.name);
    return path === undefined ? user : { ...user, authProvider: undefined, token: tokenIn(path) };
  });
}

/** The token in a file. @throws when it cannot be read, or is empty */
export function tokenIn(path: string): string {
  const token = readFileSync(path, 'utf8').trim();
  if (token === '') throw new Error(`token file ${path} is empty`);
  return token;
}
