import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { SECRETS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
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
