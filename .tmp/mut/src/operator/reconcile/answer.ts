import {
  CLUSTER_AUTH_TOKENS,
  EXT_TOKEN_SECRETS,
  EXT_TOKENS_NAMESPACE,
  SECRETS,
  USER_ATTRIBUTES,
} from '../../api/names.ts';
import { isExtToken, parseExtToken } from '../../api/parse-ext-token.ts';
import { parseUserAttribute } from '../../api/parse-user.ts';
import type { KubeObject } from '../../api/types.ts';
import { hashIn } from '../../derive/diff.ts';
import { olderOf } from '../../derive/older.ts';
import { strayGroups } from '../../derive/other-writer.ts';
import { mayAdopt, needsSecret } from '../decide/in-the-way.ts';
import type { Question } from '../decide/plan.ts';
import { parseKey } from '../keys.ts';
import type { Work } from './work.ts';

/**
 * Finds out what a decision asked.
 *
 * @param key - whose decision it was: it comes back when a hash is there
 * @throws whatever the request throws; a plane that does not answer proves nothing
 */
export async function answer(
  question: Exclude<Question, { about: 'user' }>,
  key: string,
  work: Work,
): Promise<boolean> {
  switch (question.about) {
    case 'source': {
      const { resource, namespace, name } = question;
      const found = await work.upstream.live.get({ resource, namespace, name });
      // One whose label was taken off is no token any more.
      return found !== undefined && (resource !== EXT_TOKEN_SECRETS || isExtToken(found));
    }
    case 'rival':
      return hasOlderExtToken(question.name, work);
    case 'secret':
      return isForeignSecret(question.name, work);
    case 'moved':
      return isMoved(question.name, work);
    case 'groups':
      return areGroupsGiven(question.name, work);
    case 'hash':
      return makeHash(question.uid, key, work);
  }
}

async function hasOlderExtToken(name: string, { upstream }: Work): Promise<boolean> {
  const address = { resource: EXT_TOKEN_SECRETS, namespace: EXT_TOKENS_NAMESPACE, name };
  // A Token waits for no kind that cannot be read.
  const found = await upstream.live.get(address).catch(() => undefined);
  if (found === undefined || !isExtToken(found)) return false;
  const ext = parseExtToken(found);
  const v3 = upstream.management.tokensNamed(name).find(({ api }) => api === 'v3');
  return olderOf(v3, ext) === ext;
}

/** Found out once in a while: each log-in brings the key, and a log-in must not cost a request. */
async function isMoved(name: string, { rules, downstream, upstream, hashes }: Work): Promise<boolean> {
  const { place, clock } = rules();
  const token = upstream.management.token(name, place.cluster, clock.agreedMs);
  const written = downstream.observed.forToken(name).find(({ kind }) => kind === CLUSTER_AUTH_TOKENS.kind);
  if (!token || !written) return false;
  const takesOver = needsSecret(place.storage);
  if (!takesOver && hashes.wasMoved(token, written)) return true;
  const live = (await downstream.client.get({ resource: SECRETS, namespace: place.namespace, name })) as
    | KubeObject
    | undefined;
  const hash = live && live.metadata.deletionTimestamp === undefined ? hashIn(live) : undefined;
  if (live === undefined || hash === undefined || !hashes.isMoved(token, written, hash)) return false;
  // What holds our own hash is taken for ours, and marked as such with the next write.
  if (takesOver) downstream.observed.assume(live);
  return true;
}

async function isForeignSecret(name: string, { rules, downstream }: Work): Promise<boolean> {
  const address = { resource: SECRETS, namespace: rules().place.namespace, name };
  const live = (await downstream.client.get(address)) as KubeObject | undefined;
  if (live === undefined || downstream.observed.isOurs(live)) return false;
  return !(downstream.adopts && mayAdopt(live, downstream.observed.forToken(name)));
}

async function areGroupsGiven(user: string, { upstream, downstream }: Work): Promise<boolean> {
  const found = await upstream.live.get({ resource: USER_ATTRIBUTES, name: user });
  const there = downstream.observed.forUser(user);
  return (
    there === undefined ||
    strayGroups(there, found === undefined ? undefined : parseUserAttribute(found)).length === 0
  );
}

function makeHash(uid: string, key: string, work: Work): boolean {
  const { upstream, downstream, hashes, ledger, rules } = work;
  // Another token of that name by now: the question is not asked of it.
  const token = upstream.management.tokensNamed(parseKey(key).name).find((one) => one.uid === uid);
  if (!token) return false;
  const there = downstream.observed.forToken(token.name);
  return hashes.make(token, there, rules(), (lane) => ledger.queue.add(key, lane));
}
