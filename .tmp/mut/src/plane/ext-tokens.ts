import {
  EXT_KIND_TOKEN,
  EXT_TOKEN_SECRETS,
  EXT_TOKENS,
  EXT_TOKENS_NAMESPACE,
  LABEL_EXT_KIND,
} from '../api/names.ts';
import { isExtToken, parseExtToken } from '../api/parse-ext-token.ts';
import type { Token } from '../api/types.ts';
import type { Plane } from './plane.ts';
import type { Reading } from './reading.ts';

const SELECTOR = `${LABEL_EXT_KIND}=${EXT_KIND_TOKEN}`;

/** The token of `ext.cattle.io` of that name; undefined also where no plane of that kind is. */
export function readExtToken(plane: Plane, name: string): Promise<Reading<Token | undefined>> {
  const parse = (raw: unknown): Token | undefined => (isExtToken(raw) ? parseExtToken(raw) : undefined);
  return orNone(plane, undefined, plane.get(EXT_TOKEN_SECRETS, name, parse, EXT_TOKENS_NAMESPACE));
}

/**
 * All tokens of `ext.cattle.io`; none where no plane of that kind is.
 *
 * @param parse - what is kept of each
 * @param selector - of the Secrets' labels, beside that which says that it is a token
 */
export function readExtTokens<T>(
  plane: Plane,
  parse: (raw: unknown) => T,
  selector = '',
): Promise<Reading<readonly T[]>> {
  const labelSelector = selector === '' ? SELECTOR : `${SELECTOR},${selector}`;
  const namespace = EXT_TOKENS_NAMESPACE;
  return orNone(plane, [], plane.list(EXT_TOKEN_SECRETS, parse, { namespace, labelSelector }));
}

/** Not being allowed to look says nothing where there is nothing to be seen: only a Rancher that serves that API has such tokens. */
async function orNone<T>(plane: Plane, none: T, asked: Promise<Reading<T>>): Promise<Reading<T>> {
  const result = await asked;
  if (result.ok || result.failure.reason !== 'Forbidden') return result;
  const served = await plane.probe(`/apis/${EXT_TOKENS.group}/${EXT_TOKENS.version}`, Date.now);
  return served.ok && served.value.status === 404 ? { ok: true, value: none } : result;
}
