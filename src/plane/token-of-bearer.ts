import { type Bearer, EXT_PREFIX } from '../api/bearer.ts';
import { TOKENS } from '../api/names.ts';
import { parseToken } from '../api/parse-token.ts';
import type { Token } from '../api/types.ts';
import { readExtToken } from './ext-tokens.ts';
import type { ManagementPlane } from './management.ts';
import type { Reading } from './reading.ts';

/**
 * The token that a bearer is of: of two of one name the one of the kind that its prefix says, whichever of them a cluster has. Where there is
 * none of that kind, one of the other: authenticators do not look at the prefix.
 *
 * @param cluster - where it is used, as far as that is known
 */
export async function tokenOfBearer(
  plane: ManagementPlane,
  { name, prefix }: Pick<Extract<Bearer, { kind: 'ours' }>, 'name' | 'prefix'>,
  cluster: string | undefined,
): Promise<Reading<Token | undefined>> {
  const own: Reading<Token | undefined> =
    prefix === EXT_PREFIX ? await readExtToken(plane, name) : await plane.get(TOKENS, name, parseToken);
  return own.ok && own.value === undefined ? plane.token(name, cluster) : own;
}
