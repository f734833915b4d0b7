import type { Plane } from '../plane/plane.ts';
import type { ReadFailure, Reading } from '../plane/reading.ts';
import { mayI, type Permission, type Wish } from '../plane/reviews.ts';

/** A right, as a role has it. `name`: only for the object of that name. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

const VERBS = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
const DEBOUNCE = 'auth-provider-refresh-debounce-seconds';

/** What the operator needs in a downstream cluster: manifests/downstream-rbac, which a test holds equal to this. */
export function neededRights(namespace: string): readonly Right[] {
  const right = (verb: string, group: string, resource: string, inside: string, name = ''): Right => ({
    ...{ verb, group, resource, namespace: inside, name },
  });
  const crds = ['apiextensions.k8s.io', 'customresourcedefinitions'] as const;
  return [
    ...['clusterauthtokens', 'clusteruserattributes'].flatMap((plural) =>
      VERBS.map((verb) => right(verb, 'cluster.cattle.io', plural, namespace)),
    ),
    ...VERBS.map((verb) => right(verb, '', 'secrets', namespace)),
    ...['get', 'list', 'watch', 'patch', 'delete'].map((verb) =>
      right(verb, '', 'configmaps', namespace, DEBOUNCE),
    ),
    right('create', '', 'configmaps', namespace),
    right('get', ...crds, '', 'clusterauthtokens.cluster.cattle.io'),
    right('get', ...crds, '', 'clusteruserattributes.cluster.cattle.io'),
    right('create', ...crds, ''),
    right('get', '', 'namespaces', '', namespace),
    // Its UID says which cluster this is.
    right('get', '', 'namespaces', '', 'kube-system'),
    right('create', '', 'namespaces', ''),
  ];
}

/** What nobody who only propagates tokens may do; each of these alone is as good as the whole cluster. */
export const EXCESSIVE_RIGHTS: readonly Right[] = [
  { verb: '*', group: '*', resource: '*', namespace: '', name: '' },
  { verb: 'get', group: '', resource: 'secrets', namespace: 'kube-system', name: '' },
  { verb: 'create', group: '', resource: 'pods', namespace: 'kube-system', name: '' },
  {
    verb: 'create',
    group: 'rbac.authorization.k8s.io',
    resource: 'clusterrolebindings',
    namespace: '',
    name: '',
  },
  { verb: 'impersonate', group: '', resource: 'users', namespace: '', name: '' },
];

/** Of these rights, the ones that the plane's own credential has; or why that cannot be told. */
export async function heldRights(plane: Plane, rights: readonly Right[]): Promise<Reading<readonly Right[]>> {
  const answers = await Promise.all(rights.map((right) => mayI(plane, wishOf(right))));
  const failure = answers.find((answer): answer is { ok: false; failure: ReadFailure } => !answer.ok);
  if (failure) return failure;
  const isAllowed = (answer: Reading<Permission> | undefined): boolean =>
    answer?.ok === true && answer.value.allowed;
  return { ok: true, value: rights.filter((_, index) => isAllowed(answers[index])) };
}

function wishOf({ verb, group, resource, namespace, name }: Right): Wish {
  return { verb, group, resource, namespace, name, subresource: '', path: '' };
}

/** `get, list secrets in cattle-system; create pods in kube-system`. */
export function rightsText(rights: readonly Right[]): string {
  const verbs = new Map<string, string[]>();
  for (const right of rights) {
    const object = objectText(right);
    verbs.set(object, [...(verbs.get(object) ?? []), right.verb]);
  }
  return [...verbs].map(([object, allowed]) => `${allowed.join(', ')} ${object}`).join('; ');
}

function objectText({ group, resource, namespace, name }: Right): string {
  if (resource === '*') return 'everything';
  const kind = group === '' ? resource : `${resource}.${group}`;
  return `${kind}${name ? ` ${name}` : ''}${namespace ? ` in ${namespace}` : ''}`;
}
