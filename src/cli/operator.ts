import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { KubeObject } from '../api/types.ts';
import { type OperatorConfig, operatorConfig } from '../config.ts';
import { managementAccess } from '../kube/kubeconfig.ts';
import { Manager } from '../operator/manager.ts';
import { createLog, type Log } from '../telemetry/log.ts';
import type { Runtime } from './runtime.ts';

/** The definitions that downstream clusters get when they lack them; shipped beside the program. */
const DOWNSTREAM_CRDS = [
  'cluster.cattle.io_clusterauthtokens.yaml',
  'cluster.cattle.io_clusteruserattributes.yaml',
];

/** How long what is under way may take after a signal. */
const SHUTDOWN_LIMIT_MS = 4_500;

/**
 * `ace-operator operator`: runs until a signal comes.
 *
 * @returns the exit code
 * @throws {ConfigError} for a flag or file that cannot be used
 */
export async function runOperator(
  given: Readonly<Record<string, string | undefined>>,
  runtime: Runtime,
): Promise<number> {
  const config = operatorConfig(given, runtime.env);
  const log = createLog({ level: config.logLevel, format: config.logFormat, stream: runtime.stdout });
  runtime.onCrash(async (kind, error) => {
    log.error(kind, { error });
    await log.close();
  });
  const manager = new Manager({
    config,
    access: await managementAccess(config.kubeconfig),
    definitions: await downstreamDefinitions(),
    log,
    now: Date.now,
  });
  announce(config, log);
  const signalled = runtime.signal();
  const started = manager.start();
  const first = await Promise.race([signalled, started]);
  const signal = first ?? (await signalled);
  log.info('shutting down', { signal });
  await Promise.race([manager.stop(), runtime.after(SHUTDOWN_LIMIT_MS)]);
  log.info('stopped');
  await log.close();
  return 0;
}

function announce(config: OperatorConfig, log: Log): void {
  log.info('ace-operator starting', {
    version: config.userAgent,
    namespace: config.namespace,
    source: config.kubeconfig ?? 'in-cluster service account',
  });
}

async function downstreamDefinitions(): Promise<readonly KubeObject[]> {
  const files = DOWNSTREAM_CRDS.map((name) => new URL(`../../crds/${name}`, import.meta.url));
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  return texts.map((text) => parse(text) as KubeObject);
}
