import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { describeError } from '../../../src/errors.ts';
import type { TlsMaterial } from '../../../src/kube/access.ts';
import { Transport } from '../../../src/kube/transport.ts';
import { createAuthority, type KeyPair } from '../../support/pki.ts';

/** How a certificate that is not trusted is told, by real handshakes. */

const AUTHORITY = createAuthority('our authority');
const PAST = { fromMs: Date.parse('2025-01-01T00:00:00Z'), untilMs: Date.parse('2026-01-01T00:00:00Z') };
const FUTURE = { fromMs: Date.parse('2044-01-01T00:00:00Z'), untilMs: Date.parse('2045-01-01T00:00:00Z') };
const NAMES = ['kubernetes', 'cp-1', '127.0.0.1'];

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Asked {
  readonly server: Server;
  readonly code: string | undefined;
  readonly failure: { readonly reason: string; readonly message: string };
  readonly requests: number;
}

/** Asks a server for something with a bearer, and expects that it is not trusted. */
async function ask(pair: KeyPair, host: string, tls: TlsMaterial = { ca: AUTHORITY.cert }): Promise<Asked> {
  let requests = 0;
  const server = createServer(pair, (_, response) => {
    requests += 1;
    response.end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const transport = new Transport(
    {
      server: new URL(`https://${host}:${port}`),
      tls,
      headers: async () => ({ authorization: 'Bearer a-bearer-to-be-kept' }),
    },
    { connections: 1, timeoutMs: 5_000, userAgent: 'test' },
  );
  closing.push(() => transport.close());
  const error = await transport.request('GET', '/api').then(
    () => expect.fail('it was trusted'),
    (failure) => failure,
  );
  return {
    server,
    code: error.cause?.code,
    failure: { reason: error.reason, message: describeError(error) },
    requests,
  };
}

describe('a certificate for other names', () => {
  test('is told with its names, the one that was asked for, issuer and dates', async () => {
    const { failure, requests } = await ask(AUTHORITY.issueServer('api', NAMES), 'localhost');
    expect(failure.reason).toBe('CertificateName');
    expect(failure.message).toMatch(
      /^GET \/api: no answer \(ERR_TLS_CERT_ALTNAME_INVALID\): its certificate is for kubernetes, cp-1, 127\.0\.0\.1, and not for localhost; issued by our authority, valid from \d{4}-\S+Z until \d{4}-\S+Z$/,
    );
    expect(requests).toBe(0);
  });

  test('names the server name that the kubeconfig asks for, not the address', async () => {
    const tls = { ca: AUTHORITY.cert, servername: 'cp-2' };
    const { failure } = await ask(AUTHORITY.issueServer('api', NAMES), '127.0.0.1', tls);
    expect(failure.message).toContain('and not for cp-2;');
  });

  test('is bounded, whoever made it', async () => {
    const many = Array.from({ length: 300 }, (_, n) => `host-${n}.${'x'.repeat(200)}`);
    const { failure } = await ask(AUTHORITY.issueServer('api', many), 'localhost');
    expect(failure.message).toContain('and 290 more');
    expect(failure.message.length).toBeLessThan(1_300);
  });

  test('has none at all', async () => {
    const { failure } = await ask(AUTHORITY.issueServer('api', []), 'localhost');
    expect(failure.reason).toBe('CertificateName');
    expect(failure.message).toContain('for no name (its subject is api)');
  });
});

describe('a certificate out of its time', () => {
  test('that has ended', async () => {
    const { failure, requests } = await ask(AUTHORITY.issueServer('api', NAMES, PAST), '127.0.0.1');
    expect(failure).toEqual({
      reason: 'CertificateExpired',
      message:
        'GET /api: no answer (CERT_HAS_EXPIRED): its certificate for kubernetes, cp-1, 127.0.0.1 is not valid now: issued by our authority, valid from 2025-01-01T00:00:00Z until 2026-01-01T00:00:00Z',
    });
    expect(requests).toBe(0);
  });

  test('that has not begun', async () => {
    const { failure } = await ask(AUTHORITY.issueServer('api', NAMES, FUTURE), '127.0.0.1');
    expect(failure).toMatchObject({ reason: 'CertificateExpired' });
    expect(failure.message).toContain('(CERT_NOT_YET_VALID)');
    expect(failure.message).toContain('valid from 2044-01-01T00:00:00Z');
  });

  test('whose authority has ended: that one is named', async () => {
    const old = createAuthority('old authority', PAST);
    const { failure } = await ask(old.issueServer('api', NAMES), '127.0.0.1', { ca: old.cert });
    expect(failure.reason).toBe('CertificateExpired');
    expect(failure.message).toContain(
      '; old authority, which signed it, is valid from 2025-01-01T00:00:00Z until 2026-01-01T00:00:00Z',
    );
  });
});

test('a certificate of another authority is told with its issuer', async () => {
  const other = createAuthority('another authority');
  const { failure, requests } = await ask(other.issueServer('api', NAMES), '127.0.0.1');
  expect(failure.reason).toBe('CertificateInvalid');
  expect(failure.message).toContain(
    '(UNABLE_TO_VERIFY_LEAF_SIGNATURE): its certificate for kubernetes, cp-1, 127.0.0.1 is signed by none whom the CA data names; issued by another authority, valid from',
  );
  expect(requests).toBe(0);
});
