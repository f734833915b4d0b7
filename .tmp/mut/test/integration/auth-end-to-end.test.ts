import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_USER_ATTRIBUTES, type Resource, USERS } from '../../src/api/names.ts';
import {
  type AuthenticatorProcess,
  startAuthenticator,
  webhookKubeconfig,
} from '../support/authenticator-process.ts';
import { type BearerClient, bearerClient } from '../support/bearer-client.ts';
import { bearerKubeconfig } from '../support/bearer-kubeconfig.ts';
import { timeText } from '../support/builders.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { hasNoLonger } from '../support/kubernetes-version.ts';
import { reviewBody } from '../support/webhook-rig.ts';
import { NAMESPACE, startWorld, type World } from '../support/world.ts';

/**
 * `c-one`: TokenReview v1, the webhook's cache at a second. `c-two`: v1beta1, as a kube-apiserver is without being
 * told anything: two minutes. On top of either comes the API server's own cache of 10 s for tokens that were let in.
 */
const TTL = '1s';
/** A second, and ten, and some for a busy machine. */
const REVOKED_WITHIN = { timeoutMs: 25_000, intervalMs: 50 };
const ALLOWED = 200;
const REFUSED = 401;
const NO_RIGHT = 403;

let world: World;
const authenticators = new Map<string, AuthenticatorProcess>();
const clients: BearerClient[] = [];
const answers: string[] = [];

const secretOf = (name: string): string => `not-a-real-secret-of-${name}`;
const bearerOf = (name: string): string => `${name}:${secretOf(name)}`;

async function as(bearer: string, id = 'c-one', connections?: number): Promise<BearerClient> {
  const client = await bearerClient(world.cluster(id).plane, bearer, connections);
  clients.push(client);
  return client;
}

/** Status that a bearer gets, on a connection of its own. */
const statusOf = async (bearer: string, id = 'c-one'): Promise<number> => (await as(bearer, id)).status();

const REVIEWS = (version: 'v1' | 'v1beta1'): Resource => ({
  group: 'authentication.k8s.io',
  version,
  plural: 'tokenreviews',
  kind: 'TokenReview',
  namespaced: false,
});

/** The versions in which this API server takes a TokenReview itself; its webhook it asks in either, whatever its age. */
const ASKED = hasNoLonger(22, 'the TokenReview of authentication.k8s.io/v1beta1')
  ? (['v1'] as const)
  : (['v1', 'v1beta1'] as const);

/** What an API server itself makes of a token. */
async function reviewed(id: string, token: string, version: 'v1' | 'v1beta1' = 'v1') {
  const review = {
    apiVersion: `authentication.k8s.io/${version}`,
    kind: 'TokenReview',
    metadata: {},
    spec: { token },
  };
  const { status } = await world.cluster(id).create(REVIEWS(version), review);
  answers.push(JSON.stringify(status));
  return status;
}

/** Until the cluster has it: what comes after is the authenticator's and the API server's own time. */
async function propagated(name: string, id = 'c-one'): Promise<void> {
  await eventually(async () => expect(await world.cluster(id).clusterAuthToken(name)).toBeDefined(), {
    timeoutMs: 30_000,
  });
}

async function goodToken(
  name: string,
  id = 'c-one',
  user = 'u-ada',
  fields: object = {},
): Promise<BearerClient> {
  await world.createToken(name, id, user, fields);
  await propagated(name, id);
  const client = await as(bearerOf(name), id);
  await eventually(async () => expect(await client.status()).toBe(ALLOWED), { timeoutMs: 5_000 });
  return client;
}

async function grant(id: string, name: string, ...to: readonly string[]): Promise<void> {
  const admin = world.cluster(id).plane.adminKubeconfig;
  await kubectl(admin, 'create', 'clusterrolebinding', name, '--clusterrole=cluster-admin', ...to);
}

const figures: Record<string, number> = {};

beforeAll(async () => {
  const [one, two] = [await webhookKubeconfig(), await webhookKubeconfig()];
  world = await startWorld({
    clusters: ['c-one', 'c-two'],
    downstream: (id) => ({
      tokenWebhook:
        id === 'c-one'
          ? { kubeconfig: one.path, version: 'v1', cacheTtl: TTL }
          : { kubeconfig: two.path, version: 'v1beta1' },
    }),
  });
  for (const id of ['c-one', 'c-two']) await world.register(id);
  await world.startOperator(['--log-level', 'debug']);
  for (const [id, port] of [
    ['c-one', one.port],
    ['c-two', two.port],
  ] as const) {
    await world.waitSynced(id, '0/0');
    const { adminKubeconfig } = world.cluster(id).plane;
    authenticators.set(id, await startAuthenticator(adminKubeconfig, port, ['--log-level', 'debug']));
    await grant(id, 'devs', '--group=group://devs');
  }
  await world.createUser('u-ada', {}, ['group://devs', 'group://ops']);
}, 180_000);
afterAll(async () => {
  console.info(`auth-end-to-end figures, ms: ${JSON.stringify(figures)}`);
  await Promise.all(clients.map((client) => client.close()));
  for (const authenticator of authenticators.values()) await authenticator.stop();
  await world.close();
});

describe.each([
  ['c-one', 'v1'],
  ['c-two', 'v1beta1'],
] as const)('in %s, whose API server asks in %s', (id, _version) => {
  const name = `token-in-${id}`;

  test('a propagated token is let in with its user’s name, groups and extra', async () => {
    await goodToken(name, id);
    for (const asked of ASKED) {
      expect(await reviewed(id, bearerOf(name), asked)).toMatchObject({
        authenticated: true,
        user: {
          username: 'u-ada',
          groups: ['group://devs', 'group://ops', 'system:authenticated'],
          extra: {
            'ace-operator.io/token-id': [name],
            'authentication.kubernetes.io/credential-id': [`ace-operator.io/token=${name}`],
          },
        },
      });
    }
    const log = authenticators.get(id)?.output() ?? '';
    expect(log).toContain('authenticator listens');
    expect(await authenticators.get(id)?.metric('ace_tokenreviews_total{result="malformed",reason=""}')).toBe(
      0,
    );
  });

  test('and kubectl works with it, as `ext/` too', async () => {
    for (const bearer of [bearerOf(name), `ext/${bearerOf(name)}`]) {
      const kubeconfig = await bearerKubeconfig(world.cluster(id).plane, bearer);
      expect(await kubectl(kubeconfig, 'get', 'namespaces', '-o', 'name')).toContain('namespace/default');
    }
  });

  test('a wrong secret is refused', async () => {
    expect(await statusOf(`${name}:another-secret`, id)).toBe(REFUSED);
    for (const asked of ASKED)
      expect((await reviewed(id, `${name}:a-third-secret`, asked)).authenticated ?? false).toBe(false);
  });

  test('a token of another cluster is refused', async () => {
    const other = id === 'c-one' ? 'c-two' : 'c-one';
    const foreign = `token-only-in-${other}`;
    await goodToken(foreign, other);
    expect(await statusOf(bearerOf(foreign), id)).toBe(REFUSED);
    expect(await statusOf(bearerOf(foreign), other)).toBe(ALLOWED);
  });
});

// Each waits for the ten seconds of the API server's own cache: together, not one after the other.
describe('a token that was let in', () => {
  test.concurrent('is refused when disabled, and let in again when enabled', async () => {
    const client = await goodToken('token-toggled');
    await world.patchToken('token-toggled', { enabled: false });
    await eventually(async () => expect(await client.status()).toBe(REFUSED), REVOKED_WITHIN);
    await world.patchToken('token-toggled', { enabled: true });
    await propagated('token-toggled');
    await eventually(async () => expect(await client.status()).toBe(ALLOWED), { timeoutMs: 5_000 });
  });

  test.concurrent('is refused when deleted', async () => {
    const client = await goodToken('token-deleted');
    const startedMs = performance.now();
    await world.deleteToken('token-deleted');
    await eventually(async () => expect(await client.status()).toBe(REFUSED), REVOKED_WITHIN);
    figures['deleted to refused, cache TTL 1 s'] = Math.round(performance.now() - startedMs);
  });

  test.concurrent('is refused when its user is disabled, and let in when enabled', async () => {
    await world.createUser('u-bob', {}, ['group://devs']);
    const client = await goodToken('token-bob', 'c-one', 'u-bob');
    await world.management.patch(USERS, 'u-bob', { enabled: false });
    await eventually(async () => expect(await client.status()).toBe(REFUSED), REVOKED_WITHIN);
    expect(await world.cluster('c-one').clusterAuthToken('token-bob')).toBeDefined();
    await world.management.patch(USERS, 'u-bob', { enabled: true });
    await eventually(async () => expect(await client.status()).toBe(ALLOWED), { timeoutMs: 15_000 });
  });

  test.concurrent('loses what a group gave when its user leaves the group, and gains what a new one gives', async () => {
    await grant('c-one', 'admins', '--group=group://admins');
    await world.createUser('u-eve', {}, ['group://devs']);
    const client = await goodToken('token-eve', 'c-one', 'u-eve');
    await world.setGroups('u-eve', ['group://ops']);
    await eventually(async () => expect(await client.status()).toBe(NO_RIGHT), REVOKED_WITHIN);
    await world.setGroups('u-eve', ['group://admins']);
    await eventually(async () => expect(await client.status()).toBe(ALLOWED), REVOKED_WITHIN);
  });

  test.concurrent('is refused when its user’s attributes are gone', async () => {
    await world.createUser('u-gone', {}, ['group://devs']);
    const client = await goodToken('token-gone', 'c-one', 'u-gone');
    await world.management.remove(USERS, 'u-gone');
    await eventually(
      async () =>
        expect(
          await world.cluster('c-one').get(CLUSTER_USER_ATTRIBUTES, 'u-gone', NAMESPACE),
        ).toBeUndefined(),
      { timeoutMs: 30_000 },
    );
    await eventually(async () => expect(await client.status()).toBe(REFUSED), REVOKED_WITHIN);
  });
});

describe('a token that was let in, with no operator to take it away', () => {
  test('is refused when it expires, by the authenticator alone', async () => {
    const ends = Math.ceil(Date.now() / 1000) * 1000 + 8_000;
    const client = await goodToken('token-ends', 'c-one', 'u-ada', { expiresAt: timeText(ends) });
    const { operator } = world;
    await world.stopOperator();
    answers.push(operator?.output() ?? '');
    try {
      await eventually(async () => expect(await client.status()).toBe(REFUSED), {
        timeoutMs: 35_000,
        intervalMs: 50,
      });
      expect(Date.now()).toBeGreaterThanOrEqual(ends);
      figures['expired to refused, cache TTL 1 s'] = Date.now() - ends;
      expect(await world.cluster('c-one').clusterAuthToken('token-ends')).toBeDefined();
    } finally {
      await world.startOperator(['--log-level', 'debug']);
    }
  });
});

describe('with the API server’s caches as they are by default', () => {
  test('a token that was refused is let in within a second of being propagated', async () => {
    const delays: number[] = [];
    for (const name of [
      'token-early-0',
      'token-early-1',
      'token-early-2',
      'token-early-3',
      'token-early-4',
    ]) {
      const client = await as(bearerOf(name), 'c-two');
      for (let tries = 0; tries < 3; tries += 1) expect(await client.status()).toBe(REFUSED);
      await world.createToken(name, 'c-two', 'u-ada');
      await propagated(name, 'c-two');
      const startedMs = performance.now();
      await eventually(async () => expect(await client.status()).toBe(ALLOWED), { timeoutMs: 1_000 });
      delays.push(Math.round(performance.now() - startedMs));
    }
    figures['propagated to let in, default caches, slowest of 5'] = Math.max(...delays);
  });

  test('so is one that was disabled, and one whose secret was mistyped', async () => {
    await world.createToken('token-off', 'c-two', 'u-ada', { enabled: false });
    const client = await as(bearerOf('token-off'), 'c-two');
    await delay(300);
    expect(await client.status()).toBe(REFUSED);
    await world.patchToken('token-off', { enabled: true });
    await propagated('token-off', 'c-two');
    await eventually(async () => expect(await client.status()).toBe(ALLOWED), { timeoutMs: 1_000 });
    expect(await statusOf('token-off:mistyped', 'c-two')).toBe(REFUSED);
    expect(await statusOf(bearerOf('token-off'), 'c-two')).toBe(ALLOWED);
  });

  test('a thousand requests with one token that is not ours cost a few reviews', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const jwt = `${part({ alg: 'RS256', kid: 'k' })}.${part({ iss: 'https://login.example.org', sub: 'ada', exp: 1 })}.${'c2ln'.repeat(80)}`;
    const series = 'ace_tokenreviews_total{result="foreign",reason=""}';
    const authenticator = authenticators.get('c-two');
    const before = (await authenticator?.metric(series)) ?? 0;
    const client = await as(jwt, 'c-two', 20);
    const statuses = new Set<number>();
    for (let round = 0; round < 50; round += 1) {
      for (const status of await Promise.all(Array.from({ length: 20 }, () => client.status())))
        statuses.add(status);
    }
    expect(statuses).toEqual(new Set([REFUSED]));
    const made = ((await authenticator?.metric(series)) ?? 0) - before;
    figures['reviews for 1000 foreign requests'] = made;
    expect(made).toBeGreaterThanOrEqual(1);
    expect(made).toBeLessThanOrEqual(20);
  });
});

test('no secret and no hash is in any log, metric or answer, at the level debug', async () => {
  const planted: string[] = [];
  for (const id of ['c-one', 'c-two']) {
    const names = await world.cluster(id).tokenNames();
    expect(names.length).toBeGreaterThan(2);
    for (const name of names) {
      const secret = await world.cluster(id).hashSecret(name);
      const hash = Buffer.from(secret?.data.hash ?? '', 'base64').toString();
      planted.push(secretOf(name), hash, secret?.data.hash ?? '');
    }
  }
  const shown: string[] = [...answers, world.operator?.output() ?? ''];
  for (const [id, authenticator] of authenticators) {
    const [name = ''] = await world.cluster(id).tokenNames();
    for (const bearer of [
      bearerOf(name),
      `${name}:${secretOf('other')}`,
      'noise',
      `nobody:${secretOf(name)}`,
    ]) {
      shown.push(
        (await authenticator.http('/v1/authenticate', { method: 'POST', body: reviewBody(bearer) })).body,
      );
    }
    for (const body of [secretOf(name), `{"spec":{"token":"${bearerOf(name)}"`]) {
      shown.push((await authenticator.http('/v1/authenticate', { method: 'POST', body })).body);
    }
    shown.push(
      (await authenticator.http('/metrics')).body,
      (await authenticator.http('/readyz?verbose')).body,
    );
    shown.push(authenticator.output());
    expect(authenticator.output()).toContain('"level":"debug"');
  }
  const text = shown.join('\n');
  for (const secret of planted.filter((value) => value !== '')) expect(text).not.toContain(secret);
  // Nor a name of a token or a user in the metrics, which many may read.
  for (const authenticator of authenticators.values()) {
    expect((await authenticator.http('/metrics')).body).not.toMatch(/token-|u-ada|u-bob/);
  }
});
