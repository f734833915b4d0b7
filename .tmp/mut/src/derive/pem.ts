const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The PEM certificates in a text that is PEM, or base64 of PEM: people, and versions of Rancher, write either. */
export function pemCertificates(text: string): readonly string[] {
  const pem = text.includes('-----BEGIN') ? text : decoded(text);
  return pem.match(BLOCK) ?? [];
}

function decoded(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}
