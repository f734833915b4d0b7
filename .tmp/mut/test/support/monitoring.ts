import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { AuthenticatorMetrics } from '../../src/telemetry/authenticator-metrics.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import type { Any } from './plane-client.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What is shipped for one of the two programs. */
export const COMPONENTS = ['operator', 'authenticator'] as const;
export type Component = (typeof COMPONENTS)[number];

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly AlertRule[];
}

/** The groups of a shipped PrometheusRule: the same text that Prometheus reads as a rule file. */
export function ruleGroups(component: Component): readonly RuleGroup[] {
  return parse(textOf(`manifests/monitoring/${component}/prometheusrule.yaml`)).spec.groups;
}

export function alertRules(component: Component): readonly AlertRule[] {
  return ruleGroups(component).flatMap(({ rules }) => rules);
}

/** A shipped Grafana dashboard, parsed. */
export function dashboard(component: Component): Any {
  return JSON.parse(textOf(`manifests/monitoring/${component}/dashboard.json`));
}

/** Panels of a dashboard, rows left out. */
export function panelsOf(component: Component): readonly Any[] {
  return dashboard(component).panels.filter(({ type }: Any) => type !== 'row');
}

/** Every expression that a dashboard asks, as Prometheus gets it: with its variables filled in. */
export function dashboardExpressions(component: Component): readonly string[] {
  return panelsOf(component).flatMap(({ targets }) => targets.map(({ expr }: Any) => filledIn(expr)));
}

/** Every expression of the rules and the dashboard. */
export function expressionsOf(component: Component): readonly string[] {
  return [...alertRules(component).map(({ expr }) => expr), ...dashboardExpressions(component)];
}

const CLUSTER_LABEL = 'ace_cluster';

/** Names of our metrics that an expression asks for, as series are called: with `_bucket`, `_sum` or `_count`. */
export function seriesNamesIn(expression: string): readonly string[] {
  const names = expression.match(/\b(ace|process|nodejs)_[a-z0-9_]+/g) ?? [];
  return [...new Set(names)].filter((name) => name !== CLUSTER_LABEL);
}

function filledIn(expression: string): string {
  return expression
    .replaceAll('$__rate_interval', '1m')
    .replaceAll('$__range', '1h')
    .replaceAll(/\$(cluster|instance)\b/g, '.*');
}

export function textOf(path: string): string {
  return readFileSync(`${ROOT}${path}`, 'utf8');
}

/** A metric as it is registered. */
export interface Registered {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labels: readonly string[];
}

/** What a program registers: its own metrics, and those of the library with their prefixes. */
export function registered(component: Component): readonly Registered[] {
  const { registry } = component === 'operator' ? new Metrics() : new AuthenticatorMetrics();
  return registry.getMetricsAsArray().map((metric) => {
    // The library's types leave out what every metric has.
    const { name, help, type, labelNames } = metric as unknown as {
      name: string;
      help: string;
      type: string;
      labelNames: readonly string[];
    };
    // As it is called where it is read.
    return {
      name,
      help,
      type,
      labels: labelNames.map((label) => (label === 'cluster' ? CLUSTER_LABEL : label)),
    };
  });
}

/** The table of docs/metrics.md, of one program. */
export function metricsTable(component: Component): string {
  const own = registered(component).filter(({ name }) => name.startsWith('ace_'));
  const rows = own
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help} |`);
  return ['| metric | type | labels | what it is |', '|---|---|---|---|', ...rows].join('\n');
}
