export type Json = unknown;
type JsonObject = Readonly<Record<string, Json>>;

/** Fields in which others may have entries of their own: theirs are left alone. Every other field is ours whole. */
const SHARED = new Set(['metadata', 'labels', 'annotations', 'data']);

/**
 * The merge patch (RFC 7386) that makes `from` satisfy `to`, or undefined when it already does.
 *
 * `null` in `to` means "must be absent". Top-level fields that `to` does not name belong to others.
 */
export function mergePatch(from: JsonObject, to: JsonObject): JsonObject | undefined {
  return patchObject(from, to, true);
}

function patchObject(from: JsonObject, to: JsonObject, shared: boolean): JsonObject | undefined {
  const patch: Record<string, Json> = {};
  for (const [key, wanted] of Object.entries(to)) {
    const change = patchValue(from[key], wanted, SHARED.has(key));
    if (change !== undefined) patch[key] = change;
  }
  if (!shared) {
    for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) patch[key] = null;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** undefined: nothing to do; null: remove. */
function patchValue(from: Json, to: Json, shared: boolean): Json | undefined {
  if (to === null || to === undefined) return from === undefined || from === null ? undefined : null;
  if (isObject(to)) {
    // Where there was something else, RFC 7386 starts from an empty object.
    if (!isObject(from)) return withoutNulls(to);
    return patchObject(from, to, shared);
  }
  return isDeepEqual(from, to) ? undefined : to;
}

/** The object that results when `to` is written where nothing was. */
export function withoutNulls<T extends JsonObject>(to: T): T {
  const result: Record<string, Json> = {};
  for (const [key, value] of Object.entries(to)) {
    if (value === null || value === undefined) continue;
    result[key] = isObject(value) ? withoutNulls(value) : value;
  }
  return result as T;
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
  return keys.length === Object.keys(b).length && keys.every((key) => isDeepEqual(a[key], b[key]));
}
