import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS, SECRETS } from '../../src/api/names.ts';
import { type AuthPlane, authBearer, startAuthPlane } from '../support/auth-plane.ts';
import { type AuthenticatorProcess, freePort, startAuthenticator } from '../support/authenticator-process.ts';
import { eventually } from '../support/eventually.ts';
import { RIG_NAMESPACE, reviewBody } from '../support/webhook-rig.ts';

/** Releases of Helm, as Rancher keeps its own in the namespace; `ACE_RELEASES=273` for as many megabytes. */
const RELEASES = Number(process.env['ACE_RELEASES'] ?? 40);
/** Base64 makes a megabyte of it, which is what an API server takes at most. */
const RELEASE_BYTES = 720_000;

let plane: AuthPlane;
let authenticator: AuthenticatorProcess;

const release = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'helm.sh/release.v1',
  metadata: { name, namespace: RIG_NAMESPACE },
  data: { release: Buffer.alloc(RELEASE_BYTES, name).toString('base64') },
});

beforeAll(async () => {
  plane = await startAuthPlane({ audit: true });
  for (const name of ['token-1', 'token-2']) await plane.addToken(name);
  for (let index = 0; index < RELEASES; index += 1) {
    await plane.create(SECRETS, release(`sh.helm.release.v1.app.v${index}`));
  }
  authenticator = await startAuthenticator(plane.plane.adminKubeconfig, await freePort());
}, 300_000);
afterAll(async () => {
  await authenticator?.stop();
  await plane?.stop();
});

const objects = (kind: string): Promise<number> => authenticator.metric(`ace_store_objects{kind="${kind}"}`);

async function isLetIn(name: string): Promise<boolean> {
  const { body } = await authenticator.http('/v1/authenticate', {
    method: 'POST',
    body: reviewBody(authBearer(name)),
  });
  return body.includes('"authenticated":true');
}

/** Lists and watches of Secrets, as the API server has logged them; a watch when it has ended. */
async function asked(): Promise<readonly URLSearchParams[]> {
  const text = await readFile(join(plane.plane.dir, 'audit.log'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line.includes('"userAgent":"ace-authenticator') && line.includes('/secrets?'))
    .map((line) => new URL((JSON.parse(line) as { requestURI: string }).requestURI, 'http://x').searchParams);
}

describe(`${RELEASES} releases of Helm in the namespace of the hashes`, () => {
  test('are neither asked for nor held, and keep nobody out', async () => {
    expect(await isLetIn('token-1')).toBe(true);
    expect(await objects('Secret')).toBe(2);
    const status = await readFile(`/proc/${authenticator.pid}/status`, 'utf8');
    console.info(
      `${RELEASES} releases of a megabyte: resident ${/VmRSS:\s+(\d+)/.exec(status)?.[1]} kB, at most ${/VmHWM:\s+(\d+)/.exec(status)?.[1]} kB`,
    );
  });

  test('no more when they change: the next token is let in, and they are still not held', async () => {
    await plane.create(SECRETS, release('sh.helm.release.v1.app.later'));
    await plane.addToken('token-3');
    await eventually(async () => expect(await isLetIn('token-3')).toBe(true));
    await plane.remove(CLUSTER_AUTH_TOKENS, 'token-1', RIG_NAMESPACE);
    await eventually(async () => expect(await isLetIn('token-1')).toBe(false));
    expect(await objects('Secret')).toBe(3);
  });

  test('every request for Secrets says so, and asks for few at a time', async () => {
    // Watches are logged when they end.
    expect(await authenticator.stop()).toBe(0);
    await eventually(async () => expect((await asked()).some((query) => query.has('watch'))).toBe(true));
    const requests = await asked();
    expect(requests.length).toBeGreaterThan(1);
    for (const query of requests) {
      const isOfOneName = (query.get('fieldSelector') ?? '').startsWith('metadata.name=');
      if (!isOfOneName) expect(query.get('fieldSelector')).toBe('type=Opaque');
      if (!query.has('watch')) expect(Number(query.get('limit'))).toBeLessThanOrEqual(50);
    }
  });
});
