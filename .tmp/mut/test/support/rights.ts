import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
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
  /** The least of the shipped roles with which it works: `ace-support`. */
  readonly role: string;
}

const GROUPS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.values(names)
      .filter((value) => typeof value === 'object' && 'plural' in value && 'group' in value)
      .map((resource) => [resource.plural, resource.group]),
  ),
  // Not those of Rancher's newer API, which are Secrets to us.
  tokens: names.TOKENS.group,
  tokenreviews: 'authentication.k8s.io',
  'pods/log': '',
  'pods/proxy': '',
};

/** The table of docs/cli.md, which this takes at its word. @throws {Error} for a cell that says something else */
export function rightsOfCommands(): readonly RightsOfCommand[] {
  const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  const [, section = ''] = page.split('## Rights\n');
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [, command = '', management = '', cluster = '', role = ''] = line
        .split('|')
        .map((cell) => cell.trim());
      return {
        command: command.replaceAll('`', ''),
        management: parseCell(management),
        cluster: parseCell(cluster),
        role: role.replaceAll('`', ''),
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
          // Of an object, or a part of all: `leases/ace-operator`, `pods/log`.
          const [resource = '', name] = word in GROUPS ? [word] : word.split('/');
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

const GROUP = 'rbac.authorization.k8s.io';

const resourceOf = (kind: string): Resource => ({
  ...{ group: GROUP, version: 'v1', kind, plural: `${kind.toLowerCase()}s` },
  namespaced: !kind.startsWith('Cluster'),
});

/** Binds a user to a role: everywhere, or in one namespace. */
function binding(user: string, role: string, namespace: string | undefined): [Resource, KubeObject] {
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  const metadata = { name: user, ...(namespace === undefined ? {} : { namespace }) };
  const object = {
    ...{ apiVersion: `${GROUP}/v1`, kind: `${kind}Binding`, metadata },
    subjects: [{ apiGroup: GROUP, kind: 'User', name: user }],
    roleRef: { apiGroup: GROUP, kind, name: role },
  };
  return [resourceOf(object.kind), object as KubeObject];
}

/** Objects by which `user` may do this and nothing else. */
export function grants(user: string, rights: readonly Right[]): readonly [Resource, KubeObject][] {
  const byPlace = Map.groupBy(rights, ({ namespace }) => namespace);
  return [...byPlace].flatMap(([namespace, some]) => {
    const kind = namespace === undefined ? 'ClusterRole' : 'Role';
    const metadata = { name: user, ...(namespace === undefined ? {} : { namespace }) };
    const apiVersion = `${GROUP}/v1`;
    const rules = some.map(({ verb, group, resource, name }) => ({
      apiGroups: [group],
      resources: [resource],
      verbs: [verb],
      ...(name === undefined ? {} : { resourceNames: [name] }),
    }));
    return [
      [resourceOf(kind), { apiVersion, kind, metadata, rules } as KubeObject],
      binding(user, user, namespace),
    ];
  });
}

/** What a shipped role grants in one place. */
interface Granted {
  readonly namespace: string | undefined;
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const ROLES = new URL('../../manifests/roles/', import.meta.url);

/** Everything that manifests/roles gives under that name. */
export function grantedBy(role: string, files: readonly string[]): readonly Granted[] {
  return files.flatMap((file) =>
    parseAllDocuments(readFileSync(new URL(file, ROLES), 'utf8')).flatMap((document) => {
      const { metadata, rules } = document.toJS() as {
        metadata: { name: string; namespace?: string };
        rules: readonly Omit<Granted, 'namespace'>[];
      };
      return metadata.name === role ? rules.map((rule) => ({ ...rule, namespace: metadata.namespace })) : [];
    }),
  );
}

/** Whether that is among it. What is got is got by name: a rule that names the objects that we ask for will do. */
export function isGranted(right: Right, granted: readonly Granted[]): boolean {
  return granted.some(
    ({ namespace, apiGroups, resources, resourceNames, verbs }) =>
      (namespace === undefined || namespace === right.namespace) &&
      apiGroups.includes(right.group) &&
      resources.includes(right.resource) &&
      verbs.includes(right.verb) &&
      (resourceNames === undefined ||
        (right.name === undefined ? right.verb === 'get' : resourceNames.includes(right.name))),
  );
}

/** Objects by which `user` is bound to that role, in all places that it is for. */
export function bindings(
  user: string,
  role: string,
  granted: readonly Granted[],
): readonly [Resource, KubeObject][] {
  const places = new Set(granted.map(({ namespace }) => namespace));
  return [...places].map((namespace) => binding(user, role, namespace));
}
