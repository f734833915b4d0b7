import { describe, expect, test } from 'vitest';
import {
  AUTHENTICATOR_FLAGS,
  type AuthenticatorConfig,
  authenticatorConfig,
} from '../../../src/config/authenticator.ts';
import { environmentName } from '../../../src/config/flags.ts';
import { ConfigError } from '../../../src/errors.ts';

const TLS = { 'tls-cert-file': '/tls.crt', 'tls-key-file': '/tls.key' };
const SNAPSHOT = { 'snapshot-file': '/state.json', 'snapshot-key-file': '/key' };

const DEFAULTS = {
  kubeconfig: undefined,
  namespace: 'cattle-system',
  listen: ['127.0.0.1:6440'],
  metricsListen: [],
  tls: undefined,
  withExtra: true,
  legacy401: false,
  maxStalenessMs: undefined,
  auditLog: 'none',
  readyFile: undefined,
  snapshotFile: undefined,
  snapshotKeyFile: undefined,
  logLevel: 'info',
  logFormat: 'json',
};

/** For every flag: values that are good, what else they need, and what comes of them. */
const GOOD: Readonly<
  Record<
    string,
    readonly { value: string; with?: Record<string, string>; want: Partial<AuthenticatorConfig> }[]
  >
> = {
  kubeconfig: [{ value: '/etc/k.yaml', want: { kubeconfig: '/etc/k.yaml' } }],
  namespace: [{ value: 'kube-system', want: { namespace: 'kube-system' } }],
  listen: [
    { value: '127.0.0.1:6441', want: { listen: ['127.0.0.1:6441'] } },
    { value: '127.200.0.1:1', want: { listen: ['127.200.0.1:1'] } },
    { value: 'localhost:6440', want: { listen: ['localhost:6440'] } },
    { value: '[::1]:6440', want: { listen: ['[::1]:6440'] } },
    { value: '127.0.0.1:6440, [::1]:6440,', want: { listen: ['127.0.0.1:6440', '[::1]:6440'] } },
    { value: '10.0.0.1:6440', with: TLS, want: { listen: ['10.0.0.1:6440'] } },
    { value: '0.0.0.0:6440', with: { 'insecure-listen': 'true' }, want: { listen: ['0.0.0.0:6440'] } },
  ],
  'metrics-listen': [
    { value: '10.0.0.1:9465', want: { metricsListen: ['10.0.0.1:9465'] } },
    { value: '0.0.0.0:0,[::1]:9465', want: { metricsListen: ['0.0.0.0:0', '[::1]:9465'] } },
    { value: '127.0.0.1:0', with: { listen: '127.0.0.1:0' }, want: { metricsListen: ['127.0.0.1:0'] } },
  ],
  'diagnostics-listen': [
    { value: '127.0.0.1:6060', want: { diagnosticsListen: '127.0.0.1:6060' } },
    { value: '[::1]:0', want: { diagnosticsListen: '[::1]:0' } },
  ],
  'tls-cert-file': [
    {
      value: '/a',
      with: TLS,
      want: { tls: { certFile: '/a', keyFile: '/tls.key', clientCaFile: undefined } },
    },
  ],
  'tls-key-file': [
    {
      value: '/a',
      with: TLS,
      want: { tls: { certFile: '/tls.crt', keyFile: '/a', clientCaFile: undefined } },
    },
  ],
  'client-ca-file': [
    {
      value: '/ca',
      with: TLS,
      want: { tls: { certFile: '/tls.crt', keyFile: '/tls.key', clientCaFile: '/ca' } },
    },
  ],
  'insecure-listen': [
    { value: 'true', want: {} },
    { value: 'false', want: {} },
  ],
  'no-extra': [
    { value: 'true', want: { withExtra: false } },
    { value: 'false', want: { withExtra: true } },
  ],
  'legacy-401': [{ value: 'true', want: { legacy401: true } }],
  'max-staleness': [
    { value: '120s', want: { maxStalenessMs: 120_000 } },
    { value: '5m', want: { maxStalenessMs: 300_000 } },
    { value: '1h', want: { maxStalenessMs: 3_600_000 } },
    { value: '', want: { maxStalenessMs: undefined } },
  ],
  'snapshot-file': [{ value: '/s', with: SNAPSHOT, want: { snapshotFile: '/s', snapshotKeyFile: '/key' } }],
  'snapshot-key-file': [
    { value: '/k', with: SNAPSHOT, want: { snapshotFile: '/state.json', snapshotKeyFile: '/k' } },
  ],
  'log-level': ['error', 'warn', 'info', 'debug'].map((value) => ({
    value,
    want: { logLevel: value as 'info' },
  })),
  'ready-file': [{ value: '/run/ready', want: { readyFile: '/run/ready' } }],
  'audit-log': (['none', 'refused', 'all'] as const).map((value) => ({ value, want: { auditLog: value } })),
  'log-format': ['json', 'text'].map((value) => ({ value, want: { logFormat: value as 'json' } })),
};
const GOOD_ROWS = Object.entries(GOOD).flatMap(([flag, rows]) => rows.map((row) => ({ flag, ...row })));

describe('authenticatorConfig', () => {
  test('without anything has the defaults of the contract, frozen', () => {
    const config = authenticatorConfig({}, {});
    expect(config).toMatchObject(DEFAULTS);
    expect(config.userAgent).toMatch(/^ace-authenticator\/\d/);
    expect(Object.isFrozen(config)).toBe(true);
  });

  test('every flag is tested here', () => {
    expect(AUTHENTICATOR_FLAGS.map(({ flag }) => flag).sort()).toEqual(Object.keys(GOOD).sort());
  });

  test.each(GOOD_ROWS)('--$flag $value', ({ flag, value, want, ...row }) => {
    const config = authenticatorConfig({ ...row.with, [flag]: value }, {});
    expect(config).toMatchObject({ ...withDefaultsFor(want), ...want });
  });

  test.each(GOOD_ROWS)('$flag from the environment: $value', ({ flag, value, want, ...row }) => {
    const environment = { ...named(row.with ?? {}), [environmentName(flag)]: value };
    expect(authenticatorConfig({}, environment)).toMatchObject(want);
  });

  test('a flag wins over the environment', () => {
    const environment = { ACE_NAMESPACE: 'from-env', ACE_LISTEN: '0.0.0.0:1', ACE_NO_EXTRA: 'true' };
    const given = { namespace: 'from-flag', listen: '127.0.0.1:1', 'no-extra': 'false' };
    expect(authenticatorConfig(given, environment)).toMatchObject({
      namespace: 'from-flag',
      listen: ['127.0.0.1:1'],
      withExtra: true,
    });
  });

  test('variables of others are not looked at', () => {
    expect(authenticatorConfig({}, { KUBECONFIG: '/x', NAMESPACE: 'x', LISTEN: 'x' })).toMatchObject(
      DEFAULTS,
    );
  });
});

const BAD: readonly [Record<string, string>, string][] = [
  [{ namespace: 'Cattle_System' }, "--namespace: 'Cattle_System' cannot be the name of a namespace"],
  [{ namespace: '' }, "--namespace: '' cannot be the name of a namespace"],
  [{ listen: '6440' }, "--listen: wanted host:port; got '6440'"],
  [{ listen: '127.0.0.1' }, "--listen: wanted host:port; got '127.0.0.1'"],
  [{ listen: '127.0.0.1:70000' }, "--listen: wanted host:port; got '127.0.0.1:70000'"],
  [{ listen: '::1:6440' }, "--listen: wanted host:port; got '::1:6440'"],
  [{ listen: '127.0.0.1:6440,nonsense' }, "--listen: wanted host:port; got 'nonsense'"],
  [{ listen: ' , ' }, '--listen: wanted at least one address'],
  [
    { 'diagnostics-listen': '0.0.0.0:6060' },
    '--diagnostics-listen: 0.0.0.0:6060 is not loopback, and profiles are for nobody else; kubectl port-forward reaches 127.0.0.1 of a Pod',
  ],
  [{ 'diagnostics-listen': '6060' }, "--diagnostics-listen: wanted host:port; got '6060'"],
  [{ 'metrics-listen': '9465' }, "--metrics-listen: wanted host:port; got '9465'"],
  [
    { 'metrics-listen': '10.0.0.1:9465,10.0.0.1:6440' },
    '--metrics-listen: 10.0.0.1:6440 has a port that --listen has; take another',
  ],
  [
    { 'tls-cert-file': '/a' },
    '--tls-cert-file and --tls-key-file go together, and --client-ca-file needs both',
  ],
  [
    { 'tls-key-file': '/a' },
    '--tls-cert-file and --tls-key-file go together, and --client-ca-file needs both',
  ],
  [
    { 'client-ca-file': '/a' },
    '--tls-cert-file and --tls-key-file go together, and --client-ca-file needs both',
  ],
  [{ 'snapshot-file': '/a' }, '--snapshot-file and --snapshot-key-file go together'],
  [{ 'snapshot-key-file': '/a' }, '--snapshot-file and --snapshot-key-file go together'],
  [{ 'no-extra': 'yes' }, "--no-extra: wanted true, false; got 'yes'"],
  [{ 'legacy-401': '1' }, "--legacy-401: wanted true, false; got '1'"],
  [{ 'insecure-listen': 'on' }, "--insecure-listen: wanted true, false; got 'on'"],
  [{ 'max-staleness': '5' }, "--max-staleness: wanted a duration such as 90s, 5m or 1h; got '5'"],
  [{ 'max-staleness': '-5m' }, "--max-staleness: wanted a duration such as 90s, 5m or 1h; got '-5m'"],
  [{ 'max-staleness': '1m30s' }, "--max-staleness: wanted a duration such as 90s, 5m or 1h; got '1m30s'"],
  [{ 'max-staleness': '119s' }, "--max-staleness: wanted at least 2m; got '119s'"],
  [{ 'max-staleness': '0s' }, "--max-staleness: wanted at least 2m; got '0s'"],
  [{ 'log-level': 'trace' }, "--log-level: wanted error, warn, info, debug; got 'trace'"],
  [{ 'log-format': 'xml' }, "--log-format: wanted json, text; got 'xml'"],
];

describe('a bad value is a ConfigError of one line that says what was wrong', () => {
  test.each(BAD)('%j', (given, message) => {
    expect(() => authenticatorConfig(given, {})).toThrow(new ConfigError(message));
    expect(() => authenticatorConfig({}, named(given))).toThrow(new ConfigError(message));
    expect(message).not.toContain('\n');
  });
});

describe('listening on anything but loopback without TLS', () => {
  const elsewhere = [
    '0.0.0.0:6440',
    ':6440',
    '10.1.2.3:6440',
    '[::]:6440',
    '[fd00::1]:6440',
    'node-1:6440',
    '128.0.0.1:1',
    '127.0.0.1.example.org:1',
    '[::ffff:10.0.0.1]:1',
  ];
  test.each(elsewhere)('%s is refused', (listen) => {
    const message = `--listen: ${listen} is not loopback, and bearer tokens would cross the network in clear; give --tls-cert-file and --tls-key-file, or --insecure-listen`;
    expect(() => authenticatorConfig({ listen }, {})).toThrow(new ConfigError(message));
    expect(() => authenticatorConfig({ listen: `127.0.0.1:1,${listen}` }, {})).toThrow(
      new ConfigError(message),
    );
  });

  test.each(elsewhere)('%s is allowed with TLS, or when asked for', (listen) => {
    expect(authenticatorConfig({ listen, ...TLS }, {}).listen).toEqual([listen]);
    expect(authenticatorConfig({ listen, 'insecure-listen': 'true' }, {}).listen).toEqual([listen]);
  });
});

/** What a flag leaves alone stays at its default. */
function withDefaultsFor(want: Partial<AuthenticatorConfig>): object {
  return Object.fromEntries(
    Object.entries(DEFAULTS).filter(([key]) => !(key in want) && !['tls', 'listen'].includes(key)),
  );
}

function named(given: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(given).map(([flag, value]) => [environmentName(flag), value]));
}
