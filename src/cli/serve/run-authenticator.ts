import { clusterMarks } from '../../authenticator/cluster-marks.ts';
import { readSnapshotKey } from '../../authenticator/persistence.ts';
import { AuthenticatorService } from '../../authenticator/service.ts';
import { authenticatorConfig } from '../../config/authenticator.ts';
import type { Given } from '../../config/flags.ts';
import { managementAccess } from '../../kube/management-access.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { withDiagnostics } from './diagnostics.ts';
import { serve, serviceLog } from './serve.ts';

const STOP_LIMIT_MS = 2_000;

/**
 * `ace-operator authenticator`: answers the API server's token webhook until a signal comes.
 *
 * @returns the exit code
 * @throws {ConfigError} for a flag or file that cannot be used
 */
export async function runAuthenticator(given: Given, runtime: Runtime): Promise<number> {
  const config = authenticatorConfig(given, runtime.env);
  const log = serviceLog(config, runtime);
  const access = await managementAccess(config.kubeconfig, runtime.env);
  const service = new AuthenticatorService({
    config,
    access,
    marks: clusterMarks(access),
    snapshotKey:
      config.snapshotKeyFile === undefined ? undefined : await readSnapshotKey(config.snapshotKeyFile),
    log,
    auditStream: runtime.stdout,
    now: Date.now,
  });
  log.info('ace-authenticator starting', { version: config.userAgent, namespace: config.namespace });
  return serve(withDiagnostics(service, config.diagnosticsListen, log), log, runtime, STOP_LIMIT_MS);
}
