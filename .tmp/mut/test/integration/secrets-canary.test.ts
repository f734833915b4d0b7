import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_PROPAGATIONS,
  CLUSTER_USER_ATTRIBUTES,
  CUSTOM_RESOURCE_DEFINITIONS,
  INSTALLATION_KEY_SECRET,
  SECRETS,
} from '../../src/api/names.ts';
import { CANARY } from '../support/builders.ts';
import { eventually } from '../support/eventually.ts';
import { NAMESPACE, OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

const HASHED = { 'authn.management.cattle.io/token-hashed': 'true' };
const COPIED_HASH =
  '$3:1:AAECAwQFBgc:uGcM3/n7bkPExtCGEsKSX2DzA4/frx4vOnmEGtMqZaV788k/9N7rCsUm2veOtt7pc7PObZ1nDuZL4NYtQ+MwKQ';

let world: World;

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one', 'c-strict'] });
  await createStrictDefinition();
  await world.register('c-one');
  await world.register('c-strict');
  await world.createUser('u-ada', {}, ['group://a']);
  const tokens: Readonly<Record<string, object>> = {
    plain: { token: CANARY },
    'of-a-nobody': { userId: 'u-nobody', token: CANARY },
    'too-long': { token: CANARY.repeat(10) },
    'with-nul': { token: `${CANARY}\0` },
    'as-list': { token: [CANARY] },
    'as-object': { token: { value: CANARY } },
    'in-the-wrong-field': { expiresAt: CANARY, ttl: CANARY, enabled: CANARY },
    'with-provider-info': { token: CANARY, providerInfo: { access_token: CANARY } },
    'in-the-way': { token: CANARY },
  };
  for (const [name, fields] of Object.entries(tokens))
    await world.createToken(`token-${name}`, 'c-one', 'u-ada', fields);
  await world.createToken('token-copied', 'c-one', 'u-ada', { token: COPIED_HASH }, HASHED);
  await world.createToken('token-unknown-hash', 'c-one', 'u-ada', { token: `$9:${CANARY}` }, HASHED);
  await world.createToken('token-rejected', 'c-strict', 'u-ada', { token: CANARY });
  for (const id of ['c-refused', 'c-no-yaml', 'c-exec', 'c-in-url', 'c-no-pem'])
    await world.register(id, { credentials: false });
  await setBadCredentials();
  await world.startOperator(['--log-level', 'debug']);
  await world.management
    .patch(CLUSTER_PROPAGATIONS, 'c-strict', { spec: { hash: { storage: 'inline' } } })
    .catch(() => undefined);
});
afterAll(() => world.close());

test('a secret or hash appears nowhere but where it belongs', async () => {
  await provokeEverything();
  await expectAllSaid();
  const needles = await secretsInPlay();
  expect(needles.length).toBeGreaterThan(10);
  const places = await placesThatPeopleSee();
  for (const [place, text] of Object.entries(places)) {
    expect(text.length, place).toBeGreaterThan(0);
    for (const needle of needles)
      expect(text.includes(needle), `a secret in ${place}: ${around(text, needle)}`).toBe(false);
  }
});

test('no secret in plain text ever reaches a cluster', async () => {
  for (const id of ['c-one', 'c-strict']) {
    const client = world.cluster(id);
    const objects = [SECRETS, CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES].map((kind) =>
      client.list(kind, NAMESPACE),
    );
    const text = JSON.stringify(await Promise.all(objects));
    for (const needle of forms(CANARY)) expect(text.includes(needle)).toBe(false);
    const { data } = await world.management.get(SECRETS, INSTALLATION_KEY_SECRET, OWN_NAMESPACE);
    for (const needle of forms(Buffer.from(data.key, 'base64'))) expect(text.includes(needle)).toBe(false);
  }
});

test('nor does one appear when the operator ends', async () => {
  const { operator } = world;
  expect(await operator?.stop()).toBe(0);
  for (const needle of await secretsInPlay()) expect(operator?.output().includes(needle)).toBe(false);
});

/** Its API server rejects every ClusterAuthToken with a hash, and quotes the hash in its answer. */
async function createStrictDefinition(): Promise<void> {
  const properties = { hash: { type: 'string', maxLength: 3 } };
  const schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties };
  await world.cluster('c-strict').create(CUSTOM_RESOURCE_DEFINITIONS, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'clusterauthtokens.cluster.cattle.io' },
    spec: {
      group: 'cluster.cattle.io',
      names: { kind: 'ClusterAuthToken', plural: 'clusterauthtokens' },
      scope: 'Namespaced',
      versions: [{ name: 'v3', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  });
}

async function setBadCredentials(): Promise<void> {
  const { plane } = world.cluster('c-one');
  const config = (user: object, server = plane.url): string => {
    const content = JSON.parse(plane.kubeconfigYaml({ server }));
    content.users[0].user = user;
    return JSON.stringify(content);
  };
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: CANARY,
    env: [{ name: 'A', value: CANARY }],
  };
  const pem = Buffer.from(`-----BEGIN PRIVATE KEY-----\n${CANARY}\n`).toString('base64');
  const kubeconfigs = {
    'c-refused': config({ token: CANARY }),
    'c-no-yaml': `users: [{name: a, user: {token: ${CANARY}]\n\t- `,
    'c-exec': config({ exec }),
    'c-in-url': config(
      { username: CANARY, password: CANARY },
      plane.url.replace('//', `//${CANARY}:${CANARY}@`),
    ),
    'c-no-pem': config({ 'client-certificate-data': pem, 'client-key-data': pem }),
  };
  for (const [id, kubeconfig] of Object.entries(kubeconfigs)) await world.setCredentials(id, { kubeconfig });
}

/** Repairs, conflicts, removals and restarts: every way in which the operator has something to say. */
async function provokeEverything(): Promise<void> {
  const client = world.cluster('c-one');
  await eventually(() =>
    world.management.patch(CLUSTER_PROPAGATIONS, 'c-strict', { spec: { hash: { storage: 'inline' } } }),
  );
  await eventually(async () => expect(await client.hashSecret('token-plain')).toBeDefined());
  // What was in step for this very version, and is so no more, is repaired.
  await eventually(async () => expect((await world.propagation('c-one'))?.status.synced).toBe(4), {
    timeoutMs: 30_000,
  });
  await client.patch(SECRETS, 'token-copied', { data: { hash: 'bm9uZQ==' } }, NAMESPACE);
  await client.patch(SECRETS, 'token-plain', { data: { hash: 'bm9uZQ==' } }, NAMESPACE);
  await eventually(() => client.patch(CLUSTER_AUTH_TOKENS, 'token-copied', { hash: COPIED_HASH }, NAMESPACE));
  const marks = { labels: null, annotations: null };
  await eventually(() =>
    client.patch(CLUSTER_AUTH_TOKENS, 'token-in-the-way', { metadata: marks }, NAMESPACE),
  );
  await world.patchToken('token-with-provider-info', { token: `${CANARY}-later` });
}

async function expectAllSaid(): Promise<void> {
  await eventually(
    async () => {
      const { status } = await world.propagation('c-one');
      expect(status.refused).toEqual({
        Conflict: 1,
        Malformed: 4,
        SecretTooLong: 1,
        UnsupportedHash: 1,
        UserNotFound: 1,
      });
      expect(status.tokens).toBe('3/3');
      expect(await world.condition('c-strict', 'Synced')).toMatchObject({
        status: 'False',
        reason: 'Failing',
      });
    },
    { timeoutMs: 30_000 },
  );
  const wantReasons = {
    'c-refused': 'CredentialsRejected',
    'c-no-yaml': 'CredentialsInvalid',
    'c-exec': 'CredentialsInvalid',
    'c-no-pem': 'CredentialsInvalid',
  };
  for (const [id, reason] of Object.entries(wantReasons))
    await world.waitCondition(id, 'Connected', { reason });
  await world.waitCondition('c-in-url', 'Connected', { status: 'False' });
  await eventually(async () => expect(await world.events('Repaired')).not.toEqual([]));
}

/** Everything that must not be seen, in every form in which it could be. */
async function secretsInPlay(): Promise<readonly string[]> {
  const client = world.cluster('c-one');
  const secrets = (await client.list(SECRETS, NAMESPACE)).filter(({ data }) => data?.hash !== undefined);
  const hashes = secrets.map(({ data }) => Buffer.from(data.hash, 'base64').toString('utf8'));
  const fingerprints = secrets.map(
    ({ metadata }) => metadata.annotations?.['ace-operator.io/fingerprint'] ?? CANARY,
  );
  const { data } = await world.management.get(SECRETS, INSTALLATION_KEY_SECRET, OWN_NAMESPACE);
  const admin = JSON.parse(client.plane.kubeconfigYaml()).users[0].user['client-key-data'];
  return [
    ...[CANARY, COPIED_HASH, ...hashes].flatMap(forms),
    ...forms(Buffer.from(data.key, 'base64')),
    ...fingerprints,
    admin.slice(40, 120),
    // Beginnings of the layouts, for a hash that was made and not kept, or was cut.
    '$3:1:',
    '$2b$',
  ];
}

function forms(secret: string | Buffer): readonly string[] {
  const bytes = Buffer.from(secret as string);
  const texts = [bytes.toString('base64').replaceAll('=', ''), bytes.toString('hex')];
  return typeof secret === 'string' ? [secret, ...texts] : texts;
}

async function placesThatPeopleSee(): Promise<Readonly<Record<string, string>>> {
  const { operator, management } = world;
  if (!operator) throw new Error('no operator runs');
  return {
    'the log': operator.output(),
    '/metrics': (await operator.http('/metrics')).body,
    '/readyz': (await operator.http('/readyz?verbose')).body,
    'the Events': JSON.stringify(await world.events()),
    'the ClusterPropagations': JSON.stringify(await management.list(CLUSTER_PROPAGATIONS)),
    'the command line': await readFile(`/proc/${operator.pid}/cmdline`, 'utf8'),
    'the environment': await readFile(`/proc/${operator.pid}/environ`, 'utf8'),
  };
}

/** Where in a text the needle was found, for the failure's message. */
function around(text: string, needle: string): string {
  const at = text.indexOf(needle);
  return at < 0 ? '' : text.slice(Math.max(0, at - 150), at + 50);
}
