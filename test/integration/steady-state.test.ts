import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS, CONFIG_MAPS } from '../../src/api/names.ts';
import type { AuditLine } from '../support/audit.ts';
import { auditedSoFar } from '../support/audited-so-far.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import type { PlaneClient } from '../support/plane-client.ts';
import { OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

const FLAGS = ['--hash-algorithm', 'sha3-512'];
const READS = new Set(['get', 'list', 'watch']);
const HASHED = 400;
const PLAIN = 100;
/** What one look at the whole cluster works: every token, and the user. */
const KEYS = HASHED + PLAIN + 1;

describe('500 tokens that are in their cluster', () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld({
      clusters: ['c-one'],
      management: { audit: true },
      downstream: { audit: true },
    });
    await world.register('c-one');
    await world.createUser('u-ada', {}, ['group://a']);
    await world.createTokens('hashed', HASHED, 'c-one', 'u-ada');
    await world.createTokens('plain', PLAIN, 'c-one', 'u-ada', { token: 'not-a-real-secret' });
    await world.startOperator(FLAGS);
    await world.waitSynced('c-one', '500/500');
  });
  afterAll(() => world.close());

  test('are written down when the operator is stopped, however soon', async () => {
    await world.stopOperator();

    const record = await world.management.get(CONFIG_MAPS, 'ace-operator-debts-c-one', OWN_NAMESPACE);
    expect(record?.data.summary).toBe(`0 revocations owed, ${KEYS} objects known, 0 without room`);
  });

  test('cost no write request over a restart and ten resyncs', async () => {
    const before = await writes(world);
    expect(before.downstream).toContain('create clusterauthtokens hashed-0');
    expect(before.management).toContain('patch clusterpropagations/status c-one');

    await world.startOperator(FLAGS);
    await eventually(async () => expect(await worked(world)).toBeGreaterThanOrEqual(KEYS), {
      timeoutMs: 30_000,
    });
    expect(since(before, await writes(world))).toEqual([]);

    for (let resync = 0; resync < 10; resync += 1) await sweepOnce(world);

    // That the changed spec was seen is all that is written, once for each.
    const written = since(before, await writes(world));
    expect(new Set(written)).toEqual(new Set(['patch clusterpropagations/status c-one']));
    expect(written.length).toBeLessThanOrEqual(10);
  });

  test('are still looked after: a change is written, and its requests are counted', async () => {
    const before = await writes(world);

    await world.createTokens('late', 1, 'c-one', 'u-ada');
    await world.waitSynced('c-one', '501/501');

    expect(since(before, await writes(world))).toContain('create clusterauthtokens late-0');
  });
});

/** Keys worked by the operator that runs now. */
function worked(world: World): Promise<number> {
  return (
    world.operator?.metric('ace_reconciles_total{ace_cluster="c-one",result="ok"}') ?? Promise.resolve(0)
  );
}

/** Any change of the spec makes a sweep run, also one that changes nothing of the tokens. */
async function sweepOnce(world: World): Promise<void> {
  const before = await worked(world);
  minDeletes += 1;
  await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { gc: { minDeletes } } });
  await eventually(async () => expect(await worked(world)).toBeGreaterThanOrEqual(before + KEYS));
}

let minDeletes = 20;

interface Writes {
  readonly management: readonly string[];
  readonly downstream: readonly string[];
}

/** The operator's write requests at both API servers so far, as `<verb> <resource> <name>`. */
async function writes(world: World): Promise<Writes> {
  const downstream = world.cluster('c-one');
  return {
    management: await audited(world.management, world.management.plane),
    downstream: await audited(downstream, downstream.plane),
  };
}

function since(before: Writes, after: Writes): readonly string[] {
  return [
    ...after.management.slice(before.management.length),
    ...after.downstream.slice(before.downstream.length),
  ];
}

async function audited(client: PlaneClient, plane: ControlPlane): Promise<readonly string[]> {
  const lines = await auditedSoFar(client, plane);
  return lines
    .filter(({ userAgent, verb }) => userAgent.startsWith('ace-operator/') && !READS.has(verb))
    .map(({ verb, resource, subresource, name }: AuditLine) =>
      [verb, subresource === '' ? resource : `${resource}/${subresource}`, name].join(' '),
    );
}
