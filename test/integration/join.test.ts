import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS, EVENTS, SECRETS } from '../../src/api/names.ts';
import { SERVICE_ACCOUNTS } from '../../src/join/downstream-objects.ts';
import type { EventBody } from '../../src/telemetry/events.ts';
import { bearerKubeconfig } from '../support/bearer-kubeconfig.ts';
import { HOUR } from '../support/builders.ts';
import { aCli, type Cli, type CliResult } from '../support/cli.ts';
import { blocksOf } from '../support/documents.ts';
import { eventually } from '../support/eventually.ts';
import { agedToken } from '../support/jwt.ts';
import { kubectlSays } from '../support/kubectl.ts';
import { NAMESPACE, OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

/** A cluster is taken in by one command, carries tokens, and is let go again; each step may be done twice. */

const LONG = { timeoutMs: 60_000 };
const SECRET = 'ace-cluster-c-one';

let world: World;
let cli: Cli;
const admin = (): string => world.cluster('c-one').plane.adminKubeconfig;
const join = (...more: readonly string[]): Promise<CliResult> =>
  cli.run('join', 'c-one', '--downstream-kubeconfig', admin(), ...more);
const leave = (...more: readonly string[]): Promise<CliResult> =>
  cli.run('leave', 'c-one', '--downstream-kubeconfig', admin(), ...more);
const secret = async () => world.management.get(SECRETS, SECRET, OWN_NAMESPACE);
const account = async () => world.cluster('c-one').get(SERVICE_ACCOUNTS, 'ace-operator', NAMESPACE);

async function bearer(): Promise<string> {
  const { data } = (await secret()) ?? {};
  const text = Buffer.from(data?.kubeconfig ?? '', 'base64').toString();
  const { token } = JSON.parse(text).users[0].user;
  cli.hide(token);
  return token;
}

/** By a file: what is on a command line is in the list of processes. */
async function mayList(token: string, resource: string): Promise<string> {
  const path = `/apis/cluster.cattle.io/v3/namespaces/${NAMESPACE}/${resource}`;
  const file = await bearerKubeconfig(world.cluster('c-one').plane, token);
  return (await kubectlSays(file, ['get', '--raw', path])).stdout;
}

async function mayAskFor(account: string): Promise<boolean> {
  const file = await bearerKubeconfig(world.cluster('c-one').plane, await bearer());
  const right = ['create', `serviceaccounts/${account}`, '--subresource=token', '-n', NAMESPACE];
  const asked = kubectlSays(file, ['auth', 'can-i', ...right]);
  return asked.then(
    ({ stdout }) => stdout.trim() === 'yes',
    () => false,
  );
}

/** The same token, as if it had been made two hours ago and had ten minutes left. */
async function age(): Promise<string> {
  const key = await readFile(`${world.cluster('c-one').plane.dir}/service-account.key`, 'utf8');
  const text = Buffer.from((await secret())?.data.kubeconfig, 'base64').toString();
  const token = await bearer();
  const old = agedToken(token, key, Date.now() - 2 * HOUR, Date.now() + HOUR / 6);
  cli.hide(old);
  const kubeconfig = Buffer.from(text.replace(token, old)).toString('base64');
  await world.management.patch(SECRETS, SECRET, { data: { kubeconfig } }, OWN_NAMESPACE);
  return old;
}

beforeAll(async () => {
  // So short that each run of join would make a new credential, if it went by what it asks for.
  const downstream = { extraArgs: ['--service-account-max-token-expiration=2h'] };
  world = await startWorld({ clusters: ['c-one'], downstream });
  cli = aCli({ KUBECONFIG: world.management.plane.adminKubeconfig });
  await world.register('c-one', { credentials: false });
  await world.createUser('u-ada', {}, ['group://a']);
  await world.createToken('good', 'c-one', 'u-ada');
  await world.startOperator();
}, 180_000);
afterAll(() => world?.close());

test('a dry run makes nothing, and says what it would make', async () => {
  for (const mode of ['client', 'server']) {
    const { stdout, code } = await join(`--dry-run=${mode}`);
    // A server tries nothing in a namespace that is not there.
    if (mode === 'client') expect(code).toBe(0);
    expect(stdout).toContain('dry run)');
  }
  expect(await secret()).toBeUndefined();
  expect(await account()).toBeUndefined();
});

test('after it the operator carries tokens there, by a credential of the least rights', async () => {
  const { stdout, stderr } = await join();
  expect(stdout).toContain('serviceaccount/ace-operator created');
  expect(stdout).toContain(`secret/${SECRET} created`);
  expect(stderr).toMatch(/the credential is good until 20\d\d-/);
  expect(stderr).toContain('the cluster allows no more');
  // Said once, before anything is made.
  expect(stderr.match(/it is not proven/g)).toHaveLength(1);
  await eventually(
    async () => expect(await world.cluster('c-one').clusterAuthToken('good')).toBeDefined(),
    LONG,
  );
  const token = await bearer();
  expect(stdout + stderr).not.toContain(token);
  expect(await mayList(token, 'clusterauthtokens')).toContain('"good"');
  await expect(mayList(token, 'widgets')).rejects.toThrow(/[Ff]orbidden/);
});

test('once more changes nothing, and looks again', async () => {
  const before = await bearer();
  const { stdout, stderr } = await join();
  expect(stdout).toContain(`secret/${SECRET} unchanged`);
  expect(stdout).not.toMatch(/^\w+\/\S+ (created|configured)/m);
  expect(stderr).toContain('good for another');
  expect(await bearer()).toBe(before);
});

test('until when it is good stands in the status of the cluster', async () => {
  const { metadata } = (await secret()) ?? {};
  const expires = metadata?.annotations['ace-operator.io/credential-expires'];
  await eventually(async () => {
    const { status } = (await world.propagation('c-one')) ?? {};
    expect(Date.parse(status?.credentialsExpireTime)).toBe(Date.parse(expires));
    const lengthMs = Date.parse(expires) - Date.parse(status?.credentialsIssueTime);
    expect(lengthMs).toBe(2 * HOUR);
  }, LONG);
  const wide = await cli.run('status', '-o', 'wide');
  expect(wide.stdout).toMatch(/EXPIRE IN.*\n.* 1\d\dm /);
  expect(wide.stderr).not.toContain('ends in');
});

test('what somebody took out of its rights is put back', async () => {
  const rule = JSON.stringify({ rules: [] });
  await kubectlSays(admin(), ['patch', 'role', 'ace-operator', '-n', NAMESPACE, '--type=merge', '-p', rule]);
  const { stdout } = await join();
  expect(stdout).toContain('role/ace-operator configured');
  expect(await mayList(await bearer(), 'clusterauthtokens')).toContain('"good"');
});

test('--rotate makes a new credential, and the operator goes on by it', async () => {
  const before = await bearer();
  const { stdout } = await join('--rotate', '--duration', '1h');
  expect(stdout).toContain(`secret/${SECRET} configured`);
  expect(await bearer()).not.toBe(before);
  await world.createToken('later', 'c-one', 'u-ada');
  await eventually(
    async () => expect(await world.cluster('c-one').clusterAuthToken('later')).toBeDefined(),
    LONG,
  );
});

test('what the account may not see is no error, and the page says how it may', async () => {
  const { stdout, stderr } = await cli.run('status');
  expect(stdout).toMatch(/^c-one .* <not looked at>$/m);
  expect(stderr).toContain('authenticator of c-one; ');
  const block = blocksOf('docs/credentials.md', 'sh').find(({ text }) =>
    text.includes('sees-authenticators'),
  );
  for (const line of (block?.text ?? '')
    .replaceAll(/\\\n\s*/g, '')
    .trim()
    .split('\n'))
    await kubectlSays(admin(), line.split(/\s+/).slice(1));
  await eventually(async () => {
    const after = await cli.run('status');
    expect(after.stdout).toMatch(/^c-one .* no DaemonSet$/m);
    expect(after.stderr).toBe('');
  }, LONG);
});

test('a way that somebody else gave is not taken over', async () => {
  await world.setCredentials('c-one', {});
  // The older of two counts: theirs has to be the only one.
  await world.management.remove(SECRETS, SECRET, OWN_NAMESPACE);
  const { code, stderr } = await join();
  expect(code).toBe(2);
  expect(stderr).toContain('credentials-c-one is the way to cluster c-one already');
  await world.management.remove(SECRETS, 'credentials-c-one', OWN_NAMESPACE);
  expect((await join()).stdout).toContain(`secret/${SECRET} created`);
});

test('by --renew the operator renews it when a third is left; it may ask for tokens of no other account', async () => {
  const { stdout, stderr } = await join('--renew');
  expect(stdout).toContain('role/ace-operator-renewal created');
  expect(stdout).toContain(`secret/${SECRET} configured`);
  expect(stderr).toContain('whoever steals it can do the same');
  const old = await age();
  await eventually(async () => expect(await bearer()).not.toBe(old), LONG);
  const { metadata } = (await secret()) ?? {};
  const leftMs = Date.parse(metadata?.annotations['ace-operator.io/credential-expires']) - Date.now();
  expect(leftMs).toBeGreaterThan(HOUR);
  await world.createToken('renewed', 'c-one', 'u-ada');
  await eventually(
    async () => expect(await world.cluster('c-one').clusterAuthToken('renewed')).toBeDefined(),
    LONG,
  );
  expect(await mayAskFor('ace-operator')).toBe(true);
  expect(await mayAskFor('default')).toBe(false);
  expect((await join('--renew')).stdout).toContain(`secret/${SECRET} unchanged`);
});

test('without it, that is taken back', async () => {
  const before = await bearer();
  const { stdout } = await join();
  expect(stdout).toContain('role/ace-operator-renewal deleted');
  expect(await bearer()).toBe(before);
  await eventually(async () => expect(await mayAskFor('ace-operator')).toBe(false), LONG);
  expect((await secret())?.metadata.annotations['ace-operator.io/credential-renew']).toBe('false');
});

test('its end is told by an Event, once, and by a restart not again', async () => {
  const told = async (): Promise<readonly string[]> => {
    const events = (await world.management.list(EVENTS, 'default')) as unknown as readonly EventBody[];
    return events
      .filter((event) => event['reason'] === 'CredentialsEndSoon')
      .map(({ metadata }) => metadata.name);
  };
  const earlier = await told();
  await age();
  const since = async (): Promise<readonly string[]> =>
    (await told()).filter((name) => !earlier.includes(name));
  await eventually(async () => expect(await since()).toHaveLength(1), LONG);
  expect((await world.management.get(CLUSTER_PROPAGATIONS, 'c-one'))?.['status']).toMatchObject({
    credentialsState: 'EndsSoon',
  });
  // As by the API server, after an hour: nothing of it is left but the status.
  for (const name of await told()) await world.management.remove(EVENTS, name, 'default');
  await world.stopOperator();
  await world.startOperator();
  await world.createToken('after', 'c-one', 'u-ada');
  await eventually(
    async () => expect(await world.cluster('c-one').clusterAuthToken('after')).toBeDefined(),
    LONG,
  );
  expect(await told()).toEqual([]);
});

test('an account that was made anew gets a new credential: the old one went with the first', async () => {
  const before = await bearer();
  await world.cluster('c-one').remove(SERVICE_ACCOUNTS, 'ace-operator', NAMESPACE);
  const { stdout } = await join();
  expect(stdout).toContain('serviceaccount/ace-operator created');
  expect(stdout).toContain(`secret/${SECRET} configured`);
  expect(await bearer()).not.toBe(before);
});

test('what somebody else made under one of its names is not taken over', async () => {
  const { patch } = world.cluster('c-one');
  const label = 'app.kubernetes.io/component';
  const mark = (value: string): Promise<unknown> =>
    patch(SERVICE_ACCOUNTS, 'ace-operator', { metadata: { labels: { [label]: value } } }, NAMESPACE);
  await mark('something-else');
  const { code, stderr } = await join();
  expect([code, stderr]).toEqual([1, expect.stringContaining('neither join nor manifests/downstream-rbac')]);
  expect((await account())?.metadata.labels[label]).toBe('something-else');
  await mark('downstream-access');
});

test('leave is refused while the operator writes there, and while something of ours is left', async () => {
  const used = await leave('--yes');
  expect([used.code, used.stderr]).toEqual([1, expect.stringMatching(/in use.*drain c-one --wait/)]);
  await world.stopOperator();
  await cli.run('drain', 'c-one');
  const { code, stderr } = await leave('--yes');
  expect(code).toBe(1);
  expect(stderr).toMatch(/objects of ours are there.*drain c-one --wait/);
  expect(await secret()).toBeDefined();
  await world.startOperator();
});

test('leave takes all of it away once the cluster is drained, and its token ends', async () => {
  const drained = await cli.run('drain', 'c-one', '--wait', '--timeout', '60s');
  expect(drained).toMatchObject({ code: 0, stderr: expect.stringContaining('nothing of ours is left') });
  const token = await bearer();
  const { code: asked, stderr } = await leave();
  expect([asked, stderr]).toEqual([2, expect.stringContaining('--yes')]);
  const { code, stdout } = await leave('--yes');
  expect(code).toBe(0);
  expect(stdout).toContain(`secret/${SECRET} deleted`);
  expect(stdout).toContain('clusterrolebinding/ace-operator-downstream deleted');
  expect([await secret(), await account()]).toEqual([undefined, undefined]);
  // API servers remember for ten seconds whom they let in.
  await eventually(
    async () => expect(mayList(token, 'clusterauthtokens')).rejects.toThrow(/[Uu]nauthorized/),
    LONG,
  );
  expect((await leave('--yes')).code).toBe(0);
});

test('a cluster that management does not know is not joined', async () => {
  const { code, stderr } = await cli.run('join', 'c-none', '--downstream-kubeconfig', admin());
  expect(code).toBe(1);
  expect(stderr).toContain('c-none');
});
