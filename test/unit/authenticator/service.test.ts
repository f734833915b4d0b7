import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  CONFIG_MAPS,
  SECRETS,
} from '../../../src/api/names.ts';
import { AuthenticatorService } from '../../../src/authenticator/service.ts';
import { authenticatorConfig } from '../../../src/config/authenticator.ts';
import * as sha3 from '../../../src/hash/sha3-512.ts';
import { createLog } from '../../../src/telemetry/log.ts';
import { CANARY } from '../../support/builders.ts';
import { ClusterServer } from '../../support/cluster-server.ts';
import { eventually } from '../../support/eventually.ts';
import { rawCat, rawCua, rawHashSecret, reviewBody } from '../../support/webhook-rig.ts';

const DECIDING = [CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES, SECRETS].map(({ plural }) => plural);
const PLURALS = [...DECIDING, CONFIG_MAPS.plural];

let dir: string;
let server: ClusterServer;
let address: URL;
const running: AuthenticatorService[] = [];

/** An authenticator with everything that it has in its Pod. */
interface Started {
  readonly service: AuthenticatorService;
  /** Settles when it listens. */
  readonly listening: Promise<void>;
  output(): string;
}

function start(): Started {
  const flags = { listen: '127.0.0.1:0', 'snapshot-file': join(dir, 'state'), 'snapshot-key-file': 'key' };
  const stream = new PassThrough();
  let output = '';
  stream.on('data', (chunk) => {
    output += chunk;
  });
  const service = new AuthenticatorService({
    config: authenticatorConfig(flags, {}),
    access: { server: address, tls: {}, headers: async () => ({}) },
    marks: async () => ['account:one'],
    snapshotKey: Buffer.from('a key of sixteen bytes or more'),
    log: createLog({ level: 'info', format: 'json', stream }),
    auditStream: stream,
    now: Date.now,
  });
  running.push(service);
  return { service, listening: service.start(), output: () => output };
}

async function isLetIn({ output }: Started): Promise<boolean> {
  const [, bound] = /"address":"([^"]+)"/.exec(output()) ?? [];
  const body = reviewBody(`token-1:${CANARY}`);
  const answer = await fetch(`http://${bound}/v1/authenticate`, { method: 'POST', body });
  return ((await answer.json()) as { status: { authenticated: boolean } }).status.authenticated;
}

/** An earlier process of this node, which left what it knew. */
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ace-service-'));
  server = new ClusterServer();
  address = await server.listen();
  server.put(CLUSTER_AUTH_TOKENS.plural, rawCat('token-1'));
  server.put(SECRETS.plural, rawHashSecret('token-1', sha3.hash(CANARY)));
  server.put(CLUSTER_USER_ATTRIBUTES.plural, rawCua('u-1'));
  const earlier = start();
  await earlier.listening;
  await eventually(async () => expect(await readFile(join(dir, 'state'), 'utf8')).toContain('isWhole'));
  await earlier.service.stop();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()));
  await server.close();
  await rm(dir, { recursive: true });
});

const refuseAll = (code: number | 'silent'): void => {
  for (const plural of PLURALS) server.faults.set(plural, code);
};

test.each([429, 500, 503, 404, 'silent' as const])(
  'nobody whom the snapshot knows is kept out by an API server that is %s at the start',
  async (code) => {
    refuseAll(code);
    const started = start();
    await Promise.race([started.listening, delay(5_000)]);
    expect(started.output()).toContain('answering from the snapshot');
    expect(await isLetIn(started)).toBe(true);
  },
);

test('nor by one that answers, and is silent about all that decides: what it may say of that after half a minute is not waited for', async () => {
  for (const plural of DECIDING) server.faults.set(plural, 'silent');
  const started = start();
  await eventually(() => expect(started.output()).toContain('answering from the snapshot'));
  await started.listening;
  expect(await isLetIn(started)).toBe(true);
});

test.each([401, 403])('one that says %s knows us no more, and the snapshot waits', async (code) => {
  refuseAll(code);
  const started = start();
  await delay(1_500);
  expect(started.output()).not.toContain('authenticator listens');
  server.faults.clear();
  await started.listening;
  expect(started.output()).not.toContain('snapshot');
  expect(await isLetIn(started)).toBe(true);
});

test('one that says 403 to all that decides is no other for what else it fails at', async () => {
  refuseAll(403);
  server.faults.set(CONFIG_MAPS.plural, 500);
  const started = start();
  await eventually(() =>
    expect(started.output()).toMatch(/"resource":"configmaps".*\n.*"resource":"configmaps"/s),
  );
  await delay(1_500);
  expect(started.output()).not.toContain('authenticator listens');
  expect(started.output()).not.toContain('snapshot');
});

test('one that said 403, and is silent since, is away like any other', async () => {
  refuseAll(403);
  const started = start();
  await eventually(() => expect(started.output()).toContain('watch failed'));
  refuseAll('silent');
  await eventually(() => expect(started.output()).toContain('answering from the snapshot'), {
    timeoutMs: 20_000,
  });
  await started.listening;
  expect(await isLetIn(started)).toBe(true);
}, 30_000);

test.each(DECIDING)(
  'nobody who was revoked is let in while %s are on their way',
  async (plural) => {
    server.remove(CLUSTER_AUTH_TOKENS.plural, 'token-1');
    server.faults.set(plural, 'dripping');
    const started = start();
    await delay(6_500);
    expect(started.output()).not.toContain('authenticator listens');
    server.faults.clear();
    await started.listening;
    expect(started.output()).not.toContain('snapshot');
    expect(await isLetIn(started)).toBe(false);
  },
  30_000,
);

test('one that is there is waited for, and the snapshot is not looked at', async () => {
  const started = start();
  await started.listening;
  expect(started.output()).not.toContain('snapshot');
  expect(await isLetIn(started)).toBe(true);
});
