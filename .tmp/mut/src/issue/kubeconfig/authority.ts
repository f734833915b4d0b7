import { X509Certificate } from 'node:crypto';
import { pemCertificates } from '../../derive/pem.ts';

/** Certificates that vouch for a server. */
export type Authority =
  /** Base64 of PEM, as kubeconfigs have it. */
  | { readonly kind: 'certificates'; readonly base64: string }
  /** Nothing was said: the system's own authorities decide, as for any web site. */
  | { readonly kind: 'system' }
  /** Something was said that is no certificate: with it, nobody would get a connection. */
  | { readonly kind: 'unusable'; readonly message: string };

/**
 * The certificates in a text: PEM, or base64 of PEM, for people paste either. What is between and around them
 * (comments, keys, carriage returns) is left out.
 */
export function authorityOf(text: string, nowMs: number): Authority {
  if (text.trim() === '') return { kind: 'system' };
  const blocks = pemCertificates(text);
  if (blocks.length === 0) return { kind: 'unusable', message: 'holds no PEM certificate' };
  try {
    const certificates = blocks.map((block) => new X509Certificate(block));
    if (certificates.every(({ validTo }) => Date.parse(validTo) < nowMs))
      return { kind: 'unusable', message: `holds certificates that have expired` };
    const clean = certificates.map((certificate) => certificate.toString().trim());
    return { kind: 'certificates', base64: Buffer.from(`${clean.join('\n')}\n`).toString('base64') };
  } catch {
    return { kind: 'unusable', message: 'holds a PEM block that is no certificate' };
  }
}
