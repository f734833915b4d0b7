import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach } from 'vitest';
import type { ControlPlane } from '../../support/control-plane.ts';
import { kubectl } from '../../support/kubectl.ts';
import { NAMESPACE, OWN_NAMESPACE } from '../../support/world.ts';
import type { Site } from './site.ts';

/** What there was when a test failed: a cluster, and a management plane where that is apart. */
interface Scene {
  readonly site: Site;
  readonly plane?: ControlPlane;
}

/** After each test that failed: all that a person needs to see why. Secrets are in none of it. */
export function explainFailures(scene: () => Scene | undefined): void {
  afterEach(async ({ task }) => {
    const opened = scene();
    if (opened !== undefined && task.result?.state === 'fail') await explain(opened, task.name);
  });
}

/** Prints the state of our pods, their logs, events and the ends of the API servers' logs. */
export async function explain({ site, plane }: Scene, what: string): Promise<void> {
  const parts: string[] = [`===== ${what}: the cluster at that moment`];
  const show = async (...args: readonly string[]) => {
    const text = await site.admin(...args).catch(String);
    parts.push(`----- kubectl ${args.join(' ')}\n${text.trimEnd()}`);
  };
  await show('get', 'pods,deployments,daemonsets,leases', '-A', '-o', 'wide');
  await show('get', 'clusterpropagations', '-o', 'yaml');
  await show('get', 'events', '-A', '--sort-by=.lastTimestamp');
  for (const [namespace, app] of [
    [OWN_NAMESPACE, 'ace-operator'],
    [NAMESPACE, 'ace-authenticator'],
  ] as const) {
    const ours = ['-n', namespace, '-l', `app.kubernetes.io/name=${app}`];
    await show('describe', 'pods', ...ours);
    await show('logs', ...ours, '--tail=60', '--prefix');
    await show('logs', ...ours, '--tail=20', '--prefix', '--previous');
  }
  // The former is where hack/local-node has it, the latter where kubelet puts the logs of static pods.
  const logs = 'tail -n 40 /var/log/kube-apiserver.log /var/log/containers/kube-apiserver-*.log 2>/dev/null';
  const [program, ...args] = site.cluster.nodeCommand('sh', '-c', `${logs}; true`);
  const { stdout } = await promisify(execFile)(program, args).catch((error) => ({ stdout: String(error) }));
  parts.push(`----- the API server's log\n${stdout.trimEnd()}`);
  if (plane !== undefined) parts.push(await managementPlane(plane));
  console.error(parts.join('\n'));
}

async function managementPlane({ adminKubeconfig, dir }: ControlPlane): Promise<string> {
  const kinds = 'clusterpropagations,leases,events';
  const state = await kubectl(adminKubeconfig, 'get', kinds, '-A', '-o', 'wide').catch(String);
  const log = await readFile(join(dir, 'kube-apiserver.log'), 'utf8').catch(String);
  return `----- the management plane\n${state}\n${log.split('\n').slice(-20).join('\n')}`;
}
