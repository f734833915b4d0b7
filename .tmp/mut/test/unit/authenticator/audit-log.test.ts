import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuditLog } from '../../../src/authenticator/audit-log.ts';
import * as sha3 from '../../../src/hash/sha3-512.ts';
import type { AuditMode } from '../../../src/telemetry/log-level.ts';
import { CANARY, NOW, SECOND } from '../../support/builders.ts';
import {
  rawCat,
  rawCua,
  rawHashSecret,
  startWebhookRig,
  type WebhookRig,
} from '../../support/webhook-rig.ts';

const LABELS = { labels: { 'ace-operator.io/cluster': 'c-one' } };

describe('the audit log', () => {
  const rigs = new Map<AuditMode, WebhookRig>();
  const lines = new Map<AuditMode, unknown[]>();

  /** One review of each kind. */
  async function reviewAll(rig: WebhookRig): Promise<void> {
    rig.put(rawCua('u-1'), rawHashSecret('token-good', sha3.hash(CANARY)), rawCat('token-good', {}, LABELS));
    rig.put(rawCat('token-off', { enabled: false, hash: sha3.hash(CANARY) }, LABELS));
    await rig.settled();
    await rig.review(`token-good:${CANARY}`);
    await rig.review(`token-off:${CANARY}`);
    await rig.review(`token-none:${CANARY}`);
    await rig.review(CANARY);
    await rig.post(`{"token":"${CANARY}`);
  }

  beforeAll(async () => {
    for (const auditLog of ['none', 'refused', 'all'] as const) {
      const rig = await startWebhookRig({ auditLog });
      rigs.set(auditLog, rig);
      await reviewAll(rig);
      const text = String(rig.audited.read() ?? '');
      expect(text).not.toContain(CANARY);
      lines.set(
        auditLog,
        text
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line)),
      );
    }
  });
  afterAll(() => Promise.all([...rigs.values()].map((rig) => rig.close())));

  const timestamp = new Date(NOW).toISOString();
  const line = { timestamp, audit: 'TokenReview', cluster: 'c-one' };
  const off = {
    ...line,
    verdict: 'refused',
    reason: 'TokenDisabled',
    final: true,
    token: 'token-off',
    user: 'u-1',
  };
  const none = { ...line, verdict: 'refused', reason: 'UnknownToken', final: false, token: 'token-none' };
  const malformed = { ...line, verdict: 'malformed' };

  test('says nothing unless it is asked to', () => {
    expect(lines.get('none')).toEqual([]);
  });

  test('of refusals tells verdict, reason, token, user and cluster', () => {
    expect(lines.get('refused')).toEqual([off, none, malformed]);
  });

  test('of all tells those who were let in, too, and what was none of our business', () => {
    const good = { ...line, verdict: 'accepted', token: 'token-good', user: 'u-1' };
    expect(lines.get('all')).toEqual([good, off, none, { ...line, verdict: 'foreign' }, malformed]);
  });

  test('is bounded: what is too much is counted, and told later; so is what a slow reader leaves', () => {
    const written: string[] = [];
    let nowMs = NOW;
    const stream = { writableLength: 0, write: (text: string) => written.push(text) };
    const log = new AuditLog({ mode: 'all', stream, now: () => nowMs });
    for (let index = 0; index < 5_000; index += 1) log.record({ verdict: 'refused' });
    expect(written).toHaveLength(1_000);
    nowMs += SECOND;
    for (let index = 0; index < 5_000; index += 1) log.record({ verdict: 'refused' });
    expect(written).toHaveLength(1_100);
    expect(JSON.parse(written[1_000] ?? '')).toMatchObject({ dropped: 4_000 });
    nowMs += SECOND;
    stream.writableLength = 2 * 1024 * 1024;
    log.record({ verdict: 'refused' });
    expect(written).toHaveLength(1_100);
  });
});
