import { describe, expect, test } from 'vitest';
import { parseCluster } from '../../../src/api/parse-cluster.ts';
import { parseCredentialsSecret } from '../../../src/api/parse-credentials.ts';
import type { CredentialsSecret } from '../../../src/api/types.ts';
import { clustersOfSecret, findCredentials } from '../../../src/clusters/credentials.ts';
import { wayTo } from '../../../src/clusters/ways.ts';
import { rawCluster } from '../../support/builders.ts';

const RANCHER = 'https://rancher.example';
const OWNED = {
  'objectset.rio.cattle.io/owner-name': 'dev',
  'objectset.rio.cattle.io/owner-namespace': 'fleet-default',
};

interface Fields {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly created?: string;
  readonly server?: string;
  readonly proxy?: string;
  readonly data?: Readonly<Record<string, string>>;
}

function aSecret(fields: Fields): CredentialsSecret {
  const { name, namespace = 'fleet-default', labels = {}, created = '2026-01-01T00:00:00Z' } = fields;
  const data = fields.data ?? { value: kubeconfig(fields) };
  return parseCredentialsSecret({
    metadata: { name, namespace, labels, uid: `uid-${name}`, creationTimestamp: created },
    data: Object.fromEntries(
      Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
    ),
  });
}

function kubeconfig({ server = `${RANCHER}/k8s/clusters/c-1`, proxy }: Partial<Fields> = {}): string {
  const cluster = { server, ...(proxy ? { 'proxy-url': proxy } : {}) };
  return JSON.stringify({
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    clusters: [{ name: 'x', cluster }],
    users: [{ name: 'x', user: { token: 'x' } }],
  });
}

const provisioned = (name: string, fields: Partial<Fields> = {}): CredentialsSecret =>
  aSecret({
    name: `${name}-kubeconfig`,
    labels: { 'cluster.x-k8s.io/cluster-name': name },
    ...fields,
  });

const found = (
  secrets: readonly CredentialsSecret[],
  annotations: Readonly<Record<string, string>> = {},
  rancher: readonly string[] = ['', RANCHER],
): string => {
  const cluster = parseCluster(rawCluster({}, { annotations }));
  const { way } = wayTo('c-1', cluster, { secrets, rancher });
  return way ? `${way.secret.name} (${way.how})` : 'none';
};

describe('the order of the ways', () => {
  const direct = { server: 'https://api.example:6443' };
  const inOrder: readonly (readonly [string, CredentialsSecret])[] = [
    ['mine (label)', aSecret({ name: 'mine', labels: { 'ace-operator.io/cluster': 'c-1' }, ...direct })],
    ['dev-kubeconfig (Rancher provisioning)', provisioned('dev')],
    ['c-1-kubeconfig (Cluster API)', aSecret({ name: 'c-1-kubeconfig', ...direct })],
    [
      'argo (Argo CD)',
      aSecret({
        name: 'argo',
        labels: { 'argocd.argoproj.io/secret-type': 'cluster' },
        data: { name: 'c-1', server: direct.server, config: '{"bearerToken":"x"}' },
      }),
    ],
    [
      'pushed (ClusterProfile)',
      aSecret({
        name: 'pushed',
        labels: { 'x-k8s.io/cluster-inventory-consumer': 'ace-operator', 'x-k8s.io/cluster-profile': 'c-1' },
        data: { Config: kubeconfig(direct) },
      }),
    ],
  ];
  for (const [index, [want]] of inOrder.entries()) {
    test(`${want} is number ${index + 1}`, () => {
      const left = inOrder.slice(index).map(([, secret]) => secret);
      expect(found([...left].reverse())).toBe(want);
    });
  }

  test('a change of whichever is found brings its cluster back', () => {
    for (const [, secret] of inOrder) expect(clustersOfSecret(secret, [])).toContain('c-1');
  });
});

describe('of Rancher\u2019s provisioning', () => {
  const other = provisioned('other', { created: '2020-01-01T00:00:00Z' });

  test('the one that Rancher notes at the Cluster counts before an older one that leads there, too', () => {
    const older = provisioned('another', { created: '2020-01-01T00:00:00Z' });
    expect(found([older, provisioned('dev')], OWNED)).toBe('dev-kubeconfig (Rancher provisioning)');
  });

  test('the one by label, where Rancher notes nothing', () => {
    expect(found([provisioned('dev'), other])).toBe('other-kubeconfig (Rancher provisioning)');
  });

  test('the one that has the id itself for its name, as an imported cluster has', () => {
    const imported = aSecret({ name: 'c-1-kubeconfig' });
    expect(found([other, imported])).toBe('c-1-kubeconfig (Rancher provisioning)');
  });

  test('never one that leads to another cluster, whatever is noted at this one or how it is named', () => {
    const server = `${RANCHER}/k8s/clusters/c-2`;
    const elsewhere = [provisioned('dev', { server }), aSecret({ name: 'c-1-kubeconfig', server })];
    expect(found(elsewhere, OWNED)).toBe('none');
  });

  const hostile: Readonly<Record<string, Partial<Fields>>> = {
    'through another host': { server: 'https://elsewhere.example/k8s/clusters/c-1' },
    'over http': { server: 'http://rancher.example/k8s/clusters/c-1' },
    'through another port': { server: 'https://rancher.example:8443/k8s/clusters/c-1' },
    'through a proxy that it brings along': { proxy: 'http://elsewhere.example:3128' },
  };
  for (const [title, fields] of Object.entries(hostile)) {
    test(`never one that leads there ${title}, and why is told`, () => {
      const secrets = [provisioned('dev', fields), aSecret({ name: 'c-1-kubeconfig', ...fields })];
      expect(found(secrets, OWNED)).toBe('none');
      const cluster = parseCluster(rawCluster());
      const missing = findCredentials('c-1', cluster, { secrets, rancher: [RANCHER] });
      expect(missing).toMatchObject({
        kind: 'missing',
        message: expect.stringContaining('Secret fleet-default/dev-kubeconfig'),
      });
    });
  }

  test('never what is neither noted, nor named so, nor labelled, such as the copy that the operator keeps', () => {
    const secrets = [aSecret({ name: 'ace-operator-way-c-1', namespace: 'ace-operator' })];
    expect(found(secrets)).toBe('none');
    expect(findCredentials('c-1', undefined, { secrets, rancher: [] })).toMatchObject({
      message: expect.not.stringContaining('ace-operator-way'),
    });
  });

  test('none, where the plane does not say where its Rancher is', () => {
    expect(found([provisioned('dev')], OWNED, ['', ''])).toBe('none');
    expect(found([provisioned('dev')], OWNED, ['not a URL'])).toBe('none');
  });

  test('unless a person put our label on it', () => {
    const labels = { 'ace-operator.io/cluster': 'c-1' };
    expect(found([provisioned('dev', { labels })], {}, [])).toBe('dev-kubeconfig (label)');
  });

  test('two readings of one kubeconfig must not differ', async () => {
    const secret = { ...provisioned('dev'), kubeconfig: kubeconfig({ server: 'https://elsewhere.example' }) };
    const credentials = findCredentials('c-1', undefined, { secrets: [secret], rancher: [RANCHER] });
    if (credentials.kind === 'missing') throw new Error('the test found nothing');
    await expect(credentials.access()).rejects.toThrow('ambiguous');
  });
});

describe('what ordinary users may write', () => {
  const labelled = { labels: { 'ace-operator.io/cluster': 'c-1' }, server: 'https://api.example' };

  test('is no way: neither the name for people nor the FQDN of a Cluster', () => {
    const fields = { displayName: 'prod', localClusterAuthEndpoint: { enabled: true, fqdn: 'evil.example' } };
    const cluster = parseCluster(rawCluster({ spec: fields }));
    const argo = aSecret({
      name: 'argo',
      labels: { 'argocd.argoproj.io/secret-type': 'cluster' },
      data: { name: 'prod', server: 'https://api.example', config: '{"bearerToken":"x"}' },
    });
    const secrets = [argo, aSecret({ name: 'prod-kubeconfig', server: 'https://api.example' })];
    expect(wayTo('c-1', cluster, { secrets, rancher: [RANCHER] }).way).toBeUndefined();
  });

  test('is not taken in the namespace where every user of Rancher may create Secrets', () => {
    const namespace = 'cattle-global-data';
    const secrets = [
      aSecret({ name: 'labelled', namespace, ...labelled }),
      aSecret({ name: 'c-1-kubeconfig', namespace, server: 'https://api.example' }),
      provisioned('dev', { namespace }),
    ];
    expect(found(secrets)).toBe('none');
  });

  test('a Secret that is added later takes no cluster away', () => {
    const first = aSecret({ name: 'z-first', created: '2026-01-01T00:00:00Z', ...labelled });
    const later = aSecret({ name: 'a-later', created: '2026-01-02T00:00:00Z', ...labelled });
    expect(found([first, later])).toBe('z-first (label)');
    expect(found([later, first])).toBe('z-first (label)');
  });
});
