/** A token in the form of a JWT, as an API server makes them, with this payload and no signature that anybody could use. */
export function aJwt(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.canary-of-a-signature`;
}
