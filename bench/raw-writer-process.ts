import { CLUSTER_AUTH_TOKENS, SECRETS } from '../src/api/names.ts';
import { BareApi } from './bare-api.ts';
import { rawPair } from './objects.ts';
import type { RawJob, RawResult, RawStarted } from './raw-writer.ts';
import { inParallel } from './stats.ts';

/** The process of the raw writer: does one job a message. */
process.on('message', (job: RawJob) => {
  void run(job).then((result) => process.send?.(result));
});

async function run(job: RawJob): Promise<RawResult> {
  const apis = await Promise.all(job.kubeconfigs.map((path) => BareApi.open(path, job.concurrency)));
  // The handshakes of many connections would count against many connections.
  await Promise.all(apis.map((api) => inParallel(job.concurrency, job.concurrency, () => api.version())));
  const cpu = process.cpuUsage();
  const startedAtMs = nowMs();
  process.send?.({ startedAtMs } satisfies RawStarted);
  await Promise.all(apis.map((api) => (job.task === 'write' ? writePairs(api, job) : deletePairs(api, job))));
  const endedAtMs = nowMs();
  const { user, system } = process.cpuUsage(cpu);
  await Promise.all(apis.map((api) => api.close()));
  return { startedAtMs, endedAtMs, cpuMs: (user + system) / 1000 };
}

const nowMs = (): number => performance.timeOrigin + performance.now();

async function writePairs(api: BareApi, { pairs, concurrency, prefix, namespace }: RawJob): Promise<void> {
  await inParallel(pairs, concurrency, async (index) => {
    const [secret, clusterAuthToken] = rawPair(`${prefix}-${index}`, namespace);
    await api.create(SECRETS, secret);
    await api.create(CLUSTER_AUTH_TOKENS, clusterAuthToken);
  });
}

async function deletePairs(api: BareApi, { pairs, concurrency, prefix, namespace }: RawJob): Promise<void> {
  await inParallel(pairs, concurrency, async (index) => {
    await api.remove(CLUSTER_AUTH_TOKENS, `${prefix}-${index}`, namespace);
    await api.remove(SECRETS, `${prefix}-${index}`, namespace);
  });
}
