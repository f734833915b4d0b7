import { readFileSync } from 'node:fs';
import type { Resource } from '../../src/api/names.ts';
import * as names from '../../src/api/names.ts';
import type { KubeObject } from '../../src/api/types.ts';

/** One thing that somebody may do: one verb on one kind, in one namespace or everywhere. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace: string | undefined;
  /** The one object that it is about; undefined: all of the kind. */
  readonly name: string | undefined;
}

export interface RightsOfCommand {
  readonly command: string;
  readonly management: readonly Right[];
  readonly cluster: readonly Right[];
}

const GROUPS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.values(names)
      .filter((value) => typeof value === 'object' && 'plural' in value && 'group' in value)
      .map((resource) => [resource.plural, resource.group]),
  ),
  tokenreviews: 'authentication.k8s.io',
  pods: '',
};

/** The table of docs/cli.md, which this takes at its word. @throws {Error} for a cell that says something else */
export function rightsOfCommands(): readonly RightsOfCommand[] {
  const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  const [, section = ''] = page.split('## Rights\n');
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [, command = '', management = '', cluster = ''] = line.split('|').map((cell) => cell.trim());
      return {
        command: command.replaceAll('`', ''),
        management: parseCell(management),
        cluster: parseCell(cluster),
      };
    });
}

/** `get, patch tokens, users; get leases/ace-operator in ace-operator` */
function parseCell(cell: string): readonly Right[] {
  return cell
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [what = '', namespace] = part.split(' in ');
      const words = what.split(/,? /);
      const verbs = words.filter((word) => VERBS.has(word));
      const resources = words.filter((word) => !VERBS.has(word));
      if (verbs.length === 0 || resources.length === 0) throw new Error(`no rights: ${part}`);
      return verbs.flatMap((verb) =>
        resources.map((word) => {
          const [resource = '', name] = word.split('/');
          const group = GROUPS[resource];
          if (group === undefined) throw new Error(`no kind: ${resource}`);
          return { verb, group, resource, namespace, name };
        }),
      );
    });
}

const VERBS = new Set(['get', 'list', 'create', 'patch', 'delete']);

export function rightText({ verb, resource, namespace, name }: Right): string {
  return `${verb} ${resource}${name === undefined ? '' : `/${name}`}${namespace === undefined ? '' : ` in ${namespace}`}`;
}

/** Objects by which `user` may do this and nothing else. */
export function grants(user: string, rights: readonly Right[]): readonly [Resource, KubeObject][] {
  const byPlace = Map.groupBy(rights, ({ namespace }) => namespace);
  return [...byPlace].flatMap(([namespace, some]) => {
    const kind = namespace === undefined ? 'ClusterRole' : 'Role';
    const metadata = { name: user, ...(namespace === undefined ? {} : { namespace }) };
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    const rules = some.map(({ verb, group, resource, name }) => ({
      apiGroups: [group],
      resources: [resource],
      verbs: [verb],
      ...(name === undefined ? {} : { resourceNames: [name] }),
    }));
    const apiGroup = 'rbac.authorization.k8s.io';
    const subjects = [{ apiGroup, kind: 'User', name: user }];
    const binding = { apiVersion, kind: `${kind}Binding`, metadata, subjects };
    const resource = (of: string): Resource => ({
      ...{ group: apiGroup, version: 'v1', kind: of, plural: `${of.toLowerCase()}s` },
      namespaced: namespace !== undefined,
    });
    return [
      [resource(kind), { apiVersion, kind, metadata, rules } as KubeObject],
      [resource(binding.kind), { ...binding, roleRef: { apiGroup, kind, name: user } } as KubeObject],
    ];
  });
}
