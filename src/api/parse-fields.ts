import { z } from 'zod';

/** Building blocks of the parsers: liberal in absence, strict in type. */

export const optionalString = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
/** Rancher: a missing or null `enabled` means enabled. */
export const enabledByDefault = z
  .boolean()
  .nullish()
  .transform((value) => value ?? true);

/** Go's RFC 3339 profile: JavaScript's own parser is laxer. */
const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/** Milliseconds since the epoch, or undefined when the text is no RFC 3339 time. */
export function parseTime(text: string): number | undefined {
  const [, year, month, day] = RFC3339.exec(text) ?? [];
  if (year === undefined) return undefined;
  // JavaScript takes 30 February for 2 March; Go, which writes and reads these, refuses it.
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (date.getUTCDate() !== Number(day)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** "" and absence mean "not set". */
export const optionalTime = optionalString.transform((text, context) => {
  if (text === '') return undefined;
  const ms = parseTime(text);
  if (ms === undefined) context.addIssue({ code: 'custom', message: 'not an RFC 3339 time' });
  return ms;
});

const metadataShape = z.object({
  name: z.string().min(1),
  namespace: z.string().default(''),
  uid: z.string().default(''),
  resourceVersion: z.string().default(''),
  creationTimestamp: z.string().nullish(),
  deletionTimestamp: z.string().nullish(),
  finalizers: z.array(z.string()).nullish(),
  generation: z.number().default(0),
  labels: z.record(z.string(), z.string()).nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
});
export type Metadata = z.infer<typeof metadataShape>;
/** Made once: zod compiles a schema at its first use, which costs more than all later uses. */
const objectShape = z.object({ metadata: metadataShape });

/** @throws {Error} when the object has no usable metadata, which no API server sends. */
export function parseMetadata(raw: unknown): Metadata {
  const result = objectShape.safeParse(raw);
  if (!result.success) throw new Error(`object without usable metadata: ${describeIssues(result.error)}`);
  return result.data.metadata;
}

/** One line: which field, what was wrong. Never the value: it may be a secret. */
export function describeIssues(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'object'}: ${issue.message}`).join('; ');
}

/** Freezes what will be shared by many readers. @returns its argument */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}

const MAX_NAME = 253;
/** Held in place of a name that is longer: it is none. */
const TOO_LONG_NAME = '(too long for a name)';

/** A name, or what shows that it can be none: whoever may create objects must not fill our memory. */
export const boundedName = (text: string): string => (text.length > MAX_NAME ? TOO_LONG_NAME : text);

/** Characters. No hash format takes a longer secret, and no hash is longer: `test/unit/hash/limits.test.ts`. */
export const MAX_VALUE = 4_096;
/** Held in place of a value that is longer: it is refused as that is, whatever is in it. */
const TOO_LONG = 'x'.repeat(MAX_VALUE + 1);

/** The same of a secret, or of its hash. */
export const boundedValue = (text: string): string => (text.length > MAX_VALUE ? TOO_LONG : text);
