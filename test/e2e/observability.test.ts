import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import type { Resource } from '../../src/api/names.ts';
import { bearerClient } from '../support/bearer-client.ts';
import { eventually } from '../support/eventually.ts';
import { aJwt } from '../support/jwt.ts';
import { manifests } from '../support/manifests.ts';
import { COMPONENTS, expressionsOf, ruleGroups, seriesNamesIn, textOf } from '../support/monitoring.ts';
import type { Any } from '../support/plane-client.ts';
import { findPrometheus, NO_PROMETHEUS, type Prometheus, startPrometheus } from '../support/prometheus.ts';
import { NAMESPACE, OWN_NAMESPACE } from '../support/world.ts';
import { explainFailures } from './support/diagnostics.ts';
import { bearerOf, type Management, managementOf } from './support/management.ts';
import { deployAll, openSite, type Site } from './support/site.ts';

const YEAR_S = 365 * 86_400;

/** Leads nowhere, by a token that is good for a year. */
function lostKubeconfig(): string {
  const nowS = Math.floor(Date.now() / 1_000);
  return JSON.stringify({
    clusters: [{ name: 'lost', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'lost', user: { token: aJwt({ iat: nowS, exp: nowS + YEAR_S }) } }],
    contexts: [{ name: 'lost', context: { cluster: 'lost', user: 'lost' } }],
    'current-context': 'lost',
  });
}

/** A real Prometheus, and what it learns of the two programs in their pods, with the shipped rules in force. */
const CLUSTER = 'local';
const PATIENCE = { timeoutMs: 60_000, intervalMs: 200 };
const ENDPOINTS: Resource = {
  group: '',
  version: 'v1',
  plural: 'endpoints',
  kind: 'Endpoints',
  namespaced: true,
};
const NAMESPACE_OF = { operator: OWN_NAMESPACE, authenticator: NAMESPACE } as const;

const binaries = findPrometheus();
if (!binaries) console.warn(NO_PROMETHEUS);

describe.skipIf(!binaries)('Prometheus', () => {
  let site: Site;
  let management: Management;
  let prometheus: Prometheus;
  explainFailures(() => site && { site });

  beforeAll(async () => {
    const webhook = { kubeconfig: `${manifests('authenticator')}/webhook-kubeconfig.yaml`, cacheTtl: '1s' };
    const { current } = inject('images');
    site = await openSite({ tokenWebhook: webhook }, [current]);
    management = managementOf(site);
    await deployAll(site, CLUSTER, current);
    // Both replicas work, so that there is something to tell of shards, too.
    await site.apply(await site.shipped('operator-shards', current));
    await site.admin('set', 'env', 'deployment/ace-operator', 'ACE_SHARDS=4', '-n', OWN_NAMESPACE);
    await site.rolledOut('deployment/ace-operator', OWN_NAMESPACE);
    for (const component of COMPONENTS)
      await site.admin('apply', '-f', join(manifests('monitoring'), component, 'service.yaml'));
    // What the overlay does, but with the kubectl of any age.
    const listener = textOf('manifests/monitoring/authenticator/metrics-listener.yaml');
    await site.admin('patch', 'daemonset', 'ace-authenticator', '-n', NAMESPACE, '-p', listener);
    await site.rolledOut('daemonset/ace-authenticator', NAMESPACE);
    await management.createUser('u-ada', ['github://devs']);
    for (const token of ['token-kept', 'token-gone']) await management.issue(token, CLUSTER, 'u-ada');
    await Promise.all(['token-kept', 'token-gone'].map(letIn));
    // Something to tell of: a cluster where nobody answers, by a credential that ends, and a token that nobody can read.
    await management.register('c-lost', lostKubeconfig());
    await management.issue('token-bad', CLUSTER, 'u-ada', { ttl: 'no number' });
    prometheus = await startPrometheus({
      binaries: binaries ?? { prometheus: '', promtool: '' },
      jobs: [],
      scrapeConfigs: await scrapeConfigs(),
      rules: COMPONENTS.flatMap((component) => [...ruleGroups(component)]),
    });
  });
  afterAll(async () => {
    await prometheus?.stop();
    await site?.close();
  });

  test('scrapes both replicas of the operator, and the authenticator, as the shipped Services name them', async () => {
    await eventually(
      async () => expect(Object.values(await prometheus.targets())).toEqual(['up', 'up', 'up']),
      PATIENCE,
    );
  });

  describe.each(COMPONENTS)('of the %s', (component) => {
    const expressions = expressionsOf(component);

    test.each([...new Set(expressions.flatMap(seriesNamesIn))])('finds %s', async (name) => {
      await eventually(
        async () =>
          expect(await prometheus.query(`${name}{job="ace-${component}"}`), name).not.toHaveLength(0),
        PATIENCE,
      );
    });

    test('takes every expression of rules and dashboard', async () => {
      for (const expression of expressions) await prometheus.query(expression);
    });
  });

  test('sees two replicas that work, each shard in one of them, and a cluster that is connected', async () => {
    await until('sum(ace_leader) == 2 and count(ace_leader) == 2');
    await until('sum by (instance) (ace_shard_owner) == 2');
    await until('count(count by (shard) (ace_shard_owner) == 1) == 4');
    await until(`ace_cluster_connected{ace_cluster="${CLUSTER}"} == 1`);
  });

  test('sees a revocation arrive', async () => {
    await management.revoke('token-gone');

    await until(`ace_revocation_lag_seconds_count{ace_cluster="${CLUSTER}",cause="token"} >= 1`);
    await until(`ace_tokens{ace_cluster="${CLUSTER}",state="synced"} == 1`);
  });

  test('sees many requests of both programs, and none that the shipped roles forbid', async () => {
    for (const component of COMPONENTS)
      await until(`ace_api_requests_total{job="ace-${component}",code="200"}`);

    expect(await prometheus.query('ace_api_requests_total{code="403"}')).toEqual([]);
  });

  test('has the shipped rules in force: what is wrong here is pending, and nothing else', async () => {
    await eventually(
      async () =>
        expect(await prometheus.alerts()).toEqual({
          AceClusterDisconnected: 'pending',
          AcePoisonTokens: 'pending',
        }),
      PATIENCE,
    );
  });

  const letIn = (token: string): Promise<void> =>
    eventually(async () => {
      const client = await bearerClient(site.cluster, bearerOf(token), 1);
      const status = await client.status().finally(() => client.close());
      expect(status).toBe(403); // let in, and without a right: no role was given to anybody
    }, PATIENCE);

  const until = (expression: string): Promise<void> =>
    eventually(
      async () => expect(await prometheus.query(expression), expression).not.toHaveLength(0),
      PATIENCE,
    );

  /** Through the API server, which reaches pods of any provider: on the address and port that the Service names. */
  async function scrapeConfigs(): Promise<readonly object[]> {
    const { url, kubeconfigYaml, dir } = site.cluster;
    const config = parse(kubeconfigYaml.call(site.cluster));
    const files = {
      ca_file: config.clusters[0].cluster['certificate-authority-data'],
      cert_file: config.users[0].user['client-certificate-data'],
      key_file: config.users[0].user['client-key-data'],
    };
    const tls: Record<string, string> = {};
    for (const [name, data] of Object.entries(files)) {
      tls[name] = join(dir, `prometheus-${name}`);
      await writeFile(tls[name], Buffer.from(data, 'base64'), { mode: 0o600 });
    }
    return Promise.all(
      COMPONENTS.map(async (component) => ({
        job_name: `ace-${component}`,
        scheme: 'https',
        tls_config: tls,
        static_configs: (await podsOfService(component)).map(({ pod, port }) => ({
          targets: [new URL(url).host],
          labels: {
            instance: pod,
            __metrics_path__: `/api/v1/namespaces/${NAMESPACE_OF[component]}/pods/${pod}:${port}/proxy/metrics`,
          },
        })),
      })),
    );
  }

  async function podsOfService(component: (typeof COMPONENTS)[number]): Promise<readonly Any[]> {
    return eventually(async () => {
      const service = await site.get(ENDPOINTS, `ace-${component}-metrics`, NAMESPACE_OF[component]);
      const found = (service?.subsets ?? []).flatMap(({ addresses, ports }: Any) =>
        (addresses ?? []).map(({ targetRef }: Any) => ({ pod: targetRef.name, port: ports[0].port })),
      );
      expect(found).toHaveLength(component === 'operator' ? 2 : 1);
      return found;
    }, PATIENCE);
  }
});
