// serve/: runs the operator or the authenticator until a signal comes.

import { createLog, type Log } from '../../telemetry/log.ts';
import type { LogFormat, LogLevel } from '../../telemetry/log-level.ts';
import type { Runtime } from '../terminal/runtime.ts';

/** Something that runs until it is told to stop. */
export interface Service {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Rejects when it cannot go on; never resolves. */
  readonly failed?: Promise<never>;
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
 * @throws whatever the service throws when it cannot start, or fails with later
 */
export async function serve(
  service: Service,
  log: Log,
  runtime: Runtime,
  stopLimitMs: number,
): Promise<number> {
  const signalled = runtime.signal();
  const failed = service.failed ?? new Promise<never>(() => {});
  const stop = async (): Promise<void> => {
    const inTime = await Promise.race([
      service.stop().then(() => true),
      runtime.after(stopLimitMs).then(() => false),
    ]);
    if (inTime) log.info('stopped');
    else log.warn('stopped while something was still open', { delayMs: stopLimitMs });
    await log.close();
  };
  try {
    const early = await Promise.race([signalled, failed, service.start()]);
    const signal = early ?? (await Promise.race([signalled, failed]));
    log.info('shutting down', { signal });
  } catch (error) {
    await stop();
    throw error;
  }
  await stop();
  return 0;
}
