import {
  parseClusterAuthToken,
  parseClusterUserAttribute,
  parseHashSecret,
} from '../../src/api/parse-downstream.ts';
import type { KubeObject } from '../../src/api/types.ts';
import { judgeHeld } from '../../src/authenticator/judge.ts';
import * as sha3 from '../../src/hash/sha3-512.ts';
import { waysIn, waysOfUsersIn } from './authenticator-model.ts';
import type { FakeApi } from './fake-api.ts';

/**
 * What is downstream in words, with hashes replaced by the secret that they verify: two clusters that read alike
 * here are alike to every user. Sorted, so that the order of writing does not matter.
 */
export function viewOf(api: FakeApi, secrets: readonly string[]): readonly string[] {
  return api
    .objects()
    .map((object) => describe(object, secrets))
    .sort();
}

function describe(object: KubeObject, secrets: readonly string[]): string {
  const { name } = object.metadata;
  if (object.kind === 'ClusterUserAttribute') {
    return `user ${name}: enabled=${object['enabled']} groups=${JSON.stringify(object['groups'])}`;
  }
  if (object.kind === 'Secret') {
    const { hash } = object['data'] as { hash: string };
    return `secret ${name}: of ${secretOf(Buffer.from(hash, 'base64').toString(), secrets)}`;
  }
  const inline = typeof object['hash'] === 'string' ? ` inline=${secretOf(object['hash'], secrets)}` : '';
  const end = object['expiresAt'] === undefined ? '' : ` until=${object['expiresAt']}`;
  return `token ${name}: user=${object['userName']} enabled=${object['enabled']}${end}${inline}`;
}

/** Who gets in, and with what: `<secret> is <user>`. */
export function whoGetsIn(api: FakeApi, secrets: readonly string[]): readonly string[] {
  return waysIn(api.objects())
    .map(({ userName, hash }) => `${secretOf(hash, secrets)} is ${userName}`)
    .sort();
}

/** The same, where the user is let in, too. */
export function whoIsLetIn(api: FakeApi, secrets: readonly string[]): readonly string[] {
  return waysOfUsersIn(api.objects())
    .map(({ userName, hash }) => `${secretOf(hash, secrets)} is ${userName}`)
    .sort();
}

/** How many tokens the authenticator would judge good at this moment, but for the secret. */
export function candidates(api: FakeApi, nowMs: number): number {
  const tokens = api.objects().filter(({ kind }) => kind === 'ClusterAuthToken');
  return tokens.filter((object) => {
    const token = parseClusterAuthToken(object);
    const secret = api.find('Secret', token.name);
    const user = api.find('ClusterUserAttribute', token.userName);
    const held = {
      token,
      secret: secret && parseHashSecret(secret),
      user: user && parseClusterUserAttribute(user),
    };
    return judgeHeld(held, nowMs).kind === 'candidate';
  }).length;
}

const known = new Map<string, string>();

function secretOf(hash: string, secrets: readonly string[]): string {
  const found = known.get(hash) ?? secrets.find((secret) => sha3.verify(secret, hash));
  if (found === undefined) return `unknown hash ${hash.slice(0, 12)}`;
  known.set(hash, found);
  return found;
}
