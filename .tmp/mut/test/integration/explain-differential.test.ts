import { randomUUID } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { NAMESPACES } from '../../src/api/names.ts';
import { ConfigError } from '../../src/errors.ts';
import { conclude, type Explanation } from '../../src/explain/conclusion.ts';
import type { Given } from '../../src/explain/evidence.ts';
import { gather } from '../../src/explain/gather.ts';
import { readKubeconfig } from '../../src/explain/kubeconfig-file.ts';
import { downstreamAccess } from '../../src/kube/kubeconfig.ts';
import { managementAccess } from '../../src/kube/management-access.ts';
import { ManagementPlane } from '../../src/plane/management.ts';
import { Plane } from '../../src/plane/plane.ts';
import {
  type AuthenticatorProcess,
  startAuthenticator,
  webhookKubeconfig,
} from '../support/authenticator-process.ts';
import { aCli, type Cli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { make, remove, secretOf, type TokenWorld } from '../support/explain-worlds.ts';
import { FORMS, type Form, kubeconfigOf } from '../support/kubeconfig-forms.ts';
import { kubectl } from '../support/kubectl.ts';
import type { Any } from '../support/plane-client.ts';
import { type Downstream, startWorld, type World } from '../support/world.ts';

/**
 * What `explain` says, against what kubectl gets with that very kubeconfig, in worlds that are made at random on real API
 * servers; and `token list` and `status`, which must not contradict it. `ACE_WORLDS=2000 ACE_SEED=1` for the long form; an odd
 * seed has the API servers ask by the older TokenReview.
 */

const WORLDS = Number(process.env['ACE_WORLDS'] ?? '120');
const SEED = Number(process.env['ACE_SEED'] ?? '20261128');
const AT_ONCE = 20;
const TIMEOUT_MS = 10_000;
/** Nobody listens there. */
const NOWHERE = 'https://127.0.0.1:1';

const oftenOk = <T extends string>(ok: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(ok) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const CLUSTERS = ['c-one', 'c-deaf', 'c-two'] as const;
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
  form: oftenOk(...FORMS),
  home: fc.constantFrom('c-one', 'c-one', 'c-one', 'c-deaf'),
});

let world: World;
let cli: Cli;
let directory: string;
let authenticator: AuthenticatorProcess;
let management: ManagementPlane;
const counts = new Map<string, number>();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ace-worlds-'));
  const [webhook, silent] = [await webhookKubeconfig(), await webhookKubeconfig()];
  const version = SEED % 2 === 0 ? 'v1' : 'v1beta1';
  const webhooks: Readonly<Record<string, string>> = { 'c-one': webhook.path, 'c-deaf': silent.path };
  world = await startWorld({
    clusters: CLUSTERS,
    downstream: (id) => {
      const kubeconfig = webhooks[id];
      return kubeconfig === undefined ? {} : { tokenWebhook: { kubeconfig, version, cacheTtl: '0s' } };
    },
  });
  cli = aCli({ KUBECONFIG: world.management.plane.adminKubeconfig });
  for (const id of CLUSTERS) await world.register(id);
  await world.management.create(NAMESPACES, {
    ...{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'cattle-tokens' } },
  });
  // The definitions and the namespace are the operator's to make; it is not to write what follows.
  await world.startOperator();
  for (const id of CLUSTERS) await world.waitSynced(id, '0/0');
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

const serverOf = ({ endpoint, home }: Pick<TokenWorld, 'endpoint' | 'home'>): string =>
  endpoint === 'nobody' ? NOWHERE : world.cluster(endpoint === 'its own' ? home : 'c-two').plane.url;

const planesOf = ({ home }: TokenWorld): Parameters<typeof make>[2] => ({
  management: world.management,
  downstream: world.cluster(home),
});

function bearerOf({ asked }: TokenWorld, name: string): string {
  const secret = asked === 'wrong secret' ? 'some-wrong-secret' : secretOf(name);
  return `${asked === 'ext prefix' ? 'ext/' : ''}${name}:${secret}`;
}

function fileOf(form: Form, server: string, bearer: string): string {
  const authority = ({ plane }: Pick<Downstream, 'plane'>): string => {
    const { clusters } = parse(plane.kubeconfigYaml());
    return Buffer.from(clusters[0].cluster['certificate-authority-data'], 'base64').toString();
  };
  const id = CLUSTERS.find((one) => world.cluster(one).plane.url === server) ?? 'c-one';
  const [ca, otherCa] = [authority(world.cluster(id)), authority(world.management)];
  return kubeconfigOf(form, { server, ca, otherCa, bearer });
}

/** What kubectl gets with that file: `yes`, `no`, or that nobody answers. */
async function truth(file: string): Promise<'yes' | 'no' | 'nobody answers'> {
  const path = join(directory, `${randomUUID()}.kubeconfig`);
  await writeFile(path, file, { mode: 0o600 });
  try {
    await kubectl(path, 'get', '--raw', '/api', '--request-timeout=10s');
    return 'yes';
  } catch (error) {
    return /Unauthorized/.test(String(error)) ? 'no' : 'nobody answers';
  }
}

/** `refused` also where the file cannot be used, which is told with an exit code of its own. */
async function explained(tokenWorld: TokenWorld, name: string): Promise<Explained> {
  if (tokenWorld.asked === 'by name') return concluded({ kind: 'name', name });
  const file = fileOf(tokenWorld.form, serverOf(tokenWorld), bearerOf(tokenWorld, name));
  try {
    const { given, asBearer } = await readKubeconfig(file, 'file', undefined, false);
    return await concluded(given, asBearer);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { verdict: 'refused', reason: 'unusable', remedy: error.message, hops: [] };
  }
}

type Explained = Pick<Explanation, 'verdict' | 'hops'> & {
  readonly reason?: string | undefined;
  readonly remedy?: string | undefined;
};

async function concluded(given: Given, asBearer = ''): Promise<Explained> {
  const options = { timeoutMs: TIMEOUT_MS, userAgent: 'ace-tests' };
  const bearer = asBearer ? new Plane(await downstreamAccess(asBearer), options) : undefined;
  const none = { cluster: undefined, downstream: undefined, wish: undefined, namespace: undefined };
  try {
    return conclude(
      await gather({
        ...{ ...options, ...none, given, bearer, asksWebhook: true, now: Date.now },
        management: { ok: true, value: management },
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

async function compare(tokenWorld: TokenWorld, name: string): Promise<readonly string[]> {
  const isByName = tokenWorld.asked === 'by name';
  const said = await explained(tokenWorld, name);
  // A name alone means the cluster that its token is scoped to.
  const endpoint = tokenWorld.token === 'elsewhere' ? "another cluster's" : 'its own';
  const server = serverOf(isByName ? { ...tokenWorld, endpoint } : tokenWorld);
  const answer = await truth(
    fileOf(isByName ? 'plain' : tokenWorld.form, server, bearerOf(tokenWorld, name)),
  );
  const { verdict, reason, remedy } = said;
  counts.set(`${verdict}/${answer}`, (counts.get(`${verdict}/${answer}`) ?? 0) + 1);
  const isNeedlesslyOpen = verdict === 'unknown' && !isByName && answer !== 'nobody answers';
  const isWithoutReason = verdict !== 'accepted' && verdict !== 'expected' && (!reason || !remedy);
  const isTrue = TRUE_IF[verdict].includes(answer) && !isNeedlesslyOpen && !isWithoutReason;
  const what = `${name}: ${verdict} ${reason ?? ''}`;
  const listed = await contradictionInLists(said, name);
  return [
    ...(isTrue ? [] : [`${what}, and the API server says ${answer}: ${JSON.stringify(tokenWorld)}`]),
    ...(listed === undefined ? [] : [`${what}, and ${listed}: ${JSON.stringify(tokenWorld)}`]),
  ];
}

interface Lists {
  /** By name: why `token list` says that it is of no use; null for one that may be. */
  readonly reasons: ReadonlyMap<string, string | null>;
  /** By name: what `status CLUSTER` says of it. */
  readonly states: ReadonlyMap<string, string>;
}
let lists: Lists;

/** The same programs that a person runs, over all tokens of a batch. */
async function readLists(): Promise<Lists> {
  const [tokens, ...statuses] = await Promise.all([
    cli.run('token', 'list', '-o', 'json'),
    ...(['c-one', 'c-deaf'] as const).map((id) => cli.run('status', id, '-o', 'json')),
  ]);
  const itemsOf = (text: string): readonly Any[] => JSON.parse(text).items;
  return {
    reasons: new Map(itemsOf(tokens.stdout).map(({ metadata, reason }) => [metadata.name, reason])),
    states: new Map(
      statuses.flatMap(({ stdout }) => itemsOf(stdout).map(({ name, state }) => [name, state])),
    ),
  };
}

/** What the lists say and `explain` denies; undefined when they agree. */
function contradictionInLists({ verdict, hops }: Explained, name: string): string | undefined {
  const isIn = verdict === 'accepted' || verdict === 'expected';
  const isBad = hops.some(({ id, state }) => state === 'broken' && OF_THE_TOKEN.includes(id));
  const reason = lists.reasons.get(name);
  if (typeof reason === 'string' && reason !== 'HashPending' && isIn) return `token list says ${reason}`;
  if (reason === null && isBad) return 'token list says Active';
  const state = lists.states.get(name);
  if (isIn && (state === 'refused' || state === 'orphan' || state === 'pending'))
    return `status says ${state}`;
  if (isBad && state === 'propagated') return 'status says propagated';
  return undefined;
}

/** Hops that are about the token and its user alone. */
const OF_THE_TOKEN: readonly string[] = ['token', 'expiry', 'enabled', 'user'];

/** What management says of both clusters, for a batch of tokens. */
const CLUSTER_STATES = {
  'ace on': { enabled: true },
  'ace off': { enabled: false },
} as const;

describe('explain', () => {
  test(
    'never contradicts the API server, nor what is listed',
    async () => {
      const worlds = fc.sample(someWorld, { numRuns: WORLDS, seed: SEED });
      const states = fc.sample(oftenOk<keyof typeof CLUSTER_STATES>('ace on', 'ace off'), {
        numRuns: WORLDS,
        seed: SEED,
      });
      const wrong: string[] = [];
      for (let first = 0; first < worlds.length; first += AT_ONCE) {
        const state = states[first / AT_ONCE] ?? 'ace on';
        for (const id of ['c-one', 'c-deaf']) await world.setAce(id, CLUSTER_STATES[state].enabled);
        const batch = worlds
          .slice(first, first + AT_ONCE)
          .map((one, index) => [one, `w-${first + index}`] as const);
        await Promise.all(batch.map(([one, name]) => make(one, name, planesOf(one))));
        await settled(batch[0]?.[1] ?? '');
        lists = await readLists();
        const results = await Promise.all(batch.map(([one, name]) => compare(one, name)));
        wrong.push(...results.flat().map((text) => `${state}: ${text}`));
        await Promise.all(batch.map(([one, name]) => remove(name, planesOf(one))));
      }
      expect(wrong).toEqual([]);
    },
    WORLDS * 3_000 + 60_000,
  );
});

/** Until the authenticator has seen what was just written: a marker that is written after it lets its bearer in. */
async function settled(name: string): Promise<void> {
  const marker: TokenWorld = {
    ...{ token: 'ok', user: 'ok', writer: 'ours', object: 'ok', hash: 'sha3-512', place: 'secret' },
    ...{ attribute: 'ok', asked: 'kubeconfig', endpoint: 'its own', form: 'plain', home: 'c-one' },
  };
  await make(marker, `marker-${name}`, planesOf(marker));
  const file = fileOf('plain', serverOf(marker), bearerOf(marker, `marker-${name}`));
  await eventually(async () => expect(await truth(file)).toBe('yes'));
  await remove(`marker-${name}`, planesOf(marker));
}
