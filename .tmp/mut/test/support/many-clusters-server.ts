import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { kubeconfig } from './kubeconfig.ts';
import { createAuthority } from './pki.ts';

/**
 * A process of its own that stands for a management plane and its clusters, and answers at once: so that what the command line takes
 * is seen by itself. Prints the management plane's kubeconfig as one line of JSON.
 *
 * argv: how many clusters
 */
const COUNT = Number(process.argv[2]);
const authority = createAuthority('many-clusters');
const { cert, key } = authority.issueServer('kube-apiserver', ['127.0.0.1']);

const ids = Array.from({ length: COUNT }, (_, index) => `c-${String(index).padStart(4, '0')}`);
const meta = (name: string, more: object = {}): object => ({
  ...{ name, uid: `uid-${name}`, resourceVersion: '1', ...more },
});
const listOf = (items: readonly object[]): string =>
  JSON.stringify({ kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: '1' }, items });

const server = createServer({ cert, key }, (request, response) => {
  const path = (request.url ?? '').split('?')[0] ?? '';
  const text =
    answers.get(path) ??
    (path.endsWith('/daemonsets')
      ? DAEMON_SETS
      : path.endsWith('/daemonsets/ace-authenticator')
        ? DAEMON_SET
        : undefined);
  const body = text ?? notFound(path);
  response.writeHead(text === undefined ? 404 : 200, { 'content-type': 'application/json' }).end(body);
});

const aDaemonSet = {
  metadata: meta('ace-authenticator', { namespace: 'cattle-system' }),
  spec: { template: { spec: { containers: [{ image: 'ace-operator:v0.1.0' }] } } },
  status: { desiredNumberScheduled: 3, numberReady: 3 },
};
const DAEMON_SET = JSON.stringify(aDaemonSet);
const DAEMON_SETS = listOf([aDaemonSet]);

function notFound(path: string): string {
  const [kind, name] = path.split('/').slice(-2);
  return JSON.stringify({ kind: 'Status', code: 404, reason: 'NotFound', details: { kind, name } });
}

const answers = new Map([['/api', '{"kind":"APIVersions","versions":["v1"]}']]);
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  const credentials = authority.issueClient('ace-operator', []);
  const fileFor = (path: string): string =>
    kubeconfig({ server: `https://127.0.0.1:${port}/${path}`, ca: authority.cert, user: 'x', credentials });
  const management = '/management/apis/management.cattle.io/v3';
  const spec = { displayName: 'x', localClusterAuthEndpoint: { enabled: true } };
  answers.set(`${management}/clusters`, listOf(ids.map((name) => ({ metadata: meta(name), spec }))));
  answers.set(
    '/management/apis/ace-operator.io/v1alpha1/clusterpropagations',
    listOf(ids.map((name) => ({ metadata: meta(name), status: { tokens: '10/10' } }))),
  );
  answers.set(
    '/management/api/v1/namespaces/ace-operator/secrets',
    listOf(
      ids.map((name) => ({
        metadata: meta(`credentials-${name}`, {
          namespace: 'ace-operator',
          labels: { 'ace-operator.io/cluster': name },
        }),
        data: { kubeconfig: Buffer.from(fileFor(name)).toString('base64') },
      })),
    ),
  );
  console.log(JSON.stringify({ kubeconfig: fileFor('management') }));
});
