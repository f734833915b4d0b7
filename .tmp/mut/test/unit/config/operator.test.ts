import { describe, expect, test } from 'vitest';
import { environmentName } from '../../../src/config/flags.ts';
import { OPERATOR_FLAGS, type OperatorConfig, operatorConfig } from '../../../src/config/operator.ts';
import { ConfigError } from '../../../src/errors.ts';

const GOOD: Readonly<Record<string, { value: string; want: Partial<OperatorConfig> }>> = {
  kubeconfig: { value: '/k', want: { kubeconfig: '/k' } },
  namespace: { value: 'elsewhere', want: { namespace: 'elsewhere' } },
  'credential-namespaces': {
    value: 'fleet-default, other',
    want: { credentialNamespaces: ['fleet-default', 'other'] },
  },
  'downstream-namespace': { value: 'down', want: { downstreamNamespace: 'down' } },
  'hash-algorithm': { value: 'sha3-512', want: { hashAlgorithm: 'sha3-512' } },
  'hash-storage': { value: 'inline', want: { hashStorage: 'inline' } },
  listen: { value: '[::1]:1', want: { listen: '[::1]:1' } },
  'log-level': { value: 'debug', want: { logLevel: 'debug' } },
  'log-format': { value: 'text', want: { logFormat: 'text' } },
};
const GOOD_ROWS = Object.entries(GOOD).map(([flag, row]) => ({ flag, ...row }));

describe('operatorConfig', () => {
  test('without anything has the defaults of the contract, frozen', () => {
    const config = operatorConfig({}, {});
    expect(config).toMatchObject({
      kubeconfig: undefined,
      namespace: 'ace-operator',
      credentialNamespaces: [],
      downstreamNamespace: 'cattle-system',
      hashAlgorithm: 'bcrypt',
      hashStorage: 'secret',
      listen: '127.0.0.1:9464',
      logLevel: 'info',
      logFormat: 'json',
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  test.each(GOOD_ROWS)('--$flag $value, and from the environment; the flag wins', ({ flag, value, want }) => {
    expect(OPERATOR_FLAGS.map((known) => known.flag)).toContain(flag);
    expect(operatorConfig({ [flag]: value }, {})).toMatchObject(want);
    expect(operatorConfig({}, { [environmentName(flag)]: value })).toMatchObject(want);
    expect(operatorConfig({ [flag]: value }, { [environmentName(flag)]: 'nonsense!' })).toMatchObject(want);
  });

  test.each([
    [{ namespace: 'A' }, "--namespace: 'A' cannot be the name of a namespace"],
    [{ 'downstream-namespace': 'a/b' }, "--downstream-namespace: 'a/b' cannot be the name of a namespace"],
    [{ 'credential-namespaces': 'a,B' }, "--credential-namespaces: 'B' cannot be the name of a namespace"],
    [{ 'hash-algorithm': 'md5' }, "--hash-algorithm: wanted bcrypt, sha3-512, scrypt; got 'md5'"],
    [{ 'hash-storage': 'etcd' }, "--hash-storage: wanted secret, inline; got 'etcd'"],
    [{ listen: 'x' }, "--listen: wanted host:port; got 'x'"],
    [{ 'log-level': 'loud' }, "--log-level: wanted error, warn, info, debug; got 'loud'"],
    [{ 'log-format': 'yaml' }, "--log-format: wanted json, text; got 'yaml'"],
  ] as const)('%j is refused in one line that says what was wrong', (given, message) => {
    expect(() => operatorConfig(given, {})).toThrow(new ConfigError(message));
  });
});
