// sysdump/: what goes into an archive for support, and what does not. By what is allowed, field by field: what nobody thought of stays out.

/**
 * What is kept of a value: `true` a text, number or boolean; a list of one shape; fields by name, `*` for any name.
 */
export type Shape = true | readonly [Shape] | { readonly [field: string]: Shape };

/** A text in a field is no document. */
const MAX_TEXT = 2_000;
const MAX_ITEMS = 1_000;
/** Fields whose text is to be found nowhere in the archive, whoever repeats it. */
const SECRET_FIELD = /token|secret|password|hash|key|credential|cert|data|auth/i;
/** Shorter ones would be found by chance. */
const MIN_SECRET = 8;

/**
 * The allowed part of an object.
 *
 * @param onSecret - told each text that was left out of a field which by its name may hold a secret
 */
export function kept(shape: Shape, raw: unknown, onSecret: (text: string) => void): unknown {
  if (shape === true) return primitive(raw);
  if (isList(shape)) {
    if (!Array.isArray(raw)) return undefined;
    return raw.slice(0, MAX_ITEMS).map((item) => kept(shape[0], item, onSecret));
  }
  if (raw === null || typeof raw !== 'object' || Array.isArray(raw)) return undefined;
  return Object.fromEntries(
    Object.entries(raw).flatMap(([field, value]) => {
      const part = keptField(shape, field, value, onSecret);
      return part === undefined ? [] : [[field, part]];
    }),
  );
}

function keptField(
  shape: { readonly [field: string]: Shape },
  field: string,
  value: unknown,
  onSecret: (text: string) => void,
): unknown {
  const allowed = Object.hasOwn(shape, field) ? shape[field] : shape['*'];
  const part = allowed === undefined ? undefined : kept(allowed, value, onSecret);
  if (part === undefined && SECRET_FIELD.test(field)) texts(value, onSecret);
  return part;
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}

function primitive(raw: unknown): string | number | boolean | undefined {
  if (typeof raw === 'string') return raw.length > MAX_TEXT ? cutOff(raw) : raw;
  return typeof raw === 'number' || typeof raw === 'boolean' ? raw : undefined;
}

/** Between words: of a secret that is cut in two nobody knows the half. */
function cutOff(text: string): string {
  return `${text.slice(0, MAX_TEXT).replace(/[\w.+/=:~-]+$/, '')}…`;
}

/** Every text within, as it is and as base64 hides it. */
function texts(value: unknown, tell: (text: string) => void, depth = 0): void {
  if (typeof value === 'string' && value.length >= MIN_SECRET) {
    tell(value);
    const hidden = Buffer.from(value, 'base64').toString('utf8');
    if (hidden.length >= MIN_SECRET) tell(hidden);
  }
  if (value === null || typeof value !== 'object' || depth > 8) return;
  for (const member of Object.values(value)) texts(member, tell, depth + 1);
}
