import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTERS, NAMESPACES, type Resource, SECRETS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { createAuthority } from '../support/pki.ts';
import type { Any } from '../support/plane-client.ts';
import { OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

/** Beside Rancher, service-account credentials are in a namespace of their own. */
const RANCHER_NAMESPACE = 'cattle-global-data';

let world: World;
let directory: string;
let bystanders = 0;
let debts = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ace-credentials-'));
  await writeFile(join(directory, 'token'), 'a-token-of-the-operator-itself');
  world = await startWorld({ clusters: ['c-one', 'c-two', 'c-three'] });
  await world.createUser('u-ada', {}, ['group://a']);
  await world.register('c-one', { credentials: false });
  await world.register('c-two');
  await world.management.create(NAMESPACES, namespace(RANCHER_NAMESPACE));
  await world.startOperator(['--hash-algorithm', 'sha3-512', '--credential-namespaces', RANCHER_NAMESPACE]);
  await world.waitSynced('c-two', '0/0');
});
afterAll(async () => {
  await world.close();
  await rm(directory, { recursive: true, force: true });
});

describe('the Secret labelled with the id of its cluster', () => {
  test('is missed while it is missing, and the message says how to mend that', async () => {
    await world.waitCondition('c-one', 'Connected', { status: 'False', reason: 'NoCredentials' });
    expect((await world.condition('c-one', 'Connected')).message).toContain('ace-operator.io/cluster=c-one');
    await expectBystanderUnhurt();
  });

  test('connects its cluster when it is added', async () => {
    await oweToken();
    await world.setCredentials('c-one', {});
    await expectDebtsPaid();
    await world.waitCondition('c-one', 'Ready', { status: 'True', reason: 'AllSynced' });
  });

  test('disconnects its cluster when it is removed, and what is there stays', async () => {
    await world.management.remove(SECRETS, 'credentials-c-one', OWN_NAMESPACE);
    await world.waitCondition('c-one', 'Connected', { status: 'False', reason: 'NoCredentials' });
    await world.waitCondition('c-one', 'Synced', { status: 'Unknown', reason: 'NoCredentials' });
    await world.waitCondition('c-one', 'Ready', { status: 'False', reason: 'NoCredentials' });
    expect(await world.cluster('c-one').ours()).toHaveLength(3);
    await oweToken();
    await expectBystanderUnhurt();
    await world.setCredentials('c-one', {});
    await expectDebtsPaid();
  });

  test('disconnects its cluster when its label is taken off', async () => {
    await relabel(null);
    await world.waitCondition('c-one', 'Connected', { status: 'False', reason: 'NoCredentials' });
    await relabel('c-one');
    await world.waitSynced('c-one');
  });
});

describe('credentials that cannot work', () => {
  const cases: Readonly<Record<string, { kubeconfig: () => string | Promise<string>; wantReason: string }>> =
    {
      'text that is no kubeconfig': {
        kubeconfig: () => 'not a kubeconfig',
        wantReason: 'CredentialsInvalid',
      },
      'text that is no YAML': { kubeconfig: () => '\t{[', wantReason: 'CredentialsInvalid' },
      'a kubeconfig without a server': { kubeconfig: () => '{}', wantReason: 'CredentialsInvalid' },
      'an address of another protocol': {
        kubeconfig: () => kubeconfigWith({ server: 'ftp://127.0.0.1' }),
        wantReason: 'CredentialsInvalid',
      },
      'an address without TLS': {
        kubeconfig: () => kubeconfigWith({ server: 'http://127.0.0.1:6443' }),
        wantReason: 'CredentialsInvalid',
      },
      'an authority that was cut off': {
        kubeconfig: () => kubeconfigWith({ ca: createAuthority('cut').cert.slice(0, 200) }),
        wantReason: 'CredentialsInvalid',
      },
      'a bearer with a line break': {
        kubeconfig: () => kubeconfigWith({ user: { token: 'not-a-real-token\n' } }),
        wantReason: 'CredentialsInvalid',
      },
      'an exec plugin': {
        kubeconfig: () => kubeconfigWith({ user: { exec: execPlugin() } }),
        wantReason: 'CredentialsInvalid',
      },
      'the path of a token file': {
        kubeconfig: () => kubeconfigWith({ user: { 'token-file': join(directory, 'token') } }),
        wantReason: 'CredentialsInvalid',
      },
      'the path of a certificate': {
        kubeconfig: () =>
          kubeconfigWith({ user: { 'client-certificate': '/etc/passwd', 'client-key': '/etc/passwd' } }),
        wantReason: 'CredentialsInvalid',
      },
      'a certificate that is none': {
        kubeconfig: () =>
          kubeconfigWith({ user: { 'client-certificate-data': 'bm9uZQ==', 'client-key-data': 'bm9uZQ==' } }),
        wantReason: 'CredentialsInvalid',
      },
      'the authority of another cluster': {
        kubeconfig: () => kubeconfigWith({ ca: createAuthority('another').cert }),
        wantReason: 'CertificateInvalid',
      },
      'a name that is not in the certificate': {
        kubeconfig: () => kubeconfigWith({ serverName: 'vip.example.org' }),
        wantReason: 'CertificateName',
      },
      'a token that the cluster does not know': {
        kubeconfig: () => kubeconfigWith({ user: { token: 'not-a-real-token' } }),
        wantReason: 'CredentialsRejected',
      },
      'a user who may do nothing': {
        kubeconfig: async () =>
          readFile(await world.cluster('c-one').plane.kubeconfigFor('u-nobody'), 'utf8'),
        wantReason: 'Forbidden',
      },
      'a port on which nobody listens': {
        kubeconfig: async () => kubeconfigWith({ server: `https://127.0.0.1:${await closedPort()}` }),
        wantReason: 'Unreachable',
      },
    };

  for (const [name, { kubeconfig, wantReason }] of Object.entries(cases)) {
    test(`${name}: ${wantReason}, until it is mended`, async () => {
      await world.setCredentials('c-one', { kubeconfig: await kubeconfig() });
      await world.waitCondition('c-one', 'Connected', { status: 'False', reason: wantReason });
      await world.waitCondition('c-one', 'Ready', { status: 'False', reason: wantReason });
      expect((await world.propagation('c-one')).status.lastError).not.toBe('');
      await expectMetric(`ace_cluster_problem{ace_cluster="c-one",reason="${wantReason}"}`, 1);
      await oweToken();
      await expectBystanderUnhurt();

      await world.setCredentials('c-one', {});
      await expectDebtsPaid();
      await expectMetric(`ace_cluster_problem{ace_cluster="c-one",reason="${wantReason}"}`, 0);
    });
  }

  test('a Secret without a kubeconfig in it: CredentialsInvalid, until it is mended', async () => {
    const data = { kubeconfig: null, note: 'bm9uZQ==' };
    await world.management.patch(SECRETS, 'credentials-c-one', { data }, OWN_NAMESPACE);
    await world.waitCondition('c-one', 'Connected', { status: 'False', reason: 'CredentialsInvalid' });
    await world.setCredentials('c-one', {});
    await world.waitSynced('c-one');
  });

  test('no command named in a Secret was ever run', () => {
    expect(existsSync(join(directory, 'executed'))).toBe(false);
  });
});

describe('other places of credentials', () => {
  test('a Secret <cluster>-kubeconfig with data.value, as Cluster API leaves it, is used', async () => {
    await world.register('c-three', { credentials: false });
    await world.createUser('u-eve');
    await world.createToken('token-three', 'c-three', 'u-eve');
    await world.waitCondition('c-three', 'Connected', { status: 'False', reason: 'NoCredentials' });
    const value = Buffer.from(world.cluster('c-three').plane.kubeconfigYaml()).toString('base64');
    await world.management.create(SECRETS, secret('c-three-kubeconfig', OWN_NAMESPACE, { value }));
    await world.waitSynced('c-three', '1/1');

    await world.management.remove(SECRETS, 'c-three-kubeconfig', OWN_NAMESPACE);
    await world.waitCondition('c-three', 'Connected', { status: 'False', reason: 'NoCredentials' });
  });

  test("the Cluster's status with its service-account Secret is used, and follows a change of that Secret", async () => {
    const plane = world.cluster('c-three').plane;
    const { cluster } = JSON.parse(plane.kubeconfigYaml()).clusters[0];
    const status = {
      apiEndpoint: plane.url,
      caCert: cluster['certificate-authority-data'],
      serviceAccountTokenSecret: 'cluster-serviceaccounttoken-three',
    };
    await world.management.client.patch(
      { resource: CLUSTERS, name: 'c-three' },
      { status },
      { subresource: 'status' },
    );
    const account = (credential: string): object =>
      secret(status.serviceAccountTokenSecret, RANCHER_NAMESPACE, { credential: base64(credential) });
    await world.management.create(SECRETS, account('not-a-real-token'));
    await world.waitCondition('c-three', 'Connected', { status: 'False', reason: 'CredentialsRejected' });

    const credential = await serviceAccountToken('c-three');
    const { data } = account(credential) as Any;
    await world.management.patch(SECRETS, status.serviceAccountTokenSecret, { data }, RANCHER_NAMESPACE);
    await world.createToken('token-four', 'c-three', 'u-eve');
    await world.waitSynced('c-three', '2/2');
  });
});

describe('what other programs leave', () => {
  /** What leads to c-three until now is in the way. */
  beforeAll(async () => {
    await world.management.remove(SECRETS, 'cluster-serviceaccounttoken-three', RANCHER_NAMESPACE);
    await world.waitCondition('c-three', 'Connected', { status: 'False', reason: 'NoCredentials' });
  });

  const credentialsOf = async (id: string): Promise<string> =>
    (await world.propagation(id))?.status.credentials ?? '';

  test('a cluster Secret of Argo CD with a bearer, and its change', async () => {
    const { cluster } = JSON.parse(world.cluster('c-three').plane.kubeconfigYaml()).clusters[0];
    const data = (bearerToken: string): object =>
      encoded({
        name: 'c-three',
        server: cluster.server,
        config: JSON.stringify({
          bearerToken,
          tlsClientConfig: { insecure: false, caData: cluster['certificate-authority-data'] },
        }),
      });
    await createLabelled('cluster-argo', ARGO, data('not-a-real-token'));
    await world.waitCondition('c-three', 'Connected', { status: 'False', reason: 'CredentialsRejected' });
    const bearer = await serviceAccountToken('c-three', 'argo-manager');
    await world.management.patch(SECRETS, 'cluster-argo', { data: data(bearer) }, OWN_NAMESPACE);
    await world.createToken('token-argo', 'c-three', 'u-eve');
    await world.waitSynced('c-three', '3/3');
    expect(await credentialsOf('c-three')).toBe('Secret ace-operator/cluster-argo (Argo CD)');
  });

  test('one with client certificates', async () => {
    const config = JSON.parse(world.cluster('c-three').plane.kubeconfigYaml());
    const { cluster } = config.clusters[0];
    const { user } = config.users[0];
    const tlsClientConfig = {
      caData: cluster['certificate-authority-data'],
      certData: user['client-certificate-data'],
      keyData: user['client-key-data'],
    };
    const data = encoded({ config: JSON.stringify({ tlsClientConfig }) });
    await world.management.patch(SECRETS, 'cluster-argo', { data }, OWN_NAMESPACE);
    await world.createToken('token-argo-two', 'c-three', 'u-eve');
    await world.waitSynced('c-three', '4/4');
  });

  test('one that names a program to run is refused, with the reason', async () => {
    const config = JSON.stringify({ execProviderConfig: execPlugin() });
    const data = encoded({ config });
    await world.management.patch(SECRETS, 'cluster-argo', { data }, OWN_NAMESPACE);
    await world.waitCondition('c-three', 'Connected', { status: 'False', reason: 'CredentialsInvalid' });
    expect((await world.condition('c-three', 'Connected'))?.message).toContain('execProviderConfig');
    expect(existsSync(join(directory, 'executed'))).toBe(false);
    await world.management.remove(SECRETS, 'cluster-argo', OWN_NAMESPACE);
    await world.waitCondition('c-three', 'Connected', { status: 'False', reason: 'NoCredentials' });
  });

  test('a Secret that a cluster manager pushes to us for a ClusterProfile', async () => {
    const labels = {
      'x-k8s.io/cluster-inventory-consumer': 'ace-operator',
      'x-k8s.io/cluster-profile': 'c-three',
    };
    const data = encoded({ Config: world.cluster('c-three').plane.kubeconfigYaml() });
    await createLabelled('pushed', labels, data);
    await world.createToken('token-profile', 'c-three', 'u-eve');
    await world.waitSynced('c-three', '5/5');
    expect(await credentialsOf('c-three')).toBe('Secret ace-operator/pushed (ClusterProfile)');
    await world.management.remove(SECRETS, 'pushed', OWN_NAMESPACE);
    await world.waitCondition('c-three', 'Connected', { status: 'False', reason: 'NoCredentials' });
  });

  test('a status whose CA is PEM as it is, and says so when it is none', async () => {
    const { cluster } = JSON.parse(world.cluster('c-three').plane.kubeconfigYaml()).clusters[0];
    const pem = Buffer.from(cluster['certificate-authority-data'], 'base64').toString('utf8');
    const setCa = (caCert: string): Promise<unknown> =>
      world.management.client.patch(
        { resource: CLUSTERS, name: 'c-three' },
        { status: { caCert } },
        { subresource: 'status' },
      );
    await setCa('no certificate');
    const credential = base64(await serviceAccountToken('c-three', 'raw-pem'));
    const account = secret('cluster-serviceaccounttoken-three', RANCHER_NAMESPACE, { credential });
    await world.management.create(SECRETS, account);
    await world.waitCondition('c-three', 'Connected', { status: 'False', reason: 'CredentialsInvalid' });
    expect((await world.condition('c-three', 'Connected'))?.message).toContain('status.caCert');
    await setCa(pem);
    await world.createToken('token-pem', 'c-three', 'u-eve');
    await world.waitSynced('c-three', '6/6');
    expect(await credentialsOf('c-three')).toContain('(Cluster status)');
  });

  test('a Secret where every user of Rancher may create some is none, whatever its label says', async () => {
    const labels = { 'ace-operator.io/cluster': 'c-three' };
    const kubeconfig = kubeconfigWith({ server: 'https://elsewhere.example' });
    await createLabelled('labelled', labels, encoded({ kubeconfig }), RANCHER_NAMESPACE);
    await world.createToken('token-beside', 'c-three', 'u-eve');
    await world.waitSynced('c-three', '7/7');
    expect(await credentialsOf('c-three')).toContain('(Cluster status)');
  });
});

test('the cluster beside all this was connected once and never again', () => {
  const connected = world.operator
    ?.logs()
    .filter(({ message, cluster }) => message === 'cluster connected' && cluster === 'c-two');
  expect(connected).toHaveLength(1);
});

/** Another cluster gets a new token as if nothing were wrong. */
async function expectBystanderUnhurt(): Promise<void> {
  bystanders += 1;
  await world.createToken(`token-bystander-${bystanders}`, 'c-two', 'u-ada');
  await world.waitSynced('c-two', `${bystanders}/${bystanders}`);
  await world.waitCondition('c-two', 'Ready', { status: 'True', reason: 'AllSynced' });
}

/** A token that cannot reach its cluster now. */
async function oweToken(): Promise<void> {
  debts += 1;
  await world.createToken(`token-debt-${debts}`, 'c-one', 'u-ada');
}

async function expectDebtsPaid(): Promise<void> {
  await world.waitSynced('c-one', `${debts}/${debts}`);
  expect(await world.cluster('c-one').clusterAuthToken(`token-debt-${debts}`)).toBeDefined();
  await world.waitCondition('c-one', 'Connected', { status: 'True', reason: 'Connected' });
}

async function expectMetric(series: string, value: number): Promise<void> {
  // Published with the next look, a moment after the condition was written.
  await eventually(async () => expect(await world.operator?.metric(series)).toBe(value));
}

async function relabel(cluster: string | null): Promise<void> {
  const metadata = { labels: { 'ace-operator.io/cluster': cluster } };
  await world.management.patch(SECRETS, 'credentials-c-one', { metadata }, OWN_NAMESPACE);
}

/** The right kubeconfig of c-one with something exchanged. */
function kubeconfigWith({
  server,
  serverName,
  ca,
  user,
}: {
  server?: string;
  serverName?: string;
  ca?: string;
  user?: object;
}): string {
  const config = JSON.parse(world.cluster('c-one').plane.kubeconfigYaml());
  if (server) config.clusters[0].cluster.server = server;
  if (serverName) config.clusters[0].cluster['tls-server-name'] = serverName;
  if (ca) config.clusters[0].cluster['certificate-authority-data'] = base64(ca);
  if (user) config.users[0].user = user;
  return JSON.stringify(config);
}

function execPlugin(): object {
  return {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: 'touch',
    args: [join(directory, 'executed')],
    interactiveMode: 'Never',
  };
}

/** A token of a new service account that may do everything there, as Rancher makes one. */
async function serviceAccountToken(cluster: string, name = 'cattle'): Promise<string> {
  const client = world.cluster(cluster);
  const metadata = { name, namespace: 'default' };
  const core = (plural: string, kind: string): Resource => ({
    group: '',
    version: 'v1',
    plural,
    kind,
    namespaced: true,
  });
  const account = core('serviceaccounts', 'ServiceAccount');
  await client.create(account, { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
  await client.create(BINDINGS, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: BINDINGS.kind,
    metadata: { name },
    roleRef: { apiGroup: BINDINGS.group, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', ...metadata }],
  });
  const request = await client.create(core(`serviceaccounts/${name}/token`, 'TokenRequest'), {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata,
    spec: { expirationSeconds: 3_600 },
  });
  return request.status.token;
}

const BINDINGS: Resource = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'clusterrolebindings',
  kind: 'ClusterRoleBinding',
  namespaced: false,
};

function closedPort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

const namespace = (name: string): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

const secret = (name: string, where: string, data: object): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: where },
  data,
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const encoded = (data: Readonly<Record<string, string>>): object =>
  Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)]));

const ARGO = { 'argocd.argoproj.io/secret-type': 'cluster' };

async function createLabelled(
  name: string,
  labels: object,
  data: object,
  where: string = OWN_NAMESPACE,
): Promise<void> {
  const metadata = { name, namespace: where, labels };
  await world.management.create(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata, data });
}
