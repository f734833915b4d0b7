import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { webhookKubeconfig } from '../test/support/authenticator-process.ts';
import { kubectl } from '../test/support/kubectl.ts';
import { startWorld, type World } from '../test/support/world.ts';
import { Authenticators } from './authenticators.ts';
import { Report } from './report.ts';
import { STEPS } from './steps.ts';

/**
 * The main job, on real API servers: `make demo`. With KEEP=1 everything stays up to play with.
 *
 * Never reads or writes the kubeconfig of whoever runs it.
 */
const CLUSTERS = ['c-berlin', 'c-tokyo'];

async function main(): Promise<number> {
  const report = new Report(process.stdout);
  const interrupted = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  const webhooks = new Map<string, { path: string; port: number }>();
  for (const id of CLUSTERS) webhooks.set(id, await webhookKubeconfig());
  const authenticators = new Authenticators(webhooks);
  let world: World | undefined;
  try {
    world = await report.step('start a management plane and two downstream planes', async () => {
      // The shortest time that an API server may remember a webhook's answer is what a revocation waits for.
      return startWorld({
        clusters: CLUSTERS,
        downstream: (id) => ({ tokenWebhook: { kubeconfig: webhooks.get(id)?.path ?? '', cacheTtl: '1s' } }),
      });
    });
    for (const step of STEPS) await step(world, report, authenticators);
  } catch {
    // The report has the failed step and its cause.
  }
  report.print();
  if (world && process.env['KEEP'] === '1') {
    await printAccess(world);
    await interrupted;
  }
  await authenticators.stop();
  await world?.close({ keepLogs: !report.passed });
  return report.passed ? 0 : 1;
}

/** How to look around: kubeconfigs, and what to try. */
async function printAccess(world: World): Promise<void> {
  const log = join(world.management.plane.dir, 'operator.log');
  await writeFile(log, world.operator?.output() ?? '');
  const planes = [world.management.plane, ...CLUSTERS.map((id) => world.cluster(id).plane)];
  console.log('\nRunning until you press Ctrl-C. To look around:');
  for (const plane of planes)
    console.log(`  ${plane.name.padEnd(12)} kubectl --kubeconfig ${plane.adminKubeconfig} …`);
  console.log(`\n  kubectl --kubeconfig ${world.management.plane.adminKubeconfig} get cprop`);
  console.log(`  the operator's log so far: ${log}`);
  console.log(await kubectl(world.management.plane.adminKubeconfig, 'get', 'cprop'));
}

process.exit(await main());
