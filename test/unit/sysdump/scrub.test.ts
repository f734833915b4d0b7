import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { kept } from '../../../src/sysdump/allow.ts';
import { logLine } from '../../../src/sysdump/read.ts';
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
  ])('keeps what support reads: %s', (text) => {
    expect(new Scrubber().scrub(text)).toBe(text);
  });

  test('loses what was seen where secrets are kept, though it looks like a word', () => {
    const scrubber = new Scrubber();
    scrubber.learn('correct-horse');
    expect(scrubber.scrub('{"a":"correct-horse","b":"t-1:correct-horse"}')).not.toContain('horse');
  });
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
    expect(logLine('(node:1) Warning: x', scrubber)).toBe('(node:1) Warning: x');
  });
});
