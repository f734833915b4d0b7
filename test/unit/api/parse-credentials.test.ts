import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCredentialsSecret } from '../../../src/api/parse-credentials.ts';
import type { Claim, CredentialsSecret } from '../../../src/api/types.ts';
import { CANARY } from '../../support/builders.ts';

type Json = Readonly<Record<string, unknown>>;

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('parseCredentialsSecret', () => {
  const parse = (data: unknown, metadata: Json = {}): ReturnType<typeof parseCredentialsSecret> =>
    parseCredentialsSecret({
      metadata: { name: 's', namespace: 'ns', uid: 'u', resourceVersion: '1', ...metadata },
      data,
    });

  test('decodes what reaching a cluster takes, and keeps nothing else', () => {
    const data = {
      kubeconfig: base64('apiVersion: v1'),
      credential: base64('bearer'),
      password: base64(CANARY),
    };
    const secret = parse(data, { labels: { 'ace-operator.io/cluster': 'c-1' } });
    expect(secret).toEqual({
      name: 's',
      namespace: 'ns',
      uid: 'u',
      resourceVersion: '1',
      createdAtMs: Number.POSITIVE_INFINITY,
      cluster: 'c-1',
      kubeconfig: 'apiVersion: v1',
      problem: undefined,
      renews: false,
      credential: 'bearer',
      claim: undefined,
    });
  });

  test('`value` is read where there is no `kubeconfig`, which wins', () => {
    expect(parse({ value: base64('b') }).kubeconfig).toBe('b');
    expect(parse({ value: base64('b'), kubeconfig: base64('a') }).kubeconfig).toBe('a');
  });

  test('unicode survives the decoding', () => {
    expect(parse({ kubeconfig: base64('имя: 🔑') }).kubeconfig).toBe('имя: 🔑');
  });

  test('any data is read, never thrown at, and never changed', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        const secret = parse(data);
        expect(secret.cluster).toBe('');
        expect(Object.isFrozen(secret)).toBe(true);
      }),
    );
  });
});

const parse = (
  labels: Json,
  data: Readonly<Record<string, string>>,
): ReturnType<typeof parseCredentialsSecret> =>
  parseCredentialsSecret({
    metadata: { name: 's', namespace: 'ns', labels },
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])),
  });

test('a kubeconfig or a credential that no cluster needs so long is not held, and the first is a problem', () => {
  const megabyte = base64('u'.repeat(1_000_000));
  const secret = parseCredentialsSecret({
    metadata: { name: 's', namespace: 'n', uid: 'u' },
    data: { kubeconfig: megabyte, credential: megabyte },
  });
  expect(secret).toMatchObject({
    ...{ kubeconfig: '', credential: '' },
    problem: 'its kubeconfig is longer than 524288 characters',
  });
});

test('where everybody may create Secrets, only a credential is ever held', () => {
  const labels = { 'argocd.argoproj.io/secret-type': 'cluster' };
  const kubeconfig = base64('clusters: [{ cluster: { server: https://x/k8s/clusters/c-1 } }]');
  const data = { kubeconfig, credential: base64('t'), name: base64('n'.repeat(1_000_000)) };
  const at = (namespace: string): CredentialsSecret =>
    parseCredentialsSecret({ metadata: { name: 's', namespace, uid: 'u', labels }, data });
  expect(at('cattle-global-data')).toMatchObject({
    ...{ kubeconfig: undefined, claim: undefined, problem: undefined, credential: 't' },
  });
  expect(JSON.stringify(at('argocd')).length).toBeLessThan(1_000);
});

describe('the Secret of Rancher\u2019s provisioning', () => {
  const kubeconfig = (cluster: Json, current = 'default'): string =>
    JSON.stringify({
      'current-context': current,
      clusters: [
        { name: 'another', cluster: { server: 'https://rancher.example/k8s/clusters/c-another' } },
        { name: 'cluster', cluster },
      ],
      contexts: [{ name: 'default', context: { cluster: 'cluster', user: 'user' } }],
      users: [{ name: 'user', user: { token: CANARY } }],
    });
  const claimOf = (value: string, labels: Json = {}): Claim | undefined => parse(labels, { value }).claim;
  const server = 'https://rancher.example/k8s/clusters/c-m-dev12345';

  test('says by its address which cluster it is of', () => {
    expect(claimOf(kubeconfig({ server }), { 'cluster.x-k8s.io/cluster-name': 'dev' })).toEqual({
      kind: 'Rancher provisioning',
      cluster: 'c-m-dev12345',
      server,
      provisioned: 'dev',
      isDetour: false,
    });
  });

  test('and whether a proxy is before it', () => {
    expect(claimOf(kubeconfig({ server, 'proxy-url': 'http://elsewhere' }))).toMatchObject({
      isDetour: true,
    });
  });

  const silent: Readonly<Record<string, string>> = {
    'an address of no Rancher': kubeconfig({ server: 'https://api.example/k8s' }),
    'an address of another cluster that is not the current one': kubeconfig({
      server: 'https://api.example',
    }),
    'no current context': kubeconfig({ server }, 'other'),
    'no URL': kubeconfig({ server: '/k8s/clusters/c-1' }),
    'no YAML': `{{{ /k8s/clusters/c-1 ${CANARY}`,
  };
  for (const [title, value] of Object.entries(silent)) {
    test(`claims nothing with ${title}`, () => {
      expect(claimOf(value)).toBeUndefined();
    });
  }
});

describe('a cluster Secret of Argo CD', () => {
  const LABELS = { 'argocd.argoproj.io/secret-type': 'cluster' };
  const argo = (config: unknown, data: Readonly<Record<string, string>> = {}): ReturnType<typeof parse> =>
    parse(LABELS, {
      name: 'c-1',
      server: 'https://api.example:6443',
      config: typeof config === 'string' ? config : JSON.stringify(config),
      ...data,
    });
  const contentOf = (secret: ReturnType<typeof parse>): Json => JSON.parse(secret.kubeconfig ?? '{}') as Json;

  test('says as much as a kubeconfig', () => {
    const secret = argo({
      bearerToken: CANARY,
      proxyUrl: 'http://proxy:3128',
      tlsClientConfig: { serverName: 'kubernetes', caData: 'Q0E=', certData: 'Qw==', keyData: 'Sw==' },
    });
    expect(secret.claim).toEqual({ kind: 'Argo CD', cluster: 'c-1' });
    expect(secret.problem).toBeUndefined();
    expect(contentOf(secret)).toMatchObject({
      clusters: [
        {
          cluster: {
            server: 'https://api.example:6443',
            'certificate-authority-data': 'Q0E=',
            'tls-server-name': 'kubernetes',
            'proxy-url': 'http://proxy:3128',
          },
        },
      ],
      users: [{ user: { token: CANARY, 'client-certificate-data': 'Qw==', 'client-key-data': 'Sw==' } }],
    });
  });

  test('with user name and password, and without a check of the server', () => {
    const secret = argo({ username: 'u', password: CANARY, tlsClientConfig: { insecure: true } });
    expect(contentOf(secret)).toMatchObject({
      clusters: [{ cluster: { 'insecure-skip-tls-verify': true } }],
      users: [{ user: { username: 'u', password: CANARY } }],
    });
  });

  const refused: Readonly<Record<string, { config: unknown; why: string }>> = {
    'a program to run': {
      config: { bearerToken: CANARY, execProviderConfig: { command: CANARY } },
      why: 'execProviderConfig',
    },
    'an account of AWS': { config: { awsAuthConfig: { clusterName: CANARY } }, why: 'awsAuthConfig' },
    'no credential': { config: { tlsClientConfig: { insecure: true } }, why: 'no credential' },
    'no JSON': { config: `{${CANARY}`, why: 'no configuration' },
    'a token that is no text': { config: { bearerToken: [CANARY] }, why: 'no configuration' },
  };
  for (const [title, { config, why }] of Object.entries(refused)) {
    test(`with ${title} is refused, and nothing of it is told`, () => {
      const secret = argo(config);
      expect(secret.kubeconfig).toBeUndefined();
      expect(secret.problem).toContain(why);
      expect(secret.problem).not.toContain(CANARY);
    });
  }

  test('of an Argo CD project claims no cluster: members of the project may have written it', () => {
    expect(argo({ bearerToken: CANARY }, { project: 'team-a' }).claim).toBeUndefined();
  });
});

describe('a Secret pushed for a ClusterProfile', () => {
  const pushed = (consumer: string): ReturnType<typeof parse> =>
    parse(
      { 'x-k8s.io/cluster-inventory-consumer': consumer, 'x-k8s.io/cluster-profile': 'c-1' },
      { Config: 'apiVersion: v1' },
    );

  test('to us is of the cluster that has the name of the profile', () => {
    expect(pushed('ace-operator')).toMatchObject({
      kubeconfig: 'apiVersion: v1',
      claim: { kind: 'ClusterProfile', cluster: 'c-1' },
    });
  });

  test('to another consumer is none of our business', () => {
    expect(pushed('another')).toMatchObject({ kubeconfig: undefined, claim: undefined });
  });
});
