import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';

const ROOT = fileURLToPath(new URL('../../../manifests/', import.meta.url));

// biome-ignore lint/suspicious/noExplicitAny: YAML of many kinds; each test says what it looks at
type Any = any;

interface Manifest {
  readonly file: string;
  readonly object: Any;
}

function manifestsIn(directory: string): readonly Manifest[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) return manifestsIn(path);
    if (!name.endsWith('.yaml')) return [];
    return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => ({
      file: path.slice(ROOT.length),
      object: document.toJS() as Any,
    }));
  });
}

const ALL = manifestsIn(ROOT).filter(({ object }) => object?.kind !== undefined);
const ofKind = (...kinds: readonly string[]): readonly Manifest[] =>
  ALL.filter(({ object }) => kinds.includes(object.kind));
const operator = ofKind('Deployment').find(({ file }) => file.startsWith('operator/'))?.object;

describe('every object', () => {
  const { version } = JSON.parse(readFileSync(`${ROOT}../package.json`, 'utf8'));
  const ours = ALL.filter(({ file, object }) => !file.startsWith('monitoring/') && object.metadata?.name);
  const common = ['name', 'instance', 'version', 'component', 'part-of'].map(
    (key) => `app.kubernetes.io/${key}`,
  );
  const isPod = ({ object }: Manifest): boolean => object.spec?.template !== undefined;

  // What is in components changes objects that have them, or is like one of these (below).
  const isWhole = ({ file, object }: Manifest): boolean =>
    object.kind !== 'Config' && !file.includes('/components/');
  test.each(ours.filter(isWhole))('$file bears the common labels', (manifest) => {
    const { file, object } = manifest;
    const { labels } = object.metadata;
    expect(Object.keys(labels)).toEqual(expect.arrayContaining(common));
    const name = file.startsWith('authenticator/') ? 'ace-authenticator' : 'ace-operator';
    expect(labels).toMatchObject({
      'app.kubernetes.io/name': name,
      'app.kubernetes.io/instance': name,
      'app.kubernetes.io/version': version,
      'app.kubernetes.io/part-of': 'ace-operator',
    });
    if (isPod(manifest)) expect(object.spec.template.metadata.labels).toMatchObject(labels);
  });

  test.each(ours.filter((manifest) => isPod(manifest) && manifest.object.spec.selector))(
    '$file selects Pods by what never changes',
    ({ object }) => {
      expect(Object.keys(object.spec.selector.matchLabels)).toEqual(['app.kubernetes.io/name']);
    },
  );
});

describe('every role', () => {
  test.each(ofKind('Role', 'ClusterRole'))('$file grants what it names and no wildcard', ({ object }) => {
    for (const rule of object.rules) {
      const granted = [...rule.apiGroups, ...rule.resources, ...rule.verbs];
      expect(granted).not.toContain('*');
      expect(granted).not.toContain('deletecollection');
      expect(rule.verbs).not.toContain('impersonate');
      expect(rule.verbs).not.toContain('escalate');
      expect(rule.verbs).not.toContain('bind');
    }
  });

  test('reads Secrets in one namespace only', () => {
    const withSecrets = ofKind('ClusterRole').filter(({ object }) =>
      object.rules.some(({ resources }: Any) => resources.includes('secrets')),
    );
    expect(withSecrets).toEqual([]);
  });

  test.each(ofKind('RoleBinding', 'ClusterRoleBinding'))(
    '$file binds ServiceAccounts of ours only',
    ({ object }) => {
      for (const subject of object.subjects) expect(subject).toMatchObject({ kind: 'ServiceAccount' });
    },
  );
});

describe('every Pod', () => {
  const isPatch = ({ object }: Manifest): boolean => object.spec.selector === undefined;
  test.each(ofKind('Deployment', 'DaemonSet').filter((manifest) => !isPatch(manifest)))(
    '$file runs without privileges',
    ({ object }) => {
      const { spec } = object.spec.template;
      expect(spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(spec).not.toHaveProperty('hostPID');
      expect(spec).not.toHaveProperty('hostIPC');
      for (const container of spec.containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.resources).toMatchObject({
          requests: { cpu: expect.any(String), memory: expect.any(String) },
          limits: { memory: expect.any(String) },
        });
        expect(container.livenessProbe.httpGet.path).toBe('/livez');
        expect(container.readinessProbe.httpGet.path).toBe('/readyz');
      }
    },
  );

  test('of the operator keeps to the restricted profile that its namespace enforces', () => {
    const { spec } = operator.spec.template;
    expect(spec).not.toHaveProperty('hostNetwork');
    expect(spec.volumes ?? []).toEqual([]);
    for (const { ports } of spec.containers)
      for (const port of ports) expect(port).not.toHaveProperty('hostPort');
    const [{ object: namespace }] = ofKind('Namespace') as [Manifest];
    expect(namespace.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
  });
});

describe('two replicas of the operator', () => {
  test('are spread over nodes and zones, and never go down together for a rollout or a drained node', () => {
    expect(operator.spec).toMatchObject({ replicas: 2, strategy: { rollingUpdate: { maxUnavailable: 0 } } });
    const { labels } = operator.spec.template.metadata;
    const spread = operator.spec.template.spec.topologySpreadConstraints;
    expect(spread.map(({ topologyKey }: Any) => topologyKey)).toEqual([
      'kubernetes.io/hostname',
      'topology.kubernetes.io/zone',
    ]);
    for (const { labelSelector } of spread) expect(labels).toMatchObject(labelSelector.matchLabels);
    const [{ object: budget }] = ofKind('PodDisruptionBudget') as [Manifest];
    expect(labels).toMatchObject(budget.spec.selector.matchLabels);
    expect(budget.spec.maxUnavailable).toBe(1);
  });

  test('are in the net of their NetworkPolicy, and have the priority that is shipped', () => {
    const { labels } = operator.spec.template.metadata;
    const policy = ofKind('NetworkPolicy').find(({ file }) => file.startsWith('operator/'))?.object;
    expect(labels).toMatchObject(policy.spec.podSelector.matchLabels);
    expect(policy.spec.policyTypes).toEqual(['Ingress', 'Egress']);
    const [{ object: priority }] = ofKind('PriorityClass') as [Manifest];
    expect(operator.spec.template.spec.priorityClassName).toBe(priority.metadata.name);
  });
});

describe('the authenticator', () => {
  const daemonSet = (file: string): Any =>
    ofKind('DaemonSet').find((manifest) => manifest.file === file)?.object;
  const base = daemonSet('authenticator/daemonset.yaml').spec;
  const [first] = base.template.spec.containers;

  test('is not started again for having no answers yet, and opens no debugger', () => {
    expect(first.startupProbe).toMatchObject({ periodSeconds: 1, failureThreshold: 86_400 });
    expect(first.env[0].value).toContain('--disable-sigusr1');
  });

  test('is updated with what Kubernetes 1.20 admits; who has 1.25 adds a component', () => {
    expect(base.updateStrategy.rollingUpdate).toEqual({ maxUnavailable: 1 });
    const surge = ofKind('Component').find(({ file }) => file.includes('/surge/'))?.object;
    expect(surge.patches[0].patch).toContain('maxSurge: 1, maxUnavailable: 0');
  });

  test('of a pair is like the other one, but for its name and the port that it is looked at on', () => {
    const second = daemonSet('authenticator/components/pair/daemonset.yaml').spec;
    const [container] = second.template.spec.containers;
    expect(container).toEqual({
      ...first,
      args: ['authenticator', '--metrics-listen=127.0.0.1:6442'],
      ...Object.fromEntries(
        ['startupProbe', 'livenessProbe', 'readinessProbe'].map((probe) => [
          probe,
          { ...first[probe], httpGet: { ...first[probe].httpGet, port: 6442 } },
        ]),
      ),
    });
    const { containers: _, ...pod } = base.template.spec;
    expect(second.template.spec).toMatchObject(pod);
    expect(second.selector.matchLabels).not.toEqual(base.selector.matchLabels);
    expect(second.template.metadata.labels).toMatchObject(second.selector.matchLabels);
  });
});
