import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { managementAccess } from '../src/kube/management-access.ts';
import { startAuthenticator, webhookKubeconfig } from '../test/support/authenticator-process.ts';
import { kubectl } from '../test/support/kubectl.ts';
import { startWorld, type World } from '../test/support/world.ts';
import type { Options, Row, ScenarioResult } from './scenario.ts';
import { quantile } from './stats.ts';

const CLUSTER = 'c-0';
const TOKENS_EACH = 10;
const POLL_MS = 100;
const SUCCESS_CACHE_SECONDS = 10;
const PATIENCE_MS = 30_000;
const WAYS = ['deleted', 'disabled'] as const;

interface Case {
  readonly ttl: string;
  readonly seconds: number;
  /** As the flag is given; undefined leaves the API server's default. */
  readonly flag: string | undefined;
}

const CASES: readonly Case[] = [
  { ttl: '10s', seconds: 10, flag: '10s' },
  { ttl: 'default, 2m', seconds: 120, flag: undefined },
];

interface Measured {
  readonly way: (typeof WAYS)[number];
  /** From the answered write upstream to the first refused request downstream. */
  readonly ms: number;
}

/** How long a revoked token still gets answers from a real API server with its caches, under steady use. */
export async function revocation(options: Options): Promise<ScenarioResult> {
  const measured: Record<string, readonly Measured[]> = {};
  for (const one of CASES) {
    options.say(
      `webhook cache TTL ${one.ttl}: ${TOKENS_EACH * WAYS.length} tokens, up to ${one.seconds + 10} s`,
    );
    measured[one.ttl] = await measure(one);
  }
  return {
    how: [
      `One management plane, one cluster, operator and authenticator, all real. ${TOKENS_EACH} tokens each, every one asking its API server every ${POLL_MS} ms from the time that it is let in; deleted or disabled at a random moment of its cache's life. From the answer to that write until the first 401.`,
    ],
    rows: CASES.flatMap(({ ttl, seconds }) =>
      WAYS.flatMap((way) => {
        const values = (measured[ttl] ?? []).filter((one) => one.way === way).map(({ ms }) => ms / 1000);
        return [
          row(`${way}, webhook cache TTL ${ttl}, p50`, quantile(values, 0.5)),
          {
            ...row(`${way}, webhook cache TTL ${ttl}, max`, quantile(values, 1)),
            bar: bound(quantile(values, 1), seconds),
          },
        ];
      }),
    ),
    details: measured,
  };
}

/** What the two caches of the API server allow, and a second for the way there. */
function bound(seconds: number, ttl: number): NonNullable<Row['bar']> {
  const limit = ttl + SUCCESS_CACHE_SECONDS;
  return { text: `≤ ${limit} s of caches + 1 s`, met: seconds <= limit + 1 };
}

const row = (what: string, value: number): Row => ({ what, value, unit: 's' });

async function measure({ seconds, flag }: Case): Promise<readonly Measured[]> {
  const webhook = await webhookKubeconfig();
  const tokenWebhook = { kubeconfig: webhook.path, ...(flag ? { cacheTtl: flag } : {}) };
  const world = await startWorld({ clusters: [CLUSTER], downstream: { tokenWebhook } });
  try {
    await world.register(CLUSTER);
    await world.startOperator(['--hash-algorithm', 'sha3-512']);
    await world.waitSynced(CLUSTER, '0/0');
    const { adminKubeconfig } = world.cluster(CLUSTER).plane;
    const authenticator = await startAuthenticator(adminKubeconfig, webhook.port);
    try {
      await world.createUser('u-ada', {}, ['group://devs']);
      const grant = ['--clusterrole=cluster-admin', '--group=group://devs'];
      await kubectl(adminKubeconfig, 'create', 'clusterrolebinding', 'devs', ...grant);
      return await revokeAll(world, (seconds + SUCCESS_CACHE_SECONDS) * 1000);
    } finally {
      await authenticator.stop();
    }
  } finally {
    await world.close();
  }
}

async function revokeAll(world: World, cachedMs: number): Promise<readonly Measured[]> {
  const { server, tls } = await managementAccess(world.cluster(CLUSTER).plane.adminKubeconfig);
  // The administrator's certificate would win over any bearer token.
  const connect = { ca: (tls as { ca?: unknown }).ca } as Pool.Options['connect'];
  const pool = new Pool(server.origin, { connections: 20, allowH2: false, connect } as Pool.Options);
  const status = async (token: string): Promise<number> => {
    const headers = { authorization: `Bearer ${token}:not-a-real-secret-of-${token}` };
    const answer = await pool.request({ method: 'GET', path: '/api/v1/namespaces/default', headers });
    await answer.body.dump();
    return answer.statusCode;
  };
  const one = async (way: Measured['way'], index: number): Promise<Measured> => {
    const name = `${way}-${index}`;
    await world.createToken(name, CLUSTER, 'u-ada');
    await until(200, () => status(name));
    // Evenly over the life of what the caches hold, so that ten say something about all of it.
    await keepUsing(() => status(name), (cachedMs * (index + Math.random())) / TOKENS_EACH);
    await (way === 'deleted' ? world.deleteToken(name) : world.patchToken(name, { enabled: false }));
    const revokedAtMs = performance.now();
    await until(401, () => status(name), cachedMs + PATIENCE_MS);
    return { way, ms: performance.now() - revokedAtMs };
  };
  try {
    const indexes = Array.from({ length: TOKENS_EACH }, (_, index) => index);
    return await Promise.all(WAYS.flatMap((way) => indexes.map((index) => one(way, index))));
  } finally {
    await pool.close();
  }
}

async function keepUsing(ask: () => Promise<number>, ms: number): Promise<void> {
  for (const endMs = performance.now() + ms; performance.now() < endMs; ) {
    const answer = await ask();
    if (answer !== 200) throw new Error(`a good token was answered with ${answer}`);
    await delay(POLL_MS);
  }
}

async function until(wanted: number, ask: () => Promise<number>, timeoutMs = PATIENCE_MS): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while ((await ask()) !== wanted) {
    if (performance.now() > deadlineMs) throw new Error(`no ${wanted} within ${timeoutMs} ms`);
    await delay(POLL_MS);
  }
}
