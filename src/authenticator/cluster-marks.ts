import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import { claimsOf } from '../api/credential-lifetime.ts';
import type { Access } from '../kube/access.ts';

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * By what a cluster is known while it cannot be asked. Two clusters are the same when they have a mark in common.
 *
 * The UID of the service account whose token is shown to it is of that cluster alone, and stays when authorities change; so where there is one, nothing
 * else counts. Without, it is the authorities that sign for its API server; without any, its address.
 * A credential that cannot be had now says nothing: the API server will be asked with it when it can be.
 */
export async function clusterMarks(
  access: Pick<Access, 'server' | 'tls' | 'headers'>,
): Promise<readonly string[]> {
  const shown = await access.headers().then(
    ({ Authorization }) => String(Authorization ?? ''),
    () => '',
  );
  const { accountUid } = claimsOf(shown.replace(/^Bearer /, ''));
  if (accountUid !== undefined) return [`account:${sha256(accountUid)}`];
  const bundle = [access.tls.ca ?? []].flat().map(String).join('\n');
  const certificates = (bundle.match(PEM) ?? []).map((pem) => new X509Certificate(pem));
  if (certificates.length === 0) return [`server:${sha256(access.server.href)}`];
  return lowestOf(certificates).map(
    (key) => `authority:${sha256(key.export({ type: 'spki', format: 'der' }))}`,
  );
}

/**
 * Keys of the authorities that signed no other one of the bundle. What signed another may be a company's root, and sign for many clusters. An
 * authority that was renewed has its key still; one that is replaced by another stands beside it for a while, unsigned by it.
 */
function lowestOf(certificates: readonly X509Certificate[]): readonly KeyObject[] {
  const keys = certificates.map(({ publicKey }) => publicKey);
  return keys.filter(
    (key) => !certificates.some((other) => !other.publicKey.equals(key) && other.verify(key)),
  );
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('base64');
}
