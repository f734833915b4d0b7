import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLUSTERS } from '../../src/api/names.ts';
import { startAuthenticator, webhookKubeconfig } from '../support/authenticator-process.ts';
import { eventually } from '../support/eventually.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { type Downstream, startWorld, type World } from '../support/world.ts';

/** Clusters whose series fill the text; nobody is there. */
const CLUSTERS_TOLD_OF = 300;
const PEERS = 400;
const REQUESTS_EACH = 200;

let world: World;
let one: Downstream;
beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one'] });
  one = world.cluster('c-one');
  await world.createUser('u-ada');
  await world.register('c-one');
  for (let at = 0; at < CLUSTERS_TOLD_OF; at += 20) {
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        world.management.create(CLUSTERS, {
          apiVersion: 'management.cattle.io/v3',
          kind: 'Cluster',
          metadata: { name: `c-${at + index}` },
          spec: { displayName: 'x', localClusterAuthEndpoint: { enabled: true } },
        }),
      ),
    );
  }
});
afterAll(() => world?.close());

const rssMiB = ({ pid }: ServiceProcess): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);

/** So many peers that ask over and over without reading, and open the next connection when one is ended. */
function flood(address: string): { end(): void } {
  const [host, port] = address.replace('http://', '').split(':');
  const peers = new Set<Socket>();
  let isOver = false;
  const open = (): void => {
    if (isOver) return;
    const socket = connect(Number(port), host);
    peers.add(socket);
    socket.pause();
    socket.on('error', () => undefined);
    socket.on('connect', () =>
      socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(REQUESTS_EACH)),
    );
    socket.on('close', () => {
      peers.delete(socket);
      setTimeout(open, 500);
    });
  };
  for (let count = 0; count < PEERS; count += 1) open();
  return {
    end: () => {
      isOver = true;
      for (const socket of peers) socket.destroy();
    },
  };
}

/** The most memory that a process takes while something is done. */
async function peakOf<T>(
  service: ServiceProcess,
  work: () => Promise<T>,
): Promise<{ peak: number; value: T }> {
  let peak = rssMiB(service);
  const timer = setInterval(() => {
    peak = Math.max(peak, rssMiB(service));
  }, 100);
  try {
    return { value: await work(), peak };
  } finally {
    clearInterval(timer);
  }
}

/** Milliseconds until the cluster has lost the token, the middle of five. */
async function revocationMs(prefix: string): Promise<number> {
  const names = await world.createTokens(prefix, 5, 'c-one', 'u-ada');
  await eventually(async () => expect(await one.clusterAuthToken(`${prefix}-4`)).toBeDefined(), {
    timeoutMs: 60_000,
  });
  const took: number[] = [];
  for (const name of names) {
    const beganAtMs = performance.now();
    await world.deleteToken(name);
    while (await one.clusterAuthToken(name)) await delay(10);
    took.push(performance.now() - beganAtMs);
  }
  return Math.round(took.sort((a, b) => a - b)[2] ?? 0);
}

test('400 peers that pipeline scrapes and read nothing neither delay a revocation nor fill the memory', async () => {
  const operator = await world.startOperator();
  await world.waitSynced('c-one');
  for (let count = 0; count < 10; count += 1) await operator.http('/metrics');
  const atRest = await peakOf(operator, () => revocationMs('rest'));
  const peers = flood(
    String(operator.logs().find(({ message }) => message === 'health and metrics')?.['address']),
  );
  await delay(1_000);
  const flooded = await peakOf(operator, () => revocationMs('flood'));
  const probe = await operator.http('/livez');
  peers.end();
  console.log(
    `metrics-flood: operator, ${CLUSTERS_TOLD_OF + 1} clusters, ${PEERS} peers x ${REQUESTS_EACH} requests: a revocation took ${atRest.value} ms at rest, ${flooded.value} ms meanwhile; RSS ${atRest.peak} MiB, at most ${flooded.peak} MiB`,
  );
  expect(probe).toMatchObject({ status: 200, body: 'ok' });
  expect(flooded.peak - atRest.peak).toBeLessThan(30);
  // On a machine that others use, too, a single figure says little; what was mended were 20 seconds.
  expect(flooded.value).toBeLessThan(2 * atRest.value + 1_000);
  await world.stopOperator();
});

test('nor do they fill the memory of the authenticator', async () => {
  const webhook = await webhookKubeconfig();
  const authenticator = await startAuthenticator(one.plane.adminKubeconfig, webhook.port, [
    '--metrics-listen=127.0.0.1:0',
  ]);
  const { address } = await eventually(async () => {
    const line = authenticator.logs().find(({ message }) => message === 'metrics and probes');
    if (!line) throw new Error('not announced');
    return line as { address: string };
  });
  const before = rssMiB(authenticator);
  const peers = flood(address);
  const { peak } = await peakOf(authenticator, () => delay(4_000));
  peers.end();
  console.log(`metrics-flood: authenticator, ${PEERS} peers: RSS ${before} MiB, at most ${peak} MiB`);
  expect(peak - before).toBeLessThan(30);
  await authenticator.stop();
});
