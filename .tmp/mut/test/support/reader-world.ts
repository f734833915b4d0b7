import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  CONFIG_MAPS,
  DAEMON_SETS,
  LABEL_CLUSTER,
  SECRETS,
  TOKENS,
} from '../../src/api/names.ts';
import { hash } from '../../src/hash/sha3-512.ts';
import { bearerKubeconfig } from './bearer-kubeconfig.ts';
import { timeText } from './builders.ts';
import { eventually } from './eventually.ts';
import { createAuthority } from './pki.ts';
import type { Any } from './plane-client.ts';
import type { Reader } from './reader.ts';
import { rawCat, rawCua, rawHashSecret } from './webhook-rig.ts';
import { NAMESPACE, OWN_NAMESPACE, type World } from './world.ts';

/** What the pages speak of: two clusters that work and one that is away, two people, their tokens. */

export const BERLIN = 'c-berlin';
export const OTHER = 'c-m-abcdefgh';
export const AWAY = 'c-tokyo';
const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;
const at = (ms: number): string => timeText(Date.now() + ms);

/** Files that the pages name: administrators' kubeconfigs, and a certificate for the authenticator. */
export async function files(world: World, { directory }: Reader): Promise<void> {
  await copyFile(world.cluster(BERLIN).plane.adminKubeconfig, join(directory, 'berlin-admin.yaml'));
  await copyFile(world.cluster(OTHER).plane.adminKubeconfig, join(directory, 'admin.yaml'));
  const pair = createAuthority('a reader').issueServer('ace-authenticator', [
    'ace-authenticator.cattle-system.svc',
  ]);
  await writeFile(join(directory, 'tls.crt'), pair.cert);
  await writeFile(join(directory, 'tls.key'), pair.key, { mode: 0o600 });
}

/** After the quick start of README: more clusters, people and tokens, and the file that does not work. */
export async function populate(world: World, reader: Reader): Promise<void> {
  await world.register(OTHER, { credentials: false });
  // As Rancher's own credentials do, these may look at everything.
  await world.setCredentials(OTHER, {});
  await withoutCredentials(world, BERLIN);
  await world.setCredentials(BERLIN, {});
  await world.register(AWAY, { credentials: false });
  await world.setCredentials(AWAY, { kubeconfig: nowhere() });
  await world.createUser('u-abcde', {}, ['github_org://1234567']);
  await world.createUser('u-fghij', {}, []);
  const used = { expiresAt: at(26 * DAY + 30 * MINUTE), lastUsedAt: at(-5 * MINUTE) };
  await world.createToken('kubeconfig-u-abcde', BERLIN, 'u-abcde', used);
  await world.createToken('token-x7k2p', BERLIN, 'u-fghij', { expiresAt: at(-DAY) });
  await world.createToken('token-k9m4q', BERLIN, 'u-fghij', { enabled: false });
  await world.createTokens('kubeconfig-ci', 3, OTHER, 'u-fghij', { token: 'not-a-real-secret-of-ci' });
  await world.createToken('token-far-away', AWAY, 'u-abcde');
  await world.waitSynced(BERLIN, '2/2');
  await world.waitSynced(OTHER, '3/3');
  await world.waitCondition(AWAY, 'Connected', { status: 'False' });
  // The quick start has used it, and the authenticator tells that a little later.
  await eventually(async () => {
    const { lastUsedAt } = (await world.management.get(TOKENS, 'ada-laptop')) ?? {};
    if (!lastUsedAt) throw new Error('nobody has told the use of ada-laptop');
  });
  const bearer = 'kubeconfig-u-abcde:not-a-real-secret-of-kubeconfig-u-abcde';
  await copyFile(
    await bearerKubeconfig(world.cluster(OTHER).plane, bearer),
    join(reader.directory, 'berlin.yaml'),
  );
}

/** No way to the cluster is left. */
export async function withoutCredentials(world: World, cluster: string): Promise<void> {
  for (const { metadata } of await world.management.list(SECRETS, OWN_NAMESPACE)) {
    if (metadata.labels?.[LABEL_CLUSTER] !== cluster) continue;
    await world.management.remove(SECRETS, metadata.name, OWN_NAMESPACE);
  }
}

/** Rancher's authenticator, with its definitions, as Rancher brings them. */
export async function kubeApiAuth(world: World, reader: Reader): Promise<void> {
  const name = 'kube-api-auth';
  await reader.type(`kubectl --kubeconfig admin.yaml create namespace ${NAMESPACE}`);
  await reader.type('kubectl --kubeconfig admin.yaml apply -f crds/cluster.cattle.io_clusterauthtokens.yaml');
  await reader.type(
    'kubectl --kubeconfig admin.yaml apply -f crds/cluster.cattle.io_clusteruserattributes.yaml',
  );
  const containers = [{ name, image: `${name}:v0.2.4` }];
  const labels = { app: name };
  const spec = {
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers } },
  };
  const metadata = { name, namespace: NAMESPACE };
  await world
    .cluster(OTHER)
    .create(DAEMON_SETS, { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata, spec });
}

/** A DaemonSet is ready on three of three nodes, as their kubelets would say. */
export async function isReady(world: World, cluster: string, name: string): Promise<void> {
  await world
    .cluster(cluster)
    .client.patch(
      { resource: DAEMON_SETS, name, namespace: NAMESPACE },
      { status: { desiredNumberScheduled: 3, numberReady: 3 } },
      { subresource: 'status' },
    );
}

/** Nobody listens there. */
export const NOWHERE = 'https://127.0.0.1:9';

/** A kubeconfig for {@link NOWHERE}. */
function nowhere(): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'away', cluster: { server: NOWHERE } }],
    users: [{ name: 'away', user: { token: 'not-a-real-credential' } }],
    contexts: [{ name: 'away', context: { cluster: 'away', user: 'away' } }],
    'current-context': 'away',
  });
}

/** A pair and a ClusterUserAttribute as Rancher's own controller writes them, and the Token that they are of. */
export async function writtenByRancher(world: World): Promise<void> {
  const marks = { labels: { 'cattle.io/creator': 'norman' } };
  const { create } = world.cluster(OTHER);
  await world.createUser('u-rnch', {}, ['group://devs']);
  await create(CLUSTER_USER_ATTRIBUTES, rawCua('u-rnch', { groups: ['group://devs'] }, marks));
  await create(SECRETS, rawHashSecret('kubeconfig-u-rnch', hash('not-a-real-secret-of-kubeconfig-u-rnch')));
  await create(CLUSTER_AUTH_TOKENS, rawCat('kubeconfig-u-rnch', { userName: 'u-rnch' }, marks));
  await world.createToken('kubeconfig-u-rnch', OTHER, 'u-rnch');
}

/** What is kept in the operator's own namespace, each with its `plural`. */
export async function keptObjects(world: World): Promise<readonly Any[]> {
  const { management } = world;
  return [
    ...(await management.list(SECRETS, OWN_NAMESPACE)).map((object) => ({ ...object, plural: 'secrets' })),
    ...(await management.list(CONFIG_MAPS, OWN_NAMESPACE)).map((object) => ({
      ...object,
      plural: 'configmaps',
    })),
  ];
}
