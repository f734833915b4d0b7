import { describe, expect, test } from 'vitest';
import { operatorConfig } from '../../../src/config/operator.ts';
import { ConfigError } from '../../../src/errors.ts';

const timing = (lease: string, renew: string, retry: string): object =>
  operatorConfig(
    {
      'leader-elect-lease-duration': lease,
      'leader-elect-renew-deadline': renew,
      'leader-elect-retry-period': retry,
    },
    {},
  ).leaseTiming;

describe('the times of the leader election', () => {
  test('are those of Kubernetes’ own controllers unless given', () => {
    expect(operatorConfig({}, {})).toMatchObject({
      leaderElect: true,
      leaseTiming: { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000 },
    });
  });

  test.each([
    ['3s', '2s', '1s'],
    ['1h', '50m', '10m'],
  ])('may be %s, %s and %s', (lease, renew, retry) => {
    expect(timing(lease, renew, retry)).toBeDefined();
  });

  test.each([
    ['a deadline that leaves no margin', '10s', '10s', '2s'],
    ['a margin shorter than a retry', '11s', '10s', '2s'],
    ['a deadline that one slow answer exceeds', '15s', '3s', '2s'],
    ['no retry period', '15s', '10s', '0s'],
    // Timers take no more than 24.8 days, and fire at once instead.
    ['longer than anybody would wait', '60d', '30d', '1d'],
    ['no duration', '15', '10s', '2s'],
  ])('may not be %s: %s, %s, %s', (_what, lease, renew, retry) => {
    expect(() => timing(lease, renew, retry)).toThrow(ConfigError);
  });
});
