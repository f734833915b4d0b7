import { beforeEach, describe, expect, test } from 'vitest';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { VERSION } from '../../../src/version.ts';

let metrics: Metrics;
let clusters: readonly string[];
beforeEach(() => {
  clusters = ['c-1', 'c-2'];
  metrics = new Metrics();
  metrics.beforeScrape(() => clusters);
});

const seriesOf = async (cluster: string): Promise<readonly string[]> =>
  (await metrics.scrape()).split('\n').filter((line) => line.includes(`cluster="${cluster}"`));

function useEverything(cluster: string): void {
  const series = metrics.ofCluster(cluster);
  series.changed('create', 'Secret');
  series.propagated(0.2);
  series.revoked('token', 400);
  metrics.requests.inc({ cluster, verb: 'get', code: 200 });
  metrics.reconciles.inc({ cluster, result: 'ok' });
  metrics.watchRestarts.inc({ cluster, reason: 'timeout' });
}

describe('the series of a cluster', () => {
  test('of what alerts look at exist with 0 from the beginning: an increase from nothing is none', async () => {
    metrics.ofCluster('c-1');
    const series = await seriesOf('c-1');
    for (const cause of ['token', 'user', 'expiry']) {
      expect(series).toContain(`ace_revocation_lag_seconds_count{ace_cluster="c-1",cause="${cause}"} 0`);
      expect(series).toContain(
        `ace_revocation_lag_seconds_bucket{le="60",ace_cluster="c-1",cause="${cause}"} 0`,
      );
    }
    expect(series).toContain('ace_propagation_lag_seconds_count{ace_cluster="c-1"} 0');
    expect(series).toContain('ace_relist_corrections_total{ace_cluster="c-1"} 0');
  });

  test('are counted under its name', async () => {
    useEverything('c-1');
    const series = await seriesOf('c-1');
    expect(series).toContain('ace_revocation_lag_seconds_bucket{le="300",ace_cluster="c-1",cause="token"} 0');
    expect(series).toContain('ace_revocation_lag_seconds_bucket{le="900",ace_cluster="c-1",cause="token"} 1');
    expect(series).toContain('ace_changes_total{ace_cluster="c-1",verb="create",kind="Secret"} 1');
  });

  test('go with it, all of them, and no others', async () => {
    useEverything('c-1');
    useEverything('c-2');
    metrics.tokens.set({ cluster: 'c-1', state: 'synced' }, 1);
    const kept = await seriesOf('c-2');
    expect((await seriesOf('c-1')).length).toBeGreaterThan(50);
    metrics.resetClusterGauges();
    clusters = ['c-2'];
    expect(await seriesOf('c-1')).toEqual([]);
    expect(await seriesOf('c-2')).toEqual(kept);
  });

  test('begin anew for a cluster that comes again', async () => {
    useEverything('c-1');
    await seriesOf('c-1');
    clusters = [];
    await seriesOf('c-1');
    clusters = ['c-1'];
    metrics.ofCluster('c-1').revoked('user', 1);
    expect(await seriesOf('c-1')).toContain(
      'ace_revocation_lag_seconds_count{ace_cluster="c-1",cause="user"} 1',
    );
  });
});

test('the version is a label, and nobody leads before somebody says so', async () => {
  const lines = (await metrics.scrape()).split('\n');
  expect(lines).toContain(`ace_build_info{version="${VERSION}"} 1`);
  expect(lines).toContain('ace_leader 0');
});
