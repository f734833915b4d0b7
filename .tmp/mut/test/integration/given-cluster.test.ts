import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS, NAMESPACES, TOKENS } from '../../src/api/names.ts';
import { aCli, type Cli, type CliResult } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { startWorld, type World } from '../support/world.ts';

/** `--downstream-kubeconfig` of the cluster that is meant, of another one, and of one of which nobody knows whose it is. */

let world: World;
let cli: Cli;
let [own, other] = ['', ''];

const uidOf = async (id: string): Promise<string> =>
  (await world.cluster(id).get(NAMESPACES, 'kube-system'))?.metadata.uid;
const run = (file: string, ...args: readonly string[]): Promise<CliResult> =>
  cli.run(...args, '--downstream-kubeconfig', file);
const isInForce = async (name: string): Promise<boolean> => {
  const token = await world.management.get(TOKENS, name);
  return token !== undefined && token.enabled !== false;
};

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one', 'c-two'] });
  cli = aCli({ KUBECONFIG: world.management.plane.adminKubeconfig });
  for (const id of ['c-one', 'c-two']) await world.register(id);
  await world.createUser('u-ada', {}, ['group://a']);
  await world.createToken('good', 'c-one', 'u-ada');
  await world.startOperator();
  await world.waitSynced('c-one', '1/1');
  await world.waitSynced('c-two', '0/0');
  await eventually(async () =>
    expect((await world.propagation('c-one'))?.status.clusterUID).toBe(await uidOf('c-one')),
  );
  own = world.cluster('c-one').plane.adminKubeconfig;
  other = world.cluster('c-two').plane.adminKubeconfig;
}, 180_000);
afterAll(() => world?.close());

const COMMANDS: readonly (readonly string[])[] = [
  ['explain', 'good'],
  ['wait', 'good', '--for=revoked', '--timeout', '1s'],
  ['status', 'c-one'],
  ['gc', '--apply', 'c-one'],
  ['preflight', 'c-one'],
  ['drain', 'c-one', '--wait', '--timeout', '1s'],
  ['token', 'delete', 'good', '--wait', '--timeout', '1s'],
  ['token', 'revoke', '--user', 'u-ada', '--wait', '--timeout', '1s'],
  ['token', 'revoke', '--cluster', 'c-one', '--never-used', '0s', '--dry-run', 'client'],
];

describe('of another cluster', () => {
  test.each(COMMANDS.map((args) => [args.join(' '), args] as const))(
    '%s: says which two they are, and changes nothing',
    async (_line, args) => {
      const { code, stderr } = await run(other, ...args);
      expect(stderr).toContain(await uidOf('c-one'));
      expect(stderr).toContain(await uidOf('c-two'));
      expect(stderr).toMatch(/that is another cluster.*give a kubeconfig of c-one/);
      // gc tells of each cluster as it comes to it.
      expect(code).toBe(args[0] === 'gc' ? 3 : 2);
      expect(await isInForce('good')).toBe(true);
      expect((await world.propagation('c-one'))?.spec?.drain ?? false).toBe(false);
    },
  );

  test('that was set up anew, as an annotation says: it is the one that is meant', async () => {
    const annotate = (uid: string | null): Promise<unknown> =>
      world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', {
        metadata: { annotations: { 'ace-operator.io/accept-cluster': uid } },
      });
    await world.stopOperator();
    await annotate(await uidOf('c-two'));
    expect((await run(other, 'status', 'c-one')).code).toBe(0);
    await annotate(null);
    await world.startOperator();
    await world.waitSynced('c-one', '1/1');
  });
});

test('of the cluster that is meant: nothing is said of whose it is', async () => {
  expect(await run(own, 'status', 'c-one')).toMatchObject({ code: 0, stderr: '' });
  const { stdout } = await run(own, 'explain', 'good');
  expect(stdout).not.toContain('not proven');
  expect(await run(own, 'wait', 'good', '--timeout', '20s')).toMatchObject({ code: 0, stderr: '' });
});

describe('of which nobody knows whose it is', () => {
  const unproven = /it is not proven that \S+ is of c-one: /;

  beforeAll(async () => {
    await world.stopOperator();
    const key = { resource: CLUSTER_PROPAGATIONS, name: 'c-one' };
    await world.management.client.patch(key, { status: { clusterUID: null } }, { subresource: 'status' });
  });

  test('as the operator never said: the answer says so', async () => {
    const explained = await run(own, 'explain', 'good');
    expect(explained.stdout.split('\n')[0]).toMatch(unproven);
    expect(explained.stdout).toContain('ClusterUnproven');
    for (const args of [
      ['gc', 'c-one'],
      ['wait', 'good', '--timeout', '20s'],
    ]) {
      const { code, stderr } = await run(own, ...args);
      expect(code, args.join(' ')).toBe(0);
      expect(stderr).toMatch(unproven);
    }
  }, 240_000);

  test('also in JSON, and when a token is taken away', async () => {
    const json = await run(own, 'wait', 'good', '--timeout', '20s', '-o', 'json');
    expect(JSON.parse(json.stdout).unproven).toMatch(unproven);
    const disabled = await run(own, 'token', 'disable', 'good', '--wait', '--timeout', '5s');
    expect(disabled.stderr).toMatch(unproven);
    await world.patchToken('good', { enabled: true });
  }, 240_000);

  test('a token that is in order, and not there, is on its way and not revoked', async () => {
    const { code, stderr } = await run(other, 'wait', 'good', '--for=revoked', '--timeout', '5s');
    expect(stderr).toMatch(/not revoked in c-one after 5s; NotPropagated/);
    expect(code).toBe(1);
    await world.createToken('late', 'c-one', 'u-ada');
    expect((await cli.run('wait', 'late', '--for=revoked', '--timeout', '5s')).code).toBe(1);
    await world.patchToken('late', { enabled: false });
    expect((await cli.run('wait', 'late', '--for=revoked', '--timeout', '20s')).code).toBe(0);
  }, 240_000);
});
