import { EXT_KIND_TOKEN, isObjectName, LABEL_EXT_KIND } from './names.ts';
import { boundedName, boundedValue, deepFreeze, parseMetadata, parseTime } from './parse-fields.ts';
import type { Token } from './types.ts';

/** Whether a Secret of Rancher's namespace for them is a token: the label decides, as it does for Rancher. */
export function isExtToken(raw: unknown): boolean {
  return parseMetadata(raw).labels?.[LABEL_EXT_KIND] === EXT_KIND_TOKEN;
}

/**
 * A token of `ext.cattle.io`, from the Secret that Rancher keeps it in.
 *
 * Never throws for a bad field: the token then has a `problem`, and is refused alone. What Rancher itself cannot read for want of
 * a field is a problem here, too; a hash that is not there is one that is on its way.
 */
export function parseExtToken(raw: unknown): Token {
  const meta = parseMetadata(raw);
  const field = fieldsOf(raw);
  const createdAtMs = parseTime(meta.creationTimestamp ?? '') ?? 0;
  const ttl = ttlOf(field('ttl'));
  const isEnabled = switchOf(field('enabled'));
  const userName = boundedName(field('user-id'));
  const hash = boundedValue(field('hash'));
  return deepFreeze({
    api: 'ext',
    name: meta.name,
    // Those of other namespaces are never held beside these.
    namespace: '',
    uid: meta.uid,
    shownUid: boundedName(field('kube-uid')),
    resourceVersion: meta.resourceVersion,
    deleting: Boolean(meta.deletionTimestamp),
    createdAtMs,
    lastUsedAtMs: parseTime(field('last-used-at')),
    // The finalizer of its controller is on every token, for every cluster: it says nothing.
    isInRanchersCare: false,
    userName,
    clusterName: boundedName(field('cluster')),
    secret: hash === '' ? { kind: 'missing' } : { kind: 'hashed', value: hash },
    enabled: isEnabled ?? false,
    ttlMs: Math.max(0, ttl ?? 0),
    // Below nothing is for ever. Nothing is over at once: Rancher puts its default there before it stores one.
    expiresAtMs: ttl === 0 ? createdAtMs : undefined,
    problem: problemOf(meta.name, field, ttl, isEnabled),
  });
}

/** What people want to know of it beside what decides. */
export function describeExtToken(raw: unknown): {
  readonly description: string;
  readonly authProvider: string;
} {
  const field = fieldsOf(raw);
  return { description: field('description'), authProvider: principalOf(field('principal')).provider };
}

type Field = (name: string) => string;

/** Texts of the Secret's `data`; '' for what is absent or no text. */
function fieldsOf(raw: unknown): Field {
  const { data } = raw as { data?: Readonly<Record<string, unknown>> | null };
  return (name) => {
    const value = data?.[name];
    return typeof value === 'string' ? Buffer.from(value, 'base64').toString() : '';
  };
}

/** Milliseconds; undefined for what is no number that can be counted with. */
function ttlOf(text: string): number | undefined {
  const ttl = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(ttl) ? ttl : undefined;
}

/** As Go reads a switch, which wrote it; not there is on, as in the API that it is for. */
function switchOf(text: string): boolean | undefined {
  if (text === '' || /^(1|[tT]|true|TRUE|True)$/.test(text)) return true;
  return /^(0|[fF]|false|FALSE|False)$/.test(text) ? false : undefined;
}

function problemOf(
  name: string,
  field: Field,
  ttl: number | undefined,
  isEnabled: boolean | undefined,
): string | undefined {
  if (!isObjectName(name)) return 'metadata.name: cannot be the name of a Secret';
  for (const mandatory of ['kube-uid', 'user-id', 'last-update-time']) {
    if (field(mandatory) === '') return `data.${mandatory}: missing`;
  }
  if (!isObjectName(field('user-id'))) return 'data.user-id: cannot be the name of an object';
  const principal = principalOf(field('principal'));
  if (principal.name === '' || principal.provider === '')
    return 'data.principal: no JSON with a name and a provider';
  if (ttl === undefined) return 'data.ttl: no whole number of milliseconds';
  return isEnabled === undefined ? 'data.enabled: neither true nor false' : undefined;
}

/** Empty texts for what is not there, or cannot be read. */
function principalOf(json: string): { readonly name: string; readonly provider: string } {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  try {
    const { name, provider } = JSON.parse(json) ?? {};
    return { name: text(name), provider: text(provider) };
  } catch {
    return { name: '', provider: '' };
  }
}
