import { stringify } from 'yaml';

/** What people's kubeconfigs look like, whole and spoilt. */
export const FORMS = [
  'plain',
  'two contexts',
  'slash behind the server',
  'newline behind the token',
  'blank before the token',
  'certificate not checked',
  'name of its own',
  'name of another',
  'authority of another',
  'authority cut off',
  'no authority',
  'proxy that nobody runs',
  'plain http',
] as const;
export type Form = (typeof FORMS)[number];

/** Nobody listens there. */
const NO_PROXY = 'http://127.0.0.1:1';

export interface Parts {
  readonly server: string;
  /** PEM, of the server's authority and of another's. */
  readonly ca: string;
  readonly otherCa: string;
  readonly bearer: string;
}

/** A kubeconfig of that form, as text. */
export function kubeconfigOf(form: Form, { server, ca, otherCa, bearer }: Parts): string {
  const pem =
    { 'authority of another': otherCa, 'authority cut off': ca.slice(0, 300) }[form as string] ?? ca;
  const isUnknown = form === 'no authority' || form === 'certificate not checked' || form === 'plain http';
  const cluster = {
    server:
      form === 'plain http'
        ? server.replace('https:', 'http:')
        : server + (form === 'slash behind the server' ? '/' : ''),
    ...(isUnknown ? {} : { 'certificate-authority-data': Buffer.from(pem).toString('base64') }),
    ...(form === 'certificate not checked' ? { 'insecure-skip-tls-verify': true } : {}),
    ...(form === 'name of its own' ? { 'tls-server-name': 'localhost' } : {}),
    ...(form === 'name of another' ? { 'tls-server-name': 'elsewhere.example' } : {}),
    ...(form === 'proxy that nobody runs' ? { 'proxy-url': NO_PROXY } : {}),
  };
  const token =
    { 'newline behind the token': `${bearer}\n`, 'blank before the token': ` ${bearer}` }[form as string] ??
    bearer;
  const others = form === 'two contexts';
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      ...(others ? [{ name: 'other', cluster: { ...cluster, server: NO_PROXY } }] : []),
      { name: 'c', cluster },
    ],
    users: [
      ...(others ? [{ name: 'other', user: { token: 'of-somebody-else' } }] : []),
      { name: 'u', user: { token } },
    ],
    contexts: [
      ...(others ? [{ name: 'other', context: { cluster: 'other', user: 'other' } }] : []),
      { name: 'c', context: { cluster: 'c', user: 'u' } },
    ],
    'current-context': 'c',
  });
}
