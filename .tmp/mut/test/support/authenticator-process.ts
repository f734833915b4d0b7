import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ServiceProcess, startService } from './service-process.ts';

const SHIPPED = fileURLToPath(
  new URL('../../manifests/authenticator/webhook-kubeconfig.yaml', import.meta.url),
);

/** The built authenticator, run as its DaemonSet runs it. */
export type AuthenticatorProcess = ServiceProcess;

/**
 * Starts the built authenticator and waits until it answers probes.
 *
 * @param port - on loopback; the webhook kubeconfig of its API server names it
 * @param options.untilReady - false: it need not know anything yet
 */
export function startAuthenticator(
  kubeconfig: string,
  port: number,
  flags: readonly string[] = [],
  { untilReady = true }: { untilReady?: boolean } = {},
): Promise<AuthenticatorProcess> {
  const probes = untilReady ? [] : ['--metrics-listen', '127.0.0.1:0'];
  return startService({
    args: ['authenticator', '--kubeconfig', kubeconfig, '--listen', `127.0.0.1:${port}`, ...probes, ...flags],
    // Before it knows anything, only its probes are answered.
    announcement: ['authenticator listens', ...(untilReady ? [] : ['metrics and probes'])],
    startedPath: untilReady ? '/readyz' : '/livez',
  });
}

/**
 * The webhook kubeconfig that this repository ships, with another port: several clusters share one machine here.
 *
 * @returns its path, and a port that was free a moment ago
 */
export async function webhookKubeconfig(): Promise<{ path: string; port: number }> {
  const port = await freePort();
  const text = (await readFile(SHIPPED, 'utf8')).replace('127.0.0.1:6440', `127.0.0.1:${port}`);
  const path = join(await mkdtemp(join(tmpdir(), 'ace-webhook-')), 'webhook.yaml');
  await writeFile(path, text);
  return { path, port };
}

/** A port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no port was given');
  return address.port;
}
