import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';

/**
 * A certificate authority in memory. Node can read certificates but not make them; the few DER structures needed
 * here are quicker to write (a millisecond each) than an openssl process for every key, request and signature.
 */
export interface CertificateAuthority extends KeyPair {
  /** A client certificate: the API server takes the user name from CN and the groups from O. */
  issueClient(user: string, groups: readonly string[]): KeyPair;
  /** A serving certificate for these addresses and DNS names. */
  issueServer(name: string, hosts: readonly string[], validity?: Validity): KeyPair;
  /** A certificate of another authority, by its name and key; or of this one anew. */
  certify(name: string, key: string): string;
}

/** Milliseconds since the epoch. */
export interface Validity {
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export function createAuthority(name: string, validity?: Validity): CertificateAuthority {
  const subject = distinguishedName(name, []);
  const { publicKey, privateKey, pem } = newKey();
  const extensions = [authorityConstraint(), keyUsage(0x06)];
  const cert = signCertificate({
    issuer: subject,
    subject,
    publicKey,
    signer: privateKey,
    extensions,
    validity,
  });
  return loadAuthority(name, { cert, key: pem });
}

/** The authority that {@link createAuthority} made under this name, from its certificate and key. */
export function loadAuthority(name: string, { cert, key: pem }: KeyPair): CertificateAuthority {
  const issuer = distinguishedName(name, []);
  const signer = createPrivateKey(pem);
  const issue = (
    subject: Buffer,
    publicKey: KeyObject,
    extensions: readonly Buffer[],
    validity?: Validity | undefined,
  ) => signCertificate({ issuer, subject, publicKey, signer, extensions, validity });
  return {
    cert,
    key: pem,
    issueClient(user, groups) {
      const key = newKey();
      const extensions = [keyUsage(0x80), extendedKeyUsage(CLIENT_AUTH)];
      return { cert: issue(distinguishedName(user, groups), key.publicKey, extensions), key: key.pem };
    },
    issueServer(commonName, hosts, validity) {
      const key = newKey();
      const extensions = [keyUsage(0x80), extendedKeyUsage(SERVER_AUTH), alternativeNames(hosts)];
      return {
        cert: issue(distinguishedName(commonName, []), key.publicKey, extensions, validity),
        key: key.pem,
      };
    },
    certify(subject, ofKey) {
      const extensions = [authorityConstraint(), keyUsage(0x06)];
      return issue(distinguishedName(subject, []), createPublicKey(ofKey), extensions);
    },
  };
}

/** A key for signing ServiceAccount tokens; the API server reads the public half out of the same file. */
export function createSigningKey(): string {
  return createPrivateKey(newKey().pem).export({ type: 'sec1', format: 'pem' }).toString();
}

function newKey(): { publicKey: KeyObject; privateKey: KeyObject; pem: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { publicKey, privateKey, pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

interface CertificateContent {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly extensions: readonly Buffer[];
  /** A year from now without it. */
  readonly validity?: Validity | undefined;
}

function signCertificate(content: CertificateContent): string {
  const algorithm = sequence(objectId(ECDSA_WITH_SHA256));
  // An hour of slack backwards: clocks inside and outside a virtual machine differ after it was suspended.
  const { fromMs, untilMs } = content.validity ?? {
    fromMs: Date.now() - HOUR_MS,
    untilMs: Date.now() + 365 * 24 * HOUR_MS,
  };
  const validity = sequence(utcTime(fromMs), utcTime(untilMs));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.concat([Buffer.of(0x01), randomBytes(15)])),
    algorithm,
    content.issuer,
    validity,
    content.subject,
    content.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...content.extensions)),
  );
  const signature = sign('sha256', body, content.signer);
  const certificate = sequence(body, algorithm, bitString(signature, 0));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

const HOUR_MS = 3_600_000;
const ECDSA_WITH_SHA256 = [1, 2, 840, 10045, 4, 3, 2];
const SERVER_AUTH = [1, 3, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH = [1, 3, 6, 1, 5, 5, 7, 3, 2];

function distinguishedName(commonName: string, organizations: readonly string[]): Buffer {
  const part = (id: readonly number[], value: string) =>
    der(0x31, sequence(objectId(id), der(0x0c, Buffer.from(value, 'utf8'))));
  return sequence(
    ...organizations.map((value) => part([2, 5, 4, 10], value)),
    part([2, 5, 4, 3], commonName),
  );
}

function authorityConstraint(): Buffer {
  return extension([2, 5, 29, 19], sequence(der(0x01, Buffer.of(0xff))));
}

/** `bits` as in RFC 5280 §4.2.1.3, first usage in the highest bit: 0x80 digitalSignature, 0x06 keyCertSign + cRLSign. */
function keyUsage(bits: number): Buffer {
  const unused = 31 - Math.clz32(bits & -bits);
  return extension([2, 5, 29, 15], bitString(Buffer.of(bits), unused));
}

function extendedKeyUsage(purpose: readonly number[]): Buffer {
  return extension([2, 5, 29, 37], sequence(objectId(purpose)));
}

function alternativeNames(hosts: readonly string[]): Buffer {
  const names = hosts.map((host) => {
    if (isIPv4(host)) return der(0x87, Buffer.from(host.split('.').map(Number)));
    return isIPv6(host) ? der(0x87, addressBytes(host)) : der(0x82, Buffer.from(host, 'ascii'));
  });
  return extension([2, 5, 29, 17], sequence(...names));
}

function addressBytes(address: string): Buffer {
  const [before = '', after] = address.split('::');
  const words = (text: string): string[] => text.split(':').filter((word) => word !== '');
  const [head, tail] = [words(before), words(after ?? '')];
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  const hex = [...head, ...zeros, ...tail].map((word) => word.padStart(4, '0')).join('');
  return Buffer.from(hex, 'hex');
}

function extension(id: readonly number[], value: Buffer): Buffer {
  return sequence(objectId(id), der(0x04, value));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, ...parts);
}

function bitString(bytes: Buffer, unusedBits: number): Buffer {
  return der(0x03, Buffer.of(unusedBits), bytes);
}

function utcTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`, 'ascii'));
}

function objectId([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : longLength(body.length);
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

function longLength(length: number): number[] {
  return length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}
