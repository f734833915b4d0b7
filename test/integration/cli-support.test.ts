import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { unpackTar } from 'modern-tar';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTERS,
  DAEMON_SETS,
  EVENTS,
  INSTALLATION_KEY_SECRET,
  LEASE,
  LEASES,
  NAMESPACES,
  PODS,
  type Resource,
  SECRETS,
  TOKENS,
} from '../../src/api/names.ts';
import { VERSION } from '../../src/version.ts';
import { CANARY } from '../support/builders.ts';
import { aCli, type Cli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { DOCUMENT_KINDS, expectDocument, seenKinds } from '../support/json-schema.ts';
import { type Kubelet, podAddress, servePod, startKubelet } from '../support/kubelet.ts';
import { NAMESPACE, OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

const CLUSTER = 'c-one';
const rbac = (kind: string): Resource => ({
  ...{ group: 'rbac.authorization.k8s.io', version: 'v1', kind, plural: `${kind.toLowerCase()}s` },
  namespaced: false,
});
const SERVICE_ACCOUNTS: Resource = {
  ...{ group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true },
};

/** Texts of the forms that secrets have, beside the real ones. */
const BEARER = randomBytes(36).toString('hex').slice(0, 54);
const JWT = `eyJhbGciOiJSUzI1NiJ9.${randomBytes(60).toString('base64url')}.${randomBytes(60).toString('base64url')}`;
const BCRYPT = `$2b$10$${randomBytes(40).toString('base64').replaceAll(/[+=/]/g, 'x').slice(0, 53)}`;
const SHA3 = `$3:1:${randomBytes(8).toString('base64')}:${randomBytes(64).toString('base64')}`;
const EVERYTHING = `token kubeconfig-u-1:${BEARER} Bearer ${JWT} ${BCRYPT} ${SHA3} ${CANARY}`;

let world: World;
let cli: Cli;
let dir: string;
let kubelets: readonly Kubelet[];
let metrics: { close(): Promise<void> } | undefined;
let authenticatorMetrics: { close(): Promise<void> } | undefined;
let needles: readonly string[];

beforeAll(async () => {
  world = await startWorld({ clusters: [CLUSTER] });
  dir = await mkdtemp(join(tmpdir(), 'ace-support-'));
  cli = aCli({ KUBECONFIG: world.management.plane.adminKubeconfig });
  await world.register(CLUSTER);
  await world.createUser('u-ada', { password: BCRYPT, description: CANARY }, ['group://a']);
  await plantInManagement();
  await world.startOperator(['--leader-elect=true']);
  await world.waitSynced(CLUSTER);
  await plantInCluster();
  needles = await secretsInPlay();
  cli.hide(...needles);
}, 300_000);
afterAll(async () => {
  await Promise.all((kubelets ?? []).map((kubelet) => kubelet.close()));
  await metrics?.close();
  await authenticatorMetrics?.close();
  await world?.close();
  if (dir) await rm(dir, { recursive: true, force: true });
});

async function plantInManagement(): Promise<void> {
  const applied = { 'kubectl.kubernetes.io/last-applied-configuration': EVERYTHING };
  await world.createToken('t-plain', CLUSTER, 'u-ada', { token: BEARER, description: EVERYTHING }, applied);
  await world.createToken('t-canary', CLUSTER, 'u-ada', { token: CANARY, clusterName: CLUSTER }, applied);
  await world.createToken('t-odd', CLUSTER, 'u-ada', { expiresAt: CANARY, providerInfo: { x: BEARER } });
  await world.management.patch(CLUSTERS, CLUSTER, {
    metadata: { annotations: applied, labels: { canary: CANARY } },
    spec: { rkeConfig: { secret: EVERYTHING } },
    status: { serviceAccountToken: JWT, caCert: BEARER },
  });
  await makePod('management', world.management, OWN_NAMESPACE, 'ace-operator');
  await world.management.create(EVENTS, {
    ...{ apiVersion: 'v1', kind: 'Event', metadata: { name: 'planted', namespace: OWN_NAMESPACE } },
    involvedObject: { kind: 'Pod', namespace: OWN_NAMESPACE, name: 'ace-operator-1' },
    ...{ reason: 'Failed', message: `could not start: ${EVERYTHING}`, type: 'Warning' },
  });
}

async function plantInCluster(): Promise<void> {
  const cluster = world.cluster(CLUSTER);
  await cluster.create(DAEMON_SETS, daemonSet(VERSION));
  const below = await makePod('cluster', cluster, NAMESPACE, 'ace-authenticator');
  const above = await startKubelet(
    world.management,
    'node-management',
    logsOf(OWN_NAMESPACE, 'ace-operator'),
  );
  const stock = await makePod('stock', cluster, NAMESPACE, 'kube-api-auth');
  kubelets = [above, below, stock].filter((one): one is Kubelet => one !== undefined);
}

const logsOf = (namespace: string, app: string): Record<string, string> => ({
  [`${namespace}/${app}-1/${app}`]: [
    JSON.stringify({
      timestamp: 'T',
      level: 'warn',
      message: 'connection lost',
      cluster: CLUSTER,
      body: CANARY,
    }),
    JSON.stringify({ timestamp: 'T', level: 'error', message: 'uncaught', error: EVERYTHING }),
    `(node:1) Error: ${EVERYTHING}`,
    `    at client-key-data: ${Buffer.from(EVERYTHING).toString('base64')}`,
    '',
  ].join('\n'),
});

/** As kube-api-auth writes them, and Go when it gives up. */
const STOCK_LOG = [
  `time="2026-01-01T00:00:00Z" level=info msg="Starting Rancher Kube-API-Auth service" planted="${CANARY}"`,
  `time="2026-01-01T00:00:01Z" level=error msg="cannot verify ${EVERYTHING}" error="${BCRYPT}"`,
  `{"planted":"${CANARY}"}`,
  `a line of no form: ${CANARY}`,
  'panic: runtime error: index out of range',
  '',
].join('\n');

/** A pod of ours with everything in it that must not be seen; in a cluster with a kubelet behind it. */
async function makePod(
  name: 'management' | 'cluster' | 'stock',
  plane: World['management'] | ReturnType<World['cluster']>,
  namespace: string,
  app: string,
): Promise<Kubelet | undefined> {
  if (!(await plane.get(NAMESPACES, namespace)))
    await plane.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await plane
    .create(SERVICE_ACCOUNTS, {
      ...{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } },
    })
    .catch(() => undefined); // there, or made by somebody else
  const label = name === 'stock' ? 'app' : 'app.kubernetes.io/name';
  const labels = { [label]: app, canary: CANARY };
  const listens = name === 'cluster' ? ['--metrics-listen=[$(NODE_IP)]:9465'] : [];
  await plane.create(PODS, {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { name: `${app}-1`, namespace, labels, annotations: { planted: EVERYTHING } },
    spec: {
      nodeName: `node-${name}`,
      automountServiceAccountToken: false,
      containers: [
        {
          ...{ name: app, image: `${app}:v${VERSION}`, args: ['run', `--header=Bearer ${JWT}`, ...listens] },
          env: [{ name: 'PLANTED', value: EVERYTHING }],
        },
      ],
    },
  });
  if (name === 'stock')
    return startKubelet(plane, 'node-stock', { [`${namespace}/${app}-1/${app}`]: STOCK_LOG });
  const address = podAddress();
  if (address !== undefined) {
    const planted = `planted{x="${CANARY}",y="${JWT}"} 1\nace_x{y="${JWT}",z="${BEARER}"} 1\n`;
    if (name === 'cluster')
      authenticatorMetrics = await servePod(address, 9465, `ace_authenticator_up 1\n${planted}`);
    else metrics = await servePod(address, 9464, `ace_operator_up 1\n${planted}`);
    const status = { podIP: address, podIPs: [{ ip: address }], phase: 'Running' };
    const key = { resource: PODS, name: `${app}-1`, namespace };
    await plane.client.patch(key, { status }, { subresource: 'status' });
  }
  return name === 'cluster' ? startKubelet(plane, 'node-cluster', logsOf(namespace, app)) : undefined;
}

const daemonSet = (version: string): object => {
  const labels = { 'app.kubernetes.io/name': 'ace-authenticator' };
  const containers = [{ name: 'ace-authenticator', image: `registry.example.com/ace-operator:v${version}` }];
  return {
    ...{ apiVersion: 'apps/v1', kind: 'DaemonSet' },
    metadata: { name: 'ace-authenticator', namespace: NAMESPACE, annotations: { planted: EVERYTHING } },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  };
};

async function secretsInPlay(): Promise<readonly string[]> {
  const cluster = world.cluster(CLUSTER);
  const hashes = (await cluster.list(SECRETS, NAMESPACE)).flatMap(({ data }) =>
    data?.hash === undefined ? [] : [Buffer.from(data.hash, 'base64').toString('utf8')],
  );
  const fingerprints = (await cluster.list(SECRETS, NAMESPACE)).flatMap(
    ({ metadata }) => metadata.annotations?.['ace-operator.io/fingerprint'] ?? [],
  );
  const values = (await world.management.list(TOKENS)).flatMap(({ token }) => token ?? []);
  const { data } = await world.management.get(SECRETS, INSTALLATION_KEY_SECRET, OWN_NAMESPACE);
  const admin = JSON.parse(cluster.plane.kubeconfigYaml()).users[0].user['client-key-data'];
  return [
    ...[CANARY, BEARER, JWT, BCRYPT, SHA3, ...hashes, ...values, ...fingerprints],
    ...[data.key, admin.slice(40, 120)],
  ].filter((text) => text.length >= 8);
}

describe('version', () => {
  test('of this program alone asks nobody', async () => {
    const result = await cli.with({
      args: ['version', '--client', '-o', 'json'],
      env: { KUBECONFIG: '/nonexistent' },
    });
    expect(result.code, result.stderr).toBe(0);
    expect(JSON.parse(result.stdout)).toMatchObject({
      kind: 'Versions',
      client: { version: VERSION },
      parts: [],
    });
  });

  test('shows all parts, by the Lease of the operator and the images of authenticators', async () => {
    const result = await cli.run('version', '-o', 'json');
    expect(result.code, result.stderr).toBe(0);
    const kubernetes = expect.stringMatching(/^v1\.\d+\.\d+/);
    expect(JSON.parse(result.stdout)).toMatchObject({
      client: { version: VERSION, skew: 'same' },
      parts: [
        { part: 'operator', where: 'management plane', version: VERSION, kubernetes },
        { part: 'ace-authenticator', where: CLUSTER, version: `v${VERSION}`, kubernetes, skew: 'same' },
      ],
    });
    const { stdout } = await cli.run('version');
    expect(stdout).toMatch(/^PART +WHERE +VERSION +SKEW +KUBERNETES\nclient +here/);
  });

  test('says so when parts do not go together', async () => {
    const { patch } = world.cluster(CLUSTER);
    const containers = [{ name: 'ace-authenticator', image: 'ace-operator:v9.0.0' }];
    await patch(
      DAEMON_SETS,
      'ace-authenticator',
      { spec: { template: { spec: { containers } } } },
      NAMESPACE,
    );
    const result = await cli.run('version');
    expect(result.code).toBe(1);
    expect(result.stdout).toMatch(/ace-authenticator +c-one +v9\.0\.0 +unsupported/);
    const mended = [{ name: 'ace-authenticator', image: `ace-operator:v${VERSION}` }];
    await patch(
      DAEMON_SETS,
      'ace-authenticator',
      { spec: { template: { spec: { containers: mended } } } },
      NAMESPACE,
    );
  });

  test('the Lease of a leader bears its release, and is renewed with it', async () => {
    const { metadata } = await world.management.get(LEASES, LEASE, OWN_NAMESPACE);
    expect(metadata.annotations).toEqual({ 'ace-operator.io/version': VERSION });
  });
});

describe('--as', () => {
  const GROUP = 'openldap_group://cn=ops,dc=example,dc=com';
  beforeAll(async () => {
    await world.management.create(rbac('ClusterRole'), {
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'lists' } },
      rules: [{ apiGroups: ['management.cattle.io'], resources: ['tokens', 'users'], verbs: ['list'] }],
    });
    await world.management.create(rbac('ClusterRoleBinding'), {
      ...{
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'lists' },
      },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'lists' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: GROUP }],
    });
  });

  test('has the rights of that user and no others', async () => {
    const result = await cli.run('token', 'list', '--as', 'eve@例え.jp');
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('User "eve@例え.jp" cannot list resource "tokens"');
  });

  test('with a group has those of the group, whose name may hold commas', async () => {
    await eventually(async () => {
      const args = ['token', 'list', '--as=eve', '--as-group=nobody', `--as-group=${GROUP}`];
      const result = await cli.run(...args);
      expect(result.code, result.stderr).toBe(0);
      expect(result.stdout).toContain('t-plain');
    });
  });

  test('counts for a kubeconfig of the cluster that is given, too', async () => {
    const file = world.cluster(CLUSTER).plane.adminKubeconfig;
    const args = ['status', CLUSTER, '--downstream-kubeconfig', file];
    expect((await cli.run(...args)).code).toBe(0);
    const result = await cli.run(...args, '--as=eve', '--as-group=system:masters');
    expect(result.code, result.stderr).toBe(0);
    const refused = await cli.run('cleanup', '--kubeconfig', file, '--yes', '--as=eve');
    expect(refused.stderr).toContain('User "eve" cannot');
  });

  test.each([[['--as-group=x']], [['--as=a\nb']]])('%j is a usage error', async (flags) => {
    const result = await cli.run('token', 'list', ...flags);
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/^ace-operator: --as(-group)?: /);
  });
});

describe('-o json', () => {
  const cases: readonly (readonly [kind: string, args: readonly string[], codes: readonly number[]])[] = [
    ['ClusterStatus', ['status'], [0]],
    ['ClusterStatus', ['status', '--management-only'], [0]],
    ['TokenStatus', ['status', CLUSTER], [0]],
    ['Explanation', ['explain', 't-plain'], [1, 3, 4]],
    ['Explanation', ['explain', 't-nobody', '--cluster', CLUSTER], [1]],
    ['Preflight', ['preflight'], [1, 3]],
    ['WaitResult', ['wait', 't-plain', '--for=propagated', '--timeout', '30s'], [0]],
    ['Token', ['token', 'list'], [0]],
    ['TokenCreated', ['token', 'create', '--user', 'u-ada', '--cluster', CLUSTER, '--dry-run=client'], [0]],
    ['TokenResult', ['token', 'disable', 't-odd', '--dry-run=client'], [0]],
    ['TokenResult', ['token', 'delete', 't-none'], [1]],
    ['Versions', ['version'], [0]],
    ['Versions', ['version', '--client'], [0]],
  ];
  test.each(cases)('a %s, as %j prints it, is as docs/schemas has it', async (kind, args, codes) => {
    // Descriptions are a person's own words, and shown: here are canaries in one.
    const asked = kind === 'Token' ? aCli({ KUBECONFIG: world.management.plane.adminKubeconfig }) : cli;
    const result = await asked.run(...args, '-o', 'json');
    expect(codes, result.stderr).toContain(result.code);
    expectDocument(kind, result.stdout);
  });

  test('what is taken away is as docs/schemas has it, before and after', async () => {
    const cluster = world.cluster(CLUSTER);
    const labels = { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': CLUSTER };
    await world.stopOperator();
    await cluster.create(CLUSTER_AUTH_TOKENS, {
      ...{ apiVersion: 'cluster.cattle.io/v3', kind: 'ClusterAuthToken', userName: 'u-gone' },
      metadata: { name: 't-orphan', namespace: NAMESPACE, labels },
    });
    expectDocument('Removal', (await cli.run('gc', CLUSTER, '-o', 'json')).stdout);
    await cluster.create(CLUSTER_AUTH_TOKENS, {
      ...{ apiVersion: 'cluster.cattle.io/v3', kind: 'ClusterAuthToken', userName: 'u-gone' },
      metadata: { name: 't-strange', namespace: NAMESPACE },
    });
    expectDocument('AdoptionItem', (await cli.run('adoption', CLUSTER, '-o', 'json')).stdout);
    await cluster.remove(CLUSTER_AUTH_TOKENS, 't-strange', NAMESPACE);
    const { adminKubeconfig } = cluster.plane;
    const removed = await cli.run(
      ...['cleanup', '--kubeconfig', adminKubeconfig, '--dry-run=client', '--yes', '-o', 'json'],
    );
    expectDocument('Removed', removed.stdout);
    await cluster.remove(CLUSTER_AUTH_TOKENS, 't-orphan', NAMESPACE);
    await world.startOperator(['--leader-elect=true']);
  });
});

describe('-v', () => {
  const LINE = /^(GET|POST) https:\/\/127\.0\.0\.1:\d+\/\S+ (\d{3}|no answer \([A-Z_a-z]+\)) in \d+ ms$/;

  test('tells each request on stderr, and nothing of what was sent or answered', async () => {
    const result = await cli.run('explain', 't-plain', '-v', '1');
    const lines = result.stderr.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) expect(line).toMatch(LINE);
    expect(result.stderr).not.toMatch(/\?|authorization|bearer|"kind"/i);
    expect(lines.some((line) => line.startsWith('POST') && line.includes('/tokenreviews'))).toBe(true);
    expect(lines.some((line) => line.includes(`/secrets/t-plain`))).toBe(true);
  });

  test.each([['-v=6'], ['-v6'], ['--verbosity=10']])(
    '%s tells queries as well, and no secret',
    async (flag) => {
      const result = await cli.run('status', CLUSTER, flag);
      expect(result.code).toBe(0);
      expect(result.stderr).toMatch(/tokens\?limit=500 200 in/);
      for (const line of result.stderr.trimEnd().split('\n')) expect(line).toMatch(LINE);
    },
  );

  test('tells of a server that is not there', async () => {
    const file = join(dir, 'gone.yaml');
    const text = world.management.plane.kubeconfigYaml({ server: 'https://127.0.0.1:1' });
    await writeFile(file, text);
    const result = await cli.run('token', 'list', '-v', '1', '--kubeconfig', file);
    expect(result.code).toBe(3);
    expect(result.stderr).toMatch(/^GET https:\/\/127\.0\.0\.1:1\/\S+ no answer \(ECONNREFUSED\) in/m);
  });

  test.each(['x', '-1', '11', '1.5'])('%s is a usage error', async (level) => {
    expect((await cli.run('token', 'list', `--verbosity=${level}`)).code).toBe(2);
  });

  test('without it nothing is told', async () => {
    expect((await cli.run('token', 'list')).stderr).toBe('');
  });
});

async function unpacked(file: string): Promise<Readonly<Record<string, string>>> {
  const entries = await unpackTar(gunzipSync(await readFile(file)));
  return Object.fromEntries(
    entries.map(({ header, data }) => [
      header.name.replace(/^[^/]+\//, ''),
      Buffer.from(data ?? []).toString('utf8'),
    ]),
  );
}

describe('sysdump', () => {
  let files: Readonly<Record<string, string>>;
  let said: { file: string; files: number; leftOut: { what: string; reason: string; message: string }[] };

  beforeAll(async () => {
    const file = join(dir, 'dump.tar.gz');
    const result = await cli.run('sysdump', '--output-file', file, '-o', 'json');
    said = JSON.parse(result.stdout);
    expectDocument('SysdumpResult', result.stdout);
    expect([0, 3], result.stderr).toContain(result.code);
    files = await unpacked(file);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  }, 120_000);

  test('has all that support needs', () => {
    expect(Object.keys(files)).toEqual(
      expect.arrayContaining([
        ...['sysdump.json', 'versions.json', 'left-out.json'],
        ...['tokens', 'users', 'clusters', 'clusterpropagations', 'events', 'pods'].map(
          (kind) => `management/${kind}.jsonl`,
        ),
        ...['management/preflight.json', 'management/leases.jsonl'],
        'management/logs/ace-operator-1.ace-operator.log',
        ...['clusterauthtokens', 'clusteruserattributes', 'events', 'pods'].map(
          (kind) => `clusters/${CLUSTER}/${kind}.jsonl`,
        ),
        `clusters/${CLUSTER}/preflight.json`,
        `clusters/${CLUSTER}/daemonsets/ace-authenticator.json`,
        `clusters/${CLUSTER}/logs/ace-authenticator-1.ace-authenticator.log`,
      ]),
    );
    expect(files['management/clusterpropagations.jsonl']).toContain('"type":"Synced"');
    expect(files['management/tokens.jsonl']).toContain('"name":"t-plain"');
    expect(files[`clusters/${CLUSTER}/clusterauthtokens.jsonl`]).toContain('"userName":"u-ada"');
    expect(files['management/logs/ace-operator-1.ace-operator.log']).toContain('connection lost');
    expect(files['versions.json']).toContain(`"version": "${VERSION}"`);
  });

  test('has the metrics of the operator, where its pod can be reached', () => {
    if (metrics) expect(files['management/metrics/ace-operator-1.txt']).toContain('ace_operator_up 1');
    else expect(said.leftOut.map(({ what }) => what)).toContain('management/metrics/ace-operator-1.txt');
  });

  test('has the metrics of an authenticator that serves them, by the same way', () => {
    const path = `clusters/${CLUSTER}/metrics/ace-authenticator-1.txt`;
    if (!authenticatorMetrics) return expect(said.leftOut.map(({ what }) => what)).toContain(path);
    expect(files[path]).toContain('ace_authenticator_up 1');
    expect(files[path]).not.toContain('planted');
  });

  test('has of the log of kube-api-auth what is known of it', () => {
    expect(files[`clusters/${CLUSTER}/pods-kube-api-auth.jsonl`]).toContain('kube-api-auth-1');
    const log = files[`clusters/${CLUSTER}/logs/kube-api-auth-1.kube-api-auth.log`]?.split('\n') ?? [];
    expect(log[0]).toBe(
      'time="2026-01-01T00:00:00Z" level=info msg="Starting Rancher Kube-API-Auth service"',
    );
    expect(log[1]).toMatch(/level=error msg="cannot verify /);
    expect(log.slice(2)).toEqual(['panic: runtime error: index out of range', '']);
  });

  test('has no token value, hash, credential, fingerprint, kubeconfig or key, however it is written', () => {
    expect(needles.length).toBeGreaterThan(10);
    for (const [name, text] of Object.entries(files)) {
      for (const needle of needles) {
        const bytes = Buffer.from(needle);
        for (const form of [needle, bytes.toString('base64').replaceAll('=', ''), bytes.toString('hex')])
          expect(text.includes(form), `a secret in ${name}`).toBe(false);
      }
      expect(text, name).not.toMatch(
        /\$2b\$|\$3:1:|BEGIN [A-Z ]*PRIVATE KEY|client-key-data: L|serviceAccountToken/,
      );
    }
  });

  test('asks for the end of logs only', () => {
    const asked = kubelets.flatMap((kubelet) => kubelet.asked);
    expect(asked.length).toBeGreaterThanOrEqual(2);
    for (const path of asked) expect(path).toMatch(/tailLines=5000/);
  });

  test('never replaces a file', async () => {
    const result = await cli.run('sysdump', '--output-file', join(dir, 'dump.tar.gz'));
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('the file exists');
  });

  test('says what it may not read, why, and writes the rest', async () => {
    const file = join(dir, 'as.tar.gz');
    await world.management.create(rbac('ClusterRole'), {
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'some' } },
      rules: [{ apiGroups: ['management.cattle.io'], resources: ['clusters', 'users'], verbs: ['list'] }],
    });
    await world.management.create(rbac('ClusterRoleBinding'), {
      ...{
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'some' },
      },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'some' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'sue' }],
    });
    const { code, stderr } = await eventually(async () => {
      // Of a look before the role was known.
      await rm(file, { force: true });
      const result = await cli.run('sysdump', '--output-file', file, '--as=sue');
      if (result.stderr.includes('resource "clusters"')) throw new Error('the role is not known yet');
      return result;
    });
    expect(code).toBe(3);
    expect(stderr).toMatch(/left out: management\/tokens\.jsonl: Forbidden: .*cannot list resource "tokens"/);
    const some = await unpacked(file);
    expect(some['management/users.jsonl']).toContain('u-ada');
    const left = JSON.parse(some['left-out.json'] ?? '').map(({ what }: { what: string }) => what);
    expect(left).toContain(`clusters/${CLUSTER}`);
  });

  test('of a cluster that does not answer keeps to its time', async () => {
    const file = join(dir, 'late.tar.gz');
    await world.register('c-away', { credentials: false });
    const kubeconfig = world.cluster(CLUSTER).plane.kubeconfigYaml({ server: 'https://192.0.2.1:6443' });
    await world.setCredentials('c-away', { kubeconfig });
    const beganMs = performance.now();
    const result = await cli.run('sysdump', 'c-away', '--output-file', file, '--time-limit', '6s');
    expect(performance.now() - beganMs).toBeLessThan(60_000);
    expect(result.code).toBe(3);
    expect(JSON.parse((await unpacked(file))['left-out.json'] ?? '').length).toBeGreaterThan(0);
  }, 90_000);

  test('goes to stdout, and what is said to stderr', async () => {
    const result = await cli.run('sysdump', CLUSTER, '--output-file', '-', '--size-limit', '1');
    expect(result.stdout.length).toBeGreaterThan(1_000);
    expect(result.stderr).toMatch(/-: \d+ files, \d+ KiB/);
  });
});

test('every document that has a schema was printed by some command here', () => {
  expect([...seenKinds].sort()).toEqual([...DOCUMENT_KINDS].sort());
});
