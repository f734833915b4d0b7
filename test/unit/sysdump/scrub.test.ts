import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { kept } from '../../../src/sysdump/allow.ts';
import { logLine } from '../../../src/sysdump/log-lines.ts';
import { REMOVED, Scrubber } from '../../../src/sysdump/scrub.ts';
import { TOKEN } from '../../../src/sysdump/shapes.ts';

const secret = 'f7nqs4x2klm9v8b6t5d3r2w1z0y9x8c7h6g5k4j3n2m1p0q9r8s7t6';

describe('a text for support', () => {
  const cases: Readonly<Record<string, readonly [text: string, secret: string]>> = {
    'a bearer': [`Authorization: Bearer kubeconfig-u-1:${secret}`, secret],
    'a bearer behind its name': [`token kubeconfig-u-1:${secret} refused`, secret],
    'a bcrypt hash': ['hash $2b$10$abcdefghijklmnopqrstuv1234567890ABCDEFGHIJKLMNOPQRS.', 'abcdefghijklmnop'],
    'a hash as Rancher writes it': ['$3:1:AAECAwQFBgc:uGcM3/n7bkPExtCGEsKSX2DzA4/frx4vOnmEGtMqZaV7', 'uGcM3'],
    'a JSON Web Token that was cut off': ['x eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJl y', 'eyJpc3Mi'],
    'a private key': ['-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEII\n-----END EC PRIVATE KEY-----', 'MHcCAQ'],
    'a password in an address': ['https://admin:hunter2hunter2@10.0.0.1/', 'hunter2'],
    'a password by its name': ['password=correct-horse-battery', 'horse'],
    'random bytes in base64': [randomBytes(48).toString('base64'), 'nothing'],
    'certificate data': [`certificate-authority-data: ${'LS0tLS1CRUdJTiBDRVJU'.repeat(4)}`, 'LS0tLS1C'],
    'a password in JSON that JSON quotes': [
      JSON.stringify({ message: 'body {"password":"correct-horse-battery"}' }),
      'horse',
    ],
    'a password by a longer name': ['GET /?access_token=abc-def-ghi-jkl', 'abc-def'],
    'a password in an encoded query': ['GET /?token%3Dkubeconfig-u-1%3Acorrect-horse', 'horse'],
    'a JSON Web Token in a line of its own': [
      JSON.stringify('x\neyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJl.c2ln-abc'),
      'eyJ',
    ],
    'a token of kubeadm': ['kubeadm join --token abcdef.0123456789abcdef', '0123456789abcdef'],
    'a value that is an argument of its own': [
      JSON.stringify({ args: ['--password', 'S3cretPass99'] }),
      'S3cret',
    ],
    'one that looks like a flag': [JSON.stringify({ args: ['--client-secret', '--S3cretPass99'] }), 'S3cret'],
    'one with quotes and blanks in it': [JSON.stringify(['-db-password', 'a "S3cret\\ pass']), 'S3cret'],
    'one in JSON that JSON quotes': [JSON.stringify(JSON.stringify(['--token', 'S3cretPass99'])), 'S3cret'],
    'one in a list of YAML': ['- --api-key\n- S3cretPass99', 'S3cret'],
    'one in a line of a shell': ['Error: exec: "run --passwd S3cretPass99": not found', 'S3cret'],
    'one that the shell quotes': ["run --password 'S3cret pass' --verbose", 'S3cret'],
    'base64 with dashes': ['x Rk3-aZ9q_7Lw-Pq2x-Vt5-nB8c-Md1y-Ke4u-Jh6g y', 'Rk3-aZ9q'],
  };
  test.each(Object.entries(cases))('loses %s', (_title, [text, hidden]) => {
    const left = new Scrubber().scrub(text);
    expect(left).toContain(REMOVED);
    expect(left).not.toContain(hidden);
  });

  test.each([
    'GET /apis/management.cattle.io/v3/tokens/kubeconfig-u-abcde: 403 Forbidden',
    'pod ace-authenticator-7f9c6d5b8c-x2k4p restarted 3 times',
    'uid 123e4567-e89b-12d3-a456-426614174000',
    `image registry.example.com/ace-operator@sha256:${'0123456789abcdef'.repeat(4)}`,
    'ace_operator_downstream_requests_total{cluster="c-m-abcdefgh",code="200"} 12345',
    '{"level":"info","message":"cluster connected","cluster":"c-one","durationMs":12}',
    'github_org://1234567, cn=admins,ou=groups,dc=example,dc=com',
    'last sync 2026-11-28T06:00:00Z',
    JSON.stringify({ args: ['--token-file', '/run/token', '--secret-name', 'c-one', '--listen=:1'] }),
    'the hash-secret kubeconfig-u-abcde is there',
    JSON.stringify({ args: ['--listen', '--password'], image: 'ace-operator' }),
    '{"level":"info","message":"m","token":"kubeconfig-u-abcde"}',
  ])('keeps what support reads: %s', (text) => {
    expect(new Scrubber().scrub(text)).toBe(text);
  });

  test('loses what was seen where secrets are kept, though it looks like a word', () => {
    const scrubber = new Scrubber();
    scrubber.learn('correct-horse');
    expect(scrubber.scrub('{"a":"correct-horse","b":"t-1:correct-horse"}')).not.toContain('horse');
  });
});

describe('a secret that was seen', () => {
  test.each([
    ...['refused SECRET.', '/x?b=SECRET&y', 'a/SECRET', 'x|SECRET|y', 'u-1%3ASECRET', 'SECRET!', '<SECRET>'],
    ...['x\nSECRET\ny', 'x\tSECRET', '"SECRET"', 'u-1:SECRET'],
  ])('is lost in %j', (text) => {
    for (const secret of [
      'correct-horse',
      'correct=horse=x',
      'correct horse staple',
      'corr"ect-horse',
      '+horse',
    ]) {
      const scrubber = new Scrubber();
      scrubber.learn(secret);
      const left = scrubber.scrub(JSON.stringify({ message: text.replace('SECRET', secret) }));
      expect(left, secret).toContain(REMOVED);
      expect(left, secret).not.toContain('horse');
    }
  });

  test('that is nothing takes nothing', () => {
    const scrubber = new Scrubber();
    kept(TOKEN, { token: '----------', metadata: { annotations: { hash: '{{{{{{{{' } } }, (text) =>
      scrubber.learn(text),
    );
    expect(scrubber.scrub('it failed: no')).toBe('it failed: no');
  });

  test('is not cut in two where a text is too long', () => {
    const text = kept({ message: true }, { message: `${'x '.repeat(990)}${secret}` }, () => {});
    expect(JSON.stringify(text)).not.toContain(secret.slice(0, 8));
  });
});

test('what follows a certificate that was cut off stays', () => {
  const lines = ['-----BEGIN CERTIFICATE-----abc', 'second'].map((message) => JSON.stringify({ message }));
  expect(new Scrubber().scrub(lines.join('\n'))).toBe(`{"message":"${REMOVED}"}\n{"message":"second"}`);
});

describe('an object for support', () => {
  const learned: string[] = [];
  const raw = {
    metadata: {
      name: 't-1',
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"token":"canary-applied"}' },
      labels: { 'authn.management.cattle.io/token-userId': 'u-1', team: 'canary-label' },
      managedFields: [{ fieldsV1: { 'f:token': {} } }],
    },
    userId: 'u-1',
    token: 'canary-token-value',
    description: 'canary-description',
    userPrincipal: { loginName: 'canary-login' },
    clusterName: { nested: 'canary-nested' },
    enabled: true,
    ttl: 0,
  };

  test('has the fields that are listed, in the form that is listed, and no other', () => {
    expect(kept(TOKEN, raw, (text) => learned.push(text))).toEqual({
      metadata: {
        name: 't-1',
        annotations: {},
        labels: { 'authn.management.cattle.io/token-userId': 'u-1' },
      },
      userId: 'u-1',
      enabled: true,
      ttl: 0,
    });
  });

  test('tells what was left out of a field of secrets', () => {
    expect(learned).toContain('canary-token-value');
  });

  test('of a log of ours has the known fields; another line stays one', () => {
    const scrubber = new Scrubber();
    const line = JSON.stringify({ level: 'info', message: 'm', body: 'canary', error: 'e' });
    expect(JSON.parse(logLine(line, scrubber))).toEqual({ level: 'info', message: 'm', error: 'e' });
    for (const other of ['(node:1) Warning: x', '[]', '[1,{"a":1}]', '7', 'null', '"x"'])
      expect(logLine(other, scrubber)).toBe(other);
  });
});
