import { z } from 'zod';
import {
  deepFreeze,
  describeIssues,
  enabledByDefault,
  optionalString,
  parseMetadata,
} from './parse-fields.ts';
import type { ExtraByProvider, User, UserAttribute } from './types.ts';

const userFields = z.object({ enabled: enabledByDefault });

/** A management User. One whose `enabled` cannot be read is taken as disabled: closed, for that user only. */
export function parseUser(raw: unknown): User {
  const meta = parseMetadata(raw);
  const parsed = userFields.safeParse(raw);
  return deepFreeze({
    name: meta.name,
    namespace: '',
    uid: meta.uid,
    resourceVersion: meta.resourceVersion,
    deleting: Boolean(meta.deletionTimestamp),
    enabled: parsed.success ? parsed.data.enabled : false,
    problem: parsed.success ? undefined : describeIssues(parsed.error),
  });
}

const principal = z.object({ metadata: z.object({ name: z.string().min(1) }) });
const provider = z.looseObject({ Items: z.unknown().optional(), items: z.unknown().optional() });
const principalsByProvider = z.record(z.string(), z.unknown()).nullish();
const values = z
  .array(z.string())
  .nullable()
  .transform((list) => list ?? []);
const needsRefreshField = z.boolean().nullish();

/**
 * A management UserAttribute. Rancher stores capitalised keys (its Go struct has no JSON tags); the
 * lower-camel spelling of other tools is read too, the capitalised one wins.
 *
 * Each field is read by itself, and so is each provider, group and extra: what cannot be read is as if it were absent, and
 * costs nothing else. Only where the whole of the groups cannot be read is it unknown which ones the user has.
 */
export function parseUserAttribute(raw: unknown): UserAttribute {
  const meta = parseMetadata(raw);
  const object = raw as Readonly<Record<string, unknown>>;
  const either = (lower: string, upper: string): unknown => object[upper] ?? object[lower];
  const principals = principalsByProvider.safeParse(either('groupPrincipals', 'GroupPrincipals'));
  const lastRefresh = optionalString.safeParse(either('lastRefresh', 'LastRefresh'));
  const needsRefresh = needsRefreshField.safeParse(either('needsRefresh', 'NeedsRefresh'));
  return deepFreeze({
    name: meta.name,
    namespace: '',
    uid: meta.uid,
    resourceVersion: meta.resourceVersion,
    groups: groupNames(principals.data ?? {}),
    lastRefresh: lastRefresh.data ?? '',
    needsRefresh: needsRefresh.data ?? false,
    extraByProvider: extrasOf(either('extraByProvider', 'ExtraByProvider')),
    problem: principals.success ? undefined : describeIssues(principals.error),
  });
}

/** Of each provider the extras that can be read; undefined when there are none at all. */
function extrasOf(raw: unknown): ExtraByProvider | undefined {
  if (!isRecord(raw)) return undefined;
  const providers = Object.entries(raw).map(([name, extras]) => {
    const read = Object.entries(isRecord(extras) ? extras : {}).flatMap(([key, value]) => {
      const parsed = values.safeParse(value);
      return parsed.success ? [[key, parsed.data] as const] : [];
    });
    return [name, Object.fromEntries(read)] as const;
  });
  return Object.fromEntries(providers);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** All providers' group names, sorted by UTF-8 bytes as Rancher sorts them, each once. */
function groupNames(providers: Readonly<Record<string, unknown>>): readonly string[] {
  const names = new Set<string>();
  for (const raw of Object.values(providers)) {
    const { data } = provider.safeParse(raw);
    const items = data?.Items ?? data?.items;
    if (!Array.isArray(items)) continue;
    for (const item of items) {
      const parsed = principal.safeParse(item);
      if (parsed.success) names.add(parsed.data.metadata.name);
    }
  }
  return [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
