import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { parseCredentialsSecret } from '../../../src/api/parse-credentials.ts';
import { MalformedReviewError, parseReview } from '../../../src/authenticator/review.ts';
import { derivedKey, readSealed, SealedFile, SnapshotError } from '../../../src/authenticator/sealed-file.ts';
import { AUTHENTICATOR_FLAGS, authenticatorConfig } from '../../../src/config/authenticator.ts';
import type { Flag } from '../../../src/config/flags.ts';
import { OPERATOR_FLAGS, operatorConfig } from '../../../src/config/operator.ts';
import { ConfigError } from '../../../src/errors.ts';
import { detectFormat } from '../../../src/hash/detect.ts';
import { FORMATS } from '../../../src/hash/formats.ts';
import { downstreamAccess } from '../../../src/kube/kubeconfig.ts';
import { WatchLineError, watchEvents } from '../../../src/kube/watch-lines.ts';
import { fuzzRuns, fuzzTimeoutMs } from '../../support/fuzz-runs.ts';

const LIMIT = { timeout: fuzzTimeoutMs() };
const dir = mkdtempSync(join(tmpdir(), 'ace-hostile-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ maxLength: 80 }));

/** @returns what it throws; fails when that is none of these kinds */
async function thrown(
  work: () => unknown,
  kinds: readonly (abstract new (...args: never[]) => Error)[],
): Promise<Error | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    expect(kinds.some((kind) => error instanceof kind)).toBe(true);
    return error as Error;
  }
}

describe('a kubeconfig in a Secret', () => {
  test('of which the library would warn is quoted in no warning', async () => {
    const warnings: string[] = [];
    const warned = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', warned);
    await thrown(() => downstreamAccess('!not-a-real-secret-CANARY x'), [ConfigError]);
    parseCredentialsSecret({
      metadata: { name: 'c-one-kubeconfig', uid: 'u' },
      data: { value: Buffer.from('!not-a-real-secret-CANARY x').toString('base64') },
    });
    // Warnings come a tick later.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', warned);
    expect(warnings).toEqual([]);
  });

  const nearly = fc.record(
    {
      apiVersion: fc.constantFrom<unknown>('v1', 'v2', 1),
      kind: fc.constantFrom('Config', 'Secret'),
      'current-context': fc.constantFrom<unknown>('a', 'b', '__proto__', null, 7),
      clusters: fc.oneof(
        fc.jsonValue({ maxDepth: 3 }),
        named('cluster', ['server', 'certificate-authority-data']),
      ),
      users: fc.oneof(
        fc.jsonValue({ maxDepth: 3 }),
        named('user', ['token', 'exec', 'tokenFile', 'auth-provider']),
      ),
      contexts: fc.oneof(fc.jsonValue({ maxDepth: 3 }), named('context', ['cluster', 'user'])),
    },
    { requiredKeys: [] },
  );

  function named(kind: string, fields: readonly string[]): fc.Arbitrary<unknown> {
    const some = fc.oneof(
      fc.constantFrom('a', 'https://127.0.0.1:1', 'not-a-real-secret-CANARY'),
      fc.jsonValue(),
    );
    return fc
      .array(fc.dictionary(fc.constantFrom(...fields), some, { maxKeys: 4 }), { maxLength: 2 })
      .map((all) => all.map((one) => ({ name: 'a', [kind]: one })));
  }

  test('is a way, or is refused in one kind of error that quotes no secret', LIMIT, async () => {
    const text = fc.oneof(
      anyText,
      nearly.map((config) => JSON.stringify(config)),
    );
    await fc.assert(
      fc.asyncProperty(text, async (config) => {
        const error = await thrown(() => downstreamAccess(config), [ConfigError]);
        expect(String(error)).not.toContain('CANARY');
      }),
      fuzzRuns(500),
    );
  });
});

describe('a hash', () => {
  const parts = fc.array(
    fc.constantFrom(
      '$',
      '1',
      '2',
      '3',
      ':',
      '2b',
      '10',
      '31',
      'AAAA',
      'A'.repeat(86),
      '/',
      '+',
      '=',
      '.',
      '\n',
      'é',
    ),
    { maxLength: 12 },
  );
  const hashes = fc.oneof(
    anyText,
    parts.map((some) => some.join('')),
  );

  test('of any text is of one format or of none, and is never verified by chance', LIMIT, () => {
    fc.assert(
      fc.property(hashes, (text) => {
        const format = detectFormat(text);
        expect(format === undefined || FORMATS.some(({ name }) => name === format)).toBe(true);
      }),
      fuzzRuns(2_000),
    );
  });
});

describe('a TokenReview', () => {
  const near = fc
    .record({
      apiVersion: fc.constantFrom<unknown>('authentication.k8s.io/v1', 'v1', {}),
      kind: anyText,
      spec: fc.jsonValue(),
    })
    .map((review) => JSON.stringify(review));

  test('is one, or an error of one kind that quotes nothing', LIMIT, async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(anyText, near), async (body) => {
        const error = await thrown(() => parseReview(body), [MalformedReviewError]);
        if (error && body.length > 20) expect(error.message).not.toContain(body);
      }),
      fuzzRuns(2_000),
    );
  });
});

describe('flags and environment', () => {
  const configs: readonly [string, readonly Flag[], (given: object, env: object) => unknown][] = [
    ['operator', OPERATOR_FLAGS, (given, env) => operatorConfig(given as never, env as never)],
    ['authenticator', AUTHENTICATOR_FLAGS, (given, env) => authenticatorConfig(given as never, env as never)],
  ];

  test.each(configs)('of the %s: a configuration, or one kind of error', LIMIT, async (_, flags, make) => {
    const words = fc.oneof(
      anyText,
      fc.constantFrom(
        '',
        '0',
        '-1s',
        '1e9h',
        '99999999999h',
        '127.0.0.1:99999',
        '[::]:1',
        'true,false',
        '\n',
        '__proto__',
      ),
    );
    const given = fc.dictionary(fc.constantFrom(...flags.map(({ flag }) => flag)), words, { maxKeys: 4 });
    await fc.assert(
      fc.asyncProperty(given, async (values) => {
        await thrown(() => make(values, {}), [ConfigError]);
      }),
      fuzzRuns(1_000),
    );
  });
});

describe('a watch', () => {
  const line = fc.oneof(
    anyText,
    fc
      .record({ type: fc.constantFrom('ADDED', 'BOOKMARK', 'ERROR', 'x'), object: fc.jsonValue() })
      .map((one) => JSON.stringify(one)),
  );
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });

  test(
    'gives the same events however it is cut into pieces, or ends in one kind of error',
    LIMIT,
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(line, { maxLength: 5 }), cuts, async (lines, sizes) => {
          const bytes = Buffer.from(lines.map((one) => `${one}\n`).join(''));
          expect(await told(pieces(bytes, sizes))).toEqual(await told([bytes]));
        }),
        fuzzRuns(1_000),
      );
    },
  );

  function pieces(bytes: Buffer, sizes: readonly number[]): readonly Buffer[] {
    const all: Buffer[] = [];
    for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
      const size = sizes[turn % sizes.length] ?? 1;
      all.push(bytes.subarray(at, at + size));
      at += size;
    }
    return all;
  }

  async function told(chunks: readonly Buffer[]): Promise<readonly string[]> {
    const events: string[] = [];
    const body = (async function* () {
      yield* chunks;
    })();
    const error = await thrown(async () => {
      for await (const event of watchEvents(body)) events.push(JSON.stringify(event));
    }, [WatchLineError]);
    return error ? [...events, 'an error'] : events;
  }
});

describe('a snapshot', () => {
  const key = derivedKey(Buffer.from('a key of sixteen bytes or more'), 'test');
  const header = { kind: 'a test', version: 1, cluster: ['here'] };
  const records = [{ one: 1 }, { two: '2'.repeat(100) }, { three: [3] }];

  test('in which anything was changed is refused, or is a beginning of what was written', LIMIT, async () => {
    const file = join(dir, 'snapshot');
    const sealed = await SealedFile.begin(file, key, header);
    await sealed.append(records);
    await sealed.publish();
    await sealed.close();
    const whole = await readFile(file);
    const other = join(dir, 'altered');
    const change = fc.record({
      at: fc.nat(whole.length - 1),
      take: fc.nat(60),
      put: fc.uint8Array({ maxLength: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, take, put }) => {
        const changed = Buffer.concat([whole.subarray(0, at), put, whole.subarray(at + take)]);
        writeFileSync(other, changed);
        let read: readonly unknown[] = [];
        const error = await thrown(async () => {
          read = await readSealed(other, key, header);
        }, [SnapshotError]);
        if (!error) expect(read).toEqual(records.slice(0, read.length));
      }),
      fuzzRuns(500),
    );
  });
});
