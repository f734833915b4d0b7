import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { findKubectl } from '../support/binaries.ts';
import { type Chart, chartDirectory, findHelms, objectsIn, rendered } from '../support/helm.ts';
import { manifests } from '../support/manifests.ts';
import type { Any } from '../support/plane-client.ts';

/** What the charts render, against what kustomize makes of manifests/, and what they refuse. No API server. */

const helms = findHelms();
// Why is printed; a file without any test would be a failure.
if (helms.length === 0) test.skip('there is no Helm', () => {});
const kubectl = findKubectl();
/** Before 1.21, kubectl carries a kustomize that takes no directory as a resource. */
const isOldKubectl = / v1\.20\.|"v1\.20\./.test(
  execFileSync(kubectl, ['version', '--client', '-o', 'json'], { encoding: 'utf8' }),
);
if (isOldKubectl) console.warn('skipped: the kustomize of kubectl 1.20 takes no directory as a resource');

interface Case {
  readonly chart: Chart;
  readonly values: Readonly<Record<string, string>>;
  readonly directories: readonly string[];
  readonly components?: readonly string[];
  /** Kinds that these values leave out. */
  readonly without?: readonly string[];
}

const operator = (
  values: Record<string, string>,
  directories: readonly string[],
  without?: readonly string[],
): Case => ({
  ...{ chart: 'ace-operator', values, directories: ['operator', ...directories] },
  ...(without ? { without } : {}),
});
const authenticator = (values: Record<string, string>, ...directories: readonly string[]): Case => ({
  ...{ chart: 'ace-authenticator', values, directories: ['authenticator', ...directories] },
});
const WATCHED = {
  'monitoring.serviceMonitor.enabled': 'true',
  'monitoring.rules.enabled': 'true',
  'monitoring.dashboard.enabled': 'true',
};

const CASES: readonly Case[] = [
  operator({}, []),
  operator({ 'extTokens.enabled': 'true' }, ['operator-ext-tokens']),
  operator({ 'rancherCredentials.enabled': 'true' }, ['operator-rancher-credentials']),
  operator({ shards: '64' }, ['operator-shards']),
  operator({ 'roles.enabled': 'true' }, ['roles/management']),
  operator({ 'roles.enabled': 'true', 'roles.rancher': 'true' }, ['roles/management', 'roles/rancher']),
  operator(WATCHED, ['monitoring/operator']),
  operator({ 'networkPolicy.enabled': 'false' }, [], ['NetworkPolicy']),
  operator({ 'podDisruptionBudget.enabled': 'false' }, [], ['PodDisruptionBudget']),
  operator({ 'priorityClass.create': 'false' }, [], ['PriorityClass']),
  authenticator({}),
  authenticator({ 'operatorAccess.enabled': 'true' }, 'downstream-rbac'),
  authenticator({ 'guard.account': 'true' }, 'downstream-guard/account'),
  authenticator({ 'guard.enabled': 'true' }, 'downstream-guard'),
  authenticator({ 'guard.enabled': 'true', 'guard.audit': 'true' }, 'downstream-guard-audit'),
  authenticator({ 'roles.enabled': 'true' }, 'roles/downstream'),
  { chart: 'ace-authenticator', values: WATCHED, directories: ['monitoring/authenticator'] },
  {
    chart: 'ace-authenticator',
    values: { 'pair.enabled': 'true', 'keptState.enabled': 'true', 'surge.enabled': 'true' },
    directories: ['authenticator-without-gaps'],
  },
  ...(
    [
      { pair: 'pair' },
      { 'kept-state': 'keptState' },
      { surge: 'surge' },
      { pair: 'pair', 'kept-state': 'keptState' },
      { pair: 'pair', surge: 'surge' },
      { 'kept-state': 'keptState', surge: 'surge' },
    ] as readonly Record<string, string>[]
  ).map(
    (some): Case => ({
      chart: 'ace-authenticator',
      values: Object.fromEntries(Object.values(some).map((value) => [`${value}.enabled`, 'true'])),
      directories: ['authenticator'],
      components: Object.keys(some).map((name) => `authenticator/components/${name}`),
    }),
  ),
];

/** All in which a chart differs from its directories, and why. Each takes the difference out of an object of the chart. */
const DIFFERENCES: readonly (readonly [why: string, same: (object: Any) => void])[] = [
  [
    'what Helm asks of each object that is its own',
    ({ metadata }) => {
      expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/managed-by': 'Helm' });
      expect(metadata.labels['helm.sh/chart']).toMatch(/^ace-(operator|authenticator)-\d/);
      delete metadata.labels['app.kubernetes.io/managed-by'];
      delete metadata.labels['helm.sh/chart'];
    },
  ],
  [
    'the image of a chart is that of its own version',
    ({ spec }) => {
      const pod = spec?.template?.spec;
      for (const container of [...(pod?.containers ?? []), ...(pod?.initContainers ?? [])]) {
        expect(container.image).toBe(`ace-operator:${version}`);
        container.image = 'ace-operator:latest';
      }
    },
  ],
  [
    'a changed setting is a new Pod, which kubectl leaves to a restart by hand',
    ({ spec }) => {
      const metadata = spec?.template?.metadata;
      if (metadata?.annotations?.['checksum/settings']) delete metadata.annotations;
    },
  ],
  [
    'a role for shards comes with its flag, which kubectl leaves to an environment variable',
    ({ kind, spec }) => {
      if (kind !== 'Deployment') return;
      const [container] = spec.template.spec.containers;
      container.args = container.args.filter((arg: string) => !arg.startsWith('--shards='));
    },
  ],
  [
    'a role for credentials comes with its flag, which kubectl leaves to an environment variable',
    ({ kind, spec }) => {
      if (kind !== 'Deployment') return;
      const [container] = spec.template.spec.containers;
      container.args = container.args.filter((arg: string) => !arg.startsWith('--credential-namespaces='));
    },
  ],
];
/** Objects that one of the two has alone. */
const ONLY_KUSTOMIZE = new Set(['Namespace ace-operator']); // Helm makes it with --create-namespace, and leaves it
const ONLY_CHART = (object: Any): boolean => object.kind === 'CustomResourceDefinition'; // `kubectl apply -f crds/`

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ace-charts-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** By kind, namespace and name. */
function byName(objects: readonly Any[]): Record<string, Any> {
  return Object.fromEntries(
    objects.map((object) => {
      const { kind, metadata } = object;
      return [`${kind} ${metadata.namespace ? `${metadata.namespace}/` : ''}${metadata.name}`, object];
    }),
  );
}

function kustomized({ directories, components, without = [] }: Case): Record<string, Any> {
  const path = mkdtempSync(join(directory, 'kustomization-'));
  const inside = (name: string): string => relative(path, manifests(name));
  // Some of these bring the base along.
  const bases = directories.filter(
    (one) => !(one === 'authenticator' && directories.includes('monitoring/authenticator')),
  );
  const kustomization = {
    resources: bases.map(inside),
    components: (components ?? []).map(inside),
    // What components add has no tag yet, as in manifests/authenticator-without-gaps.
    images: [{ name: 'ace-operator', newTag: 'latest' }],
  };
  writeFileSync(join(path, 'kustomization.yaml'), JSON.stringify(kustomization));
  const text = execFileSync(kubectl, ['kustomize', path, '--load-restrictor=LoadRestrictionsNone'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const objects = Object.entries(byName(objectsIn(text))).filter(
    ([name, { kind }]) => !ONLY_KUSTOMIZE.has(name) && !without.includes(kind),
  );
  return Object.fromEntries(objects);
}

describe.each(helms)('Helm $major', (helm) => {
  describe.skipIf(isOldKubectl)('renders what kustomize renders', () => {
    test.each(CASES)('$chart with $values: $directories $components', async (one) => {
      const objects = (await rendered(helm, one.chart, one.values)).filter((object) => !ONLY_CHART(object));
      for (const object of objects) for (const [, same] of DIFFERENCES) same(object);
      expect(byName(objects)).toEqual(kustomized(one));
    });
  });

  test.each(['ace-operator', 'ace-authenticator'] as const)(
    'has nothing to complain of %s',
    async (chart) => {
      const said = await helm.run(['lint', '--strict', '--kube-version', '1.37.0', chartDirectory(chart)]);
      expect(said).toContain('0 chart(s) failed');
      expect(said).not.toMatch(/WARNING|ERROR/);
    },
  );

  test.each([
    ['ace-operator', {}, /^ace-operator/],
    ['ace-operator', { 'crds.rancher': 'true' }, /^(ace-operator|management)/],
    ['ace-authenticator', { 'crds.install': 'true' }, /^cluster\./],
  ] as const)('gives the definitions of %s with %j as they are, to be kept', async (chart, values, files) => {
    const definitions = (await rendered(helm, chart, values)).filter(ONLY_CHART);
    const crds = manifests('../crds');
    const wanted = readdirSync(crds).filter((name) => files.test(name) && name.endsWith('.yaml'));
    expect(definitions).toHaveLength(wanted.length);
    for (const definition of definitions) {
      expect(definition.metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
      delete definition.metadata.annotations;
      DIFFERENCES[0]?.[1](definition);
    }
    expect(byName(definitions)).toEqual(
      byName(wanted.map((name) => parse(readFileSync(join(crds, name), 'utf8')))),
    );
  });

  test('leaves all definitions out, where others bring them', async () => {
    expect((await rendered(helm, 'ace-operator', { 'crds.install': 'false' })).filter(ONLY_CHART)).toEqual(
      [],
    );
    expect((await rendered(helm, 'ace-authenticator')).filter(ONLY_CHART)).toEqual([]);
  });
});

describe.each(helms)('Helm $major', (helm) => {
  const podOf = async (
    chart: Chart,
    values: Readonly<Record<string, string>>,
    options?: { version?: string; namespace?: string },
  ): Promise<Any> =>
    (await rendered(helm, chart, values, options)).find(({ kind }) => /^(Deployment|DaemonSet)$/.test(kind))
      .spec.template.spec;

  test.each([
    [{ 'image.registry': 'registry.example:5000' }, `registry.example:5000/ace-operator:${version}`],
    [
      { 'global.cattle.systemDefaultRegistry': 'registry.example' },
      `registry.example/ace-operator:${version}`,
    ],
    [
      { 'image.registry': 'own.example/mirror', 'global.cattle.systemDefaultRegistry': 'registry.example' },
      `own.example/mirror/ace-operator:${version}`,
    ],
    [{ 'image.repository': 'ace/operator', 'image.tag': 'v9' }, 'ace/operator:v9'],
    [{ 'image.digest': `sha256:${'a'.repeat(64)}` }, `ace-operator@sha256:${'a'.repeat(64)}`],
    [{ 'global.cattle': 'null' }, `ace-operator:${version}`],
  ])('takes the image by %j', async (values, image) => {
    const { containers } = await podOf('ace-operator', values);
    expect(containers[0].image).toBe(image);
    const second = await podOf('ace-authenticator', { ...values, 'keptState.enabled': 'true' });
    expect([...second.containers, ...second.initContainers].map((one) => one.image)).toEqual([image, image]);
  });

  test.each(['ace-operator', 'ace-authenticator'] as const)(
    'gives the Pods of %s what is asked for',
    async (chart) => {
      const pod = await podOf(chart, {
        'imagePullSecrets[0].name': 'mine',
        'nodeSelector.disk': 'fast',
        'tolerations[0].key': 'one',
        'tolerations[0].operator': 'Exists',
        'resources.limits.memory': '1Gi',
        'image.pullPolicy': 'Always',
        'flags.log-level': 'debug',
        'extraArgs[0]': '--log-format=text',
        'extraEnv[0].name': 'NO_PROXY',
        'extraEnv[0].value': 'example',
        'extraEnv[1].name': 'MALLOC_ARENA_MAX',
        'extraEnv[1].value': 'two',
        'affinity.podAntiAffinity.any': 'thing',
      });
      expect(pod).toMatchObject({
        imagePullSecrets: [{ name: 'mine' }],
        nodeSelector: { disk: 'fast' },
        tolerations: [{ key: 'one', operator: 'Exists' }],
        affinity: { podAntiAffinity: { any: 'thing' } },
      });
      const [container] = pod.containers;
      expect(container).toMatchObject({
        imagePullPolicy: 'Always',
        resources: { limits: { memory: '1Gi' } },
      });
      expect(container.args.slice(-2)).toEqual(['--log-level=debug', '--log-format=text']);
      expect(container.env).toContainEqual({ name: 'NO_PROXY', value: 'example' });
      // One of ours, of which there is to be one alone: a server-side apply refuses two.
      const arenas = container.env.filter((one: { name: string }) => one.name === 'MALLOC_ARENA_MAX');
      expect(arenas).toEqual([{ name: 'MALLOC_ARENA_MAX', value: 'two' }]);
    },
  );

  test.each(['ace-operator', 'ace-authenticator'] as const)(
    'moves all of %s to the namespace of the release',
    async (chart) => {
      const every = {
        ...{ 'extTokens.enabled': 'true', 'roles.enabled': 'true' },
        ...(chart === 'ace-operator' ? {} : { 'operatorAccess.enabled': 'true', 'guard.enabled': 'true' }),
        ...WATCHED,
      } as Record<string, string>;
      if (chart === 'ace-authenticator') delete every['extTokens.enabled'];
      const objects = await rendered(helm, chart, every, { namespace: 'elsewhere' });
      const home = chart === 'ace-operator' ? 'ace-operator' : 'cattle-system';
      const text = objects.filter((object) => !ONLY_CHART(object)).map((object) => JSON.stringify(object));
      for (const one of text) {
        expect(one).not.toContain(`"namespace":"${home}"`);
        expect(one).not.toContain(`"kubernetes.io/metadata.name":"${home}"`);
      }
      const pod = objects.find(({ kind }) => /^(Deployment|DaemonSet)$/.test(kind)).spec.template.spec;
      expect(pod.containers[0].args).toContain('--namespace=elsewhere');
      const own = objects.find(({ kind, metadata }) => kind === 'Role' && metadata.name === 'ace-operator');
      if (chart === 'ace-operator')
        expect(JSON.stringify(own.rules)).toContain('"resourceNames":["elsewhere"]');
    },
  );

  test('watches both of a pair under one job', async () => {
    const objects = await rendered(helm, 'ace-authenticator', { 'pair.enabled': 'true', ...WATCHED });
    const args = objects
      .filter(({ kind }) => kind === 'DaemonSet')
      .map(({ spec }) => spec.template.spec.containers[0].args);
    expect(args.map((some) => some.slice(1))).toEqual([
      ['--metrics-listen=127.0.0.1:6441', '--metrics-listen=[$(NODE_IP)]:9465'],
      ['--metrics-listen=127.0.0.1:6442', '--metrics-listen=[$(NODE_IP)]:9466'],
    ]);
    const services = objects.filter(({ kind }) => kind === 'Service');
    expect(
      services.map(({ metadata, spec }) => [metadata.labels['app.kubernetes.io/name'], spec.ports[0].port]),
    ).toEqual([
      ['ace-authenticator', 9465],
      ['ace-authenticator', 9466],
    ]);
  });

  test.each([
    [{}, 6440],
    [{ flags: 'null' }, 6440],
    [{ 'flags.tls-cert-file': '/tls/tls.crt', 'flags.tls-key-file': '/tls/tls.key' }, 6441],
    [{ 'extraArgs[0]': '--tls-cert-file=/tls/tls.crt', 'extraArgs[1]': '--tls-key-file=/tls/tls.key' }, 6441],
    [{ 'extraArgs[0]': '--listen=[::1]:6440' }, 6441],
    [{ 'extraEnv[0].name': 'ACE_TLS_CERT_FILE', 'extraEnv[0].value': '/tls/tls.crt' }, 6441],
  ] as readonly (readonly [Record<string, string>, number])[])(
    'lets probes look where plain HTTP is spoken, with %j',
    async (values, port) => {
      const [container] = (await podOf('ace-authenticator', values)).containers;
      for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'])
        expect(container[probe].httpGet, probe).toMatchObject({ host: '127.0.0.1', port });
      const own = `--metrics-listen=127.0.0.1:${port}`;
      expect(container.args.includes(own)).toBe(port !== 6440);
    },
  );

  test('asks Kubernetes 1.20 for what it knows', async () => {
    const objects = await rendered(helm, 'ace-operator', {}, { version: '1.20.2' });
    expect(objects.find(({ kind }) => kind === 'PodDisruptionBudget').apiVersion).toBe('policy/v1beta1');
  });

  test.each([
    ['ace-operator', { replicas: 'two' }, /replicas.*(integer|string)/],
    ['ace-operator', { replicas: '0' }, /replicas.*minimum|minimum.*1|greater than or equal to 1/],
    ['ace-operator', { 'flags.hash-algorithm': 'md5' }, /hash-algorithm.*'bcrypt', 'sha3-512', 'scrypt'/],
    ['ace-operator', { 'flags.hash-algoritm': 'bcrypt' }, /flags.*hash-algoritm/],
    ['ace-operator', { replica: '3' }, /replica/],
    ['ace-operator', { 'image.tag': 'no tag' }, /tag.*pattern/],
    ['ace-operator', { 'rancherCredentials.namespaces': 'fleet-default' }, /namespaces.*array/],
    ['ace-authenticator', { 'surge.enabled': 'perhaps' }, /enabled.*boolean/],
    ['ace-authenticator', { 'flags.audit-log': 'some' }, /audit-log.*'none', 'refused', 'all'/],
    ['ace-authenticator', { 'monitoring.serviceMonitor.interval': 'often' }, /interval.*pattern/],
  ] as const)('refuses %s with %j', async (chart, values, line) => {
    await expect(rendered(helm, chart, values)).rejects.toThrow(line);
  });

  test.each([
    [{ 'surge.enabled': 'true' }, '1.24.9', 'surge.enabled needs Kubernetes 1.25 or newer; this is v1.24.9'],
    [{ 'guard.enabled': 'true' }, '1.29.0', 'guard.enabled needs Kubernetes 1.30 or newer; this is v1.29.0'],
    [{}, '1.19.0', 'chart requires kubeVersion: >=1.20.0-0'],
  ])('refuses %j on Kubernetes %s', async (values, kubernetes, line) => {
    await expect(rendered(helm, 'ace-authenticator', values, { version: kubernetes })).rejects.toThrow(line);
  });
});
