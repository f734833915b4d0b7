import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseClusterAuthToken, parseClusterUserAttribute } from '../../../src/api/parse-downstream.ts';
import { DENIAL_REASONS, type DenialReason } from '../../../src/api/reasons.ts';
import * as sha3 from '../../../src/hash/sha3-512.ts';
import { CANARY, HOUR, NOW, SECOND, timeText } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import {
  rawCat,
  rawCua,
  rawHashSecret,
  reviewBody,
  startWebhookRig,
  type WebhookRig,
} from '../../support/webhook-rig.ts';

const SECRET = CANARY;
const HASH = sha3.hash(SECRET);
const OTHER_HASH = sha3.hash('another secret');
const DELETING = { deletionTimestamp: timeText(NOW - SECOND) };

/** The shape of every service-account token and most OIDC ones. */
const JWT = `eyJhbGciOiJSUzI1NiJ9.${'e30'.repeat(40)}.${'c2ln'.repeat(20)}`;

let rig: WebhookRig;

/** A token that is in order, its Secret and (for `u-1`) its user. */
function good(name: string, hash = HASH): void {
  rig.put(rawHashSecret(name, hash), rawCat(name));
}

beforeAll(async () => {
  rig = await startWebhookRig();
  rig.put(rawCua('u-1'));
  good('token-good');
  await rig.settled();
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.clock.nowMs = NOW;
});

const ACCEPTED = {
  authenticated: true,
  user: {
    username: 'u-1',
    groups: ['group://devs', 'group://ops'],
    extra: {
      'ace-operator.io/token-id': ['token-good'],
      'authentication.kubernetes.io/credential-id': ['ace-operator.io/token=token-good'],
    },
  },
};

describe('a TokenReview with a token that is in order', () => {
  test.each(['v1', 'v1beta1'] as const)('is answered in the version it was asked in: %s', async (version) => {
    expect(await rig.review(`token-good:${SECRET}`, version)).toMatchObject({
      status: 200,
      type: 'application/json',
      json: { apiVersion: `authentication.k8s.io/${version}`, kind: 'TokenReview', status: ACCEPTED },
    });
  });

  test('is accepted with a trailing slash in the path, too', async () => {
    const { status, json } = await rig.post(reviewBody(`token-good:${SECRET}`), '/v1/authenticate/');
    expect({ status, authenticated: json.status.authenticated }).toEqual({
      status: 200,
      authenticated: true,
    });
  });

  test('is accepted with a query in the path, as an API server sends its timeout', async () => {
    const path = '/v1/authenticate?timeout=30s';
    expect((await rig.post(reviewBody(`token-good:${SECRET}`), path)).json.status).toEqual(ACCEPTED);
  });

  test('is accepted under `ext/`, and extra names the token without it', async () => {
    expect((await rig.review(`ext/token-good:${SECRET}`)).json.status).toEqual(ACCEPTED);
  });

  test('`ext/` is stripped once only', async () => {
    expect((await rig.review(`ext/ext/token-good:${SECRET}`)).json.status).toEqual({ authenticated: false });
  });

  test('needs neither metadata nor audiences nor status', async () => {
    const spec = { token: `token-good:${SECRET}` };
    const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec });
    expect((await rig.post(body)).json.status).toEqual(ACCEPTED);
  });

  test('is accepted when its secret holds colons', async () => {
    const secret = 'a:b::c:';
    good('token-colons', sha3.hash(secret));
    await rig.settled();
    expect((await rig.review(`token-colons:${secret}`)).json.status.authenticated).toBe(true);
    expect((await rig.review('token-colons:a')).json.status).toEqual({
      authenticated: false,
      error: 'WrongSecret',
    });
  });

  test('is accepted when its secret is not ASCII', async () => {
    const secret = 'pässwörd-€-🔑';
    good('token-unicode', sha3.hash(secret));
    await rig.settled();
    expect((await rig.review(`token-unicode:${secret}`)).json.status.authenticated).toBe(true);
  });

  test('has an empty list of groups when the user is in none', async () => {
    rig.put(rawCua('u-alone', { groups: [] }), rawHashSecret('token-alone', HASH));
    rig.put(rawCat('token-alone', { userName: 'u-alone' }));
    await rig.settled();
    expect((await rig.review(`token-alone:${SECRET}`)).json.status.user).toMatchObject({
      username: 'u-alone',
      groups: [],
    });
  });

  test('tells principals and names of all providers in extra, once each, as lists', async () => {
    const extraByProvider = {
      github: { principalid: ['github_user://1'], username: ['ada'], secretish: ['no'] },
      local: { principalid: ['local://u-extra'], username: ['ada'] },
      broken: null,
    };
    rig.put(rawCua('u-extra', { extraByProvider }), rawHashSecret('token-extra', HASH));
    rig.put(rawCat('token-extra', { userName: 'u-extra' }));
    await rig.settled();
    expect((await rig.review(`token-extra:${SECRET}`)).json.status.user.extra).toEqual({
      'ace-operator.io/token-id': ['token-extra'],
      'authentication.kubernetes.io/credential-id': ['ace-operator.io/token=token-extra'],
      principalid: ['github_user://1', 'local://u-extra'],
      username: ['ada'],
    });
  });

  test('is accepted until the very second of its end, and refused from then on', async () => {
    rig.put(rawHashSecret('token-ends', HASH), rawCat('token-ends', { expiresAt: timeText(NOW + HOUR) }));
    await rig.settled();
    rig.clock.nowMs = NOW + HOUR - 1;
    expect((await rig.review(`token-ends:${SECRET}`)).json.status.authenticated).toBe(true);
    rig.clock.nowMs = NOW + HOUR;
    expect((await rig.review(`token-ends:${SECRET}`)).json.status).toEqual({
      authenticated: false,
      error: 'Expired',
    });
  });

  test.each([null, '', undefined])('expiresAt %o means never', async (expiresAt) => {
    rig.put(rawHashSecret('token-endless', HASH), rawCat('token-endless', { expiresAt }));
    await rig.settled();
    rig.clock.nowMs = NOW + 1_000_000 * HOUR;
    expect((await rig.review(`token-endless:${SECRET}`)).json.status.authenticated).toBe(true);
  });

  test.each(['not a time', '2026-13-45T99:00:00Z', '', undefined, 5, null, { a: 1 }])(
    'a lastRefresh of %o refuses nobody',
    async (lastRefresh) => {
      rig.put(rawCua('u-refresh', { lastRefresh }), rawHashSecret('token-refresh', HASH));
      rig.put(rawCat('token-refresh', { userName: 'u-refresh' }));
      await rig.settled();
      expect((await rig.review(`token-refresh:${SECRET}`)).json.status.authenticated).toBe(true);
    },
  );

  test('has the inline hash win over the Secret, as in kube-api-auth', async () => {
    rig.put(rawHashSecret('token-both', OTHER_HASH), rawCat('token-both', { hash: HASH }));
    await rig.settled();
    expect((await rig.review(`token-both:${SECRET}`)).json.status.authenticated).toBe(true);
    expect((await rig.review('token-both:another secret')).json.status.error).toBe('WrongSecret');
  });

  test('is accepted by its inline hash while the Secret of its name is being deleted', async () => {
    rig.put(rawHashSecret('token-inline', OTHER_HASH, DELETING), rawCat('token-inline', { hash: HASH }));
    await rig.settled();
    expect((await rig.review(`token-inline:${SECRET}`)).json.status.authenticated).toBe(true);
  });
});

interface Refusal {
  readonly reason: DenialReason;
  /** Prepares the token of that name, with SECRET as its secret. */
  prepare(name: string): void;
  /** Instead of SECRET. */
  readonly secret?: string;
}

const REFUSALS: Readonly<Record<string, Refusal>> = {
  'a name that nobody has': { reason: 'UnknownToken', prepare: () => {} },
  'a Secret alone': {
    reason: 'UnknownToken',
    prepare: (name) => rig.put(rawHashSecret(name, HASH)),
  },
  'a token that was deleted': {
    reason: 'UnknownToken',
    prepare: (name) => {
      good(name);
      rig.remove('ClusterAuthToken', name);
    },
  },
  'a token that is being deleted': {
    reason: 'TokenDeleting',
    prepare: (name) => rig.put(rawHashSecret(name, HASH), rawCat(name, {}, DELETING)),
  },
  'a disabled token': {
    reason: 'TokenDisabled',
    prepare: (name) => rig.put(rawHashSecret(name, HASH), rawCat(name, { enabled: false })),
  },
  'a token that does not say that it is enabled': {
    reason: 'TokenDisabled',
    prepare: (name) => rig.put(rawHashSecret(name, HASH), rawCat(name, { enabled: undefined })),
  },
  'a token whose `enabled` is the text "true"': {
    reason: 'TokenDisabled',
    prepare: (name) => rig.put(rawHashSecret(name, HASH), rawCat(name, { enabled: 'true' })),
  },
  'an expired token': {
    reason: 'Expired',
    prepare: (name) =>
      rig.put(rawHashSecret(name, HASH), rawCat(name, { expiresAt: timeText(NOW - SECOND) })),
  },
  'a token whose expiresAt is no time': {
    reason: 'MalformedExpiry',
    prepare: (name) => rig.put(rawHashSecret(name, HASH), rawCat(name, { expiresAt: 'never' })),
  },
  'a token whose expiresAt is a date without a time': {
    reason: 'MalformedExpiry',
    prepare: (name) => rig.put(rawHashSecret(name, HASH), rawCat(name, { expiresAt: '2999-01-01' })),
  },
  'a token whose expiresAt is a number': {
    reason: 'MalformedExpiry',
    prepare: (name) => rig.put(rawHashSecret(name, HASH), rawCat(name, { expiresAt: 32_503_680_000 })),
  },
  'a token of a user who is not there': {
    reason: 'UnknownUser',
    prepare: (name) => rig.put(rawHashSecret(name, HASH), rawCat(name, { userName: 'u-nobody' })),
  },
  'a token without a user': {
    reason: 'UnknownUser',
    prepare: (name) => rig.put(rawHashSecret(name, HASH), rawCat(name, { userName: undefined })),
  },
  'a token of a user that was deleted': {
    reason: 'UnknownUser',
    prepare: (name) => {
      rig.put(rawCua(`u-of-${name}`), rawHashSecret(name, HASH), rawCat(name, { userName: `u-of-${name}` }));
      rig.remove('ClusterUserAttribute', `u-of-${name}`);
    },
  },
  'a token of a user that is being deleted': {
    reason: 'UserDeleting',
    prepare: (name) => {
      rig.put(rawCua(`u-of-${name}`, {}, DELETING));
      rig.put(rawHashSecret(name, HASH), rawCat(name, { userName: `u-of-${name}` }));
    },
  },
  'a token of a disabled user': {
    reason: 'UserDisabled',
    prepare: (name) => {
      rig.put(rawCua(`u-of-${name}`, { enabled: false }));
      rig.put(rawHashSecret(name, HASH), rawCat(name, { userName: `u-of-${name}` }));
    },
  },
  'a token of a user who is not said to be enabled': {
    reason: 'UserDisabled',
    prepare: (name) => {
      rig.put(rawCua(`u-of-${name}`, { enabled: undefined }));
      rig.put(rawHashSecret(name, HASH), rawCat(name, { userName: `u-of-${name}` }));
    },
  },
  'a token without any hash': { reason: 'HashMissing', prepare: (name) => rig.put(rawCat(name)) },
  'a token whose Secret was deleted': {
    reason: 'HashMissing',
    prepare: (name) => {
      good(name);
      rig.remove('Secret', name);
    },
  },
  'a token whose Secret is being deleted': {
    reason: 'HashMissing',
    prepare: (name) => rig.put(rawHashSecret(name, HASH, DELETING), rawCat(name)),
  },
  'a token whose Secret has no key `hash`': {
    reason: 'HashMissing',
    prepare: (name) => rig.put({ ...rawHashSecret(name, HASH), data: { other: 'eA==' } }, rawCat(name)),
  },
  'a token whose Secret has no data': {
    reason: 'HashMissing',
    prepare: (name) => rig.put({ ...rawHashSecret(name, HASH), data: null }, rawCat(name)),
  },
  'a hash of an unknown version': {
    reason: 'UnsupportedHash',
    prepare: (name) => rig.put(rawHashSecret(name, '$4:some-salt:some-hash'), rawCat(name)),
  },
  'a hash that is the secret itself': {
    reason: 'UnsupportedHash',
    prepare: (name) => rig.put(rawHashSecret(name, SECRET), rawCat(name)),
  },
  'a bcrypt hash over the cap of its cost': {
    reason: 'HashTooCostly',
    prepare: (name) => rig.put(rawHashSecret(name, `$2b$13$${'.'.repeat(53)}`), rawCat(name)),
  },
  'a scrypt hash over the cap of its memory': {
    reason: 'UnsupportedHash',
    prepare: (name) => {
      const hash = `$1:0001020304050607:40:8:1:${'A'.repeat(86)}`;
      rig.put(rawHashSecret(name, hash), rawCat(name));
    },
  },
  'an unsupported inline hash, although the Secret has a good one': {
    reason: 'UnsupportedHash',
    prepare: (name) => rig.put(rawHashSecret(name, HASH), rawCat(name, { hash: 'x' })),
  },
  'a wrong secret': { reason: 'WrongSecret', prepare: good, secret: 'a wrong one' },
  'a secret with one character more': { reason: 'WrongSecret', prepare: good, secret: `${SECRET}x` },
  'a secret with the case changed': { reason: 'WrongSecret', prepare: good, secret: SECRET.toUpperCase() },
  'the hash in place of the secret': { reason: 'WrongSecret', prepare: good, secret: HASH },
  'a secret over the 4096 bytes that any hash takes': {
    reason: 'WrongSecret',
    prepare: good,
    secret: 'x'.repeat(5_000),
  },
};

describe('a well-formed token is refused with a code, so that the API server asks again, for', () => {
  const names = Object.keys(REFUSALS).map((title, index) => ({ title, name: `refused-${index}` }));

  test.each(names)('$title', async ({ title, name }) => {
    const { reason, prepare, secret = SECRET } = REFUSALS[title] as Refusal;
    prepare(name);
    await rig.settled();
    const reply = await rig.review(`${name}:${secret}`);
    expect(reply).toMatchObject({ status: 200, type: 'application/json' });
    // Nothing but the code: no name, no free text.
    expect(reply.json).toEqual({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      status: { authenticated: false, error: isPassing(reason) ? `${reason}: may be on its way` : reason },
    });
    expect(reply.text).not.toContain(name);
    expect(reply.text).not.toContain(SECRET);
  });

  test('every code is in the table, but for Stale, which has its own test', () => {
    const tested = new Set(Object.values(REFUSALS).map(({ reason }) => reason));
    expect(DENIAL_REASONS.filter((reason) => !tested.has(reason))).toEqual(['Stale']);
  });

  test('one bad object hurts only itself', async () => {
    rig.put(rawCat('token-bad', { expiresAt: {}, enabled: [], hash: 5, userName: 7, lastUsedAt: {} }));
    rig.put(rawCua('u-bad', { groups: 'no list', extraByProvider: 'none', enabled: 1 }));
    await rig.settled();
    expect((await rig.review('token-bad:x')).json.status.authenticated).toBe(false);
    expect((await rig.review(`token-good:${SECRET}`)).json.status).toEqual(ACCEPTED);
  });
});

/** What is missing may come; everything else is wrong for good, as far as the API server has told. */
const isPassing = (reason: DenialReason): boolean =>
  ['UnknownToken', 'UnknownUser', 'HashMissing'].includes(reason);

describe('a refusal is over as soon as its ground is', () => {
  test('a token that was unknown a moment ago', async () => {
    expect((await rig.review(`token-late:${SECRET}`)).json.status.error).toBe(
      'UnknownToken: may be on its way',
    );
    good('token-late');
    await rig.settled();
    expect((await rig.review(`token-late:${SECRET}`)).json.status.authenticated).toBe(true);
  });

  test('a revocation is in force at once although the secret was just verified, and so is its undoing', async () => {
    good('token-toggled');
    await rig.settled();
    expect((await rig.review(`token-toggled:${SECRET}`)).json.status.authenticated).toBe(true);
    rig.put(rawCat('token-toggled', { enabled: false }));
    await rig.settled();
    expect((await rig.review(`token-toggled:${SECRET}`)).json.status.error).toBe('TokenDisabled');
    rig.put(rawCat('token-toggled'));
    await rig.settled();
    expect((await rig.review(`token-toggled:${SECRET}`)).json.status.authenticated).toBe(true);
  });

  test('a new hash of another secret: the old secret is refused, the new one accepted', async () => {
    good('token-rotated');
    await rig.settled();
    expect((await rig.review(`token-rotated:${SECRET}`)).json.status.authenticated).toBe(true);
    expect((await rig.review('token-rotated:another secret')).json.status.error).toBe('WrongSecret');
    rig.put(rawHashSecret('token-rotated', OTHER_HASH));
    await rig.settled();
    expect((await rig.review(`token-rotated:${SECRET}`)).json.status.error).toBe('WrongSecret');
    expect((await rig.review('token-rotated:another secret')).json.status.authenticated).toBe(true);
  });
});

describe('a token that is not ours is refused without an error, so that the API server keeps the refusal', () => {
  test.each([
    ['a JWT', JWT],
    ['no colon', 'abcdef'],
    ['nothing before the colon', ':secret'],
    ['nothing after the colon', 'token-good:'],
    ['a name that no object can have', 'Token_Good:secret'],
    ['a path as name', '../../secrets/x:y'],
    ['only `ext/`', 'ext/:secret'],
    ['a name over 253 characters', `${'a'.repeat(254)}:secret`],
    ['a header that was left in', 'Bearer token-good:secret'],
    ['a JWT with a colon in front', `:${JWT}`],
  ])('%s', async (_title, token) => {
    const reply = await rig.review(token);
    expect(reply).toMatchObject({ status: 200, type: 'application/json' });
    expect(reply.json).toEqual({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      status: { authenticated: false },
    });
  });
});

describe('a request that is no TokenReview', () => {
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview' };
  const token = `token-good:${SECRET}`;

  test.each([
    ['nothing', ''],
    ['not JSON', '{"apiVersion":'],
    ['JSON of another kind of value', '[]'],
    ['null', 'null'],
    [
      'an unknown apiVersion',
      JSON.stringify({ ...review, apiVersion: 'authentication.k8s.io/v2', spec: { token } }),
    ],
    ['no apiVersion', JSON.stringify({ kind: 'TokenReview', spec: { token } })],
    ['a wrong kind', JSON.stringify({ ...review, kind: 'SubjectAccessReview', spec: { token } })],
    ['no spec', JSON.stringify(review)],
    ['an empty token', JSON.stringify({ ...review, spec: { token: '' } })],
    ['a token that is no text', JSON.stringify({ ...review, spec: { token: 5 } })],
    ['no token', JSON.stringify({ ...review, spec: {} })],
  ])('is answered with 400 for %s', async (_title, body) => {
    const reply = await rig.post(body);
    expect(reply).toMatchObject({ status: 400, type: 'application/json', text: '' });
  });

  test('is answered with 413 for a body over 64 KiB, whole or in pieces', async () => {
    const padding = 'x'.repeat(64 * 1024);
    const body = JSON.stringify({ ...review, padding, spec: { token } });
    expect(await rig.post(body)).toMatchObject({ status: 413, text: '' });
    expect(await rig.post(`${body}${' '.repeat(512 * 1024)}`)).toMatchObject({ status: 413, text: '' });
  });

  test('is no such thing just below 64 KiB', async () => {
    const shell = JSON.stringify({ ...review, padding: '', spec: { token } }).length;
    const padding = 'x'.repeat(64 * 1024 - shell);
    const body = JSON.stringify({ ...review, padding, spec: { token } });
    expect(body).toHaveLength(64 * 1024);
    expect((await rig.post(body)).json.status).toEqual(ACCEPTED);
  });

  test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'])(
    'is answered with 405 for %s',
    async (method) => {
      expect((await rig.send(method, '/v1/authenticate')).status).toBe(405);
    },
  );

  test.each(['/', '/v1', '/v1/authenticate/x', '/V1/authenticate', '//', '/v1/authenticate//', '/%00'])(
    'is answered with 404 for the path %s',
    async (path) => {
      expect((await rig.post(reviewBody(token), path)).status).toBe(404);
    },
  );
});

describe('probes and metrics', () => {
  test('healthcheck answers 200 with nothing, as kube-api-auth', async () => {
    expect(await rig.send('GET', '/healthcheck')).toMatchObject({ status: 200, text: '' });
  });

  test('livez and readyz', async () => {
    expect(await rig.send('GET', '/livez')).toMatchObject({ status: 200, text: 'ok' });
    expect(await rig.send('GET', '/readyz')).toMatchObject({ status: 200, text: 'ok' });
    rig.clock.nowMs = rig.state.confirmedAtMs + 7 * SECOND;
    const { status, text } = await rig.send('GET', '/readyz?verbose');
    expect(status).toBe(200);
    expect(text).toBe('[+] stores filled\n[+] api-server told everything, last confirmed 7 s ago');
  });

  test('reviews are counted by result and reason, and no token, user or secret is a label', async () => {
    const before = await seriesOf('ace_tokenreviews_total');
    await rig.review(`token-good:${SECRET}`);
    await rig.review('token-good:wrong');
    await rig.review(JWT);
    await rig.post('{');
    const after = await seriesOf('ace_tokenreviews_total');
    for (const labels of [
      '{result="accepted",reason=""}',
      '{result="refused",reason="WrongSecret",final="true"}',
      '{result="foreign",reason=""}',
      '{result="malformed",reason=""}',
    ]) {
      expect(after.get(labels), labels).toBe((before.get(labels) ?? 0) + 1);
    }
    const { text } = await rig.send('GET', '/metrics');
    expect(text).toContain('ace_tokenreview_duration_seconds_bucket');
    expect(text).not.toMatch(/token-good|u-1|canary/);
  });
});

async function seriesOf(name: string): Promise<Map<string, number>> {
  const { text } = await rig.send('GET', '/metrics');
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(name.length, space), Number(line.slice(space + 1))];
    }),
  );
}

test('nothing of the above was a fault of our own, and no check was asked of an unreadable hash', () => {
  expect(rig.faults).toEqual([]);
});

describe('with --no-extra', () => {
  let bare: WebhookRig;
  beforeAll(async () => {
    bare = await startWebhookRig({ withExtra: false });
    bare.put(rawCua('u-1'), rawHashSecret('token-good', HASH), rawCat('token-good'));
    await bare.settled();
  });
  afterAll(() => bare.close());

  test('an accepted token has a name and groups and nothing else', async () => {
    expect((await bare.review(`token-good:${SECRET}`)).json.status).toEqual({
      authenticated: true,
      user: { username: 'u-1', groups: ['group://devs', 'group://ops'] },
    });
  });
});

describe('with --legacy-401', () => {
  let legacy: WebhookRig;
  beforeAll(async () => {
    legacy = await startWebhookRig({ legacy401: true });
    legacy.put(rawCua('u-1'), rawHashSecret('token-good', HASH), rawCat('token-good'));
    await legacy.settled();
  });
  afterAll(() => legacy.close());

  test.each([
    ['unknown', `token-x:${SECRET}`, 401],
    ['wrong', 'token-good:wrong', 401],
    ['foreign', JWT, 400],
  ])('%s token: the status kube-api-auth gave, and an empty body', async (_title, token, status) => {
    expect(await legacy.review(token)).toMatchObject({ status, text: '', type: 'application/json' });
  });

  test('an accepted token is answered as ever, and counted as what it was', async () => {
    expect((await legacy.review(`token-good:${SECRET}`)).json.status.authenticated).toBe(true);
    expect((await legacy.send('GET', '/metrics')).text).toContain(
      'ace_tokenreviews_total{result="refused",reason="WrongSecret",final="true"} 1',
    );
  });
});

describe('before the stores are filled', () => {
  let early: WebhookRig;
  beforeAll(async () => {
    early = await startWebhookRig({ synced: false });
  });
  afterAll(() => early.close());

  test('it cannot know: 503 with Retry-After for ours; foreign ones are foreign all the same', async () => {
    expect(await early.review(`token-good:${SECRET}`)).toMatchObject({
      status: 503,
      retryAfter: '1',
      text: '',
    });
    expect((await early.review(JWT)).json.status).toEqual({ authenticated: false });
    expect((await early.post('{')).status).toBe(400);
  });

  test('it is alive but not ready, and says why', async () => {
    expect((await early.send('GET', '/livez')).status).toBe(200);
    expect(await early.send('GET', '/readyz')).toMatchObject({
      status: 503,
      text: '[-] stores not filled yet\n[-] api-server not heard yet',
    });
  });

  test('one kind that is missing is enough not to know; the refresh setting is not', async () => {
    early.put(rawCua('u-1'), rawHashSecret('token-good', HASH), rawCat('token-good'));
    early.server.faults.set('secrets', 500).set('configmaps', 403);
    early.state.start();
    await eventually(() => expect(early.state.tokens.size + early.state.users.size).toBe(2));
    expect((await early.review(`token-good:${SECRET}`)).status).toBe(503);
    early.server.faults.delete('secrets');
    await early.state.synced();
    expect((await early.review(`token-good:${SECRET}`)).json.status.authenticated).toBe(true);
    expect((await early.send('GET', '/readyz')).status).toBe(200);
  });
});

describe('with --max-staleness', () => {
  const LIMIT = 120 * SECOND;
  let careful: WebhookRig;
  beforeAll(async () => {
    careful = await startWebhookRig({ maxStalenessMs: LIMIT });
    careful.put(rawCua('u-1'), rawHashSecret('token-good', HASH), rawCat('token-good'));
    await careful.settled();
  });
  afterAll(() => careful.close());

  test('everyone is refused, with a code, once the last confirmed sync is older, and let in when it is not', async () => {
    const confirmed = careful.state.confirmedAtMs;
    careful.clock.nowMs = confirmed + LIMIT;
    expect((await careful.review(`token-good:${SECRET}`)).json.status.authenticated).toBe(true);
    careful.clock.nowMs = confirmed + LIMIT + 1;
    expect((await careful.review(`token-good:${SECRET}`)).json.status).toEqual({
      authenticated: false,
      error: 'Stale: may be on its way',
    });
    expect((await careful.review(JWT)).json.status).toEqual({ authenticated: false });
    careful.clock.nowMs = confirmed;
    expect((await careful.review(`token-good:${SECRET}`)).json.status.authenticated).toBe(true);
  });

  test('a clock that somebody sets, ahead or back, is no age', async () => {
    for (const byMs of [3 * LIMIT, -LIMIT * 60]) {
      careful.clock.nowMs += byMs;
      careful.clock.setByMs += byMs;
      expect((await careful.review(`token-good:${SECRET}`)).json.status.authenticated).toBe(true);
    }
  });
});

describe('from a snapshot, with the API server away', () => {
  let alone: WebhookRig;
  beforeAll(async () => {
    alone = await startWebhookRig({ synced: false });
    const version = { uid: 'uid-1', resourceVersion: '1' };
    const token = (name: string, fields = {}): ReturnType<typeof parseClusterAuthToken> =>
      parseClusterAuthToken(rawCat(name, { hash: HASH, ...fields }, version));
    alone.state.restore(
      {
        tokens: [
          token('token-good'),
          token('token-off', { enabled: false }),
          token('token-ended', { expiresAt: '2001-01-01T00:00:00Z' }),
          token('token-hashless', { hash: '' }),
          token('token-userless', { userName: 'u-new' }),
        ],
        secrets: [],
        users: [parseClusterUserAttribute(rawCua('u-1', {}, version))],
      },
      alone.clock.nowMs,
    );
  });
  afterAll(() => alone.close());

  test('what expired before the snapshot was confirmed stays expired, however far behind the clock is', async () => {
    const { nowMs } = alone.clock;
    Object.assign(alone.clock, { nowMs: 0, setByMs: -nowMs });
    const { json } = await alone.review(`token-ended:${SECRET}`);
    Object.assign(alone.clock, { nowMs, setByMs: 0 });
    expect(json.status).toEqual({ authenticated: false, error: 'Expired' });
  });

  test('who was good is let in', async () => {
    expect((await alone.review(`token-good:${SECRET}`)).json.status.authenticated).toBe(true);
  });

  test.each(['token-new', 'token-hashless', 'token-userless'])(
    'what may have come since is not denied, but put off: %s',
    async (name) => {
      expect(await alone.review(`${name}:${SECRET}`)).toMatchObject({ status: 503, retryAfter: '1' });
      const series = await alone.metrics.registry.getSingleMetricAsString('ace_tokenreviews_total');
      expect(series).toMatch(/result="unavailable",reason="NotInSnapshot"} [1-9]/);
    },
  );

  test.each([
    [`token-off:${SECRET}`, 'TokenDisabled: may be on its way'],
    ['token-good:wrong', 'WrongSecret: may be on its way'],
    [`token-ended:${SECRET}`, 'Expired'],
  ])('what was refused is refused, with whether that may change: %s', async (bearer, error) => {
    expect((await alone.review(bearer)).json.status).toEqual({ authenticated: false, error });
  });
});
