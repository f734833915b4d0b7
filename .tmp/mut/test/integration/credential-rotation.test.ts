import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { SECRETS, SETTINGS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { type RancherProxy, startRancherProxy } from '../support/rancher-proxy.ts';
import { OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

const PATIENCE = { timeoutMs: 60_000, intervalMs: 100 };

describe("a projected service-account token, which is the operator's own credential", () => {
  let world: World;
  let directory: string;
  const file = (name: string): string => join(directory, name);

  /** A token that is good for as long as a Secret of this name is there. */
  const tokenBoundTo = async (secret: string): Promise<string> => {
    const { adminKubeconfig } = world.management.plane;
    const { metadata } = await world.management.create(SECRETS, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: secret, namespace: OWN_NAMESPACE },
    });
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        expirationSeconds: 3600,
        boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: secret, uid: metadata.uid },
      },
    };
    await writeFile(file('request.json'), JSON.stringify(request));
    const path = `/api/v1/namespaces/${OWN_NAMESPACE}/serviceaccounts/operator/token`;
    const answer = await kubectl(adminKubeconfig, 'create', '--raw', path, '-f', file('request.json'));
    return (JSON.parse(answer) as { status: { token: string } }).status.token;
  };
  /** As the kubelet does it: the new content appears whole. */
  const project = async (token: string): Promise<void> => {
    await writeFile(file('next'), `${token}\n`);
    await rename(file('next'), file('token'));
  };
  const revoke = (secret: string): Promise<void> => world.management.remove(SECRETS, secret, OWN_NAMESPACE);
  const arrives = async (name: string): Promise<void> => {
    await world.createToken(name, 'c-one', 'u-ada');
    await eventually(async () => {
      expect(await world.cluster('c-one').clusterAuthToken(name)).toBeDefined();
    }, PATIENCE);
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ace-rotation-'));
    world = await startWorld({ clusters: ['c-one'] });
    const { adminKubeconfig } = world.management.plane;
    await kubectl(adminKubeconfig, 'create', 'serviceaccount', 'operator', '-n', OWN_NAMESPACE);
    await kubectl(
      adminKubeconfig,
      ...['create', 'clusterrolebinding', 'operator', '--clusterrole=cluster-admin'],
      `--serviceaccount=${OWN_NAMESPACE}:operator`,
    );
    await project(await tokenBoundTo('first'));
    const kubeconfig = parse(world.management.plane.kubeconfigYaml()) as { users: { user: object }[] };
    for (const entry of kubeconfig.users) entry.user = { tokenFile: 'token' };
    await writeFile(file('kubeconfig'), stringify(kubeconfig));
    await world.createUser('u-ada');
    await world.register('c-one');
    await world.startOperator(['--kubeconfig', file('kubeconfig')]);
  });
  afterAll(async () => {
    await world.close();
    await rm(directory, { recursive: true });
  });

  test('is read from its file, relative to the kubeconfig', async () => {
    await arrives('one');
  });

  test('is read again when it was replaced, so that nothing happens when the old one dies', async () => {
    await project(await tokenBoundTo('second'));
    await revoke('first');
    await arrives('two');
    expect(world.operator?.output()).not.toContain('CredentialsRejected');
  });

  test('is read again at once after a 401; if that does not help, the log says CredentialsRejected', async () => {
    await revoke('second');
    await eventually(() => {
      expect(world.operator?.logs()).toContainEqual(
        expect.objectContaining({ message: 'management watch failed', reason: 'CredentialsRejected' }),
      );
    }, PATIENCE);
    expect((await world.operator?.http('/readyz?verbose'))?.body).toContain(
      '[-] management-accepts-us failed',
    );

    await project(await tokenBoundTo('third'));
    await arrives('three');
    await eventually(async () => expect((await world.operator?.http('/readyz'))?.status).toBe(200), PATIENCE);
  });
});

/** A way to a cluster, as some program keeps it. */
interface Rotated {
  readonly secret: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Content of the Secret with this bearer. */
  data(bearer: string): Readonly<Record<string, string>>;
}

describe('credentials of a cluster that are replaced while tokens come and go', () => {
  const ID = 'c-m-rotated1';
  const CLUSTER_SERVER = (): string => `${rancher.address}/k8s/clusters/${ID}`;
  let world: World;
  let rancher: RancherProxy;

  beforeAll(async () => {
    world = await startWorld({ clusters: [ID] });
    rancher = await startRancherProxy(new Map([[ID, world.cluster(ID).plane]]));
    await world.management.create(SETTINGS, {
      apiVersion: 'management.cattle.io/v3',
      kind: 'Setting',
      metadata: { name: 'internal-server-url' },
      value: rancher.address,
    });
    await world.createUser('u-ada');
    await world.register(ID, { credentials: false });
    await world.startOperator(['--hash-algorithm', 'sha3-512']);
  });
  afterAll(async () => {
    await world.close();
    await rancher.close();
  });

  const caData = (): string => JSON.parse(rancher.kubeconfig(ID)).clusters[0].cluster[CA_DATA] as string;
  const kubeconfig = (bearer: string): string => {
    const config = JSON.parse(rancher.kubeconfig(ID));
    config.users[0].user.token = bearer;
    return JSON.stringify(config);
  };
  const ways: readonly Rotated[] = [
    {
      secret: 'dev-kubeconfig',
      labels: { 'cluster.x-k8s.io/cluster-name': 'dev' },
      data: (bearer) => ({ value: kubeconfig(bearer), token: bearer }),
    },
    {
      secret: 'argo-cd-cluster',
      labels: { 'argocd.argoproj.io/secret-type': 'cluster' },
      data: (bearerToken) => ({
        name: ID,
        server: CLUSTER_SERVER(),
        config: JSON.stringify({ bearerToken, tlsClientConfig: { caData: caData() } }),
      }),
    },
    {
      secret: 'pushed',
      labels: { 'x-k8s.io/cluster-inventory-consumer': 'ace-operator', 'x-k8s.io/cluster-profile': ID },
      data: (bearer) => ({ Config: kubeconfig(bearer) }),
    },
  ];
  for (const [index, way] of ways.entries()) {
    test(`${way.secret}: nothing is lost, and nothing that was revoked stays`, async () => {
      const bearers = [0, 1, 2, 3].map((round) => `u-way-${index}:not-a-real-secret-${round}`);
      rancher.setBearer(bearers[0] ?? '');
      await world.management.create(SECRETS, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: way.secret, namespace: OWN_NAMESPACE, labels: way.labels },
        data: encoded(way.data(bearers[0] ?? '')),
      });
      const prefix = `token-way-${index}`;
      const names = await world.createTokens(prefix, 60, ID, 'u-ada');
      const waiting = [...names];
      for (const bearer of bearers.slice(1)) {
        for (const name of waiting.splice(0, 10)) await world.deleteToken(name);
        // As Rancher does it: the old one dies, then the Secret has the new one; in between nothing works.
        rancher.setBearer(bearer);
        for (const name of waiting.splice(0, 5)) await world.deleteToken(name);
        const data = encoded(way.data(bearer));
        await world.management.patch(SECRETS, way.secret, { data }, OWN_NAMESPACE);
      }
      await world.waitSynced(ID, '15/15');
      expect(await world.cluster(ID).tokenNames()).toEqual([...waiting].sort());
      for (const name of waiting) await world.deleteToken(name);
      await world.waitSynced(ID, '0/0');
      await world.management.remove(SECRETS, way.secret, OWN_NAMESPACE);
      await world.waitCondition(ID, 'Connected', { status: 'False', reason: 'NoCredentials' });
    });
  }
});

const CA_DATA = 'certificate-authority-data';

const encoded = (data: Readonly<Record<string, string>>): object =>
  Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
