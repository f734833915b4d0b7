import { AuditLog } from '../src/authenticator/audit-log.ts';
import { routes } from '../src/authenticator/routes.ts';
import type { Handler } from '../src/authenticator/server.ts';
import { isSlowHash } from '../src/authenticator/slow-hash.ts';
import { VerifiedSecrets } from '../src/authenticator/verified.ts';
import { hash, verify } from '../src/hash/sha3-512.ts';
import { AuthenticatorMetrics } from '../src/telemetry/authenticator-metrics.ts';
import { AUDIT_MODES, type AuditMode } from '../src/telemetry/log-level.ts';
import { rawCat, rawCua, rawHashSecret, reviewBody, startStateRig } from '../test/support/webhook-rig.ts';
import type { Options, ScenarioResult } from './scenario.ts';
import { quantile } from './stats.ts';

const SECRET = 'not-a-real-secret';
const REVIEWS_A_BATCH = 500;
const BATCHES = 400;
const MAX_COST = 1.05;

/**
 * What the audit log costs those who are let in. In one process, in short turns, without HTTP, which comes on top: the ratio of
 * whole reviews is nearer to one than this.
 */
export async function authenticatorAudit(options: Options): Promise<ScenarioResult> {
  const rig = await startStateRig();
  rig.put(rawCua('u-1'), rawCat('token-1'), rawHashSecret('token-1', hash(SECRET)));
  rig.state.start();
  await rig.state.synced();
  const handlers = new Map(AUDIT_MODES.map((mode) => [mode, handlerOf(mode, rig.state)]));
  const us = new Map<AuditMode, number[]>(AUDIT_MODES.map((mode) => [mode, []]));
  const body = reviewBody(`token-1:${SECRET}`);
  options.say(`${BATCHES} batches of ${REVIEWS_A_BATCH} reviews for each`);
  for (let batch = 0; batch < BATCHES; batch += 1) {
    for (const [mode, handler] of handlers) us.get(mode)?.push(await batchUs(handler, body));
  }
  await rig.close();
  // The quickest tenth: whatever else the machine does makes a batch longer, never shorter.
  const at = (mode: AuditMode): number => quantile(us.get(mode) ?? [], 0.1);
  const yardstick = { what: '--audit-log=none', value: at('none') };
  const met = at('refused') <= MAX_COST * at('none');
  return {
    how: [
      `A warm review without its HTTP: parsed, judged, answered, counted. Batches of ${REVIEWS_A_BATCH}, the modes in turns, ${BATCHES} each; the tenth percentile.`,
    ],
    rows: [
      {
        ...{ what: '--audit-log=refused, warm', value: at('refused'), unit: 'µs', yardstick },
        bar: { text: `≤ ${MAX_COST} ×`, met },
      },
      { what: '--audit-log=all, warm', value: at('all'), unit: 'µs', yardstick },
    ],
    details: Object.fromEntries(
      [...us].map(([mode, all]) => [mode, { p10: at(mode), p50: quantile(all, 0.5) }]),
    ),
  };
}

function handlerOf(mode: AuditMode, state: Awaited<ReturnType<typeof startStateRig>>['state']): Handler {
  const verified = new VerifiedSecrets({
    maxEntries: 1_000,
    concurrency: 1,
    verify: async (secret, of) => verify(secret, of),
    isSlow: isSlowHash,
  });
  return routes({
    authenticator: {
      ...{ state, verified, withExtra: true, maxStalenessMs: undefined },
      spendTime: async () => {},
      accepted: () => {},
    },
    metrics: new AuthenticatorMetrics(),
    legacy401: false,
    now: Date.now,
    audit: new AuditLog({ mode, stream: { write: () => true }, now: Date.now }),
    onRefused: () => {},
  });
}

async function batchUs(handler: Handler, body: string): Promise<number> {
  const request = { method: 'POST', path: '/v1/authenticate', query: new URLSearchParams(), body };
  const startMs = performance.now();
  for (let index = 0; index < REVIEWS_A_BATCH; index += 1) {
    const answer = await handler({ ...request, hasGone: () => false });
    if (answer.status !== 200 || !String(answer.body).includes('"authenticated":true'))
      throw new Error(`a good token was answered with ${answer.status}`);
  }
  return ((performance.now() - startMs) * 1000) / REVIEWS_A_BATCH;
}
