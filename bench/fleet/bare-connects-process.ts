import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { createInterface } from 'node:readline';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  CONFIG_MAPS,
  CUSTOM_RESOURCE_DEFINITIONS,
  NAMESPACES,
  REFRESH_DEBOUNCE,
  SECRETS,
} from '../../src/api/names.ts';
import { downstreamAccess } from '../../src/kube/kubeconfig.ts';
import { collectionPath } from '../../src/kube/paths.ts';
import { inParallel } from '../stats.ts';
import type { BareConnects, BareConnectsJob } from './bare-connects.ts';

const OURS = 'cattle-system';
const WATCHED = [CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES, SECRETS] as const;
const definition = (plural: string): string =>
  `${collectionPath(CUSTOM_RESOURCE_DEFINITIONS)}/${plural}.cluster.cattle.io`;
/** What is asked before the watches, and once behind them. */
const READS = [
  `${collectionPath(NAMESPACES)}/kube-system`,
  `${collectionPath(NAMESPACES)}/${OURS}`,
  definition(CLUSTER_AUTH_TOKENS.plural),
  definition(CLUSTER_USER_ATTRIBUTES.plural),
  `${collectionPath(CONFIG_MAPS, OURS)}/${REFRESH_DEBOUNCE}`,
];
const AS_LIST = 'watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan';

/** The process of the bare connects: does one job, and holds its watches until it is ended. */
process.once('message', (job: BareConnectsJob) => {
  void run(job).then((result) => process.send?.(result));
});

async function run({ kubeconfigs, concurrency }: BareConnectsJob): Promise<BareConnects> {
  const [startedAtMs, cpu] = [performance.now(), process.cpuUsage()];
  await inParallel(kubeconfigs.length, concurrency, (index) => connectOne(kubeconfigs[index] ?? ''));
  const { user, system } = process.cpuUsage(cpu);
  return { connectMs: performance.now() - startedAtMs, cpuMs: (user + system) / 1000 };
}

async function connectOne(kubeconfig: string): Promise<void> {
  const { server, tls } = await downstreamAccess(kubeconfig);
  const session = connect(server.origin, { ...tls });
  for (const path of READS) await read(session, server.pathname + path);
  await Promise.all(
    WATCHED.map(async (resource) => {
      const path = server.pathname + collectionPath(resource, OURS);
      const version = await listed(session, path);
      await read(session, `${path}?limit=1&fieldSelector=metadata.name%3Dnone`);
      const watch = session.request({ ':path': `${path}?watch=1&resourceVersion=${version}` });
      watch.resume();
      await answered(watch);
    }),
  );
}

/** The answer is parsed; that there is no such object is one, too. */
async function read(session: ClientHttp2Session, path: string): Promise<unknown> {
  const stream = session.request({ ':path': path });
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'end');
  return JSON.parse(Buffer.concat(chunks).toString());
}

/** A list as a stream of events. A server that has just learned of the kind asks for patience. @returns its version */
async function listed(session: ClientHttp2Session, path: string): Promise<string> {
  for (;;) {
    const stream = session.request({ ':path': `${path}?${AS_LIST}` });
    const status = await answered(stream);
    for await (const line of createInterface({ input: stream })) {
      const { type, object } = JSON.parse(line);
      if (type !== 'BOOKMARK') continue;
      stream.close();
      return object.metadata.resourceVersion;
    }
    if (status !== 429) throw new Error(`GET ${path}: ${status}, and no end of the list`);
  }
}

async function answered(stream: ClientHttp2Stream): Promise<number> {
  const [headers] = await once(stream, 'response');
  return Number(headers[':status']);
}
