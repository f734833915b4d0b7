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
const groupsByProvider = z
  .record(
    z.string(),
    z.looseObject({ Items: z.unknown().optional(), items: z.unknown().optional() }).nullable(),
  )
  .nullish();
const extraByProvider = z
  .record(
    z.string(),
    z
      .record(
        z.string(),
        z
          .array(z.string())
          .nullable()
          .transform((list) => list ?? []),
      )
      .nullable()
      .transform((map) => map ?? {}),
  )
  .nullish();

const attributeFields = z.object({
  groupPrincipals: groupsByProvider,
  lastRefresh: optionalString,
  needsRefresh: z
    .boolean()
    .nullish()
    .transform((value) => value ?? false),
  extraByProvider,
});

/**
 * A management UserAttribute. Rancher stores capitalised keys (its Go struct has no JSON tags); the
 * lower-camel spelling of other tools is read too, the capitalised one wins.
 */
export function parseUserAttribute(raw: unknown): UserAttribute {
  const meta = parseMetadata(raw);
  const object = raw as Readonly<Record<string, unknown>>;
  const either = (lower: string, upper: string): unknown => object[upper] ?? object[lower];
  const parsed = attributeFields.safeParse({
    groupPrincipals: either('groupPrincipals', 'GroupPrincipals'),
    lastRefresh: either('lastRefresh', 'LastRefresh'),
    needsRefresh: either('needsRefresh', 'NeedsRefresh'),
    extraByProvider: either('extraByProvider', 'ExtraByProvider'),
  });
  const identity = {
    name: meta.name,
    namespace: '',
    uid: meta.uid,
    resourceVersion: meta.resourceVersion,
  };
  if (!parsed.success) {
    return deepFreeze({
      ...identity,
      groups: [],
      lastRefresh: '',
      needsRefresh: false,
      extraByProvider: undefined,
      problem: describeIssues(parsed.error),
    });
  }
  const data = parsed.data;
  return deepFreeze({
    ...identity,
    groups: groupNames(data.groupPrincipals),
    lastRefresh: data.lastRefresh,
    needsRefresh: data.needsRefresh,
    extraByProvider: (data.extraByProvider ?? undefined) as ExtraByProvider | undefined,
    problem: undefined,
  });
}

/** All providers' group names, sorted by UTF-8 bytes as Rancher sorts them, each once. */
function groupNames(providers: z.infer<typeof groupsByProvider>): readonly string[] {
  const names = new Set<string>();
  for (const provider of Object.values(providers ?? {})) {
    const items = provider?.Items ?? provider?.items;
    if (!Array.isArray(items)) continue;
    for (const item of items) {
      const parsed = principal.safeParse(item);
      if (parsed.success) names.add(parsed.data.metadata.name);
    }
  }
  return [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
