import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { findKubectl } from '../support/binaries.ts';
import { COMPONENTS, dashboard, ruleGroups } from '../support/monitoring.ts';
import type { Any } from '../support/plane-client.ts';

/** The overlays as `kubectl apply -k` sees them. */

const kubectl = findKubectl();
const version = JSON.parse(
  execFileSync(kubectl, ['version', '--client', '-o', 'json'], { encoding: 'utf8' }),
);
const minor = Number.parseInt(version.clientVersion.minor, 10);
/** Before that, kubectl carries a kustomize that takes no directory as a resource. */
const isNewEnough = version.clientVersion.major === '1' && minor >= 21;
if (!isNewEnough) console.warn(`skipped: kubectl here is 1.${minor}; overlays need 1.21 or newer`);

describe.skipIf(!isNewEnough)('kubectl kustomize', () => {
  const rendered = (component: string): readonly Any[] => {
    const path = fileURLToPath(new URL(`../../manifests/monitoring/${component}`, import.meta.url));
    const text = execFileSync(kubectl, ['kustomize', path], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return parseAllDocuments(text).map((document) => document.toJS());
  };
  const named = (objects: readonly Any[], kind: string): Any =>
    objects.find((object) => object.kind === kind);

  test.each(COMPONENTS)('of what watches the %s gives rules and dashboard as they are', (component) => {
    const objects = rendered(component);
    expect(named(objects, 'PrometheusRule').spec.groups).toEqual(ruleGroups(component));
    const map = named(objects, 'ConfigMap');
    expect(map.metadata.labels).toMatchObject({ grafana_dashboard: '1' });
    expect(JSON.parse(map.data[`ace-${component}.json`])).toEqual(dashboard(component));
  });

  test('puts the listener on the node address, and leaves the rest of the DaemonSet', () => {
    const { spec } = named(rendered('authenticator'), 'DaemonSet').spec.template;
    const [container] = spec.containers;
    expect(spec.hostNetwork).toBe(true);
    expect(container.args).toEqual(['authenticator', '--metrics-listen=[$(NODE_IP)]:9465']);
    expect(container.env).toContainEqual({
      name: 'NODE_IP',
      valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } },
    });
    expect(container.env).toContainEqual({
      name: 'NODE_OPTIONS',
      value: '--max-old-space-size=320 --disable-sigusr1',
    });
    expect(container.ports).toBeUndefined();
    expect(container.readinessProbe.httpGet).toMatchObject({ host: '127.0.0.1', port: 6440 });
  });
});
