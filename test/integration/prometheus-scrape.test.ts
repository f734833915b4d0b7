import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AuthenticatorProcess, freePort, startAuthenticator } from '../support/authenticator-process.ts';
import { eventually } from '../support/eventually.ts';
import { COMPONENTS, expressionsOf, ruleGroups, seriesNamesIn } from '../support/monitoring.ts';
import { findPrometheus, NO_PROMETHEUS, type Prometheus, startPrometheus } from '../support/prometheus.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { reviewBody } from '../support/webhook-rig.ts';
import { startWorld, type World } from '../support/world.ts';

/** A real Prometheus with the shipped rules, and what it learns of a real operator and a real authenticator. */

const binaries = findPrometheus();
if (!binaries) console.warn(NO_PROMETHEUS);

const SECRET = 'not-a-real-secret-of-token-good';

describe.skipIf(!binaries)('Prometheus', () => {
  let world: World;
  let proxy: TcpProxy;
  let authenticator: AuthenticatorProcess;
  let prometheus: Prometheus;

  beforeAll(async () => {
    world = await startWorld({ clusters: ['c-one'] });
    proxy = await startTcpProxy(world.cluster('c-one').plane.url);
    await world.register('c-one', { server: proxy.url(world.cluster('c-one').plane.url) });
    // Nobody says how to reach this one.
    await world.register('c-lost', { credentials: false });
    await world.createUser('u-ada', {}, ['group://devs']);
    await world.createToken('token-good', 'c-one', 'u-ada');
    await world.createToken('token-gone', 'c-one', 'u-ada');
    await world.createToken('token-bad', 'c-one', 'u-ada', { ttl: 'no number' });
    const operator = await world.startOperator(['--leader-elect=true', '--shards=4']);
    await eventually(
      async () => expect(await world.cluster('c-one').tokenNames()).toEqual(['token-gone', 'token-good']),
      { timeoutMs: 30_000 },
    );
    authenticator = await startAuthenticator(world.cluster('c-one').plane.adminKubeconfig, await freePort(), [
      '--metrics-listen=127.0.0.1:0',
    ]);
    await review();
    prometheus = await startPrometheus({
      binaries: binaries ?? { prometheus: '', promtool: '' },
      jobs: [
        { job: 'ace-operator', targets: [announced(operator, 'health and metrics')] },
        { job: 'ace-authenticator', targets: [announced(authenticator, 'metrics and probes')] },
      ],
      rules: COMPONENTS.flatMap((component) => [...ruleGroups(component)]),
    });
  }, 180_000);
  afterAll(async () => {
    await prometheus?.stop();
    await authenticator?.stop();
    await world?.close();
    await proxy?.close();
  });

  test('scrapes both', async () => {
    await eventually(async () => expect(Object.values(await prometheus.targets())).toEqual(['up', 'up']));
  });

  describe.each(COMPONENTS)('of the %s', (component) => {
    const expressions = expressionsOf(component);

    test.each([...new Set(expressions.flatMap(seriesNamesIn))])('finds %s', async (name) => {
      await eventually(async () =>
        expect((await prometheus.query(`${name}{job="ace-${component}"}`)).length).toBeGreaterThan(0),
      );
    });

    test('takes every expression of rules and dashboard', async () => {
      for (const expression of expressions) await prometheus.query(expression);
    });
  });

  test('sees how late a revocation arrived in a cluster that was away, and before that, that it is owed', async () => {
    await proxy.refuse();
    await until('ace_cluster_connected{ace_cluster="c-one"} == 0');
    await world.deleteToken('token-gone');
    await until('ace_revocations_pending{ace_cluster="c-one"} == 1');
    await until('ace_revocation_oldest_pending_seconds{ace_cluster="c-one"} > 2');
    expect(await world.cluster('c-one').tokenNames()).toContain('token-gone');
    await proxy.heal();
    await until('ace_revocation_lag_seconds_count{ace_cluster="c-one",cause="token"} == 1', 60_000);
    await until('ace_revocation_oldest_pending_seconds{ace_cluster="c-one"} == 0');
    expect(await world.cluster('c-one').tokenNames()).toEqual(['token-good']);
    const [lag] = await prometheus.query('ace_revocation_lag_seconds_sum{ace_cluster="c-one",cause="token"}');
    expect(lag?.value).toBeGreaterThan(2);
  });

  test('sees an increase in the very first late revocation: its series was there before', async () => {
    await until('increase(ace_revocation_lag_seconds_count{ace_cluster="c-one",cause="token"}[5m]) > 0');
  });

  test('has the shipped rules in force: what is wrong here is pending, and what is right is not', async () => {
    await eventually(
      async () =>
        expect(await prometheus.alerts()).toMatchObject({
          AceClusterDisconnected: 'pending',
          AcePoisonTokens: 'pending',
        }),
      { timeoutMs: 30_000 },
    );
    const alerts = Object.keys(await prometheus.alerts());
    for (const alert of [
      'AceOperatorDown',
      'AceOperatorNoLeader',
      'AceOperatorManyLeaders',
      'AceShardUnowned',
      'AceShardTwoOwners',
      'AceAuthenticatorDown',
      'AceAuthenticatorNotReady',
    ]) {
      expect(alerts).not.toContain(alert);
    }
  });

  test('has no series of a cluster that is gone', async () => {
    await world.setAce('c-one', false);
    await world.waitCondition('c-one', 'Drained', { status: 'True' });
    await until('ace_tokens{ace_cluster="c-one",state="synced"} == 0');
    await until('absent(ace_cluster_connected{ace_cluster="c-one"})');
    await world.management.remove(
      {
        group: 'management.cattle.io',
        version: 'v3',
        plural: 'clusters',
        kind: 'Cluster',
        namespaced: false,
      },
      'c-one',
    );
    await until('absent({__name__=~"ace_.+",ace_cluster="c-one"})', 30_000);
  });

  const until = (expression: string, timeoutMs = 30_000): Promise<void> =>
    eventually(async () => expect(await prometheus.query(expression), expression).not.toEqual([]), {
      timeoutMs,
      intervalMs: 200,
    });

  /** A review of the good token, whose bcrypt hash takes a thread to check. */
  async function review(): Promise<void> {
    const answer = await authenticator.http('/v1/authenticate', {
      method: 'POST',
      body: reviewBody(`token-good:${SECRET}`),
    });
    expect(JSON.parse(answer.body).status.authenticated).toBe(true);
  }
});

function announced(service: ServiceProcess, message: string): string {
  return String(service.logs().find((line) => line['message'] === message)?.['address']);
}
