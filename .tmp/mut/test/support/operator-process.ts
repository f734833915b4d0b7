import { type ServiceProcess, startService } from './service-process.ts';

/** The built operator, run as a user runs it. */
export type OperatorProcess = ServiceProcess;

/**
 * Starts the built operator and waits until it is ready.
 *
 * @param flags - beside kubeconfig and a free health port
 * @param options.untilReady - false: only until its health server listens
 */
export function startOperator(
  kubeconfig: string,
  flags: readonly string[] = [],
  options: { env?: Readonly<Record<string, string>>; untilReady?: boolean } = {},
): Promise<OperatorProcess> {
  return startService({
    args: [
      'operator',
      '--kubeconfig',
      kubeconfig,
      '--listen',
      '127.0.0.1:0',
      '--leader-elect=false',
      ...flags,
    ],
    announcement: 'health and metrics',
    startedPath: options.untilReady === false ? '/livez' : '/readyz',
    ...(options.env ? { env: options.env } : {}),
  });
}
