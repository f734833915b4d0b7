import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { startWorld, type World } from '../support/world.ts';

const run = promisify(execFile);
const SOURCE = join(import.meta.dirname, '../../hack/kstatus');

let world: World;
let program: string;
/** Why all of this is skipped; undefined where kstatus could be built. */
let reason: string | undefined;

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one'] });
  program = join(world.management.plane.dir, 'kstatus');
  reason = await build();
}, 600_000);
afterAll(() => world?.close());
beforeEach((context) => {
  if (reason) context.skip(reason);
});

test('kstatus says InProgress of a cluster that nobody has looked at', async () => {
  await world.register('c-one', { credentials: false });
  await world.management.create(CLUSTER_PROPAGATIONS, {
    apiVersion: 'ace-operator.io/v1alpha1',
    kind: 'ClusterPropagation',
    metadata: { name: 'c-one' },
  });
  expect(await kstatus()).toMatch(/^InProgress .*latest observed generation is -1/);
});

test('kstatus says Failed of a cluster that waits for a person, and why', async () => {
  await world.startOperator();
  await world.waitCondition('c-one', 'Stalled', { status: 'True', reason: 'NoCredentials' });
  expect(await kstatus()).toMatch(/^Failed /);
});

test('kstatus says Current of a cluster that is in sync', async () => {
  await world.createUser('u-ada', {}, ['group://a']);
  await world.createToken('t-ada', 'c-one', 'u-ada');
  await world.setCredentials('c-one', {});
  await world.waitSynced('c-one', '1/1');
  expect(await kstatus()).toMatch(/^Current /);
});

test('kstatus says InProgress from a change of the spec until it is carried out', async () => {
  await world.stopOperator();
  await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { hash: { algorithm: 'sha3-512' } } });
  expect(await kstatus()).toMatch(/^InProgress .*latest observed generation is 1/);
  await world.startOperator();
  await eventually(async () => expect(await kstatus()).toMatch(/^Current /));
});

test('kstatus says InProgress of a cluster that is away, and Current again when it is back', async () => {
  await world.cluster('c-one').plane.stopApiServer();
  await world.waitCondition('c-one', 'Reconciling', { status: 'True', reason: 'Unreachable' });
  expect(await kstatus()).toMatch(/^InProgress /);
  await world.cluster('c-one').plane.startApiServer();
  await eventually(async () => expect(await kstatus()).toMatch(/^Current /), { timeoutMs: 60_000 });
});

/** @returns why there is no program */
async function build(): Promise<string | undefined> {
  try {
    await run('go', ['version']);
  } catch {
    return 'kstatus is a Go library, and there is no `go` on PATH';
  }
  const env = { ...process.env, CGO_ENABLED: '0' };
  try {
    await run('go', ['mod', 'download'], { cwd: SOURCE, env });
  } catch {
    return 'the Go modules of hack/kstatus could not be fetched, and are not in the cache';
  }
  await run('go', ['build', '-o', program, '.'], { cwd: SOURCE, env });
  return undefined;
}

async function kstatus(): Promise<string> {
  const object = await world.propagation('c-one');
  const child = run(program);
  child.child.stdin?.end(JSON.stringify(object));
  return (await child).stdout;
}
