import { describe, expect, test } from 'vitest';
import type { Renewable } from '../../../../src/clusters/renewable.ts';
import { type RenewalFacts, renewalPlan } from '../../../../src/operator/engage/renewal-plan.ts';
import { DAY, HOUR, NOW, SECOND } from '../../../support/builders.ts';

const MINUTE = 60 * SECOND;

/** A credential of this lifetime, of which so much is left. */
const of = (lengthMs: number, leftMs: number, namespace = 'ace-operator'): Renewable => ({
  secret: { namespace, name: 'ace-cluster-c-1', uid: 'uid-s', resourceVersion: '1' },
  account: { namespace: 'cattle-system', name: 'ace-operator' },
  lifetime: { fromMs: NOW + leftMs - lengthMs, untilMs: NOW + leftMs },
  kubeconfigWith: () => '',
});
const plan = (renewable: Renewable | undefined, changes: Partial<RenewalFacts> = {}) =>
  renewalPlan({
    ...{ renewable, ownNamespace: 'ace-operator', triedAtMs: undefined, isConnected: true, nowMs: NOW },
    ...changes,
  });

describe('a credential', () => {
  test('of which a third is left is renewed for as long as it was good', () => {
    expect(plan(of(DAY, 8 * HOUR))).toMatchObject({ kind: 'renew', seconds: 86_400 });
  });

  test.each<[string, Renewable | undefined, Partial<RenewalFacts>, number]>([
    ['of which more is left waits', of(DAY, 8 * HOUR + 5), {}, 5],
    ['of a year waits for months', of(360 * DAY, 360 * DAY), {}, 240 * DAY],
    [
      'that was just tried is tried again in a twentieth of what is left',
      of(DAY, 5 * HOUR),
      { triedAtMs: NOW },
      15 * MINUTE,
    ],
    [
      'that is about to end is tried once a minute',
      of(HOUR, MINUTE),
      { triedAtMs: NOW - SECOND },
      MINUTE - SECOND,
    ],
    ['of a year is tried once an hour', of(360 * DAY, 100 * DAY), { triedAtMs: NOW }, HOUR],
  ])('%s', (_, renewable, changes, delayMs) => {
    expect(plan(renewable, changes)).toEqual({ kind: 'later', delayMs });
  });

  test('that was tried long enough ago is tried again', () => {
    expect(plan(of(DAY, 5 * HOUR), { triedAtMs: NOW - 15 * MINUTE })).toMatchObject({ kind: 'renew' });
  });

  test('that has ended by our clock alone is renewed while the cluster lets us in', () => {
    expect(plan(of(DAY, -HOUR))).toMatchObject({ kind: 'renew' });
  });

  test('of a cluster that is away waits until it is back', () => {
    expect(plan(of(DAY, HOUR), { isConnected: false })).toEqual({ kind: 'never' });
  });

  test.each<[string, Renewable | undefined, Partial<RenewalFacts>?]>([
    ['that is not for the operator to renew', undefined],
    ['in a namespace of others', of(DAY, HOUR, 'fleet-default')],
    ['that has ended, of a cluster that is away', of(DAY, 0), { isConnected: false }],
  ])('%s is left alone', (_, renewable, changes = {}) => {
    expect(plan(renewable, changes)).toEqual({ kind: 'never' });
  });
});
