import { isObjectName } from '../api/names.ts';

/** What a bearer token looks like. `foreign` ones (service-account JWTs, OIDC, noise) are none of our business. */
export type Bearer =
  | { readonly kind: 'ours'; readonly name: string; readonly secret: string }
  | { readonly kind: 'foreign' };

const FOREIGN: Bearer = { kind: 'foreign' };
const EXT_PREFIX = 'ext/';

/**
 * `<name>:<secret>` or `ext/<name>:<secret>`. Split at the first colon: secrets may hold more of them.
 *
 * Source: kube-api-auth from v0.13 on, which strips `ext/` once from the name.
 */
export function parseBearer(token: string): Bearer {
  const colon = token.indexOf(':');
  if (colon < 1 || colon === token.length - 1) return FOREIGN;
  const prefixed = token.slice(0, colon);
  const name = prefixed.startsWith(EXT_PREFIX) ? prefixed.slice(EXT_PREFIX.length) : prefixed;
  return isObjectName(name) ? { kind: 'ours', name, secret: token.slice(colon + 1) } : FOREIGN;
}
