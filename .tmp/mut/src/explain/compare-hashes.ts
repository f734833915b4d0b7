import type { TokenSecret } from '../api/types.ts';
import { detectFormat } from '../hash/detect.ts';
import type { Hasher } from '../hash/hasher.ts';
import type { HashEvidence } from './evidence.ts';

/**
 * What the hash downstream, the Token's secret and the bearer's say of each other.
 *
 * @param secrets.stored - the hash downstream; empty when there is none
 * @param secrets.bearer - the part after the colon
 */
export async function compareHashes(
  secrets: {
    readonly stored: string;
    readonly token: TokenSecret | undefined;
    readonly bearer: string | undefined;
  },
  hasher: Pick<Hasher, 'verify'>,
): Promise<HashEvidence> {
  const { stored, token, bearer } = secrets;
  const verify = async (secret: string | undefined): Promise<boolean | undefined> =>
    secret === undefined || stored === '' ? undefined : hasher.verify(secret, stored);
  return {
    format: detectFormat(stored),
    isOfToken: await isOfToken(stored, token, verify),
    isOfBearer: await verify(bearer),
    isBearerOfToken: await isBearerOfToken(bearer, token, hasher),
  };
}

async function isOfToken(
  stored: string,
  token: TokenSecret | undefined,
  verify: (secret: string) => Promise<boolean | undefined>,
): Promise<boolean | undefined> {
  if (!token || token.kind === 'missing' || stored === '') return undefined;
  // Stored hashed upstream, it is copied; two hashes of one secret differ, so a difference proves nothing where it was
  // hashed in place after it had been propagated.
  if (token.kind === 'hashed') return token.value === stored ? true : undefined;
  return verify(token.value);
}

async function isBearerOfToken(
  bearer: string | undefined,
  token: TokenSecret | undefined,
  hasher: Pick<Hasher, 'verify'>,
): Promise<boolean | undefined> {
  if (bearer === undefined || !token || token.kind === 'missing') return undefined;
  return token.kind === 'plain' ? token.value === bearer : hasher.verify(bearer, token.value);
}
