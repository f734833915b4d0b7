import { sign } from 'node:crypto';

/** A token in the form of a JWT, as an API server makes them, with this payload and no signature that anybody could use. */
export function aJwt(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.canary-of-a-signature`;
}

/** A token of a service account as if its API server had made it at another time: signed anew with the key of that server. */
export function agedToken(token: string, keyPem: string, fromMs: number, untilMs: number): string {
  const [header = '', payload = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const [from, until] = [fromMs, untilMs].map((ms) => Math.floor(ms / 1_000));
  const aged = Buffer.from(JSON.stringify({ ...claims, iat: from, nbf: from, exp: until })).toString(
    'base64url',
  );
  const text = `${header}.${aged}`;
  const signature = sign('sha256', Buffer.from(text), { key: keyPem, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}
