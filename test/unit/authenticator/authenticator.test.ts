import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ClusterAuthToken, parseHashSecret } from '../../../src/api/parse-downstream.ts';
import { authenticate } from '../../../src/authenticator/authenticator.ts';
import { BusyError } from '../../../src/authenticator/check-queue.ts';
import { VerifiedSecrets } from '../../../src/authenticator/verified.ts';
import * as bcrypt from '../../../src/hash/bcrypt.ts';
import * as sha3 from '../../../src/hash/sha3-512.ts';
import { CANARY } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import {
  type Reply,
  rawCat,
  rawCua,
  rawHashSecret,
  startWebhookRig,
  type WebhookRig,
} from '../../support/webhook-rig.ts';

let rig: WebhookRig;
beforeEach(async () => {
  rig = await startWebhookRig({ holdMs: 28_000 });
  rig.put(rawCua('u-1'), rawCat('token-1'));
});
afterEach(() => rig.close());

/** Takes so long to check that what is told meanwhile comes before the answer. */
const [SLOW, SLOW_OF_ANOTHER] = [CANARY, 'another'].map((secret) =>
  bcrypt.hash(secret, bcrypt.newSalt(11)),
) as [string, string];
const quick = (secret: string): string => bcrypt.hash(secret, bcrypt.newSalt(4));

/** Asks with a secret against one hash, and has another one arrive while that is being checked. */
async function askWhile(first: string, next: string, secret = CANARY): Promise<Reply> {
  rig.put(rawHashSecret('token-1', first));
  await rig.settled();
  const asked = rig.review(`token-1:${secret}`);
  await eventually(() => expect(rig.checks.count).toBe(1));
  rig.put(rawHashSecret('token-1', next));
  await rig.settled();
  return asked;
}

describe('a hash that changes while a secret is checked against it', () => {
  test('is of the same secret: that is let in', async () => {
    const { json } = await askWhile(SLOW, quick(CANARY));
    expect(json.status.authenticated).toBe(true);
  });

  test('is of the same secret, of another algorithm: that is let in', async () => {
    const { json } = await askWhile(SLOW, sha3.hash(CANARY));
    expect(json.status.authenticated).toBe(true);
  });

  test('becomes that of the secret: that is let in', async () => {
    const { json } = await askWhile(SLOW_OF_ANOTHER, quick(CANARY));
    expect(json.status.authenticated).toBe(true);
  });

  test('was of the secret, and is of another one: that is refused for good', async () => {
    const { json } = await askWhile(SLOW, quick('another'));
    expect(json.status).toMatchObject({ authenticated: false, error: 'WrongSecret' });
  });

  test('was never of the secret: that is refused for good', async () => {
    const { json } = await askWhile(SLOW_OF_ANOTHER, quick('another'));
    expect(json.status).toMatchObject({ authenticated: false, error: 'WrongSecret' });
  });

  test('goes: what would let the token in may be on its way', async () => {
    rig.put(rawHashSecret('token-1', SLOW_OF_ANOTHER));
    await rig.settled();
    const asked = rig.review(`token-1:${CANARY}`);
    await eventually(() => expect(rig.checks.count).toBe(1));
    rig.remove('Secret', 'token-1');
    await rig.settled();
    expect((await asked).json.status.error).toBe('HashMissing: may be on its way');
  });

  test('becomes that of the secret while the answer is held back as one to a guess: that is let in', async () => {
    rig.put(rawHashSecret('token-1', quick('another')));
    await rig.settled();
    await Promise.all(Array.from({ length: 9 }, (_, index) => rig.review(`token-1:guess-${index}`)));
    const asked = rig.review(`token-1:${CANARY}`);
    await eventually(() => expect(rig.checks.count).toBe(10));
    await eventually(() => expect(rig.verified.queued).toBe(0));
    rig.put(rawHashSecret('token-1', quick(CANARY)));
    await rig.settled();
    rig.verified.release();
    expect((await asked).json.status.authenticated).toBe(true);
  });

  test('changes each time: nobody can know, and nobody is refused', async () => {
    const { state } = rig;
    rig.put(rawHashSecret('token-1', quick('another')));
    await rig.settled();
    let checks = 0;
    const verified = new VerifiedSecrets({
      maxEntries: 10,
      concurrency: 1,
      isSlow: () => true,
      verify: async (secret, hash) => {
        checks += 1;
        const { name } = state.tokens.get('token-1') as ClusterAuthToken;
        state.secrets.put(
          parseHashSecret(rawHashSecret(name, quick('another'), { resourceVersion: `a-${checks}` })),
        );
        return bcrypt.verify(secret, hash);
      },
    });
    const deps = {
      ...{ state, verified, withExtra: false, maxStalenessMs: undefined },
      spendTime: async () => {},
      accepted: () => {},
    };
    const bearer = { kind: 'ours', name: 'token-1', secret: CANARY, prefix: '' } as const;
    await expect(authenticate(bearer, deps)).rejects.toThrow(BusyError);
    expect(checks).toBe(3);
  });
});
