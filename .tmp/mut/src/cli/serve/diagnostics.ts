import type { Log } from '../../telemetry/log.ts';
import type { Service } from './serve.ts';

/**
 * The same service, with profiles on demand beside it, from before it starts until after it has stopped.
 *
 * @param address - undefined: nobody asked for them
 */
export function withDiagnostics(service: Service, address: string | undefined, log: Log): Service {
  if (address === undefined) return service;
  let close = async (): Promise<void> => {};
  return {
    ...(service.failed ? { failed: service.failed } : {}),
    async start() {
      const { DiagnosticsServer } = await import('../../telemetry/diagnostics-server.ts');
      const server = new DiagnosticsServer((kind, seconds) =>
        log.warn('profiling this process', { detail: kind, durationMs: seconds * 1_000 }),
      );
      close = () => server.close();
      log.warn('profiles are handed out to everybody on this loopback; switch this off again', {
        address: await server.listen(address),
      });
      await service.start();
    },
    async stop() {
      await service.stop();
      await close();
    },
  };
}
