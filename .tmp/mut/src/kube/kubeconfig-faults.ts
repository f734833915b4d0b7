import { X509Certificate } from 'node:crypto';

/** What a kubeconfig says of a cluster, as far as it can be said wrongly. */
export interface ClusterEntry {
  readonly server?: string | undefined;
  readonly caFile?: string | undefined;
  readonly caData?: string | undefined;
  readonly proxyUrl?: string | undefined;
  readonly isInsecure?: boolean | undefined;
}

/**
 * Why a cluster entry cannot be used, in words; undefined: nothing is wrong with it. What kubectl cannot load is not loaded
 * here. Quotes nothing of it but the server.
 */
export function clusterFault({
  server,
  caFile,
  caData,
  proxyUrl,
  isInsecure,
}: ClusterEntry): string | undefined {
  // Whoever reads YAML believes its types: a number is none of ours.
  const fields = { server, 'certificate-authority': caFile, 'certificate-authority-data': caData };
  const untyped = typeFault({ ...fields, 'proxy-url': proxyUrl });
  if (untyped) return untyped;
  if (server?.startsWith('http:') && !isInsecure)
    return `server ${server} is without TLS: API servers speak https only, and no credential is shown without it; write https://`;
  if (caFile && caData)
    return 'certificate-authority and certificate-authority-data are both there: take one of them out';
  return caDataFault(caData) ?? proxyFault(proxyUrl);
}

/** What a kubeconfig may say of a cluster or a user, and what is text of it. */
const TEXTS: readonly string[] = [
  ...['server', 'tls-server-name', 'certificate-authority', 'certificate-authority-data', 'proxy-url'],
  ...['token', 'tokenFile', 'username', 'password', 'as'],
  ...['client-certificate', 'client-certificate-data', 'client-key', 'client-key-data'],
];
const SWITCH = 'insecure-skip-tls-verify';

/** Which field of an entry is of a type that kubectl does not load, in words; undefined: none is. Quotes nothing. */
export function typeFault(entry: Readonly<Record<string, unknown>>): string | undefined {
  const given = (field: string): unknown => entry[field] ?? undefined;
  const wrong = TEXTS.find((field) => given(field) !== undefined && typeof given(field) !== 'string');
  if (wrong !== undefined) return `${wrong} is no text`;
  const isSwitch = given(SWITCH) === undefined || typeof given(SWITCH) === 'boolean';
  return isSwitch ? undefined : `${SWITCH} is neither true nor false`;
}

function caDataFault(caData: string | undefined): string | undefined {
  if (!caData) return undefined;
  const field = 'certificate-authority-data';
  if (caData.includes('-----BEGIN')) return `${field} is PEM itself; it has to be base64 of PEM`;
  const base64 = caData.replaceAll(/[\r\n]/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return `${field} is no base64`;
  if (base64.length % 4 !== 0) return `${field} is no whole base64: it was cut off`;
  const fault = authorityFault(Buffer.from(base64, 'base64').toString('utf8'));
  return fault && `${field} ${fault}`;
}

/** Why nobody could be trusted by this text, which ought to be PEM. Source: crypto/x509, `AppendCertsFromPEM`. */
export function authorityFault(pem: string): string | undefined {
  if (!pem.includes('-----BEGIN')) return 'holds no PEM certificate';
  const blocks = pem.match(CERTIFICATE) ?? [];
  if (blocks.length === 0)
    return pem.includes('-----END') ? 'holds no PEM certificate' : 'holds PEM that was cut off';
  // One that can be read is enough, as for kubectl.
  return blocks.some(isCertificate) ? undefined : 'holds PEM that is no certificate';
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

function isCertificate(block: string): boolean {
  try {
    return Boolean(new X509Certificate(block));
  } catch {
    return false;
  }
}

/** A proxy's address may hold a password: it is not quoted. */
function proxyFault(proxyUrl: string | undefined): string | undefined {
  if (!proxyUrl) return undefined;
  const scheme = URL.canParse(proxyUrl) ? new URL(proxyUrl).protocol : undefined;
  if (scheme === 'http:' || scheme === 'https:') return undefined;
  return scheme?.startsWith('socks')
    ? 'proxy-url is of a SOCKS proxy, which is not supported here: http and https are'
    : 'proxy-url is no URL that begins with http:// or https://';
}

/**
 * Why an API server would not take a bearer as it stands there. White space after it is nobody's trouble: it is taken off on
 * the way.
 *
 * Source: k8s.io/apiserver/pkg/authentication/request/bearertoken, which splits at blanks; net/http and kubectl, which send no
 * line break.
 */
export function bearerFault(bearer: string): string | undefined {
  const token = bearer.replace(/[ \t]+$/, '');
  if (token === '') return 'is nothing but white space';
  if (/^\s/.test(token)) return 'begins with white space, and an API server takes no bearer behind it';
  if (/\s$/.test(token)) return 'ends in a line break, and no client sends that';
  if (/[\r\n]/.test(token)) return 'has a line break in it, and no client sends that';
  if (/\s/.test(token)) return 'has white space in it, and an API server takes only what is before it';
  return /[^\x21-\x7e]/.test(token) ? 'has a character in it that no token has' : undefined;
}
