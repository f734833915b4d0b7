import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { startWorld, type World } from '../support/world.ts';

const run = promisify(execFile);
const HACK = join(import.meta.dirname, '../../hack');
const CHECK = join(import.meta.dirname, '../../manifests/gitops/argocd-health.lua');

/** What Flux (kstatus) and Argo CD (our check, in its Lua) make of a ClusterPropagation. */

let world: World;
/** Why all of this is skipped; undefined where both programs could be built. */
let reason: string | undefined;

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one'] });
  reason = (await build('kstatus')) ?? (await build('argocd-health'));
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
  expect(await health()).toMatch(/^Progressing the operator has not looked/);
});

test('kstatus says Failed of a cluster that waits for a person, and why', async () => {
  await world.startOperator();
  await world.waitCondition('c-one', 'Stalled', { status: 'True', reason: 'NoCredentials' });
  expect(await kstatus()).toMatch(/^Failed /);
  expect(await health()).toMatch(/^Degraded NoCredentials: no Secret/);
});

test('kstatus says Current of a cluster that is in sync', async () => {
  await world.createUser('u-ada', {}, ['group://a']);
  await world.createToken('t-ada', 'c-one', 'u-ada');
  await world.setCredentials('c-one', {});
  await world.waitSynced('c-one', '1/1');
  expect(await kstatus()).toMatch(/^Current /);
  expect(await health()).toMatch(/^Healthy AllSynced: /);
});

test('kstatus says InProgress from a change of the spec until it is carried out', async () => {
  await world.stopOperator();
  await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { hash: { algorithm: 'sha3-512' } } });
  expect(await kstatus()).toMatch(/^InProgress .*latest observed generation is 1/);
  expect(await health()).toMatch(/^Progressing /);
  await world.startOperator();
  await eventually(async () => expect(await kstatus()).toMatch(/^Current /));
});

test('kstatus says InProgress of a cluster that is away, and Current again when it is back', async () => {
  await world.cluster('c-one').plane.stopApiServer();
  await world.waitCondition('c-one', 'Reconciling', { status: 'True', reason: 'Unreachable' });
  expect(await kstatus()).toMatch(/^InProgress /);
  expect(await health()).toMatch(/^Progressing Unreachable: /);
  await world.cluster('c-one').plane.startApiServer();
  await eventually(async () => expect(await kstatus()).toMatch(/^Current /), { timeoutMs: 60_000 });
});

test('a cluster that is suspended is InProgress to kstatus, and Suspended to Argo CD', async () => {
  await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { suspend: true } });
  await world.waitCondition('c-one', 'Ready', { status: 'False', reason: 'Suspended' });
  expect(await kstatus()).toMatch(/^InProgress /);
  expect(await health()).toMatch(/^Suspended /);
});

const programOf = (name: string): string => join(world.management.plane.dir, name);

/** @returns why there is no program */
async function build(name: string): Promise<string | undefined> {
  try {
    await run('go', ['version']);
  } catch {
    return `${name} is made of a Go library, and there is no \`go\` on PATH`;
  }
  const where = { cwd: join(HACK, name), env: { ...process.env, CGO_ENABLED: '0' } };
  try {
    await run('go', ['mod', 'download'], where);
  } catch {
    return `the Go modules of hack/${name} could not be fetched, and are not in the cache`;
  }
  await run('go', ['build', '-o', programOf(name), '.'], where);
  return undefined;
}

const kstatus = (): Promise<string> => judged('kstatus');
const health = (): Promise<string> => judged('argocd-health', CHECK);

async function judged(program: string, ...args: readonly string[]): Promise<string> {
  const object = await world.propagation('c-one');
  const child = run(programOf(program), args);
  child.child.stdin?.end(JSON.stringify(object));
  return (await child).stdout;
}
