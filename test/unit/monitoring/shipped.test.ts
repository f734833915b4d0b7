import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  CLUSTER_REASONS,
  DENIAL_REASONS,
  type DenialReason,
  TOKEN_REASONS,
} from '../../../src/api/reasons.ts';
import { runbookOf } from '../../../src/api/runbook.ts';
import {
  alertRules,
  COMPONENTS,
  dashboard,
  expressionsOf,
  metricsTable,
  panelsOf,
  registered,
  ruleGroups,
  seriesNamesIn,
  textOf,
} from '../../support/monitoring.ts';
import type { Any } from '../../support/plane-client.ts';

/** What is shipped for Prometheus and Grafana speaks of what the programs really have. */

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** Labels that Prometheus itself adds, or that a histogram has. */
const OTHERS_LABELS = ['job', 'instance', 'le'];

const yaml = (path: string): Any => parse(textOf(`manifests/${path}`));

describe.each(COMPONENTS)('what is shipped for the %s', (component) => {
  const metrics = registered(component);
  /** A metric by the name of one of its series. */
  const metricOf = (series: string): (typeof metrics)[number] | undefined =>
    metrics.find(
      ({ name, type }) =>
        name === series ||
        (type === 'histogram' && ['_bucket', '_sum', '_count'].some((suffix) => name + suffix === series)),
    );
  const expressions = expressionsOf(component);

  test('asks for something, in each expression', () => {
    expect(expressions.length).toBeGreaterThan(15);
    const empty = expressions.filter((text) => seriesNamesIn(text).length === 0 && !text.includes('up{'));
    expect(empty).toEqual([]);
  });

  test('asks for metrics that are registered, and for histograms by their series', () => {
    const asked = new Set(expressions.flatMap(seriesNamesIn));
    expect([...asked].filter((name) => !metricOf(name))).toEqual([]);
    const whole = [...asked].filter((name) =>
      metrics.some((one) => one.name === name && one.type === 'histogram'),
    );
    expect(whole).toEqual([]);
  });

  test('asks for labels that the metric has', () => {
    const wrong = expressions.flatMap((text) =>
      [...text.matchAll(/\b(ace_[a-z0-9_]+)\{([^}]*)\}/g)].flatMap(([, name = '', selector = '']) => {
        const labels = [...selector.matchAll(/([a-z_]+)\s*(=~|!~|!=|=)"/g)].map(([, label]) => label ?? '');
        const known = [...(metricOf(name)?.labels ?? []), ...OTHERS_LABELS];
        return labels.filter((label) => !known.includes(label)).map((label) => `${name}: ${label}`);
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('asks for reasons that there are', () => {
    const known: readonly string[] = [...TOKEN_REASONS, ...CLUSTER_REASONS, ...DENIAL_REASONS, 'timeout'];
    const asked = expressions.flatMap((text) =>
      [...text.matchAll(/reason(?:=~|!=|=)"([^"]*)"/g)].flatMap(([, reasons = '']) => reasons.split('|')),
    );
    expect(asked.filter((reason) => !known.includes(reason))).toEqual([]);
  });

  test('every metric of ours stands in docs/metrics.md, as it is registered', () => {
    expect(textOf('docs/metrics.md')).toContain(metricsTable(component));
  });

  test('names of metrics have their unit, counters their ending; no label can grow without bound', () => {
    for (const { name, type, labels } of metrics.filter((one) => one.name.startsWith('ace_'))) {
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      for (const label of labels) {
        expect(
          [
            'ace_cluster',
            'verb',
            'code',
            'result',
            'reason',
            'final',
            'cause',
            'kind',
            'state',
            'outcome',
            'operation',
            'algorithm',
            'version',
            'resource',
            'shard',
            'move',
          ],
          name,
        ).toContain(label);
      }
    }
  });

  test.each(alertRules(component).map((rule) => [rule.alert, rule] as const))(
    '%s says what a person needs',
    (_name, rule) => {
      expect(rule.for).toMatch(/^\d+[smh]$/);
      expect(['critical', 'warning']).toContain(rule.labels['severity']);
      expect(Object.keys(rule.annotations).sort()).toEqual(['description', 'runbook_url', 'summary']);
      for (const text of Object.values(rule.annotations)) expect(text.length).toBeGreaterThan(20);
      expect(rule.annotations['runbook_url']).toBe(runbookOf(rule.alert));
      expect(textOf('docs/troubleshooting.md')).toContain(`\n### ${rule.alert}\n`);
    },
  );

  test('no two alerts have one name, and no two groups', () => {
    const names = alertRules(component).map(({ alert }) => alert);
    const groups = ruleGroups(component).map(({ name }) => name);
    expect([new Set(names).size, new Set(groups).size]).toEqual([names.length, groups.length]);
  });

  test('the runbook has no entry for an alert that is not there any more', () => {
    const described = [...textOf('docs/troubleshooting.md').matchAll(/^### (Ace\w+)$/gm)].map(
      ([, name]) => name,
    );
    const all = COMPONENTS.flatMap((each) => alertRules(each).map(({ alert }) => alert));
    expect(described.sort()).toEqual(all.sort());
  });

  test('panels of the dashboard have a title, a place of their own, and the datasource that a person chose', () => {
    const { panels } = dashboard(component);
    expect(new Set(panels.map(({ id }: Any) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of panels) {
      expect(title).not.toBe('');
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken.has(`${x}/${y}`), `${title} covers another panel`).toBe(false);
          taken.add(`${x}/${y}`);
        }
      }
    }
    for (const panel of panelsOf(component)) {
      const sources = [panel.datasource, ...panel.targets.map(({ datasource }: Any) => datasource)];
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is Grafana's
      for (const source of sources) expect(source).toEqual({ type: 'prometheus', uid: '${datasource}' });
      expect(new Set(panel.targets.map(({ refId }: Any) => refId)).size).toBe(panel.targets.length);
    }
  });

  test('the variables of the dashboard are filled from a metric that is there', () => {
    const variables = dashboard(component).templating.list.filter(({ type }: Any) => type === 'query');
    for (const { definition } of variables) {
      const [, name = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(definition) ?? [];
      expect([...(metricOf(name)?.labels ?? []), ...OTHERS_LABELS]).toContain(label);
    }
    expect(variables.length).toBe(1);
  });

  test('everything that its kustomization names is there', () => {
    const directory = `monitoring/${component}`;
    const { resources, patches = [], configMapGenerator } = yaml(`${directory}/kustomization.yaml`);
    const files = configMapGenerator.flatMap(({ files: each }: Any) =>
      each.map((file: string) => file.split('=')[1]),
    );
    for (const path of [...resources, ...patches.map(({ path: file }: Any) => file), ...files]) {
      expect(existsSync(`${ROOT}manifests/${directory}/${path}`), path).toBe(true);
    }
  });

  test('its Service names the Pods, and its ServiceMonitor the Service; the job is the one of the rules', () => {
    const service = yaml(`monitoring/${component}/service.yaml`);
    const monitor = yaml(`monitoring/${component}/servicemonitor.yaml`);
    const workload = yaml(
      component === 'operator' ? 'operator/deployment.yaml' : 'authenticator/daemonset.yaml',
    );
    expect(workload.spec.template.metadata.labels).toMatchObject(service.spec.selector);
    expect(service.metadata.namespace).toBe(workload.metadata.namespace);
    expect(service.metadata.labels).toMatchObject(monitor.spec.selector.matchLabels);
    expect(monitor.spec.endpoints.map(({ port }: Any) => port)).toEqual(
      service.spec.ports.map(({ name }: Any) => name),
    );
    expect(service.metadata.labels[monitor.spec.jobLabel]).toBe(`ace-${component}`);
    const jobs = expressions.flatMap((text) => [...text.matchAll(/job="([^"]*)"/g)].map(([, job]) => job));
    expect([...new Set(jobs)]).toEqual([`ace-${component}`]);
  });
});

/** Refusals of what is known, enabled, not expired and not revoked: the bearer did nothing wrong. */
const NOBODYS_REVOCATION: readonly DenialReason[] = [
  'HashMissing',
  'UnsupportedHash',
  'HashTooCostly',
  'MalformedExpiry',
  'UnknownUser',
  'Stale',
];

test('the alert for valid tokens that are refused names every reason of that kind, and its runbook explains each', () => {
  const rule = alertRules('authenticator').find(
    ({ alert }) => alert === 'AceAuthenticatorRefusesValidTokens',
  );
  const [, reasons = ''] = /reason=~"([^"]*)"/.exec(rule?.expr ?? '') ?? [];
  expect(reasons.split('|').sort()).toEqual([...NOBODYS_REVOCATION].sort());
  const [, section = ''] = textOf('docs/troubleshooting.md').split(
    '\n### AceAuthenticatorRefusesValidTokens\n',
  );
  for (const reason of NOBODYS_REVOCATION) expect(section.split('\n### ')[0]).toContain(`| \`${reason}\` |`);
});

describe('the listener for metrics', () => {
  test('is where the Service points to', () => {
    const [container] = yaml('monitoring/authenticator/metrics-listener.yaml').spec.template.spec.containers;
    const [port] = yaml('monitoring/authenticator/service.yaml').spec.ports;
    expect(container.args).toEqual(['authenticator', `--metrics-listen=[$(NODE_IP)]:${port.targetPort}`]);
    expect(container.env.map(({ name }: Any) => name)).toEqual(['NODE_IP']);
    const [operator] = yaml('operator/deployment.yaml').spec.template.spec.containers;
    const [metrics] = yaml('monitoring/operator/service.yaml').spec.ports;
    expect(operator.args).toContain(`--listen=:${metrics.targetPort}`);
  });

  test('changes nothing else of the DaemonSet, whose webhook stays on loopback', () => {
    const patch = yaml('monitoring/authenticator/metrics-listener.yaml');
    const shipped = yaml('authenticator/daemonset.yaml');
    expect([patch.kind, patch.metadata.name, patch.metadata.namespace]).toEqual([
      shipped.kind,
      shipped.metadata.name,
      shipped.metadata.namespace,
    ]);
    const [container] = shipped.spec.template.spec.containers;
    expect(container.name).toBe(patch.spec.template.spec.containers[0].name);
    // The patch replaces the list: what the DaemonSet gives has to be in it.
    expect(container.args).toEqual(['authenticator']);
    expect(Object.keys(patch.spec.template.spec.containers[0]).sort()).toEqual(['args', 'env', 'name']);
  });
});
