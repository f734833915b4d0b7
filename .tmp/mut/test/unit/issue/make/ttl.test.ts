import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../../src/errors.ts';
import { resolveTtl, ttlLimits } from '../../../../src/issue/make/ttl.ts';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;

describe('a Setting that is no number of minutes', () => {
  test.each(['1h', '60m', '60 minutes', '1e3', '-1', '0x10', '6.5', 'Infinity', '١٢'])(
    '%s is no limit that could be kept',
    (value) => {
      for (const purpose of ['token', 'kubeconfig'] as const) {
        for (const name of [
          'auth-token-max-ttl-minutes',
          `${purpose === 'token' ? 'auth-token' : 'kubeconfig'}-default-${purpose === 'token' ? '' : 'token-'}ttl-minutes`,
        ])
          expect(() => ttlLimits(purpose, { [name]: value })).toThrow(
            new RegExp(`Setting ${name}: wanted a whole number`),
          );
      }
    },
  );
});

describe('how long a token may live', () => {
  const cases = {
    'no Settings: no limit, and a default that ends': {
      purpose: 'token',
      values: {},
      wantMax: undefined,
      wantFallback: 90 * DAY,
    },
    'no Settings, for a kubeconfig': {
      purpose: 'kubeconfig',
      values: {},
      wantMax: undefined,
      wantFallback: 30 * DAY,
    },
    'an API key has the general limit': {
      purpose: 'token',
      values: { 'auth-token-max-ttl-minutes': '60', 'auth-token-default-ttl-minutes': '30' },
      wantMax: 60 * MINUTE,
      wantFallback: 30 * MINUTE,
    },
    'a kubeconfig has its own limit where there is one': {
      purpose: 'kubeconfig',
      values: { 'kubeconfig-max-token-ttl-minutes': '120', 'auth-token-max-ttl-minutes': '60' },
      wantMax: 120 * MINUTE,
      wantFallback: 120 * MINUTE,
    },
    'and the general one where there is none': {
      purpose: 'kubeconfig',
      values: { 'auth-token-max-ttl-minutes': '60' },
      wantMax: 60 * MINUTE,
      wantFallback: 60 * MINUTE,
    },
    'a default over the limit is the limit': {
      purpose: 'token',
      values: { 'auth-token-max-ttl-minutes': '10', 'auth-token-default-ttl-minutes': '90' },
      wantMax: 10 * MINUTE,
      wantFallback: 10 * MINUTE,
    },
    'zero as the limit is none; zero as the default is for ever, then': {
      purpose: 'token',
      values: { 'auth-token-max-ttl-minutes': '0', 'auth-token-default-ttl-minutes': '0' },
      wantMax: undefined,
      wantFallback: 0,
    },
    'zero as the default is as long as is allowed': {
      purpose: 'token',
      values: { 'auth-token-max-ttl-minutes': '10', 'auth-token-default-ttl-minutes': '0' },
      wantMax: 10 * MINUTE,
      wantFallback: 10 * MINUTE,
    },
  } as const;
  test.each(Object.entries(cases))('%s', (_title, { purpose, values, wantMax, wantFallback }) => {
    const limits = ttlLimits(purpose, values);
    expect(limits.maxMs).toBe(wantMax);
    expect(limits.fallbackMs).toBe(wantFallback);
  });

  const limited = ttlLimits('token', { 'auth-token-max-ttl-minutes': '60' });
  test('what was asked for is what is got', () => {
    expect(resolveTtl(30 * MINUTE, limited)).toBe(30 * MINUTE);
    expect(resolveTtl(60 * MINUTE, limited)).toBe(60 * MINUTE);
    expect(resolveTtl(undefined, limited)).toBe(60 * MINUTE);
    expect(resolveTtl(0, ttlLimits('token', {}))).toBe(0);
  });

  test.each([0, 61 * MINUTE])('%d ms over a limit of an hour is refused, not shortened', (asked) => {
    expect(() => resolveTtl(asked, limited)).toThrow(ConfigError);
    expect(() => resolveTtl(asked, limited)).toThrow(/Setting auth-token-max-ttl-minutes allows/);
  });
});
