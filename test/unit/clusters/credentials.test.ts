import { describe, expect, test } from 'vitest';
import { parseCluster } from '../../../src/api/parse-cluster.ts';
import type { Cluster, CredentialsSecret } from '../../../src/api/types.ts';
import {
  type Credentials,
  clustersOfSecret,
  findCredentials,
  lifetimeOf,
} from '../../../src/clusters/credentials.ts';
import { ConfigError } from '../../../src/errors.ts';
import type { Access } from '../../../src/kube/kubeconfig.ts';
import { CANARY, rawCluster } from '../../support/builders.ts';
import { aJwt } from '../../support/jwt.ts';
import { createAuthority } from '../../support/pki.ts';

const kubeconfig = (user: object = { token: CANARY }, cluster: object = {}): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    clusters: [{ name: 'x', cluster: { server: 'https://downstream.example:6443', ...cluster } }],
    users: [{ name: 'x', user }],
  });

const aSecret = (fields: Partial<CredentialsSecret> = {}): CredentialsSecret => ({
  name: 'any-name',
  namespace: 'ace-operator',
  uid: 'uid-s',
  resourceVersion: '1',
  createdAtMs: 1,
  cluster: '',
  kubeconfig: kubeconfig(),
  problem: undefined,
  credential: undefined,
  renews: false,
  claim: undefined,
  ...fields,
});
const CA_PEM = createAuthority('of a cluster').cert.trim();
const CLUSTER: Cluster = parseCluster(
  rawCluster({
    status: {
      apiEndpoint: 'https://10.43.0.1:443',
      caCert: Buffer.from(CA_PEM).toString('base64'),
      serviceAccountTokenSecret: 'account',
    },
  }),
);
const ACCOUNT = aSecret({
  name: 'account',
  namespace: 'cattle-global-data',
  kubeconfig: undefined,
  credential: 'bearer',
});

const find = (cluster: Cluster | undefined, secrets: readonly CredentialsSecret[]): Credentials =>
  findCredentials('c-1', cluster, { secrets, rancher: ['https://rancher.example'] });
const sourceOf = (credentials: Credentials): string =>
  credentials.kind === 'found' ? credentials.source : 'missing';
const accessOf = (secret: Partial<CredentialsSecret>): Promise<Access> => {
  const credentials = find(undefined, [aSecret({ cluster: 'c-1', ...secret })]);
  if (credentials.kind === 'missing') throw new Error('the test found nothing');
  return credentials.access();
};

describe('findCredentials', () => {
  const labelled = aSecret({ name: 'labelled', cluster: 'c-1' });
  const conventional = aSecret({ name: 'c-1-kubeconfig', namespace: 'fleet-default' });
  const cases = {
    'a labelled Secret comes first': {
      secrets: [ACCOUNT, conventional, labelled],
      cluster: CLUSTER,
      want: 'Secret ace-operator/labelled',
    },
    'then one of the conventional name': {
      secrets: [ACCOUNT, conventional],
      cluster: CLUSTER,
      want: 'Secret fleet-default/c-1-kubeconfig',
    },
    'then the status of the Cluster': {
      secrets: [ACCOUNT],
      cluster: CLUSTER,
      want: 'status of Cluster c-1 and Secret cattle-global-data/account',
    },
    'a status without its Secret is of no use': { secrets: [], cluster: CLUSTER, want: 'missing' },
    'a Secret without credential is of no use to the status': {
      secrets: [{ ...ACCOUNT, credential: undefined }],
      cluster: CLUSTER,
      want: 'missing',
    },
    'a status without endpoint is of no use': {
      secrets: [ACCOUNT],
      cluster: { ...CLUSTER, apiEndpoint: '' },
      want: 'missing',
    },
    'a status without CA is of no use': {
      secrets: [ACCOUNT],
      cluster: { ...CLUSTER, caCert: '' },
      want: 'missing',
    },
    'without a Cluster a Secret is enough': {
      secrets: [labelled],
      cluster: undefined,
      want: 'Secret ace-operator/labelled',
    },
    'of two labelled ones the first namespace wins': {
      secrets: [labelled, aSecret({ name: 'other', namespace: 'fleet-default', cluster: 'c-1' })],
      cluster: undefined,
      want: 'Secret ace-operator/labelled',
    },
    'a Secret labelled for another cluster is not ours': {
      secrets: [aSecret({ cluster: 'c-2' })],
      cluster: undefined,
      want: 'missing',
    },
    // Else the tokens of one cluster would be carried into another.
    'not even when it has our conventional name': {
      secrets: [aSecret({ name: 'c-1-kubeconfig', cluster: 'c-2' })],
      cluster: undefined,
      want: 'missing',
    },
    'an unlabelled Secret of any name is not ours': {
      secrets: [aSecret()],
      cluster: undefined,
      want: 'missing',
    },
  };
  for (const [title, { secrets, cluster, want }] of Object.entries(cases)) {
    test(title, () => {
      expect(sourceOf(find(cluster, secrets))).toBe(want);
    });
  }

  test('what is found belongs to a Secret whose change brings the cluster back', () => {
    for (const { secrets, cluster } of Object.values(cases)) {
      const source = sourceOf(find(cluster, secrets));
      if (source === 'missing') continue;
      const used = secrets.filter(({ namespace, name }) => source.endsWith(`Secret ${namespace}/${name}`));
      expect(used).not.toEqual([]);
      for (const secret of used) expect(clustersOfSecret(secret, cluster ? [cluster] : [])).toContain('c-1');
    }
  });

  test('what is missing is said, with what to do', () => {
    expect(find(undefined, [])).toMatchObject({
      kind: 'missing',
      message: expect.stringContaining('ace-operator.io/cluster=c-1'),
    });
  });

  test('nobody is asked anything without a credential where one has to be', async () => {
    const found = find(CLUSTER, [{ ...ACCOUNT, credential: '' }]);
    if (found.kind !== 'found') throw new Error('nothing was found');
    await expect(found.access()).rejects.toThrow(/data.credential is empty, or far too long for one$/);
  });

  test('the version changes when what the Secret holds does, and not otherwise', () => {
    const version = (secret: CredentialsSecret): string => {
      const found = find(CLUSTER, [secret]);
      return found.kind === 'found' ? found.version : '';
    };
    expect(version(labelled)).toBe(version({ ...labelled }));
    expect(version(labelled)).not.toBe(version({ ...labelled, kubeconfig: 'another' }));
    expect(version(labelled)).not.toBe(version({ ...labelled, kubeconfig: undefined }));
    expect(version(ACCOUNT)).not.toBe(version({ ...ACCOUNT, credential: 'another' }));
    // A touch of its labels, or the same made anew, is no reason to begin a session anew.
    expect(version(labelled)).toBe(version({ ...labelled, resourceVersion: '2', uid: 'recreated' }));
    expect(version(ACCOUNT)).toBe(version({ ...ACCOUNT, resourceVersion: '2' }));
  });

  test('the version changes when the status of the Cluster does', () => {
    const version = (cluster: Cluster): string => {
      const found = find(cluster, [ACCOUNT]);
      return found.kind === 'found' ? found.version : '';
    };
    expect(version(CLUSTER)).not.toBe(version({ ...CLUSTER, apiEndpoint: 'https://other' }));
    expect(version(CLUSTER)).toBe(version({ ...CLUSTER, resourceVersion: '99' }));
  });

  test('the version holds no secret', () => {
    const found = find(CLUSTER, [aSecret({ cluster: 'c-1', credential: CANARY })]);
    expect(JSON.stringify(found)).not.toContain(CANARY);
  });
});

describe('access', () => {
  test('by a kubeconfig with a token', async () => {
    const access = await accessOf({});
    expect(access.server.href).toBe('https://downstream.example:6443/');
    expect(await access.headers()).toMatchObject({ Authorization: `Bearer ${CANARY}` });
  });

  test('by the parts in the status', async () => {
    const found = find(CLUSTER, [ACCOUNT]);
    const access = found.kind === 'found' ? await found.access() : undefined;
    expect(access?.server.href).toBe('https://10.43.0.1/');
    expect(String(access?.tls.ca).trim()).toBe(CA_PEM);
    expect(await access?.headers()).toMatchObject({ Authorization: 'Bearer bearer' });
  });

  const unusable: Record<string, Partial<CredentialsSecret>> = {
    'neither key': { kubeconfig: undefined },
    'an empty text': { kubeconfig: '' },
    'text that is no YAML': { kubeconfig: `{{{ ${CANARY}` },
    'YAML that is no kubeconfig': { kubeconfig: `- ${CANARY}` },
    'a text alone': { kubeconfig: CANARY },
    'no current context': {
      kubeconfig: kubeconfig().replace('"current-context":"x"', '"current-context":"y"'),
    },
    'a server that is no URL': { kubeconfig: kubeconfig({}, { server: 'not a url' }) },
    'an exec plugin': { kubeconfig: kubeconfig({ exec: { command: CANARY, apiVersion: 'x' } }) },
    'an auth provider': { kubeconfig: kubeconfig({ 'auth-provider': { name: CANARY } }) },
    'a client certificate in a file': { kubeconfig: kubeconfig({ 'client-certificate': `/${CANARY}` }) },
    'a client key in a file': { kubeconfig: kubeconfig({ 'client-key': `/${CANARY}` }) },
    'a CA in a file': { kubeconfig: kubeconfig({}, { 'certificate-authority': `/${CANARY}` }) },
    // Whoever writes the Secret names the server too: the file would be sent there.
    'a token in a file': { kubeconfig: kubeconfig({ 'token-file': '/etc/hostname' }) },
  };
  for (const [title, secret] of Object.entries(unusable)) {
    test(`${title} is a configuration error that names the Secret and shows nothing of it`, async () => {
      const attempt = accessOf(secret);
      await expect(attempt).rejects.toThrow(ConfigError);
      await expect(attempt).rejects.toThrow('Secret ace-operator/any-name');
      await expect(attempt).rejects.not.toMatchObject({ message: expect.stringContaining(CANARY) });
    });
  }
});

describe('lifetimeOf', () => {
  const token = aJwt({ iat: 1, exp: 2 });
  const known = { fromMs: 1_000, untilMs: 2_000 };

  test.each([
    [
      'a kubeconfig',
      find(undefined, [aSecret({ cluster: 'c-1', kubeconfig: kubeconfig({ token }) })]),
      known,
    ],
    ['the status of a Cluster', find(CLUSTER, [{ ...ACCOUNT, credential: token }]), known],
    ['a token that does not say', find(CLUSTER, [ACCOUNT]), undefined],
    ['nothing', find(undefined, []), undefined],
  ])('by %s', (_, credentials, lifetime) => {
    expect(lifetimeOf(credentials)).toEqual(lifetime);
  });

  test('is read once for each version of a Secret, however often its cluster is looked at', () => {
    const secret = aSecret({ cluster: 'c-1', kubeconfig: kubeconfig({ token }) });
    const first = lifetimeOf(find(undefined, [secret]));
    expect(lifetimeOf(find(undefined, [secret]))).toBe(first);
    const other = { ...secret, kubeconfig: kubeconfig({ token: aJwt({ iat: 1, exp: 3 }) }) };
    expect(lifetimeOf(find(undefined, [other]))).toEqual({ fromMs: 1_000, untilMs: 3_000 });
  });

  test('of a token and a certificate it is that which ends first', () => {
    const { cert } = createAuthority('of a client');
    const user = { token, 'client-certificate-data': Buffer.from(cert).toString('base64') };
    expect(lifetimeOf(find(undefined, [aSecret({ cluster: 'c-1', kubeconfig: kubeconfig(user) })]))).toEqual(
      known,
    );
  });
});
