import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach } from 'vitest';
import { NAMESPACE, OWN_NAMESPACE } from '../../support/world.ts';
import type { Site } from './site.ts';

/** After each test that failed: all that a person needs to see why. Secrets are in none of it. */
export function explainFailures(site: () => Site | undefined): void {
  afterEach(async ({ task }) => {
    const opened = site();
    if (opened !== undefined && task.result?.state === 'fail') await explain(opened, task.name);
  });
}

/** Prints the state of our pods, their logs, events and the end of the API server's log. */
export async function explain(site: Site, what: string): Promise<void> {
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
  console.error(parts.join('\n'));
}
