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
 *
 * @returns looks at what is shown and trusted at that moment. Cheap, but for the first look at each bundle of authorities: a system's holds some
 *   150 of them, and to try each against each takes seconds
 */
export function clusterMarks(
  access: Pick<Access, 'server' | 'tls' | 'headers'>,
): () => Promise<readonly string[]> {
  let latest = { bundle: '', marks: [] as readonly string[] };
  return async () => {
    const shown = await access.headers().then(
      ({ Authorization }) => String(Authorization ?? ''),
      () => '',
    );
    const { accountUid } = claimsOf(shown.replace(/^Bearer /, ''));
    if (accountUid !== undefined) return [`account:${sha256(accountUid)}`];
    const bundle = [access.tls.ca ?? []].flat().map(String).join('\n');
    const certificates = bundle.match(PEM);
    if (certificates === null) return [`server:${sha256(access.server.href)}`];
    if (bundle !== latest.bundle) latest = { bundle, marks: authorityMarks(certificates) };
    return latest.marks;
  };
}

function authorityMarks(certificates: readonly string[]): readonly string[] {
  return lowestOf(certificates.flatMap(authorityOf)).map((id) => `authority:${id}`);
}

interface Authority {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
  /** What the key is known by. */
  readonly id: string;
}

/** One whose key is of a kind that cannot be read here says nothing, and costs nothing but itself: no server that it signed for is trusted, either. */
function authorityOf(pem: string): readonly Authority[] {
  try {
    const certificate = new X509Certificate(pem);
    const key = certificate.publicKey;
    return [{ certificate, key, id: sha256(key.export({ type: 'spki', format: 'der' })) }];
  } catch {
    return [];
  }
}

/**
 * Keys of the authorities that signed no other one of the bundle, unless that signed them, too. What signed another may be a company's root, and
 * sign for many clusters. An authority that was renewed has its key still; one that is replaced by another stands beside it for a
 * while, unsigned by it, or each of the two signed by the other (RFC 4210, 4.4).
 */
function lowestOf(authorities: readonly Authority[]): readonly string[] {
  const signed = new Map(
    authorities.map(({ key, id }) => {
      const others = authorities.filter((other) => other.id !== id && other.certificate.verify(key));
      return [id, others.map((other) => other.id)];
    }),
  );
  const below = new Map([...signed.keys()].map((id) => [id, reachedFrom(id, signed)]));
  return [...below]
    .filter(([id, ids]) => [...ids].every((other) => below.get(other)?.has(id)))
    .map(([id]) => id);
}

/** What one signed, what that signed, and so on; itself, too. */
function reachedFrom(id: string, signed: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const reached = new Set([id]);
  // A set is walked to its end, be it put off meanwhile.
  for (const one of reached) for (const other of signed.get(one) ?? []) reached.add(other);
  return reached;
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('base64');
}
