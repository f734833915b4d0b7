import { isObjectName } from './names.ts';

/** Before the name in bearers of tokens of `ext.cattle.io`. */
export const EXT_PREFIX = 'ext/';

/** What a bearer token looks like. `foreign` ones (service-account JWTs, OIDC, noise) are none of our business. */
export type Bearer =
  | {
      readonly kind: 'ours';
      readonly name: string;
      readonly secret: string;
      /** As it was given: `ext/`, or nothing. */
      readonly prefix: '' | typeof EXT_PREFIX;
    }
  | { readonly kind: 'foreign' };

const FOREIGN: Bearer = { kind: 'foreign' };

/**
 * `<name>:<secret>` or `ext/<name>:<secret>`. Split at the first colon: secrets may hold more of them.
 *
 * Source: kube-api-auth from v0.13 on, which strips `ext/` once from the name.
 */
export function parseBearer(token: string): Bearer {
  const colon = token.indexOf(':');
  if (colon < 1 || colon === token.length - 1) return FOREIGN;
  const prefixed = token.slice(0, colon);
  const prefix = prefixed.startsWith(EXT_PREFIX) ? EXT_PREFIX : '';
  const name = prefixed.slice(prefix.length);
  return isObjectName(name) ? { kind: 'ours', name, secret: token.slice(colon + 1), prefix } : FOREIGN;
}
