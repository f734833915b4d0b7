import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_PROPAGATIONS,
  CLUSTER_USER_ATTRIBUTES,
  SECRETS,
} from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import type { Any } from '../support/plane-client.ts';
import { type Downstream, NAMESPACE, startWorld, type World } from '../support/world.ts';

const LONG = { timeoutMs: 60_000, intervalMs: 100 };
const NAMESPACES = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false };

describe('a cluster in whose place another one answers', () => {
  let world: World;
  let one: Downstream;
  let other: Downstream;

  beforeAll(async () => {
    world = await startWorld({ clusters: ['c-one', 'c-other'] });
    [one, other] = [world.cluster('c-one'), world.cluster('c-other')];
    await world.createUser('u-ada');
    await world.createTokens('t', 4, 'c-one', 'u-ada');
    await world.register('c-one');
  });
  afterEach(() => world.killOperator());
  afterAll(() => world.close());

  const uidOf = async (cluster: Downstream): Promise<string> =>
    (await cluster.get(NAMESPACES, 'kube-system'))?.metadata.uid;
  const leadTo = (cluster: Downstream): Promise<void> =>
    world.setCredentials('c-one', { kubeconfig: cluster.plane.kubeconfigYaml() });
  const accept = (uid: string): Promise<Any> =>
    world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', {
      metadata: { annotations: { 'ace-operator.io/accept-cluster': uid } },
    });
  const replaced = (): Promise<void> =>
    world.waitCondition('c-one', 'Connected', { status: 'False', reason: 'ClusterReplaced' });
  /** As a backup of the cluster brings it back in another one. */
  async function putBackInOther(token: string): Promise<void> {
    await other.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    const definitions = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };
    const kind = { ...definitions, kind: 'CustomResourceDefinition', namespaced: false };
    for (const name of ['clusterauthtokens.cluster.cattle.io', 'clusteruserattributes.cluster.cattle.io']) {
      const { apiVersion, spec } = (await one.get(kind, name)) ?? {};
      await other.create(kind, { apiVersion, kind: kind.kind, metadata: { name }, spec });
    }
    const copies = [
      [CLUSTER_USER_ATTRIBUTES, await one.clusterUserAttribute('u-ada')],
      [SECRETS, await one.hashSecret(token)],
      [CLUSTER_AUTH_TOKENS, await one.clusterAuthToken(token)],
    ] as const;
    for (const [resource, copy] of copies) {
      const { name, namespace, labels, annotations } = copy?.metadata ?? {};
      const object = { ...copy, metadata: { name, namespace, labels, annotations } };
      await eventually(() => other.create(resource, object), LONG);
    }
  }

  test('gets nothing there, also after a restart, and is served again when the address is right', async () => {
    await world.startOperator();
    await world.waitSynced('c-one', '4/4');
    const uid = await uidOf(one);
    await eventually(
      async () => expect((await world.propagation('c-one'))?.status.clusterUID).toBe(uid),
      LONG,
    );
    await leadTo(other);
    await replaced();
    await world.killOperator();
    await world.startOperator();
    await world.deleteToken('t-3');
    await world.createToken('t-new', 'c-one', 'u-ada');
    await eventually(async () => {
      expect(
        await world.operator?.metric('ace_cluster_problem{ace_cluster="c-one",reason="ClusterReplaced"}'),
      ).toBe(1);
      expect(await world.operator?.metric('ace_revocations_pending{ace_cluster="c-one"}')).toBe(1);
    }, LONG);
    await replaced();
    const { message } = await world.condition('c-one', 'Ready');
    expect(message).toContain(`ace-operator.io/accept-cluster=${await uidOf(other)}`);
    expect(await other.get(NAMESPACES, NAMESPACE)).toBeUndefined();
    expect((await world.propagation('c-one'))?.status.clusterUID).toBe(uid);

    await leadTo(one);
    await world.waitSynced('c-one', '4/4');
    expect(await one.tokenNames()).toEqual(['t-0', 't-1', 't-2', 't-new']);
    expect(await world.operator?.metric('ace_revocations_pending{ace_cluster="c-one"}')).toBe(0);
  });

  test('set up anew from a backup: revocations go on there, all else waits for its UID to be accepted', async () => {
    await putBackInOther('t-0');
    await world.startOperator();
    await eventually(async () => {
      expect(await world.operator?.metric('ace_cluster_unseen{ace_cluster="c-one"}')).toBe(0);
      expect(await world.operator?.metric('ace_revocations_pending{ace_cluster="c-one"}')).toBe(0);
    }, LONG);
    await leadTo(other);
    await replaced();
    await world.deleteToken('t-0');
    await eventually(async () => expect(await other.clusterAuthToken('t-0')).toBeUndefined(), LONG);
    // It goes after the ClusterAuthToken.
    await eventually(async () => expect(await other.hashSecret('t-0')).toBeUndefined(), LONG);
    // What is owed to the other one is not paid by that.
    expect(await world.operator?.metric('ace_revocations_pending{ace_cluster="c-one"}')).toBe(1);
    await accept('wrong');
    await eventually(async () => expect(await world.events('AcceptanceRefused')).toHaveLength(1), LONG);
    await eventually(async () => {
      expect((await world.propagation('c-one'))?.metadata.annotations ?? {}).toEqual({});
    }, LONG);
    expect(await other.tokenNames()).toEqual([]);

    const uid = await uidOf(other);
    await accept(uid);
    await world.waitSynced('c-one', '3/3');
    expect(await other.tokenNames()).toEqual(['t-1', 't-2', 't-new']);
    await eventually(async () => {
      const { metadata, status } = (await world.propagation('c-one')) ?? {};
      expect([metadata.annotations ?? {}, status.clusterUID]).toEqual([{}, uid]);
      expect(await world.operator?.metric('ace_revocations_pending{ace_cluster="c-one"}')).toBe(0);
    }, LONG);
    // By whoever comes next it is known.
    await world.killOperator();
    await world.startOperator();
    await world.waitSynced('c-one', '3/3');
    await world.createToken('t-newer', 'c-one', 'u-ada');
    await eventually(async () => expect(await other.clusterAuthToken('t-newer')).toBeDefined(), LONG);
  });
});
