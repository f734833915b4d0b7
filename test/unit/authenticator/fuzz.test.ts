import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseBearer } from '../../../src/api/bearer.ts';
import { isObjectName } from '../../../src/api/names.ts';
import { MalformedReviewError, parseReview } from '../../../src/authenticator/review.ts';
import * as sha3 from '../../../src/hash/sha3-512.ts';
import { CANARY } from '../../support/builders.ts';
import { fuzzRuns, fuzzTimeoutMs } from '../../support/fuzz-runs.ts';
import {
  rawCat,
  rawCua,
  rawHashSecret,
  reviewBody,
  startWebhookRig,
  type WebhookRig,
} from '../../support/webhook-rig.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 100 }),
  // Lone halves of surrogate pairs: JSON can say them, UTF-8 cannot.
  fc
    .array(fc.constantFrom('\ud800', '\udfff', ':', 'a', '/', '\0', '\n'), { maxLength: 40 })
    .map((parts) => parts.join('')),
);

/** Near misses of a bearer of ours. */
const nearBearer = fc
  .tuple(
    fc.constantFrom('', 'ext/', 'ext/ext/', 'EXT/', '/', 'Bearer '),
    fc.constantFrom(
      'token-good',
      'token-bcrypt',
      'token-x',
      '',
      'a'.repeat(254),
      '..',
      'a..b',
      '-a',
      '__proto__',
      'constructor',
    ),
    fc.constantFrom('', ':', '::'),
    fc.oneof(fc.constantFrom(CANARY, '', 'x'.repeat(5_000)), anyText),
  )
  .map((parts) => parts.join(''));

const bearers = fc.oneof(anyText, nearBearer);

const LIMIT = { timeout: fuzzTimeoutMs() };

describe('parseBearer', () => {
  test(
    'never throws, and gives only names that an object can have and secrets that are not empty',
    LIMIT,
    () => {
      fc.assert(
        fc.property(bearers, (text) => {
          const bearer = parseBearer(text);
          if (bearer.kind === 'foreign') return;
          expect(isObjectName(bearer.name)).toBe(true);
          expect(bearer.secret).not.toBe('');
          expect([`${bearer.name}:${bearer.secret}`, `ext/${bearer.name}:${bearer.secret}`]).toContain(text);
        }),
        fuzzRuns(2_000),
      );
    },
  );

  test('reads back every name and secret, with and without `ext/`', () => {
    const names = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/);
    const secrets = fc.string({ unit: 'binary', minLength: 1 });
    fc.assert(
      fc.property(names, secrets, fc.constantFrom('' as const, 'ext/' as const), (name, secret, prefix) => {
        expect(parseBearer(`${prefix}${name}:${secret}`)).toEqual({ kind: 'ours', name, secret, prefix });
      }),
    );
  });

  test('takes no time that grows faster than its input', () => {
    const started = performance.now();
    for (const evil of [
      'a-'.repeat(30_000),
      'a.'.repeat(30_000),
      `${'a'.repeat(60_000)}!`,
      ':'.repeat(60_000),
    ]) {
      parseBearer(`${evil}:x`);
      parseBearer(`${evil.slice(0, 252)}!:x`);
    }
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe('parseReview', () => {
  test('gives a review or a MalformedReviewError that shows nothing of the body, for any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (body) => {
        let error: unknown;
        try {
          parseReview(body);
        } catch (caught) {
          error = caught;
        }
        expect(error).toBeInstanceOf(MalformedReviewError);
      }),
    );
    for (const body of [CANARY, `{"spec":{"token":"${CANARY}"}}`, `{"kind":"${CANARY}`]) {
      expect(() => parseReview(body)).toThrow(expect.not.stringContaining(CANARY));
    }
  });
});

describe('the webhook', () => {
  let rig: WebhookRig;
  beforeAll(async () => {
    rig = await startWebhookRig();
    rig.put(rawCua('u-1'));
    rig.put(rawHashSecret('token-good', sha3.hash(CANARY)), rawCat('token-good'));
    await rig.settled();
  });
  afterAll(() => rig.close());

  test('answers any bearer with 200 and lets none in but the right one', LIMIT, async () => {
    await fc.assert(
      fc.asyncProperty(bearers, async (token) => {
        const reply = await rig.post(reviewBody(token));
        expect(reply.status).toBe(token === '' ? 400 : 200);
        const right = [`token-good:${CANARY}`, `ext/token-good:${CANARY}`].includes(token);
        if (token !== '') expect(reply.json.status.authenticated).toBe(right);
        if (!right) expect(reply.text).not.toContain(CANARY);
      }),
      fuzzRuns(600),
    );
    expect(rig.faults).toEqual([]);
  });

  const bodies = fc.oneof(
    fc.json(),
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)),
    // A good body with a piece cut out or doubled.
    fc.tuple(fc.nat(200), fc.nat(60), fc.boolean()).map(([at, length, doubled]) => {
      const body = reviewBody(`token-good:${CANARY}`);
      const piece = body.slice(at, at + length);
      return body.slice(0, at) + (doubled ? piece + piece : '') + body.slice(at + length);
    }),
    // Good shapes with values of any kind in them.
    fc
      .record({
        apiVersion: fc.oneof(fc.constant('authentication.k8s.io/v1'), fc.jsonValue()),
        kind: fc.oneof(fc.constant('TokenReview'), fc.jsonValue()),
        spec: fc.oneof(fc.record({ token: fc.oneof(bearers, fc.jsonValue()) }), fc.jsonValue()),
      })
      .map((review) => JSON.stringify(review)),
    fc.constantFrom('['.repeat(60_000), '{"a":'.repeat(10_000), `{"__proto__":{"spec":{"token":"a:b"}}}`),
  );

  test('answers any body with 200 or 400', LIMIT, async () => {
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        const { status } = await rig.post(body);
        expect([200, 400]).toContain(status);
      }),
      fuzzRuns(600),
    );
    expect(rig.faults).toEqual([]);
  });

  test('answers any method and path with no 5xx', LIMIT, async () => {
    const paths = fc.oneof(
      fc.webPath(),
      fc.constantFrom('//', '/..', '/v1/authenticate/..', '/metrics?%', '/readyz?verbose&verbose=%zz', '/?'),
    );
    const methods = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PROPFIND');
    await fc.assert(
      fc.asyncProperty(methods, paths, async (method, path) => {
        const { status } = await rig.send(method, path === '' ? '/' : path, method === 'POST' ? '{}' : '');
        expect(status).toBeLessThan(500);
      }),
      fuzzRuns(200),
    );
    expect(rig.faults).toEqual([]);
  });
});
