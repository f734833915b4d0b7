import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS, LEASES, NAMESPACES } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { type Fleet, startFleet } from '../support/fleet-proxy.ts';
import type { Any } from '../support/plane-client.ts';
import { OWN_NAMESPACE } from '../support/world.ts';
import { explainFailures } from './support/diagnostics.ts';
import { type Management, managementOf } from './support/management.ts';
import { type ShardSampler, sampleShards } from './support/shard-sampler.ts';
import { openSite, type Site } from './support/site.ts';

/** Three replicas in pods that divide clusters by shards, rolled while tokens come and go. */
const SHARDS = 16;
const REPLICAS = 3;
const CLUSTERS = Array.from({ length: 6 }, (_, index) => `f-${index}`);
const LEASE_MS = 15_000;
const MARGIN_MS = 2_000;
const PATIENCE = { timeoutMs: 90_000, intervalMs: 250 };

let site: Site;
let management: Management;
let fleet: Fleet;
let sampler: ShardSampler;
explainFailures(() => site && { site });

beforeAll(async () => {
  const { current } = inject('images');
  site = await openSite({}, [current]);
  management = managementOf(site);
  fleet = await startFleet(site.cluster, { address: site.cluster.hostAddress });
  await site.admin('apply', '-f', join(current.checkout, 'crds'));
  await site.apply((await site.shipped('operator', current)).map(divided));
  await site.apply(await site.shipped('operator-shards', current));
  await management.createUser('u-ada', ['github://devs']);
  for (const cluster of CLUSTERS) {
    await site.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: cluster } });
    await management.register(cluster, fleet.kubeconfig(cluster));
    await management.issueHashed(`stays-${cluster}`, cluster, 'u-ada');
  }
  await site.rolledOut('deployment/ace-operator', OWN_NAMESPACE);
  sampler = sampleShards(() => site.list(LEASES, OWN_NAMESPACE), { shards: SHARDS, leaseMs: LEASE_MS });
});
afterAll(async () => {
  await sampler?.stop();
  await fleet?.close();
  await site?.close();
});

/** The shipped Deployment, as `kubectl set env` and `scale` change it. */
function divided(object: Any): Any {
  if (object.kind !== 'Deployment') return object;
  object.spec.replicas = REPLICAS;
  const [container] = object.spec.template.spec.containers;
  container.env = [...(container.env ?? []), { name: 'ACE_SHARDS', value: String(SHARDS) }];
  return object;
}

const tokensIn = async (cluster: string): Promise<readonly string[]> =>
  (await site.list(CLUSTER_AUTH_TOKENS, cluster)).map(({ metadata }) => metadata.name).sort();

/** Every shard has an owner, and nobody has more than an even part. */
const shared = (): Promise<void> =>
  eventually(async () => {
    const owners = [...(await sampler.owners()).values()];
    const parts = [...Map.groupBy(owners, (owner) => owner).values()].map(({ length }) => length);
    expect(owners).toHaveLength(SHARDS);
    expect(parts.length).toBe(REPLICAS);
    expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(1);
  }, PATIENCE);

/** Issues tokens all over, and revokes each second one. */
async function lightLoad(going: () => boolean): Promise<Map<string, { cluster: string; isGood: boolean }>> {
  const issued = new Map<string, { cluster: string; isGood: boolean }>();
  for (let index = 0; going(); index += 1) {
    const cluster = CLUSTERS[index % CLUSTERS.length] ?? '';
    const name = `load-${index}`;
    await management.issueHashed(name, cluster, 'u-ada');
    issued.set(name, { cluster, isGood: true });
    await delay(200);
    // What is old enough to be there by now, as a rule.
    const old = `load-${index - 12}`;
    const token = issued.get(old);
    if (token && index % 2 === 0) {
      await management.revoke(old);
      issued.set(old, { ...token, isGood: false });
    }
  }
  return issued;
}

describe('three replicas that divide the clusters', () => {
  test('have all shards among them, and carry the tokens of all clusters', async () => {
    await shared();
    await eventually(async () => {
      for (const cluster of CLUSTERS) expect(await tokensIn(cluster)).toEqual([`stays-${cluster}`]);
    }, PATIENCE);
  });

  test('are rolled while tokens come and go: none is lost, no revocation is lost, no shard is without an owner for long', async () => {
    sampler.begin();
    let going = true;
    const load = lightLoad(() => going);
    const pods = async () =>
      (await site.pods('ace-operator', OWN_NAMESPACE)).map(({ metadata }) => metadata.name);
    const before = await pods();
    await site.admin('rollout', 'restart', 'deployment/ace-operator', '-n', OWN_NAMESPACE);
    await site.rolledOut('deployment/ace-operator', OWN_NAMESPACE);
    await shared();
    going = false;
    const issued = await load;
    expect((await pods()).filter((name) => before.includes(name))).toEqual([]);
    await eventually(async () => {
      for (const cluster of CLUSTERS) {
        const good = [...issued].filter(([, token]) => token.isGood && token.cluster === cluster);
        const wanted = [`stays-${cluster}`, ...good.map(([name]) => name)].sort();
        expect(await tokensIn(cluster)).toEqual(wanted);
      }
    }, PATIENCE);
    const longestMs = sampler.longestWithoutOwnerMs();
    const revoked = [...issued.values()].filter(({ isGood }) => !isGood).length;
    console.info(
      `shards figures: ${JSON.stringify({ issued: issued.size, revoked, longestWithoutOwnerMs: longestMs })}`,
    );
    expect(longestMs).toBeLessThanOrEqual(LEASE_MS + MARGIN_MS);
    expect(revoked).toBeGreaterThan(0);
  });
});
