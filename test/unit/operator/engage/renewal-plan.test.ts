import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Renewable } from '../../../../src/clusters/renewable.ts';
import { isEndingSoon } from '../../../../src/derive/lifetime.ts';
import { type RenewalFacts, renewalPlan } from '../../../../src/operator/engage/renewal-plan.ts';
import { DAY, HOUR, NOW, SECOND } from '../../../support/builders.ts';

const MINUTE = 60 * SECOND;

/** Of a Secret whose moment is the very first one, as near as makes no difference: SHA-256 of it begins with 000000. */
const FIRST = 'uid-2110139';

/** A credential of this lifetime, of which so much is left. */
const of = (
  lengthMs: number,
  leftMs: number,
  namespace = 'ace-operator',
  uid: string = FIRST,
): Renewable => ({
  secret: { namespace, name: 'ace-cluster-c-1', uid, resourceVersion: '1' },
  account: { namespace: 'cattle-system', name: 'ace-operator' },
  lifetime: { fromMs: NOW + leftMs - lengthMs, untilMs: NOW + leftMs },
  kubeconfigWith: () => '',
});
const plan = (renewable: Renewable | undefined, changes: Partial<RenewalFacts> = {}) =>
  renewalPlan({
    ...{ renewable, ownNamespace: 'ace-operator', triedAtMs: undefined, isConnected: true, nowMs: NOW },
    ...changes,
  });

describe('among many, each', () => {
  const whenDueMs = (uid: string, lengthMs: number): number => {
    const asked = plan(of(lengthMs, lengthMs, 'ace-operator', uid));
    return asked.kind === 'later' ? asked.delayMs : Number.NaN;
  };

  test('has one moment of its own, with a third to a quarter of its lifetime left', () => {
    const hours = fc.integer({ min: 1, max: 10 * 8_760 });
    fc.assert(
      fc.property(fc.uuid(), hours, fc.double({ min: 0, max: 1, noNaN: true }), (uid, length, part) => {
        const lengthMs = length * HOUR;
        const dueMs = whenDueMs(uid, lengthMs);
        expect(dueMs).toBeGreaterThanOrEqual((lengthMs * 2) / 3 - 1);
        expect(dueMs).toBeLessThanOrEqual((lengthMs * 3) / 4 + 1);
        // Whenever it is asked, and by whichever process, the moment is the same.
        const leftMs = lengthMs - dueMs * part;
        const later = plan(of(lengthMs, leftMs, 'ace-operator', uid));
        if (part < 0.999)
          expect(later.kind === 'later' ? later.delayMs : 0).toBeCloseTo(dueMs * (1 - part), -1);
        expect(plan(of(lengthMs, lengthMs - dueMs - 1, 'ace-operator', uid))).toMatchObject({
          kind: 'renew',
        });
        // Nobody is told of the end of one that is renewed in time.
        expect(isEndingSoon({ fromMs: 0, untilMs: lengthMs }, dueMs)).toBe(false);
      }),
    );
  });

  test.each<[title: string, lengthMs: number, most: number]>([
    ['a year', 365 * DAY, 5],
    ['a day', DAY, 40],
    // Five minutes are all that there are.
    ['an hour', HOUR, 300],
  ])('of a thousand that were made at once for %s, few are due in one minute', (_, lengthMs, most) => {
    const perMinute = new Map<number, number>();
    for (let index = 0; index < 1_000; index += 1) {
      const minute = Math.floor(whenDueMs(`6b1e0c52-0000-4000-8000-${index}`, lengthMs) / MINUTE);
      perMinute.set(minute, (perMinute.get(minute) ?? 0) + 1);
    }
    expect(Math.max(...perMinute.values())).toBeLessThanOrEqual(most);
  });
});

describe('a credential', () => {
  test('of which a third is left is renewed for as long as it was good', () => {
    expect(plan(of(DAY, 8 * HOUR))).toMatchObject({ kind: 'renew', seconds: 86_400 });
  });

  test.each<[string, Renewable | undefined, Partial<RenewalFacts>, number]>([
    ['of which more is left waits', of(DAY, 8 * HOUR + 5), {}, 5],
    ['that was just made waits for two thirds of its lifetime', of(DAY, DAY), {}, 16 * HOUR],
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
