import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS, NAMESPACES } from '../../src/api/names.ts';
import {
  type AuthenticatorProcess,
  startAuthenticator,
  webhookKubeconfig,
} from '../support/authenticator-process.ts';
import { aCli, type Cli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import type { Any } from '../support/plane-client.ts';
import {
  carryAsRancher,
  ERAS,
  type EraToken,
  eraBearer,
  removeAsRancher,
  storeToken,
  updateAsRancher,
} from '../support/rancher-eras.ts';
import { startWorld, type World } from '../support/world.ts';

/** Worlds of each era of Rancher: looked at, carried, taken over and handed back, while somebody asks all the time. */

/** As beside kube-api-auth, which verifies no bcrypt. */
const FLAGS = ['--hash-algorithm', 'sha3-512', '--ext-tokens=true'];
let world: World;
let cli: Cli;
const webhooks = new Map<string, { readonly path: string; readonly port: number }>();

beforeAll(async () => {
  for (const { cluster } of ERAS) webhooks.set(cluster, await webhookKubeconfig());
  world = await startWorld({
    clusters: ERAS.map(({ cluster }) => cluster),
    downstream: (id) => ({ tokenWebhook: { kubeconfig: webhooks.get(id)?.path ?? '', cacheTtl: '0s' } }),
  });
  cli = aCli({ KUBECONFIG: world.management.plane.adminKubeconfig });
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'cattle-tokens' } };
  await world.management.create(NAMESPACES, namespace);
  await world.createUser('u-era', {}, ['group://era']);
  for (const { cluster } of ERAS) await world.register(cluster);
  // The definitions downstream are there already, beside Rancher; here they are ours to make.
  await world.startOperator(FLAGS);
  for (const { cluster } of ERAS) await world.waitSynced(cluster, '0/0');
  await world.stopOperator();
  for (const era of ERAS) {
    for (const token of era.tokens) await storeToken(era, token, world.management);
    await carryAsRancher(era, world.cluster(era.cluster));
  }
}, 240_000);
afterAll(() => world?.close());

test('what no Rancher carried is refused, as long as no operator came', async () => {
  const left = ERAS.flatMap(({ tokens }) => tokens.filter(({ carried }) => carried === undefined));
  expect(left.length).toBeGreaterThan(1);
  for (const { name } of left) expect((await cli.run('explain', name)).code).toBe(1);
});

for (const era of ERAS) {
  const { rancher, cluster, place, tokens } = era;
  const carried = tokens.filter((token) => token.carried !== undefined);
  const left = tokens.filter((token) => token.carried === undefined);

  describe(`Rancher ${rancher}`, () => {
    let authenticator: AuthenticatorProcess;
    let asking: Asking;

    beforeAll(async () => {
      const downstream = world.cluster(cluster).plane.adminKubeconfig;
      const port = webhooks.get(cluster)?.port ?? 0;
      authenticator = await startAuthenticator(downstream, port);
      asking = ask(`http://127.0.0.1:${port}/v1/authenticate`, carried);
    });
    afterAll(async () => {
      await world.stopOperator();
      await asking.stop();
      await authenticator.stop();
    });

    test('what works by its objects is explained so, without an operator of ours', async () => {
      for (const { name } of carried) {
        const { code, stdout } = await cli.run('explain', name);
        expect({ code, stdout }).toMatchObject({
          code: 4,
          stdout: expect.stringContaining(': in order - it would be let in as u-era'),
        });
      }
    });

    test('what it wrote is left alone; what it leaves aside is let in by its ClusterUserAttribute', async () => {
      const before = await pairs(cluster, carried);
      await world.startOperator(FLAGS);
      await world.waitCondition(cluster, 'OtherWriter', { status: 'True', reason: 'RancherWrites' });
      // A token that is new may be about to be carried: its writer has a minute.
      await eventually(
        async () => {
          const { status } = (await world.propagation(cluster)) ?? { status: {} };
          expect(status).toMatchObject({ synced: left.length, refused: { Conflict: carried.length } });
        },
        { timeoutMs: 120_000 },
      );
      expect(await pairs(cluster, carried)).toEqual(before);
      for (const token of left) await eventually(async () => expect(await asking.once(token)).toBe(true));
      const attribute = await world.cluster(cluster).clusterUserAttribute('u-era');
      expect(attribute?.metadata.labels).toEqual({ 'cattle.io/creator': 'norman' });
    });

    test('taken over, and everything is known by its format', async () => {
      const uids = async (): Promise<unknown> =>
        Promise.all(
          carried.map(
            async ({ name }) => (await world.cluster(cluster).clusterAuthToken(name))?.metadata.uid,
          ),
        );
      const before = await uids();
      await world.management.patch(CLUSTER_PROPAGATIONS, cluster, {
        spec: { adopt: true, hash: { storage: place } },
      });
      await world.waitSynced(cluster, `${tokens.length}/${tokens.length}`);
      expect(await uids()).toEqual(before);
      for (const token of left) expect(await asking.once(token)).toBe(true);
      const suffix = place === 'inline' ? '-inline' : '';
      const formats = tokens.map(({ stored }) => (stored === 'plain' ? 'sha3-512' : stored) + suffix);
      await eventually(async () =>
        expect((await world.propagation(cluster))?.status.hashes).toEqual(
          Object.fromEntries(
            [...new Set(formats)].map((kind) => [kind, formats.filter((it) => it === kind).length]),
          ),
        ),
      );
      const { stdout } = await cli.run('status', '--management-only', '-o', 'json');
      const item = JSON.parse(stdout).items.find(({ name }: { name: string }) => name === cluster);
      expect(item.wouldStop).toEqual([
        { authenticator: 'ace-authenticator', tokens: 0 },
        { authenticator: 'kube-api-auth 0.2.5 or newer', tokens: 0 },
        { authenticator: 'kube-api-auth up to 0.2.4', tokens: place === 'inline' ? 0 : tokens.length },
      ]);
    });

    test('and handed back: its controller writes again, and takes away what is deleted', async () => {
      await world.management.patch(CLUSTER_PROPAGATIONS, cluster, { spec: { adopt: false } });
      await world.waitSynced(cluster, `${tokens.length}/${tokens.length}`);
      await world.stopOperator();
      await updateAsRancher(era, world.cluster(cluster));
      await asking.settled();
      expect(asking.refused).toEqual([]);
      expect(asking.answered).toBeGreaterThan(100);
      await asking.stop();
      await removeAsRancher(era, world.cluster(cluster));
      await eventually(async () => {
        for (const token of tokens) expect(await asking.once(token)).toBe(false);
      });
    });
  });
}

interface Asking {
  /** Names of those who were refused, in order. */
  readonly refused: readonly string[];
  readonly answered: number;
  once(token: EraToken): Promise<boolean>;
  /** After a round that began after what was done before this call. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

/** Asks for each token, over and over. */
function ask(url: string, tokens: readonly EraToken[]): Asking {
  const refused: string[] = [];
  let rounds = 0;
  let answered = 0;
  let isOver = false;
  const once = async (token: EraToken): Promise<boolean> => {
    const body = JSON.stringify({
      ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview' },
      spec: { token: eraBearer(token) },
    });
    const response = await fetch(url, { method: 'POST', body });
    const review = (await response.json()) as Any;
    return review['status']?.authenticated === true;
  };
  const loop = (async () => {
    while (!isOver) {
      for (const token of tokens) {
        if (!(await once(token))) refused.push(token.name);
        answered += 1;
      }
      rounds += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return {
    refused,
    get answered() {
      return answered;
    },
    once,
    async settled() {
      const before = rounds;
      await eventually(() => expect(rounds).toBeGreaterThan(before + 20));
    },
    async stop() {
      isOver = true;
      await loop;
    },
  };
}

/** All that decides, and whose marks it bears; when it was used last is for the authenticator to write. */
async function pairs(cluster: string, tokens: readonly EraToken[]): Promise<readonly object[]> {
  const plane = world.cluster(cluster);
  const objects = await Promise.all(
    tokens.flatMap(({ name }) => [plane.clusterAuthToken(name), plane.hashSecret(name)]),
  );
  return objects.map(({ metadata, lastUsedAt: _, ...fields }: Any = { metadata: {} }) => ({
    ...fields,
    ...{ uid: metadata.uid, labels: metadata.labels, annotations: metadata.annotations },
  }));
}
