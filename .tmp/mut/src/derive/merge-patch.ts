export type Json = unknown;
type JsonObject = Readonly<Record<string, Json>>;

/** Where others may have entries of their own: theirs are left alone. Every other field is ours whole. */
interface Shared {
  readonly [field: string]: Shared;
}
const NOTHING_BELOW: Shared = {};
const SHARED: Shared = {
  metadata: { labels: NOTHING_BELOW, annotations: NOTHING_BELOW },
  data: NOTHING_BELOW,
};

/**
 * The merge patch (RFC 7386) that makes `from` satisfy `to`, or undefined when it already does.
 *
 * `null` in `to` means "must be absent". Top-level fields that `to` does not name belong to others.
 *
 * What is empty is absent, and the other way round: `""`, `null`, `[]` and `{}` are all that a Go program writes for a field
 * that it does not know to be set, each time that it writes anything.
 */
export function mergePatch(from: JsonObject, to: JsonObject): JsonObject | undefined {
  return patchObject(from, to, SHARED);
}

function patchObject(from: JsonObject, to: JsonObject, shared: Shared | undefined): JsonObject | undefined {
  const changes = Object.entries(to)
    .map(([key, wanted]) => [key, patchValue(own(from, key), wanted, shared && own(shared, key))] as const)
    .filter(([, change]) => change !== undefined);
  const leftovers = shared
    ? []
    : Object.keys(from).filter((key) => !Object.hasOwn(to, key) && !isEmpty(from[key]));
  const patch = [...changes, ...leftovers.map((key) => [key, null] as const)];
  return patch.length === 0 ? undefined : Object.fromEntries(patch);
}

/** undefined: nothing to do; null: remove. */
function patchValue(from: Json, to: Json, shared: Shared | undefined): Json | undefined {
  if (isEmpty(from) && isEmpty(to)) return undefined;
  if (to === null || to === undefined) return null;
  if (isObject(to)) {
    // Where there was something else, RFC 7386 starts from an empty object.
    if (!isObject(from)) return withoutNulls(to);
    return patchObject(from, to, shared);
  }
  return isDeepEqual(from, to) ? undefined : to;
}

/** Nothing, in any of its spellings. `false` and 0 say something. */
function isEmpty(value: Json): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** The object that results when `to` is written where nothing was. */
export function withoutNulls<T extends JsonObject>(to: T): T {
  const kept: [string, Json][] = [];
  let isSame = true;
  for (const key of Object.keys(to)) {
    const value = to[key];
    const rest = isObject(value) ? withoutNulls(value) : value;
    if (rest === null || rest === undefined) isSame = false;
    else kept.push([key, rest]);
    if (rest !== value) isSame = false;
  }
  return isSame ? to : (Object.fromEntries(kept) as T);
}

/** Keys come from users' data: `constructor` must not find what every object inherits. */
function own<T>(object: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDeepEqual(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isDeepEqual(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => isDeepEqual(a[key], own(b, key)));
}
