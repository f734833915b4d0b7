import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AuditLog } from '../../../src/authenticator/audit-log.ts';
import { monitorRoutes } from '../../../src/authenticator/monitor-routes.ts';
import { type RoutesDeps, routes } from '../../../src/authenticator/routes.ts';
import { type Handler, WebhookServer } from '../../../src/authenticator/server.ts';
import { AuthenticatorMetrics } from '../../../src/telemetry/authenticator-metrics.ts';
import { rawCat, reviewBody, type StateRig, startStateRig } from '../../support/webhook-rig.ts';

/** The listener beside the webhook, on a small real API server. */
let rig: StateRig;
let server: WebhookServer;
let url: string;
let metrics: AuthenticatorMetrics;
const faults: unknown[] = [];
beforeEach(async () => {
  faults.length = 0;
  rig = await startStateRig();
  metrics = new AuthenticatorMetrics();
  const monitor = monitorRoutes({ state: rig.state, metrics, now: () => rig.clock.nowMs });
  server = new WebhookServer({
    handler: async (request) => monitor(request),
    onReload: () => {},
    onFault: (error) => faults.push(error),
  });
  url = `http://${await server.listen('127.0.0.1', 0)}`;
});
afterEach(async () => {
  await server.drain();
  await rig.close();
});

const get = async (path: string, init?: RequestInit): Promise<{ status: number; text: string }> => {
  const response = await fetch(url + path, init);
  return { status: response.status, text: await response.text() };
};

describe('the listener for metrics', () => {
  test('says that it is alive at once, and ready when the stores are filled', async () => {
    expect(await get('/livez')).toEqual({ status: 200, text: 'ok' });
    expect(await get('/healthcheck')).toEqual({ status: 200, text: '' });
    expect(await get('/readyz')).toEqual({
      status: 503,
      text: '[-] stores not filled yet\n[-] api-server not heard yet',
    });
    rig.state.start();
    await rig.state.synced();
    expect(await get('/readyz')).toEqual({ status: 200, text: 'ok' });
  });

  test('serves the metrics', async () => {
    const { status, text } = await get('/metrics');
    expect(status).toBe(200);
    expect(text).toContain('# TYPE ace_tokenreviews_total counter');
  });

  test('never answers a review, whatever is sent to it', async () => {
    rig.put(rawCat('token-1'));
    rig.state.start();
    await rig.state.synced();
    for (const path of ['/v1/authenticate', '/v1/authenticate/', '/']) {
      const body = reviewBody('token-1:secret');
      expect(await get(path, { method: 'POST', body }), path).toEqual({ status: 404, text: '' });
      expect(await get(path), path).toEqual({ status: 404, text: '' });
    }
    expect(await metrics.registry.getSingleMetricAsString('ace_tokenreviews_total')).not.toContain(
      'accepted',
    );
    expect(faults).toEqual([]);
  });

  test('is only read from', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      expect((await get('/metrics', { method })).status).toBe(405);
    }
    expect(await get('/metrics', { method: 'HEAD' })).toEqual({ status: 200, text: '' });
  });
});

describe('reviews', () => {
  const metricsOf = async (): Promise<string> =>
    metrics.registry.getSingleMetricAsString('ace_tokenreviews_total');

  test('of every outcome are counted from 0: an increase from nothing is none', async () => {
    routesOver(() => false);
    const text = await metricsOf();
    for (const labels of [
      'result="accepted",reason=""',
      'result="refused",reason="HashMissing",final="true"',
      'result="refused",reason="HashMissing",final="false"',
      'result="unavailable",reason="NotReadyError"',
      'result="fault",reason=""',
    ]) {
      expect(text).toContain(`ace_tokenreviews_total{${labels}} 0`);
    }
  });

  test('that end in a fault of ours are counted, too', async () => {
    const handler = routesOver(() => {
      throw new Error('broken');
    });
    await expect(handler(request('/v1/authenticate'))).rejects.toThrow('broken');
    expect(await metricsOf()).toContain('ace_tokenreviews_total{result="fault",reason=""} 1');
  });

  test('that cannot be answered yet are counted by why', async () => {
    const handler = routesOver(() => false);
    expect(await handler(request('/v1/authenticate'))).toMatchObject({ status: 503 });
    expect(await metricsOf()).toContain('{result="unavailable",reason="NotReadyError"} 1');
  });

  /** The webhook over a state that is filled, or is not, or breaks. */
  function routesOver(isFilled: () => boolean): Handler {
    const state = {
      get isFilled() {
        return isFilled();
      },
    };
    const authenticator = { state } as unknown as RoutesDeps['authenticator'];
    const audit = new AuditLog({ mode: 'none', stream: { write: () => true }, now: () => 0 });
    return routes({ authenticator, metrics, audit, now: () => 0, legacy401: false, onRefused: () => {} });
  }
  const request = (path: string): Parameters<Handler>[0] => ({
    method: 'POST',
    path,
    query: new URLSearchParams(),
    body: reviewBody('token-1:secret'),
    hasGone: () => false,
  });
});
