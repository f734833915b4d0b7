import { createLog, type Log } from '../telemetry/log.ts';
import type { LogFormat, LogLevel } from '../telemetry/log-level.ts';
import type { Runtime } from './runtime.ts';

/** Something that runs until it is told to stop. */
export interface Service {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A log on stdout that a crash still gets its last line into. */
export function serviceLog(config: { logLevel: LogLevel; logFormat: LogFormat }, runtime: Runtime): Log {
  const log = createLog({ level: config.logLevel, format: config.logFormat, stream: runtime.stdout });
  runtime.onCrash(async (kind, error) => {
    log.error(kind, { error });
    await log.close();
  });
  return log;
}

/**
 * Runs a service until a signal comes, and stops it.
 *
 * @param stopLimitMs - how long what is under way may take after the signal
 * @returns the exit code
 * @throws whatever the service throws when it cannot start
 */
export async function serve(
  service: Service,
  log: Log,
  runtime: Runtime,
  stopLimitMs: number,
): Promise<number> {
  const signalled = runtime.signal();
  const early = await Promise.race([signalled, service.start()]);
  const signal = early ?? (await signalled);
  log.info('shutting down', { signal });
  await Promise.race([service.stop(), runtime.after(stopLimitMs)]);
  log.info('stopped');
  await log.close();
  return 0;
}
