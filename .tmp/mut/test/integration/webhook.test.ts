import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AuthenticatorProcess,
  startAuthenticator,
  webhookKubeconfig,
} from '../support/authenticator-process.ts';
import { bearerKubeconfig } from '../support/bearer-kubeconfig.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { startWorld, type World } from '../support/world.ts';

describe('a downstream API server with the shipped webhook kubeconfig', () => {
  let world: World;
  let authenticator: AuthenticatorProcess;

  beforeAll(async () => {
    const webhook = await webhookKubeconfig();
    world = await startWorld({
      clusters: ['c-one'],
      downstream: { tokenWebhook: { kubeconfig: webhook.path } },
    });
    await world.register('c-one');
    await world.startOperator();
    await world.waitSynced('c-one', '0/0');
    authenticator = await startAuthenticator(world.cluster('c-one').plane.adminKubeconfig, webhook.port);
    await kubectl(
      world.cluster('c-one').plane.adminKubeconfig,
      'create',
      'clusterrolebinding',
      'devs',
      '--clusterrole=cluster-admin',
      '--group=group://devs',
    );
  });
  afterAll(async () => {
    await authenticator?.stop();
    await world.close();
  });

  const get = async (bearer: string): Promise<string> =>
    kubectl(await bearerKubeconfig(world.cluster('c-one').plane, bearer), 'get', 'namespaces', '-o', 'name');

  test('lets a propagated token in within a second of being refused', async () => {
    await world.createUser('u-ada', {}, ['group://devs']);
    await expect(get('token-ada:not-a-real-secret-of-token-ada')).rejects.toThrow(/logged in|Unauthorized/);
    await world.createToken('token-ada', 'c-one', 'u-ada');
    await world.waitSynced('c-one', '1/1');
    await eventually(
      async () =>
        expect(await get('token-ada:not-a-real-secret-of-token-ada')).toContain('namespace/default'),
      { timeoutMs: 1_000 },
    );
  });

  test('refuses a wrong secret', async () => {
    await expect(get('token-ada:another-secret')).rejects.toThrow(/logged in|Unauthorized/);
  });
});
