import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_PROPAGATIONS,
  NAMESPACES,
  SECRETS,
  USERS,
} from '../../src/api/names.ts';
import { bearerKubeconfig } from '../support/bearer-kubeconfig.ts';
import { EXT_HASH, EXT_SECRET, rawExtToken } from '../support/builders.ts';
import { aCli, type Cli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl, kubectlSays } from '../support/kubectl.ts';
import { applyManifests } from '../support/manifests.ts';
import type { Any } from '../support/plane-client.ts';
import { NAMESPACE, OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

const EXT_NAMESPACE = 'cattle-tokens';
const OFF = Buffer.from('false').toString('base64');
/** A watch that was refused is tried again after half a minute at most. */
const LONG = { timeoutMs: 60_000 };
let world: World;
let cli: Cli;
let upstream: string;

const aNamespace = (name: string): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
const present = (name: string): Promise<void> =>
  eventually(async () => expect(await world.cluster('c-one').clusterAuthToken(name)).toBeDefined(), LONG);
const absent = (name: string): Promise<void> =>
  eventually(async () => {
    expect(await world.cluster('c-one').clusterAuthToken(name)).toBeUndefined();
    expect(await world.cluster('c-one').hashSecret(name)).toBeUndefined();
  }, LONG);

async function extToken(
  name: string,
  fields: Record<string, string | null> = {},
  metadata = {},
): Promise<Any> {
  const { data, metadata: meta } = rawExtToken(
    { cluster: 'c-one', 'user-id': 'u-ada', ...fields },
    { name, ...metadata },
  ) as unknown as Any;
  const { namespace, labels } = meta;
  const object = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace, labels }, data };
  return world.management.create(SECRETS, object);
}
/** Whatever the operator asked of that namespace. */
const ofExtNamespace = async (): Promise<readonly unknown[]> =>
  (await world.management.plane.auditLines()).filter(
    ({ userAgent, namespace }) => userAgent.startsWith('ace-operator/') && namespace === EXT_NAMESPACE,
  );
const patchExt = (name: string, data: Record<string, string>): Promise<Any> =>
  world.management.patch(SECRETS, name, { data }, EXT_NAMESPACE);

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one'], management: { audit: true } });
  cli = aCli({ KUBECONFIG: world.management.plane.adminKubeconfig });
  cli.hide(EXT_HASH, EXT_SECRET);
  await world.management.create(NAMESPACES, aNamespace(EXT_NAMESPACE) as never);
  for (const directory of ['operator', 'operator-ext-tokens'])
    await applyManifests(world.management.plane.adminKubeconfig, directory);
  upstream = await world.management.plane.kubeconfigFor(
    `system:serviceaccount:${OWN_NAMESPACE}:ace-operator`,
    ['system:serviceaccounts', `system:serviceaccounts:${OWN_NAMESPACE}`],
  );
  await world.register('c-one');
  await world.createUser('u-ada', {}, ['group://a']);
  await world.startOperator(['--kubeconfig', upstream, '--ext-tokens=true']);
});
afterAll(() => world?.close());

describe('a token of ext.cattle.io', () => {
  test('is carried with its own hash, whoever else is in that namespace', async () => {
    await extToken('token-abcde');
    await extToken('kubeconfig-other', {}, { labels: { 'cattle.io/kind': 'kubeconfig' } });
    await present('token-abcde');
    const secret = await world.cluster('c-one').hashSecret('token-abcde');
    expect(Buffer.from(secret?.data.hash, 'base64').toString()).toBe(EXT_HASH);
    await world.waitSynced('c-one', '1/1');
    expect((await world.propagation('c-one'))?.status.extTokens).toBe(true);
  });

  test('is explained, listed and waited for', async () => {
    const file = await bearerKubeconfig(world.cluster('c-one').plane, `ext/token-abcde:${EXT_SECRET}`);
    const { stdout } = await cli.run('explain', '-f', file);
    expect(stdout).toContain('holds a bearer of token ext/token-abcde');
    expect(stdout).toContain('of ext.cattle.io, of user u-ada');
    expect(stdout).toMatch(/Hash stored +sha3-512/);
    const list = await cli.run('token', 'list');
    expect(list.stdout).toMatch(/ext\/token-abcde +u-ada +c-one +Active +sha3-512/);
    expect((await cli.run('wait', 'token-abcde', '--for=propagated', '--timeout=5s')).code).toBe(0);
    expect((await cli.run('status', 'c-one')).stdout).toMatch(/token-abcde +u-ada +Propagated/i);
  });

  test('whose last use is told in the cluster has it in its Secret', async () => {
    const lastUsedAt = '2026-01-02T03:04:05Z';
    await world.cluster('c-one').patch(CLUSTER_AUTH_TOKENS, 'token-abcde', { lastUsedAt }, NAMESPACE);
    await eventually(async () => {
      const { data } = (await world.management.get(SECRETS, 'token-abcde', EXT_NAMESPACE)) ?? { data: {} };
      expect(Buffer.from(data['last-used-at'] ?? '', 'base64').toString()).toBe(lastUsedAt);
      expect(data.hash).toBe(Buffer.from(EXT_HASH).toString('base64'));
    });
  });

  test('keeps working while its hash is blank, and waits for one when it is new', async () => {
    await patchExt('token-abcde', { hash: '' });
    await extToken('token-blank', { hash: '' });
    await eventually(async () => expect((await world.propagation('c-one'))?.status.pending).toBe(1));
    expect(await world.cluster('c-one').clusterAuthToken('token-abcde')).toBeDefined();
    expect((await cli.run('explain', 'token-blank')).stdout).toContain(
      'HashPending: `data.hash` of its Secret is empty',
    );
    for (const name of ['token-abcde', 'token-blank'])
      await patchExt(name, { hash: Buffer.from(EXT_HASH).toString('base64') });
    await world.waitSynced('c-one', '2/2');
  });

  test('is out once it is disabled, over, deleted, or no token any more; and a restart changes nothing of that', async () => {
    for (const name of ['token-off', 'token-gone', 'token-label']) await extToken(name);
    for (const name of ['token-off', 'token-gone', 'token-label']) await present(name);
    await patchExt('token-off', { enabled: OFF });
    await world.management.remove(SECRETS, 'token-gone', EXT_NAMESPACE);
    await absent('token-off');
    await absent('token-gone');
    const unlabel = { metadata: { labels: { 'cattle.io/kind': 'something' } } };
    await world.management.patch(SECRETS, 'token-label', unlabel, EXT_NAMESPACE);
    await absent('token-label');
    await world.stopOperator();
    await world.management.remove(SECRETS, 'token-blank', EXT_NAMESPACE);
    await world.startOperator(['--kubeconfig', upstream, '--ext-tokens=true']);
    await absent('token-blank');
    expect(await world.cluster('c-one').clusterAuthToken('token-abcde')).toBeDefined();
  });

  test('of a disabled user is refused like any other', async () => {
    await world.management.patch(USERS, 'u-ada', { enabled: false });
    await eventually(async () =>
      expect(await world.cluster('c-one').clusterUserAttribute('u-ada')).toMatchObject({ enabled: false }),
    );
    await world.management.patch(USERS, 'u-ada', { enabled: true });
    await world.waitSynced('c-one', '1/1');
  });

  test('and a Token of one name: the older keeps it, and the other is told of', async () => {
    await world.createToken('token-abcde', 'c-one', 'u-ada');
    await eventually(async () =>
      expect((await world.propagation('c-one'))?.status.refused).toMatchObject({ NameCollision: 1 }),
    );
    const secret = await world.cluster('c-one').hashSecret('token-abcde');
    expect(Buffer.from(secret?.data.hash, 'base64').toString()).toBe(EXT_HASH);
    await eventually(async () => expect(await world.events('NameCollision')).not.toEqual([]));
    await world.management.remove(SECRETS, 'token-abcde', EXT_NAMESPACE);
    // Another secret now: the old one is out, the new one in.
    await eventually(async () => {
      const { data } = (await world.cluster('c-one').hashSecret('token-abcde')) ?? {};
      expect(data?.hash).toBeDefined();
      expect(Buffer.from(data.hash, 'base64').toString()).not.toBe(EXT_HASH);
    });
    await world.waitSynced('c-one', '1/1');
    await world.deleteToken('token-abcde');
  });

  test('has a name to itself while an older Token of that name is not to be in the cluster', async () => {
    const hashOf = async (name: string): Promise<string> =>
      Buffer.from((await world.cluster('c-one').hashSecret(name))?.data.hash ?? '', 'base64').toString();
    await world.createToken('token-older', 'c-one', 'u-ada', { enabled: false });
    // Creation times are whole seconds.
    await new Promise((done) => setTimeout(done, 1_100));
    await extToken('token-older');
    await present('token-older');
    expect(await hashOf('token-older')).toBe(EXT_HASH);
    await world.patchToken('token-older', { enabled: true });
    await eventually(async () =>
      expect((await world.propagation('c-one'))?.status.refused).toMatchObject({ NameCollision: 1 }),
    );
    await eventually(async () => expect(await hashOf('token-older')).toMatch(/^\$/));
    expect(await hashOf('token-older')).not.toBe(EXT_HASH);
    await world.patchToken('token-older', { clusterName: 'c-elsewhere' });
    await eventually(async () => expect(await hashOf('token-older')).toBe(EXT_HASH));
    await world.deleteToken('token-older');
    await world.management.remove(SECRETS, 'token-older', EXT_NAMESPACE);
    await absent('token-older');
  });

  test('stays when its namespace was deleted and made anew, also over a restart: nobody revoked it', async () => {
    const admin = world.management.plane.adminKubeconfig;
    const names = ['token-home-0', 'token-home-1'];
    for (const name of names) await extToken(name);
    for (const name of names) await present(name);
    await world.waitSynced('c-one', '2/2');
    const withoutNamespace = async (): Promise<void> => {
      await kubectl(admin, 'delete', 'namespace', EXT_NAMESPACE, '--wait=false');
      // What the controller of namespaces does; none runs here.
      for (const { metadata } of await world.management.list(SECRETS, EXT_NAMESPACE))
        await world.management.remove(SECRETS, metadata.name, EXT_NAMESPACE);
      const finalized = { ...aNamespace(EXT_NAMESPACE), spec: { finalizers: [] } };
      const path = `/api/v1/namespaces/${EXT_NAMESPACE}/finalize`;
      await kubectlSays(admin, ['replace', '--raw', path, '-f', '-'], JSON.stringify(finalized));
    };
    const stays = async (): Promise<void> => {
      for (const name of names) expect(await world.cluster('c-one').clusterAuthToken(name)).toBeDefined();
    };
    // What a sweep finds absent waits for a person here, however few they are.
    const gc = { minDeletes: 0, maxDeletePercent: 0 };
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { gc } });
    await withoutNamespace();
    await eventually(async () => expect((await world.propagation('c-one'))?.status.pending).toBe(2), LONG);
    await stays();
    await world.management.create(NAMESPACES, aNamespace(EXT_NAMESPACE) as never);
    await applyManifests(admin, 'operator-ext-tokens');
    await world.waitCondition('c-one', 'GCBlocked', { status: 'True' });
    await stays();
    await world.stopOperator();
    await world.startOperator(['--kubeconfig', upstream, '--ext-tokens=true']);
    await eventually(async () => expect((await world.propagation('c-one'))?.status.pending).toBe(2), LONG);
    await world.waitCondition('c-one', 'GCBlocked', { status: 'True' });
    await stays();
    // A deletion in the new one is one.
    await extToken('token-home-0');
    await eventually(async () => expect((await world.propagation('c-one'))?.status.tokens).toBe('1/2'), LONG);
    await world.management.remove(SECRETS, 'token-home-0', EXT_NAMESPACE);
    await absent('token-home-0');
    expect(await world.cluster('c-one').clusterAuthToken('token-home-1')).toBeDefined();
    // And what a person looked at goes.
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { gc: null } });
    await absent('token-home-1');
  });

  test('stays when the right to read it is taken away, also over a restart, and that is said', async () => {
    await extToken('token-kept');
    await present('token-kept');
    await world.stopOperator();
    const admin = world.management.plane.adminKubeconfig;
    await kubectl(admin, 'delete', 'rolebinding', 'ace-operator-ext-tokens', '-n', EXT_NAMESPACE);
    const operator = await world.startOperator(['--kubeconfig', upstream, '--ext-tokens=true']);
    await world.createToken('token-v3', 'c-one', 'u-ada');
    await present('token-v3');
    expect(await world.cluster('c-one').clusterAuthToken('token-kept')).toBeDefined();
    expect(operator.output()).toContain('tokens.ext.cattle.io');
    await applyManifests(admin, 'operator-ext-tokens');
    await world.management.remove(SECRETS, 'token-kept', EXT_NAMESPACE);
    await absent('token-kept');
  });

  test('and a younger Token of one name: that one waits while the first cannot be read, and takes no place', async () => {
    const admin = world.management.plane.adminKubeconfig;
    await extToken('token-both');
    await extToken('token-new');
    await present('token-both');
    await world.stopOperator();
    await kubectl(admin, 'delete', 'rolebinding', 'ace-operator-ext-tokens', '-n', EXT_NAMESPACE);
    await world.createToken('token-both', 'c-one', 'u-ada');
    await world.createToken('token-free', 'c-one', 'u-ada');
    await world.startOperator(['--kubeconfig', upstream, '--ext-tokens=true']);
    await present('token-free');
    const { data } = (await world.cluster('c-one').hashSecret('token-both')) ?? {};
    expect(Buffer.from(data.hash, 'base64').toString()).toBe(EXT_HASH);
    await applyManifests(admin, 'operator-ext-tokens');
    await eventually(
      async () =>
        expect((await world.propagation('c-one'))?.status.refused).toMatchObject({ NameCollision: 1 }),
      LONG,
    );
    await world.management.remove(SECRETS, 'token-both', EXT_NAMESPACE);
    await eventually(async () => {
      const { data: now } = (await world.cluster('c-one').hashSecret('token-both')) ?? {};
      expect(now?.hash).toBeDefined();
      expect(now?.hash).not.toBe(data.hash);
    }, LONG);
  });

  test('is taken away, and asked for no more, once they are not to be carried', async () => {
    await extToken('token-last');
    await present('token-last');
    await present('token-both');
    await world.stopOperator();
    // The end of a watch is told some time after whoever had it open is gone.
    let from = -1;
    await eventually(async () => {
      from = (await ofExtNamespace()).length;
      await delay(1_000);
      expect((await ofExtNamespace()).length).toBe(from);
    });
    await world.startOperator(['--kubeconfig', upstream, '--ext-tokens=false']);
    await absent('token-last');
    await absent('token-new');
    await present('token-both');
    await present('token-free');
    // The status is of the operator before until this one has written its own.
    await eventually(
      async () => expect((await world.propagation('c-one'))?.status.extTokens).not.toBe(true),
      LONG,
    );
    expect((await ofExtNamespace()).slice(from)).toEqual([]);
    expect(await world.management.get(SECRETS, 'token-last', EXT_NAMESPACE)).toBeDefined();
  });

  test('nothing that was tried was forbidden, but for what was taken away on purpose', async () => {
    const lines = await world.management.plane.auditLines();
    const refused = lines
      .filter(({ userAgent, code }) => userAgent.startsWith('ace-operator/') && code === 403)
      .filter(({ namespace }) => namespace !== EXT_NAMESPACE);
    expect(refused).toEqual([]);
  });
});
