import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { KubeObject } from '../../api/types.ts';
import type { Given } from '../../config/flags.ts';
import { operatorConfig } from '../../config/operator.ts';
import { managementAccess } from '../../kube/management-access.ts';
import { Manager } from '../../operator/manager.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { withDiagnostics } from './diagnostics.ts';
import { serve, serviceLog } from './serve.ts';

/** The definitions that downstream clusters get when they lack them; shipped beside the program. */
const DOWNSTREAM_CRDS = [
  'cluster.cattle.io_clusterauthtokens.yaml',
  'cluster.cattle.io_clusteruserattributes.yaml',
];

const STOP_LIMIT_MS = 4_000;

/**
 * `ace-operator operator`: runs until a signal comes.
 *
 * @returns the exit code
 * @throws {ConfigError} for a flag or file that cannot be used
 */
export async function runOperator(given: Given, runtime: Runtime): Promise<number> {
  const config = operatorConfig(given, runtime.env);
  const log = serviceLog(config, runtime);
  const manager = new Manager({
    config,
    access: await managementAccess(config.kubeconfig, runtime.env),
    definitions: await downstreamDefinitions(),
    log,
    now: Date.now,
  });
  log.info('ace-operator starting', {
    version: config.userAgent,
    namespace: config.namespace,
    source: config.kubeconfig ?? 'in-cluster service account',
  });
  return serve(withDiagnostics(manager, config.diagnosticsListen, log), log, runtime, STOP_LIMIT_MS);
}

async function downstreamDefinitions(): Promise<readonly KubeObject[]> {
  const files = DOWNSTREAM_CRDS.map((name) => new URL(`../../../crds/${name}`, import.meta.url));
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  return texts.map((text) => parse(text) as KubeObject);
}
