import type { KeyPair } from './pki.ts';

export interface KubeconfigContent {
  readonly server: string;
  readonly ca: string;
  readonly user: string;
  readonly credentials: KeyPair;
}

/** A kubeconfig that needs no other file. JSON is YAML too, and cannot go wrong over quoting. */
export function kubeconfig({ server, ca, user, credentials }: KubeconfigContent): string {
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'plane', cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [
      {
        name: user,
        user: {
          'client-certificate-data': base64(credentials.cert),
          'client-key-data': base64(credentials.key),
        },
      },
    ],
    contexts: [{ name: 'plane', context: { cluster: 'plane', user } }],
    'current-context': 'plane',
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
