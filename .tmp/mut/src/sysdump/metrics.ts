import { fileName, podPath, type SeenPod, type Source } from './read.ts';

/** Where manifests/operator serves its metrics. */
export const OPERATOR_PORT = 9464;

const MAX_BYTES = 8 * 1024 * 1024;
/** Of ours, and of the process that they are of. */
const LINE = /^(?:# (?:HELP|TYPE) )?(?:ace|process|nodejs)_/;

/** What a Pod tells of itself, by way of the API server. */
export async function addMetrics(
  { plane, archive, directory }: Source,
  namespace: string,
  { name, port }: { readonly name: string; readonly port: number },
): Promise<void> {
  const path = `${directory}/metrics/${fileName(name)}.txt`;
  const metrics = await plane.text(`${podPath(namespace, `${name}:${port}`)}/proxy/metrics`, MAX_BYTES);
  if (!metrics.ok) return archive.leave(path, metrics.failure.reason, metrics.failure.message);
  archive.addLines(
    path,
    metrics.value.split('\n').filter((line) => LINE.test(line)),
  );
}

/** An authenticator serves its own where its flag says; nowhere without it. */
export async function addAuthenticatorMetrics(
  source: Source,
  namespace: string,
  pod: SeenPod,
): Promise<void> {
  const name = pod.metadata?.name ?? '';
  const args = (pod.spec?.containers ?? []).flatMap((container) => container.args ?? []);
  const port = metricsPort(args);
  if (port !== undefined) return addMetrics(source, namespace, { name, port });
  source.archive.addObject(`${source.directory}/metrics/${fileName(name)}.json`, {
    notServed: 'no --metrics-listen beyond loopback is among its args: docs/metrics.md',
  });
}

const FLAG = '--metrics-listen';

/**
 * Of the first address that others than the node itself get at.
 *
 * @param args - `--metrics-listen=$(NODE_IP):9465`, or flag and addresses apart
 */
export function metricsPort(args: readonly string[]): number | undefined {
  const given = args.flatMap((arg, index) => {
    if (arg.startsWith(`${FLAG}=`)) return [arg.slice(FLAG.length + 1)];
    return arg === FLAG ? [args[index + 1] ?? ''] : [];
  });
  const beyond = given
    .flatMap((addresses) => addresses.split(','))
    .filter((address) => !/^\s*(?:127\.|localhost:|\[::1\])/.test(address));
  const port = Number(/:(\d{1,5})\s*$/.exec(beyond[0] ?? '')?.[1]);
  return port > 0 && port < 65_536 ? port : undefined;
}
