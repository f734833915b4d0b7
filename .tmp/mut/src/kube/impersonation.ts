import { ConfigError } from '../errors.ts';
import type { Loaded } from './access.ts';
import type { KubeconfigContent } from './token-file.ts';

/** client-node reads `as` and drops the rest: whoever asks for fewer rights must not get his own instead. */
const NOT_OBEYED = ['as-uid', 'as-user-extra'];

/**
 * Groups that a kubeconfig's users want to act as (`as-groups`), by user.
 *
 * @throws {ConfigError} for kinds of impersonation that are not obeyed
 */
export function impersonatedGroups(content: KubeconfigContent): ReadonlyMap<string, readonly string[]> {
  const users = (content.users ?? []).flatMap((entry) =>
    entry?.name === undefined ? [] : [[entry.name, groupsOf(entry.user ?? {})] as const],
  );
  // Groups without a user mean nothing to an API server; it says so itself.
  return new Map(users.filter(([, groups]) => groups.length > 0));
}

/** Somebody to act as, whatever the kubeconfig says of that: its groups are not those of another user. */
export interface Impersonated {
  readonly user: string;
  readonly groups: readonly string[];
}

/** The same access for somebody else. */
export function actingAs(loaded: Loaded, as: Impersonated | undefined): Loaded {
  if (as === undefined) return loaded;
  return {
    ...loaded,
    groups: as.groups.length === 0 ? undefined : as.groups.map(headerText),
    async options() {
      const options = await loaded.options();
      return { ...options, headers: { ...options.headers, 'Impersonate-User': headerText(as.user) } };
    },
  };
}

/** API servers read names as UTF-8; a header holds bytes. */
function headerText(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1');
}

function groupsOf(user: Readonly<Record<string, unknown>>): readonly string[] {
  const refused = NOT_OBEYED.find((key) => user[key] !== undefined);
  if (refused) throw new ConfigError(`a user of the kubeconfig has ${refused}, which is not supported`);
  const groups = user['as-groups'] ?? [];
  if (Array.isArray(groups) && groups.every((group) => typeof group === 'string')) return groups;
  throw new ConfigError('as-groups of a user of the kubeconfig is no list of names');
}
