import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseBearer } from '../../src/api/bearer.ts';
import { NAMESPACES } from '../../src/api/names.ts';
import { conclude, type Explanation } from '../../src/explain/conclusion.ts';
import type { Given } from '../../src/explain/evidence.ts';
import { gather } from '../../src/explain/gather.ts';
import { bearerAccess } from '../../src/kube/kubeconfig.ts';
import { managementAccess } from '../../src/kube/management-access.ts';
import { ManagementPlane } from '../../src/plane/management.ts';
import { Plane } from '../../src/plane/plane.ts';
import {
  type AuthenticatorProcess,
  startAuthenticator,
  webhookKubeconfig,
} from '../support/authenticator-process.ts';
import { eventually } from '../support/eventually.ts';
import { make, remove, secretOf, type TokenWorld } from '../support/explain-worlds.ts';
import { startWorld, type World } from '../support/world.ts';

/**
 * What `explain` says, against what the API server of the kubeconfig answers to that very bearer, in worlds that are made at random on
 * real API servers. `ACE_WORLDS=2000 ACE_SEED=1` for the long form.
 */

const WORLDS = Number(process.env['ACE_WORLDS'] ?? '120');
const SEED = Number(process.env['ACE_SEED'] ?? '20261128');
const AT_ONCE = 20;
const TIMEOUT_MS = 10_000;
/** Nobody listens there. */
const NOWHERE = 'https://127.0.0.1:1';

const oftenOk = <T extends string>(ok: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(ok) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const someWorld: fc.Arbitrary<TokenWorld> = fc.record({
  token: oftenOk('ok', 'disabled', 'expired', 'absent', 'empty', 'elsewhere', 'unscoped', 'ext', 'hashed'),
  user: oftenOk('ok', 'disabled', 'absent', 'groupless'),
  writer: fc.constantFrom('ours', 'ours', 'rancher', 'rancher', 'nobody'),
  object: oftenOk('ok', 'disabled', 'expired', 'longer', 'of another user', 'absent'),
  hash: oftenOk('sha3-512', 'sha256', 'scrypt', 'bcrypt', 'of another secret', 'garbage', 'absent'),
  place: fc.constantFrom('secret', 'inline'),
  attribute: oftenOk('ok', 'disabled', 'other groups', 'absent'),
  asked: fc.constantFrom('by name', 'kubeconfig', 'kubeconfig', 'wrong secret', 'ext prefix'),
  endpoint: oftenOk('its own', "another cluster's", 'nobody'),
});

let world: World;
let authenticator: AuthenticatorProcess;
let management: ManagementPlane;
const counts = new Map<string, number>();

beforeAll(async () => {
  const webhook = await webhookKubeconfig();
  world = await startWorld({
    clusters: ['c-one', 'c-two'],
    downstream: (id) =>
      id === 'c-one' ? { tokenWebhook: { kubeconfig: webhook.path, cacheTtl: '0s' } } : {},
  });
  for (const id of ['c-one', 'c-two']) await world.register(id);
  for (const name of ['cattle-tokens'])
    await world.management.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  // The definitions and the namespace are the operator's to make; it is not to write what follows.
  await world.startOperator();
  await world.waitSynced('c-one', '0/0');
  await world.stopOperator();
  authenticator = await startAuthenticator(world.cluster('c-one').plane.adminKubeconfig, webhook.port);
  management = new ManagementPlane(await managementAccess(world.management.plane.adminKubeconfig), {
    ...{ timeoutMs: TIMEOUT_MS, userAgent: 'ace-tests', connections: 16 },
    credentialNamespaces: ['ace-operator'],
  });
}, 180_000);
afterAll(async () => {
  console.info(
    `${WORLDS} worlds, seed ${SEED}: ${[...counts].map(([what, count]) => `${what} ${count}`).join(', ')}`,
  );
  await management?.close();
  await authenticator?.stop();
  await world?.close();
});

const serverOf = (endpoint: TokenWorld['endpoint']): string =>
  endpoint === 'nobody' ? NOWHERE : world.cluster(endpoint === 'its own' ? 'c-one' : 'c-two').plane.url;

function bearerOf({ asked }: TokenWorld, name: string): string {
  const secret = asked === 'wrong secret' ? 'some-wrong-secret' : secretOf(name);
  return `${asked === 'ext prefix' ? 'ext/' : ''}${name}:${secret}`;
}

/** `yes`, `no`, or that nobody answers. */
async function truth(server: string, bearer: string): Promise<'yes' | 'no' | 'nobody answers'> {
  const plane = await planeOf(server, bearer);
  try {
    const answer = await plane.probe('/api', Date.now);
    if (!answer.ok) return 'nobody answers';
    return answer.value.status === 401 ? 'no' : 'yes';
  } finally {
    await plane.close();
  }
}

async function planeOf(server: string, bearer: string): Promise<Plane> {
  const id = server === world.cluster('c-two').plane.url ? 'c-two' : 'c-one';
  const config = parse(world.cluster(id).plane.kubeconfigYaml());
  const ca = Buffer.from(config.clusters[0].cluster['certificate-authority-data'], 'base64').toString();
  return new Plane(await bearerAccess(server, ca, bearer), {
    timeoutMs: TIMEOUT_MS,
    userAgent: 'ace-tests',
  });
}

async function explained(tokenWorld: TokenWorld, name: string): Promise<Explanation> {
  const isByName = tokenWorld.asked === 'by name';
  const bearerText = bearerOf(tokenWorld, name);
  const server = serverOf(tokenWorld.endpoint);
  const credential = parseBearer(bearerText);
  const given: Given = isByName
    ? { kind: 'name', name }
    : { kind: 'kubeconfig', source: 'file, context c,', server, isOwnBearer: true, credential };
  const bearer = isByName ? undefined : await planeOf(server, bearerText);
  try {
    return conclude(
      await gather({
        ...{
          given,
          bearer,
          cluster: undefined,
          downstream: undefined,
          wish: undefined,
          namespace: undefined,
        },
        ...{ management: { ok: true, value: management }, asksWebhook: true, now: Date.now },
        ...{ timeoutMs: TIMEOUT_MS, userAgent: 'ace-tests' },
      }),
    );
  } finally {
    await bearer?.close();
  }
}

/** What the API server's answer to that bearer has to be, if the verdict is true. */
const TRUE_IF: Readonly<Record<Explanation['verdict'], readonly string[]>> = {
  accepted: ['yes'],
  expected: ['yes'],
  stillAccepted: ['yes'],
  refused: ['no', 'nobody answers'],
  unknown: ['yes', 'no', 'nobody answers'],
};

async function compare(tokenWorld: TokenWorld, name: string): Promise<string | undefined> {
  const isByName = tokenWorld.asked === 'by name';
  const { verdict, reason, remedy } = await explained(tokenWorld, name);
  // A name alone means the cluster that its token is scoped to.
  const home = tokenWorld.token === 'elsewhere' ? "another cluster's" : 'its own';
  const answer = await truth(
    isByName ? serverOf(home) : serverOf(tokenWorld.endpoint),
    bearerOf(tokenWorld, name),
  );
  counts.set(`${verdict}/${answer}`, (counts.get(`${verdict}/${answer}`) ?? 0) + 1);
  const isNeedlesslyOpen = verdict === 'unknown' && !isByName && answer !== 'nobody answers';
  const isWithoutReason = verdict !== 'accepted' && verdict !== 'expected' && (!reason || !remedy);
  if (TRUE_IF[verdict].includes(answer) && !isNeedlesslyOpen && !isWithoutReason) return undefined;
  return `${name}: ${verdict} ${reason ?? ''}, and the API server says ${answer}: ${JSON.stringify(tokenWorld)}`;
}

describe('explain', () => {
  test(
    'never contradicts the API server',
    async () => {
      const worlds = fc.sample(someWorld, { numRuns: WORLDS, seed: SEED });
      const planes = { management: world.management, downstream: world.cluster('c-one') };
      const wrong: string[] = [];
      for (let first = 0; first < worlds.length; first += AT_ONCE) {
        const batch = worlds
          .slice(first, first + AT_ONCE)
          .map((one, index) => [one, `w-${first + index}`] as const);
        await Promise.all(batch.map(([one, name]) => make(one, name, planes)));
        await settled(batch[0]?.[1] ?? '');
        const results = await Promise.all(batch.map(([one, name]) => compare(one, name)));
        wrong.push(...results.filter((result) => result !== undefined));
        await Promise.all(batch.map(([, name]) => remove(name, planes)));
      }
      expect(wrong).toEqual([]);
    },
    WORLDS * 2_000 + 60_000,
  );
});

/** Until the authenticator has seen what was just written: a marker that is written after it lets its bearer in. */
async function settled(name: string): Promise<void> {
  const marker: TokenWorld = {
    ...{ token: 'ok', user: 'ok', writer: 'ours', object: 'ok', hash: 'sha3-512', place: 'secret' },
    ...{ attribute: 'ok', asked: 'kubeconfig', endpoint: 'its own' },
  };
  const planes = { management: world.management, downstream: world.cluster('c-one') };
  await make(marker, `marker-${name}`, planes);
  await eventually(async () =>
    expect(await truth(serverOf('its own'), bearerOf(marker, `marker-${name}`))).toBe('yes'),
  );
  await remove(`marker-${name}`, planes);
}
