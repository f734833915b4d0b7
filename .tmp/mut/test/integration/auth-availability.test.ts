import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_USER_ATTRIBUTES } from '../../src/api/names.ts';
import { type AuthPlane, authBearer, authSecret, startAuthPlane } from '../support/auth-plane.ts';
import { type AuthenticatorProcess, freePort, startAuthenticator } from '../support/authenticator-process.ts';
import { timeText } from '../support/builders.ts';
import { eventually } from '../support/eventually.ts';
import { RIG_NAMESPACE, reviewBody } from '../support/webhook-rig.ts';

const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

let plane: AuthPlane;
let dir: string;
const started: AuthenticatorProcess[] = [];

beforeAll(async () => {
  plane = await startAuthPlane({ audit: true });
  for (const name of ['token-1', 'token-2', 'token-doomed']) await plane.addToken(name);
  dir = await mkdtemp(join(tmpdir(), 'ace-availability-'));
}, 180_000);
afterAll(async () => {
  await Promise.all(started.map((authenticator) => authenticator.stop()));
  await plane?.stop();
  await rm(dir, { recursive: true, force: true });
});

async function start(
  flags: readonly string[] = [],
  options: { port?: number; untilReady?: boolean } = {},
): Promise<AuthenticatorProcess> {
  const { port = await freePort(), untilReady = true } = options;
  const authenticator = await startAuthenticator(plane.plane.adminKubeconfig, port, flags, { untilReady });
  started.push(authenticator);
  return authenticator;
}

interface Verdict {
  readonly status: number;
  readonly authenticated: boolean;
  readonly error: string | undefined;
}

async function ask(authenticator: AuthenticatorProcess, bearer: string): Promise<Verdict> {
  const { status, body } = await authenticator.http('/v1/authenticate', {
    method: 'POST',
    body: reviewBody(bearer),
  });
  const verdict = body === '' ? {} : JSON.parse(body).status;
  return { status, authenticated: verdict.authenticated ?? false, error: verdict.error };
}

const ACCEPTED = { status: 200, authenticated: true };

/** Writes that authenticators made, as the API server has logged them. */
async function writes(): Promise<readonly string[]> {
  const lines = await plane.plane.auditLines();
  return lines
    .filter(({ userAgent, verb }) => userAgent.startsWith('ace-authenticator') && WRITES.has(verb))
    .map(({ verb, resource, name, code }) => `${verb} ${resource}/${name} ${code}`);
}

describe('the authentication path', () => {
  test('writes nothing: a thousand reviews are one patch later, and one at the end', async () => {
    await plane.addToken('token-used');
    const authenticator = await start();
    const before = (await writes()).length;
    const requested = await authenticator.metric('ace_api_requests_total{verb="patch",code="200"}');
    for (let round = 0; round < 20; round += 1) {
      const verdicts = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          ask(authenticator, index % 5 === 0 ? `token-used:wrong-${index}` : authBearer('token-used')),
        ),
      );
      expect(verdicts.filter(({ authenticated }) => authenticated)).toHaveLength(40);
    }
    expect(requested).toBe(0);
    const endedMs = Date.now();
    expect(await authenticator.stop()).toBe(0);
    const patch = 'patch clusterauthtokens/token-used 200';
    await eventually(async () => expect((await writes()).slice(before)).toContain(patch));
    // One within ten seconds of the first use, where the reviews take longer than that, and one for the rest.
    expect([[patch], [patch, patch]]).toContainEqual((await writes()).slice(before));
    const { lastUsedAt } = await plane.token('token-used');
    expect(Math.abs(Date.parse(lastUsedAt) - endedMs)).toBeLessThan(15_000);
  });

  test('SIGTERM writes the uses of a moment ago', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `token-flush-${index}`);
    await Promise.all(names.map((name) => plane.addToken(name)));
    const authenticator = await start();
    const startedMs = Math.floor(Date.now() / 1000) * 1000;
    for (const verdict of await Promise.all(names.map((name) => ask(authenticator, authBearer(name))))) {
      expect(verdict).toMatchObject(ACCEPTED);
    }
    const stoppedMs = performance.now();
    expect(await authenticator.stop()).toBe(0);
    expect(performance.now() - stoppedMs).toBeLessThan(15_000);
    for (const name of names) {
      expect(Date.parse((await plane.token(name)).lastUsedAt)).toBeGreaterThanOrEqual(startedMs);
    }
  });
});

describe('a restart under load', () => {
  test('refuses no valid token and fails no request: 200 a second, two authenticators sharing the port', async () => {
    const port = await freePort();
    let current = await start([], { port });
    const load = startLoad(port, 200);
    for (let restart = 0; restart < 3; restart += 1) {
      await delay(1_500);
      const next = await start([], { port });
      await delay(500);
      expect(await current.stop()).toBe(0);
      current = next;
    }
    await delay(1_000);
    const { asked, failures, slowestMs } = await load.end();
    console.info(`restart under load: ${asked} reviews, ${failures.length} failed, slowest ${slowestMs} ms`);
    expect(failures).toEqual([]);
    expect(asked).toBeGreaterThan(1_000);
  });
});

describe('without its API server', () => {
  test('goes on answering from memory, and catches up when it is back', async () => {
    const authenticator = await start();
    await plane.addToken('token-ends', { expiresAt: timeText(Date.now() + 5_000) });
    await eventually(
      async () => expect(await ask(authenticator, authBearer('token-ends'))).toMatchObject(ACCEPTED),
      {
        timeoutMs: 4_000,
      },
    );
    await plane.plane.stopApiServer();
    try {
      await eventually(async () =>
        expect(await authenticator.metric('ace_store_age_seconds')).toBeGreaterThan(1),
      );
      // A token that was verified, and one that was not yet.
      for (const name of ['token-1', 'token-2']) {
        for (let count = 0; count < 20; count += 1)
          expect(await ask(authenticator, authBearer(name))).toMatchObject(ACCEPTED);
      }
      expect(await ask(authenticator, 'token-1:wrong')).toMatchObject({ status: 200, error: 'WrongSecret' });
      expect(await ask(authenticator, 'token-9:x')).toMatchObject({
        status: 200,
        error: 'UnknownToken: may be on its way',
      });
      await eventually(async () =>
        expect(await ask(authenticator, authBearer('token-ends'))).toMatchObject({ error: 'Expired' }),
      );
      expect((await authenticator.http('/readyz')).status).toBe(200);
      expect((await authenticator.http('/livez')).status).toBe(200);
    } finally {
      await plane.plane.startApiServer();
    }
    await plane.patchToken('token-doomed', { enabled: false });
    await plane.addToken('token-new');
    const backMs = performance.now();
    await eventually(
      async () => {
        expect(await ask(authenticator, authBearer('token-doomed'))).toMatchObject({
          error: 'TokenDisabled',
        });
        expect(await ask(authenticator, authBearer('token-new'))).toMatchObject(ACCEPTED);
      },
      { timeoutMs: 45_000, intervalMs: 50 },
    );
    console.info(`caught up ${Math.round(performance.now() - backMs)} ms after the API server was back`);
  });

  test('starts from its snapshot, refusing what expired since, and not from one that was altered', async () => {
    const file = join(dir, 'state.json');
    const key = join(dir, 'key');
    await writeFile(key, 'a key of sixteen bytes or more', { mode: 0o600 });
    const flags = ['--snapshot-file', file, '--snapshot-key-file', key];
    await plane.addToken('token-short');
    await plane.patchToken('token-doomed', { enabled: false });
    const before = await start(flags);
    await eventually(async () =>
      expect(await ask(before, authBearer('token-short'))).toMatchObject(ACCEPTED),
    );
    const expiresAt = timeText(Date.now() + 8_000);
    await plane.patchToken('token-short', { expiresAt });
    await eventually(async () =>
      expect(await readFile(file, 'utf8')).toContain(String(Date.parse(expiresAt))),
    );
    expect(await before.stop()).toBe(0);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const text = await readFile(file, 'utf8');
    for (const name of ['token-1', 'token-short']) {
      expect(text).toContain(name);
      expect(text).not.toContain(authSecret(name));
    }
    await plane.plane.stopApiServer();
    try {
      const port = await freePort();
      const alone = await start(flags, { port });
      expect(await ask(alone, authBearer('token-1'))).toMatchObject(ACCEPTED);
      expect(await ask(alone, 'token-1:wrong')).toMatchObject({ error: 'WrongSecret: may be on its way' });
      expect(await ask(alone, authBearer('token-doomed'))).toMatchObject({
        error: 'TokenDisabled: may be on its way',
      });
      await eventually(
        async () => expect(await ask(alone, authBearer('token-short'))).toMatchObject({ error: 'Expired' }),
        {
          timeoutMs: 20_000,
        },
      );
      expect((await alone.http('/readyz?verbose')).body).toContain('[-] api-server not heard yet');

      // What is not in the snapshot may have come since: an API server asks again, and keeps no refusal.
      expect(await ask(alone, authBearer('token-unheard-of'))).toMatchObject({ status: 503 });

      await writeFile(file, text.replace('"enabled":false', '"enabled":true'));
      const fooled = await start(flags, { untilReady: false });
      await eventually(() => expect(fooled.output()).toContain('snapshot not used'), { timeoutMs: 20_000 });
      // Who knows nothing takes no share of the port.
      expect((await fooled.http('/readyz')).status).toBe(503);
      expect(fooled.output()).not.toContain('authenticator listens');
      expect(fooled.output()).toContain('altered');
      expect(fooled.output()).not.toContain('token-1');

      await plane.plane.startApiServer();
      await plane.patchToken('token-2', { enabled: false });
      for (const authenticator of [alone, fooled]) {
        await eventually(
          async () =>
            expect(await ask(authenticator, authBearer('token-2'))).toMatchObject({ error: 'TokenDisabled' }),
          { timeoutMs: 60_000, intervalMs: 50 },
        );
        expect(await ask(authenticator, authBearer('token-1'))).toMatchObject(ACCEPTED);
      }
    } finally {
      await plane.plane.startApiServer();
      await plane.patchToken('token-2', { enabled: true });
    }
  });

  test('a snapshot key that is too short, or missing, is told at the start with exit code 2', async () => {
    const key = join(dir, 'short-key');
    await writeFile(key, 'short');
    const flags = ['--snapshot-file', join(dir, 'none.json'), '--snapshot-key-file', key];
    await expect(start(flags)).rejects.toThrow(/ended with 2|16 bytes or more/);
  });
});

describe('with an API server that was put back from a backup', () => {
  const patchUser = (patch: object): Promise<unknown> =>
    plane.patch(CLUSTER_USER_ATTRIBUTES, 'u-1', patch, RIG_NAMESPACE);

  test('a user who is disabled after that is out within 15 s, though its versions were seen already', async () => {
    const authenticator = await start();
    await plane.plane.backUp();
    // So that every watch is ahead of what is restored.
    for (let note = 0; note < 60; note += 1) await patchUser({ groups: [`group://${note}`] });
    await eventually(async () => {
      const { body } = await authenticator.http('/v1/authenticate', {
        method: 'POST',
        body: reviewBody(authBearer('token-1')),
      });
      expect(body).toContain('group://59');
    });
    await plane.plane.restore();
    const backMs = performance.now();
    try {
      await eventually(() => patchUser({ enabled: false }));
      await eventually(
        async () =>
          expect(await ask(authenticator, authBearer('token-1'))).toMatchObject({ error: 'UserDisabled' }),
        { timeoutMs: 15_000 - (performance.now() - backMs), intervalMs: 20 },
      );
      console.info(`out ${Math.round(performance.now() - backMs)} ms after the API server was back`);
    } finally {
      await patchUser({ enabled: true });
    }
  });
});

/** Posts reviews of valid tokens at a rate, over connections that are kept as an API server keeps its own. */
function startLoad(
  port: number,
  perSecond: number,
): { end(): Promise<{ asked: number; failures: string[]; slowestMs: number }> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const failures: string[] = [];
  const pending = new Set<Promise<void>>();
  const startedMs = performance.now();
  let asked = 0;
  let slowestMs = 0;
  const one = async (): Promise<void> => {
    const bearer = authBearer(asked % 2 === 0 ? 'token-1' : 'token-2');
    const sentMs = performance.now();
    const outcome = await post(agent, port, reviewBody(bearer)).catch((error: unknown) => `failed: ${error}`);
    slowestMs = Math.max(slowestMs, Math.round(performance.now() - sentMs));
    if (outcome !== 'accepted') failures.push(`${Math.round(sentMs - startedMs)} ms: ${outcome}`);
  };
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) / 1000) * perSecond;
    for (; asked < due; asked += 1) {
      const asking = one().finally(() => pending.delete(asking));
      pending.add(asking);
    }
  }, 5);
  return {
    async end() {
      clearInterval(timer);
      await Promise.all(pending);
      agent.destroy();
      return { asked, failures, slowestMs };
    },
  };
}

function post(agent: Agent, port: number, body: string): Promise<string> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const options = { agent, host: '127.0.0.1', port, method: 'POST', path: '/v1/authenticate', headers };
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const accepted = response.statusCode === 200 && text.includes('"authenticated":true');
        resolve(accepted ? 'accepted' : `answered ${response.statusCode} ${text}`);
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
