import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { stringify } from 'yaml';
import { isExecutable } from './binaries.ts';
import type { Any } from './plane-client.ts';
import { startOnFreePort } from './server-process.ts';

export interface PrometheusBinaries {
  readonly prometheus: string;
  readonly promtool: string;
}

/**
 * Looks where hack/prometheus/provide.sh looks, in the same order: change both together.
 *
 * @returns undefined where there is none; who skips for that says {@link NO_PROMETHEUS}
 */
export function findPrometheus(env: NodeJS.ProcessEnv = process.env): PrometheusBinaries | undefined {
  const cache = join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'ace-operator', 'prometheus', 'bin');
  for (const directory of [...(env['PATH'] ?? '').split(delimiter), cache]) {
    const binaries = { prometheus: join(directory, 'prometheus'), promtool: join(directory, 'promtool') };
    if (directory !== '' && Object.values(binaries).every(isExecutable)) return binaries;
  }
  return undefined;
}

export const NO_PROMETHEUS =
  'skipped: no prometheus and promtool on PATH or in the cache; hack/prometheus/provide.sh says why it cannot get them';

/** What is scraped under one job name; addresses as `host:port`. */
export interface ScrapeJob {
  readonly job: string;
  readonly targets: readonly string[];
  readonly path?: string;
}

export interface PrometheusOptions {
  readonly binaries: PrometheusBinaries;
  readonly jobs: readonly ScrapeJob[];
  /** Further jobs, as Prometheus' own configuration has them. */
  readonly scrapeConfigs?: readonly object[];
  /** Rule groups, as a PrometheusRule has them in `spec`. */
  readonly rules?: readonly object[];
  /** Seconds between two scrapes, and between two evaluations; 1 unless given. */
  readonly intervalSeconds?: number;
}

/** A vector element: its labels, and its value. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus {
  readonly url: string;
  /** Answer of an instant query to a vector. @throws when Prometheus does not take the expression */
  query(expression: string): Promise<readonly Sample[]>;
  /** Health of each target: `up`, `down` or `unknown`, by its address. */
  targets(): Promise<Readonly<Record<string, string>>>;
  /** State of each alert that is not inactive: `pending` or `firing`, by its name. */
  alerts(): Promise<Readonly<Record<string, string>>>;
  stop(): Promise<void>;
}

/** Starts a real Prometheus on loopback that scrapes these targets, and waits until it answers. */
export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const directory = await mkdtemp(join(tmpdir(), 'ace-prometheus-'));
  const config = join(directory, 'prometheus.yaml');
  await writeFile(config, await configText(directory, options));
  await mkdir(join(directory, 'data'));
  const { port, child } = await startOnFreePort((free) => ({
    program: options.binaries.prometheus,
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${free}`,
    ],
    log: join(directory, 'prometheus.log'),
    ready: async () => (await fetch(`http://127.0.0.1:${free}/-/ready`)).ok,
  }));
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    async query(expression) {
      const { result } = await ask(url, `/api/v1/query?query=${encodeURIComponent(expression)}`);
      return result.map(({ metric, value }: Any) => ({ labels: metric, value: Number(value[1]) }));
    },
    async targets() {
      const { activeTargets } = await ask(url, '/api/v1/targets?state=active');
      return byKey(activeTargets, ({ labels }) => labels.instance, 'health');
    },
    async alerts() {
      const { alerts } = await ask(url, '/api/v1/alerts');
      return byKey(alerts, ({ labels }) => labels.alertname, 'state');
    },
    async stop() {
      await child.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function configText(directory: string, options: PrometheusOptions): Promise<string> {
  const { jobs, scrapeConfigs = [], rules = [], intervalSeconds = 1 } = options;
  const rulesFile = join(directory, 'rules.yaml');
  await writeFile(rulesFile, stringify({ groups: rules }));
  return stringify({
    global: { scrape_interval: `${intervalSeconds}s`, evaluation_interval: `${intervalSeconds}s` },
    rule_files: [rulesFile],
    scrape_configs: [
      ...jobs.map(({ job, targets, path = '/metrics' }) => ({
        job_name: job,
        metrics_path: path,
        static_configs: [{ targets: [...targets] }],
      })),
      ...scrapeConfigs,
    ],
  });
}

async function ask(url: string, path: string): Promise<Any> {
  const response = await fetch(url + path);
  const { status, error, data } = (await response.json()) as Any;
  if (status !== 'success') throw new Error(`${path}: ${error}`);
  return data;
}

function byKey(items: readonly Any[], keyOf: (item: Any) => string, field: string): Record<string, string> {
  return Object.fromEntries(items.map((item) => [keyOf(item), item[field]]));
}
