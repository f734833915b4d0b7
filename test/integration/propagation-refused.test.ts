import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS, CLUSTERS, type Resource } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { type Downstream, startWorld, type World } from '../support/world.ts';

const LONG = { timeoutMs: 60_000, intervalMs: 100 };
const WEBHOOKS: Resource = {
  ...{ group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingwebhookconfigurations' },
  ...{ kind: 'ValidatingWebhookConfiguration', namespaced: false },
};
const NAME = 'nobody-answers';

let world: World;
let cluster: Downstream;
beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one'] });
  cluster = world.cluster('c-one');
  await world.createUser('u-ada');
  await world.createTokens('t', 3, 'c-one', 'u-ada');
  await world.register('c-one');
  await world.startOperator();
  await world.waitSynced('c-one', '3/3');
  await world.stopOperator();
  await world.management.remove(CLUSTER_PROPAGATIONS, 'c-one');
  await refuse();
  await world.startOperator();
});
afterAll(() => world.close());

/** An admission webhook that nobody answers: no ClusterPropagation can be made. */
async function refuse(): Promise<void> {
  await world.management.create(WEBHOOKS, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: WEBHOOKS.kind,
    metadata: { name: NAME },
    webhooks: [
      {
        ...{ name: 'nobody.answers.example', failurePolicy: 'Fail', sideEffects: 'None', timeoutSeconds: 1 },
        admissionReviewVersions: ['v1'],
        clientConfig: { url: 'https://127.0.0.1:1/' },
        rules: [
          {
            ...{ operations: ['CREATE'], apiGroups: ['ace-operator.io'], apiVersions: ['*'] },
            resources: ['clusterpropagations'],
          },
        ],
      },
    ],
  });
}

describe('a cluster whose ClusterPropagation cannot be made, after a restart,', () => {
  test('has what is revoked taken away, and keeps what is good', async () => {
    await world.deleteToken('t-0');
    await eventually(async () => expect(await cluster.clusterAuthToken('t-0')).toBeUndefined(), LONG);
    expect(await cluster.tokenNames()).toEqual(['t-1', 't-2']);
    expect(await world.propagation('c-one')).toBeUndefined();
  });

  test('gets what is new once it can be made', async () => {
    await world.createTokens('new', 1, 'c-one', 'u-ada');
    await world.management.remove(WEBHOOKS, NAME);
    await world.waitSynced('c-one', '3/3');
    expect(await cluster.tokenNames()).toEqual(['new-0', 't-1', 't-2']);
  });

  test('is drained when its Cluster is deleted: nobody gave it up', async () => {
    await refuse();
    await world.stopOperator();
    await world.management.remove(CLUSTER_PROPAGATIONS, 'c-one');
    await world.startOperator();
    await world.deleteToken('t-1');
    await eventually(async () => expect(await cluster.clusterAuthToken('t-1')).toBeUndefined(), LONG);
    await world.management.remove(CLUSTERS, 'c-one');
    await eventually(async () => expect(await cluster.ours()).toEqual([]), LONG);
  });
});
