/**
 * Writes the keys, certificates and kubeconfigs of the local node's programs into a directory.
 *
 * usage: node hack/local-node/credentials.ts DIRECTORY API-SERVER-URL NODE-NAME
 *
 * Each program has a user of its own, with the names that RBAC and the Node authorizer expect.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubeconfig } from '../../test/support/kubeconfig.ts';
import { createAuthority, createSigningKey, type KeyPair } from '../../test/support/pki.ts';

const [directory = '', server = '', nodeName = ''] = process.argv.slice(2);
mkdirSync(directory, { recursive: true });

const SERVICE_ADDRESS = '10.96.0.1'; // the first one of the service net, which is always the API server's
const address = new URL(server).hostname;
const authority = createAuthority('ace-operator local-node');
const etcdAuthority = createAuthority('ace-operator local-node etcd');

write('ca.crt', authority.cert);
write('ca.key', authority.key);
write('etcd-ca.crt', etcdAuthority.cert);
write('service-account.key', createSigningKey());
const names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost'];
writePair(
  'kube-apiserver',
  authority.issueServer('kube-apiserver', [address, SERVICE_ADDRESS, '127.0.0.1', ...names]),
);
writePair('kubelet', authority.issueServer(nodeName, [address, nodeName]));
writePair('kubelet-client', authority.issueClient('kube-apiserver-kubelet-client', ['system:masters']));
writePair('etcd', etcdAuthority.issueServer('etcd', ['127.0.0.1']));
writePair('etcd-client', etcdAuthority.issueClient('kube-apiserver', []));
writeKubeconfig('admin', 'admin', ['system:masters']);
writeKubeconfig('kube-controller-manager', 'system:kube-controller-manager');
writeKubeconfig('kube-scheduler', 'system:kube-scheduler');
writeKubeconfig('kube-proxy', 'system:kube-proxy');
writeKubeconfig('kubelet', `system:node:${nodeName}`, ['system:nodes']);

function write(file: string, text: string): void {
  writeFileSync(join(directory, file), text, { mode: 0o600 });
}

function writePair(name: string, pair: KeyPair): void {
  write(`${name}.crt`, pair.cert);
  write(`${name}.key`, pair.key);
}

function writeKubeconfig(file: string, user: string, groups: readonly string[] = []): void {
  const credentials = authority.issueClient(user, groups);
  write(`${file}.kubeconfig`, kubeconfig({ server, ca: authority.cert, user, credentials }));
}
