import { createHash, X509Certificate } from 'node:crypto';
import type { Access } from '../kube/access.ts';

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * By what a cluster is known while it cannot be asked: the authorities that sign for its API server, which each cluster
 * has of its own; without any, its address. Two clusters are the same when they have a mark in common, so that an
 * authority can be replaced by way of a bundle of both.
 */
export function clusterMarks({ server, tls }: Pick<Access, 'server' | 'tls'>): readonly string[] {
  const bundle = [tls.ca ?? []].flat().map(String).join('\n');
  const certificates = bundle.match(PEM) ?? [];
  if (certificates.length === 0) return [`server:${sha256(server.href)}`];
  return certificates.map((pem) => `ca:${sha256(new X509Certificate(pem).raw)}`);
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('base64');
}
