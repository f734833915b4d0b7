import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseCluster } from '../../../../src/api/parse-cluster.ts';
import { authorityOf } from '../../../../src/issue/kubeconfig/authority.ts';
import {
  badAddresses,
  clusterLabel,
  type EndpointSources,
  endpointsOf,
  fqdnProblem,
} from '../../../../src/issue/kubeconfig/endpoints.ts';
import { currentContext, kubeconfigText } from '../../../../src/issue/kubeconfig/kubeconfig-file.ts';
import { parseControlPlaneNode } from '../../../../src/plane/control-plane-node.ts';
import { rawCluster } from '../../../support/builders.ts';
import { expectGolden } from '../../../support/golden.ts';
import { createAuthority } from '../../../support/pki.ts';

const authority = createAuthority('an authority of the test');
const PEM = authority.cert;
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const now = Date.now();

describe('certificates that vouch for a server', () => {
  const clean = { kind: 'certificates', base64: base64(`${PEM.trim()}\n`) };
  const cases = {
    'PEM is taken as it is': { text: PEM, want: clean },
    'base64 of PEM is understood': { text: base64(PEM), want: clean },
    'carriage returns and comments go': {
      text: `# ours\r\n${PEM.replaceAll('\n', '\r\n')}\nend`,
      want: clean,
    },
    'nothing means the system decides': { text: ' \n', want: { kind: 'system' } },
    'text is no certificate': {
      text: 'hello',
      want: { kind: 'unusable', message: 'holds no PEM certificate' },
    },
    'a block that is no certificate is none': {
      text: '-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----',
      want: { kind: 'unusable', message: 'holds a PEM block that is no certificate' },
    },
  };
  test.each(Object.entries(cases))('%s', (_title, { text, want }) => {
    expect(authorityOf(text, now)).toEqual(want);
  });

  test('several stay together, in their order', () => {
    const other = createAuthority('another').cert;
    const both = authorityOf(PEM + other, now);
    const text = both.kind === 'certificates' ? Buffer.from(both.base64, 'base64').toString() : '';
    expect(text.match(/BEGIN/g)).toHaveLength(2);
    expect(text.startsWith(PEM.trim())).toBe(true);
  });

  test('what has expired vouches for nobody', () => {
    const later = now + 200 * 365 * 86_400_000;
    expect(authorityOf(PEM, later)).toEqual({
      kind: 'unusable',
      message: 'holds certificates that have expired',
    });
  });
});

function rawNode(name: string, hostname: string, more: object = {}): object {
  return {
    metadata: { name, namespace: 'c-1' },
    spec: { controlPlane: true, requestedHostname: hostname },
    status: {
      internalNodeStatus: {
        addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    },
    ...more,
  };
}

describe('a control-plane node', () => {
  test('is reached by its outer address, else by the one Rancher notes, else by its inner one', () => {
    const status = (types: readonly string[], nodeAnnotations = {}): object => ({
      status: {
        nodeAnnotations,
        internalNodeStatus: { addresses: types.map((type) => ({ type, address: `of-${type}` })) },
      },
    });
    const noted = { 'rke.cattle.io/external-ip': 'noted' };
    const address = (more: object): string | undefined =>
      parseControlPlaneNode(rawNode('m-1', 'h', more))?.address;
    expect(address(status(['InternalIP', 'ExternalIP'], noted))).toBe('of-ExternalIP');
    expect(address(status(['InternalIP'], noted))).toBe('noted');
    expect(address(status(['Hostname', 'InternalIP']))).toBe('of-InternalIP');
    expect(address(status(['Hostname']))).toBeUndefined();
  });

  test.each([
    ['a worker', { spec: { controlPlane: false, requestedHostname: 'h' } }],
    ['one that is going', { metadata: { name: 'm-1', deletionTimestamp: '2026-01-01T00:00:00Z' } }],
    ['one of another shape', { spec: 'what' }],
  ])('%s is none', (_title, more) => {
    expect(parseControlPlaneNode(rawNode('m-1', 'h', more))).toBeUndefined();
  });
});

function sources(ace: object | undefined, more: Partial<EndpointSources> = {}): EndpointSources {
  const cluster = parseCluster(
    rawCluster({
      spec: {
        displayName: 'berlin',
        ...(ace ? { localClusterAuthEndpoint: { enabled: true, ...ace } } : {}),
      },
      status: { caCert: base64(PEM) },
    }),
  );
  return {
    cluster,
    isNameShared: false,
    serverUrl: 'https://rancher.example.com/some/path',
    serverCa: PEM,
    nodes: [],
    nowMs: now,
    ...more,
  };
}

const node = (name: string, hostname: string, address: string, ready = true) => ({
  name,
  hostname,
  address,
  ready,
  cluster: 'c-1',
  addresses: [address],
});

describe('a kubeconfig', () => {
  const three = [
    node('m-1', 'berlin-cp-a', '192.0.2.1', false),
    node('m-2', 'cp-b', '192.0.2.2'),
    node('m-3', 'cp-b', '2001:db8::3'),
  ];
  const cases = {
    'no-ace': sources(undefined),
    fqdn: sources({ fqdn: 'berlin.example.com:8443', caCerts: PEM }),
    'fqdn-of-a-public-authority': sources({ fqdn: 'berlin.example.com', caCerts: '' }),
    'no-nodes': sources({}),
    'one-node': sources({}, { nodes: three.slice(0, 1) }),
    'three-nodes': sources({}, { nodes: three }),
    'no-proxy': sources({ fqdn: 'berlin.example.com', caCerts: PEM }, { serverUrl: '' }),
    'shared-name': sources({ fqdn: 'berlin.example.com', caCerts: PEM }, { isNameShared: true }),
  };
  test.each(Object.entries(cases))('%s has its endpoints, each under a name of its own', (name, given) => {
    const endpoints = endpointsOf(given);
    const text = kubeconfigText({
      user: 'berlin',
      credential: { kind: 'none' },
      endpoints,
      comments: ['of the test'],
    });
    const names = parse(text).contexts.map((context: { name: string }) => context.name);
    expect(new Set(names).size).toBe(names.length);
    expectGolden(`kubeconfig/${name}`, text, { [base64(`${PEM.trim()}\n`)]: 'BASE64-OF-THE-CA' });
  });

  test('has a node that is ready as its current context, before one that is not, and before the proxy', () => {
    expect(currentContext(endpointsOf(cases['three-nodes']))).toBe('berlin-cp-b-m-2');
    expect(currentContext(endpointsOf(cases['one-node']))).toBe('berlin-cp-a');
    expect(currentContext(endpointsOf(cases.fqdn))).toBe('berlin-fqdn');
    expect(currentContext(endpointsOf(cases['no-nodes']))).toBe('berlin');
  });

  test('never has an endpoint of a node without the authority of its cluster', () => {
    const cluster = { ...sources({}).cluster, caCert: '' };
    const [, ace] = endpointsOf(sources({}, { cluster, nodes: three.slice(0, 1) }));
    expect(ace?.authority).toEqual({ kind: 'unusable', message: 'is empty' });
  });

  test('keeps names apart even when a host is called as another entry is', () => {
    const clash = [
      node('m-1', 'x', '192.0.2.1'),
      node('m-2', 'x', '192.0.2.2'),
      node('x', 'x-m-1', '192.0.2.3'),
    ];
    const names = endpointsOf(sources({}, { nodes: clash })).map(({ name }) => name);
    expect(new Set(names).size).toBe(4);
  });

  test('cannot be given another line by what a person typed', () => {
    const text = kubeconfigText({
      user: 'a: b\n- c',
      credential: { kind: 'bearer', bearer: 'x:"y' },
      endpoints: endpointsOf(cases.fqdn),
      comments: ['one\ntwo: three'],
    });
    expect(text.split('\n')[0]).toBe('# one two: three');
    expect(parse(text).users).toEqual([{ name: 'a: b\n- c', user: { token: 'x:"y' } }]);
  });

  test('has the exec entry of Rancher where that is wanted', () => {
    const credential = { kind: 'exec', server: 'rancher.example.com', cluster: 'c-1' } as const;
    const text = kubeconfigText({
      user: 'berlin',
      credential,
      endpoints: endpointsOf(cases.fqdn),
      comments: [],
    });
    expect(parse(text).users[0].user.exec).toEqual({
      apiVersion: 'client.authentication.k8s.io/v1beta1',
      command: 'rancher',
      args: ['token', '--server=rancher.example.com', '--user=berlin', '--cluster=c-1'],
    });
  });
});

describe('what is said to be an address', () => {
  const goes = [
    'berlin.example.com',
    'Berlin.Example.com:8443',
    'a-b.c:443',
    '192.0.2.1:6443',
    '[2001:db8::1]:6443',
  ];
  test.each(goes)('%s is one', (fqdn) => {
    const given = sources({ fqdn, caCerts: PEM });
    expect(fqdnProblem(given)).toBeUndefined();
    expect(endpointsOf(given)[1]?.server).toBe(`https://${fqdn}`);
  });

  test.each([
    ['https://kube.example', 'kube.example', true],
    ['https://kube.example/', 'kube.example', true],
    ['HTTPS://kube.example:6443/', 'kube.example:6443', false],
    [' kube.example ', 'kube.example', true],
    ['kube.example:443', 'kube.example:443', false],
    ['fd00::10', '[fd00::10]', true],
    ['https://[fd00::10]:6443', '[fd00::10]:6443', false],
  ])('%j can be meant in one way only', (fqdn, host, isDefaultPort) => {
    const [, ace] = endpointsOf(sources({ fqdn, caCerts: PEM }));
    expect(ace).toMatchObject({ server: `https://${host}`, isDefaultPort });
  });

  test.each([
    ['http://kube.example', /begins with http:\/\/, and API servers speak https only$/],
    ['kube.example/k8s', /has a path/],
    ['kube example', /is no host name or address/],
  ])('%j is refused with a reason', (fqdn, reason) => {
    expect(fqdnProblem(sources({ fqdn, caCerts: PEM }))).toMatch(reason);
  });

  const bad = [
    'evil.example\u2028---',
    'a@b.example',
    'a.example/path',
    'a.example?x',
    'a.example#x',
    'a b',
    'a\\b',
    '[::1',
    'a:b:c',
    'a.example:99999',
    '%61.example',
    'ａ.example',
    'http://kube.example',
    'https://https://kube.example',
    'fe80::1%eth0',
  ];
  test.each(bad)('%j is none: nobody is sent there, and it is said', (text) => {
    const given = sources({ fqdn: text, caCerts: PEM });
    expect(endpointsOf(given).map(({ via }) => via)).toEqual(['proxy']);
    expect(fqdnProblem(given)).toContain(`fqdn '${text}' `);
    const nodes = [node('m-1', 'a', text), node('m-2', 'b', '192.0.2.2')];
    expect(badAddresses(sources({}, { nodes }))).toHaveLength(1);
    expect(endpointsOf(sources({}, { nodes })).map(({ name }) => name)).toEqual(['berlin', 'berlin-b']);
  });

  test('names a URL whose host is just that, or is left out', () => {
    const parts = fc.constantFrom(...'ab.-:@/?#[]%\\ \u2028\tA9', 'é', '::', '%41');
    const anyHost = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(parts, { maxLength: 9 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(anyHost, (fqdn) => {
        for (const { server, via } of endpointsOf(sources({ fqdn, caCerts: '' }, { serverCa: '' }))) {
          if (via === 'proxy') continue;
          const { host, pathname, search, hash, username } = new URL(server);
          expect([pathname, search, hash, username]).toEqual(['/', '', '', '']);
          expect(server.slice('https://'.length).toLowerCase().replace(/:443$/, '')).toBe(host);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('of names nobody could type, the id is taken', () => {
    const given = sources({ fqdn: 'b.example', caCerts: PEM });
    const cluster = { ...given.cluster, displayName: 'Berlin\u2028kind: Config' };
    expect(clusterLabel({ ...given, cluster })).toBe('c-1');
    const nodes = [node('m-1', 'a\u202eb', '192.0.2.1')];
    expect(endpointsOf(sources({}, { nodes }))[1]?.name).toBe('berlin-m-1');
  });
});
