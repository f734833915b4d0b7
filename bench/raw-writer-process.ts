import { CLUSTER_AUTH_TOKENS, SECRETS } from '../src/api/names.ts';
import { BareApi } from './bare-api.ts';
import { rawPair } from './objects.ts';
import type { RawJob, RawResult } from './raw-writer.ts';
import { inParallel } from './stats.ts';

/** The process of the raw writer: does one job a message. */
process.on('message', (job: RawJob) => {
  void run(job).then((result) => process.send?.(result));
});

async function run(job: RawJob): Promise<RawResult> {
  const apis = await Promise.all(job.kubeconfigs.map((path) => BareApi.open(path, job.concurrency)));
  const cpu = process.cpuUsage();
  const startedAtMs = performance.timeOrigin + performance.now();
  await Promise.all(apis.map((api) => writePairs(api, job)));
  const { user, system } = process.cpuUsage(cpu);
  await Promise.all(apis.map((api) => api.close()));
  return { startedAtMs, cpuMs: (user + system) / 1000 };
}

async function writePairs(api: BareApi, { pairs, concurrency, prefix, namespace }: RawJob): Promise<void> {
  await inParallel(pairs, concurrency, async (index) => {
    const [secret, clusterAuthToken] = rawPair(`${prefix}-${index}`, namespace);
    await api.create(SECRETS, secret);
    await api.create(CLUSTER_AUTH_TOKENS, clusterAuthToken);
  });
}
