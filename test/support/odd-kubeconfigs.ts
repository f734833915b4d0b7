import fc from 'fast-check';
import { stringify } from 'yaml';
import { createAuthority } from './pki.ts';

const PEM = createAuthority('odd').cert;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Few names, so that entries meet, also those of other files. */
const name = fc.constantFrom('a', 'b');
/** What a person writes by mistake where there ought to be text, or a list, or a record. */
const wrong = fc.constantFrom<unknown>(null, '', 7, 0, true, [], {}, ['a'], { a: 'b' }, 'text');

/** The value nearly always; else something of another type, or nothing. */
const mostly = <T>(value: fc.Arbitrary<T>, weight = 400): fc.Arbitrary<unknown> =>
  fc.oneof({ weight, arbitrary: value }, { weight: 1, arbitrary: wrong });

/** Some of the fields: how often of sixty-four times each is there, and what it is. 63 is always. */
function someOf(fields: Readonly<Record<string, readonly [number, fc.Arbitrary<unknown>]>>) {
  return fc
    .tuple(
      ...Object.entries(fields).map(([key, [often, value]]) =>
        fc
          .tuple(fc.integer({ min: 0, max: 63 }), value)
          .map(([dice, one]) => (dice <= often ? { [key]: one } : {})),
      ),
    )
    .map((parts) => Object.assign({}, ...parts) as Record<string, unknown>);
}

const path = fc.constantFrom(
  'ca.crt',
  './client.crt',
  'client.key',
  'token',
  '../0/ca.crt',
  'none',
  'empty',
  '.',
  '',
);
const data = fc.constantFrom(base64(PEM), base64('other'), PEM, 'no base64!', base64(PEM).slice(0, 41), '');

const cluster = someOf({
  server: [
    63,
    mostly(
      fc.oneof(
        {
          weight: 30,
          arbitrary: fc.constantFrom('https://a', 'https://b:6443/', 'https://c/k8s/clusters/c-1//'),
        },
        {
          weight: 1,
          arbitrary: fc.constantFrom('http://a', 'HTTPS://a', ' https://a', 'https:', 'ftp://a', 'a'),
        },
      ),
    ),
  ],
  'certificate-authority-data': [24, mostly(data)],
  'certificate-authority': [16, mostly(path)],
  'insecure-skip-tls-verify': [8, mostly(fc.boolean(), 20)],
  'tls-server-name': [8, mostly(fc.constantFrom('kubernetes', ''))],
  'proxy-url': [8, mostly(fc.constantFrom('http://p:1', 'https://p', 'socks5://p:1', 'p:1', ''))],
  extensions: [4, wrong],
  'disable-compression': [4, fc.boolean()],
});

const user = someOf({
  token: [32, mostly(fc.constantFrom('t-1:abc', 't 2', 'line\n', '1234', ''))],
  tokenFile: [4, mostly(path)],
  'token-file': [0, mostly(path)],
  'client-certificate-data': [16, mostly(data)],
  'client-certificate': [8, mostly(path)],
  'client-key-data': [16, mostly(data)],
  'client-key': [8, mostly(path)],
  username: [8, mostly(fc.constantFrom('ada', ''))],
  password: [8, mostly(fc.constantFrom('p:q', ''))],
  as: [8, mostly(fc.constantFrom('eve', ''))],
  'as-groups': [8, mostly(fc.array(fc.constantFrom('g', 'h'), { maxLength: 2 }))],
  'as-uid': [0, wrong],
  'as-user-extra': [0, wrong],
  exec: [1, mostly(fc.constant({ apiVersion: 'client.authentication.k8s.io/v1', command: 'false' }), 4)],
  'auth-provider': [1, mostly(fc.constant({ name: 'oidc', config: {} }), 4)],
  'yet-to-be-invented': [0, wrong],
});

const context = someOf({
  cluster: [63, mostly(name)],
  user: [63, mostly(name)],
  namespace: [16, mostly(fc.constant('n'))],
});

const entries = (key: string, of: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  mostly(
    fc.array(mostly(fc.record({ name: mostly(name), [key]: mostly(of) }, { requiredKeys: ['name', key] })), {
      minLength: 1,
      maxLength: 3,
    }),
  );

const content = someOf({
  apiVersion: [60, mostly(fc.constant('v1'))],
  kind: [60, mostly(fc.constant('Config'))],
  'current-context': [60, mostly(name)],
  contexts: [63, entries('context', context)],
  clusters: [63, entries('cluster', cluster)],
  users: [63, entries('user', user)],
  preferences: [20, wrong],
});

/** What makes YAML odd, or another YAML, or none. */
const SPLINTERS = [
  ...[
    '\t',
    '"',
    "'",
    ':',
    ': ',
    '#',
    ' #',
    '&a ',
    '*a',
    '!!str ',
    '!',
    '|',
    '|2\n',
    '>-\n',
    '\n',
    '\n  ',
    '\n\n',
    '\r',
    '\r\n',
  ],
  ...[
    '- ',
    '? ',
    '{',
    '}',
    '[',
    ']',
    ',',
    '%',
    '@',
    '`',
    '---\n',
    '...\n',
    '\n---\n',
    '<<: ',
    '~',
    '__proto__: ',
    '\\',
    '\\x7f',
    '\\u2028',
  ],
  ...[
    '\u0085',
    '\u2028',
    '\ufeff',
    '\x7f',
    '\0',
    'ü',
    '\ud800',
    '0x10',
    '0o7',
    '1_0',
    '2020-01-01',
    '.nan',
    'null',
    'yes',
    ' ',
    '  ',
  ],
];

/** Takes text out, puts a splinter in, or writes a line twice. */
function broken(
  text: string,
  [at, take, splinter, twice]: readonly [number, number, string, boolean],
): string {
  const index = Math.floor(at * text.length);
  if (!twice) return text.slice(0, index) + splinter + text.slice(index + take);
  const start = text.lastIndexOf('\n', index) + 1;
  const end = text.indexOf('\n', index);
  const line = text.slice(start, end < 0 ? undefined : end + 1);
  return text.slice(0, start) + line + text.slice(start);
}

const written: fc.Arbitrary<(value: unknown) => string> = fc.constantFrom<((value: unknown) => string)[]>(
  (value) => stringify(value),
  (value) => stringify(value, { lineWidth: 20, defaultStringType: 'QUOTE_DOUBLE' }),
  (value) => stringify(value, { lineWidth: 20, blockQuote: 'folded', indentSeq: false }),
  (value) => stringify(value, { collectionStyle: 'flow' }),
  (value) => stringify(value).replaceAll('\n', '\r\n'),
  (value) => `# kept by hand\n---\n${stringify(value, { defaultKeyType: 'QUOTE_SINGLE' })}`,
  (value) => JSON.stringify(value),
);

/** The text of what may be a kubeconfig: whole, of wrong types, or spoilt as text. */
export const oddKubeconfig: fc.Arbitrary<string> = fc
  .tuple(
    content,
    written,
    fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      {
        weight: 1,
        arbitrary: fc.array(
          fc.tuple(
            fc.double({ min: 0, max: 1, noNaN: true }),
            fc.nat(3),
            fc.constantFrom(...SPLINTERS),
            fc.boolean(),
          ),
          { minLength: 1, maxLength: 2 },
        ),
      },
    ),
  )
  .map(([value, write, breaks]) => breaks.reduce(broken, write(value)));

/** Files that such a kubeconfig names, by name; in each folder they say where they are. */
export const filesBeside = (folder: string): Readonly<Record<string, string>> => ({
  'ca.crt': `ca of ${folder}`,
  'client.crt': `certificate of ${folder}`,
  'client.key': `key of ${folder}`,
  token: `token-of-${folder}\n`,
  empty: ' \n',
});

export const contextName: fc.Arbitrary<string | undefined> = fc.option(name, { nil: undefined, freq: 2 });
