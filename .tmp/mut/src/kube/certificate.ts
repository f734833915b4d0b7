import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls';
import type { CertificateReason } from '../errors.ts';

/** As TLS shows it; what signed it comes along where the whole chain was asked for. */
export type ServerCertificate = PeerCertificate | DetailedPeerCertificate;

/** Source: nodejs.org/api/tls.html, "X509 certificate error codes". */
const CERTIFICATE_CODES = /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT|INVALID_CA)/;

const REASONS: Readonly<Record<string, CertificateReason>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: 'CertificateName',
  CERT_HAS_EXPIRED: 'CertificateExpired',
  CERT_NOT_YET_VALID: 'CertificateExpired',
};

/** Which fault of a certificate a code of TLS is; undefined: it is no such fault. */
export function certificateReason(code: string): CertificateReason | undefined {
  return REASONS[code] ?? (CERTIFICATE_CODES.test(code) ? 'CertificateInvalid' : undefined);
}

/** The certificate and the address that it was looked at for, where the error of a handshake has them. */
export function shownIn(error: unknown): { certificate: ServerCertificate; host: string } | undefined {
  const { cert, host } = error as { cert?: ServerCertificate; host?: unknown };
  return cert && typeof host === 'string' ? { certificate: cert, host } : undefined;
}

/**
 * What a person has to know of the certificate in order to mend its fault: names, issuer, dates. It comes from whoever
 * answered, so that it is bounded, and has no character that could not be seen.
 *
 * @param host - the name that was asked for
 */
export function describeCertificate(
  reason: CertificateReason,
  certificate: ServerCertificate,
  host: string,
  nowMs = Date.now(),
): string {
  const names = `for ${namesOf(certificate)}`;
  switch (reason) {
    case 'CertificateName':
      return `its certificate is ${names}, and not for ${visible(host)}; ${originOf(certificate)}`;
    case 'CertificateExpired': {
      const outdated = chainOf(certificate).find((one) => !isCurrent(one, nowMs));
      const isSigner = outdated !== undefined && outdated !== certificate;
      const signer = isSigner ? `; ${subjectOf(outdated)}, which signed it, is ${datesOf(outdated)}` : '';
      return `its certificate ${names} is not valid now: ${originOf(certificate)}${signer}`;
    }
    case 'CertificateInvalid':
      return `its certificate ${names} is signed by none whom the CA data names; ${originOf(certificate)}`;
  }
}

/** A certificate of a big installation has hundreds. */
const MAX_NAMES = 10;
const MAX_NAME_LENGTH = 80;

/** Node quotes a name that has a comma in it. Source: nodejs.org/api/crypto.html, `x509.subjectAltName`. */
const ALTERNATIVE_NAMES = /(?:^|, )(?:DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g;

function namesOf({ subject, subjectaltname }: ServerCertificate): string {
  const names = [...(subjectaltname ?? '').matchAll(ALTERNATIVE_NAMES)].map(([, name = '']) => visible(name));
  if (names.length === 0) return `no name (its subject is ${nameOf(subject)})`;
  const more = names.length - MAX_NAMES;
  return `${names.slice(0, MAX_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function originOf(certificate: ServerCertificate): string {
  return `issued by ${nameOf(certificate.issuer)}, ${datesOf(certificate)}`;
}

function datesOf({ valid_from, valid_to }: ServerCertificate): string {
  return `valid from ${timeOf(valid_from)} until ${timeOf(valid_to)}`;
}

function timeOf(text: string): string {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? visible(text) : new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

function subjectOf({ subject }: ServerCertificate): string {
  return nameOf(subject);
}

/** A part that is there several times is a list, whatever the type says. */
function nameOf(part: Partial<PeerCertificate['subject']> | undefined): string {
  const text = [part?.CN ?? part?.O ?? ''].flat().join(' ');
  return text === '' ? 'somebody without a name' : visible(text);
}

/** The certificate and those that signed it; the last is its own issuer. */
function chainOf(certificate: ServerCertificate): readonly ServerCertificate[] {
  const chain = new Set<ServerCertificate>();
  let next: ServerCertificate | undefined = certificate;
  while (next?.valid_to !== undefined && !chain.has(next)) {
    chain.add(next);
    next = 'issuerCertificate' in next ? next.issuerCertificate : undefined;
  }
  return [...chain];
}

function isCurrent({ valid_from, valid_to }: ServerCertificate, nowMs: number): boolean {
  return !(nowMs < Date.parse(valid_from) || nowMs > Date.parse(valid_to));
}

function visible(text: string): string {
  return text.replaceAll(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]+/gu, ' ').slice(0, MAX_NAME_LENGTH);
}
