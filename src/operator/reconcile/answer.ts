import { EXT_TOKEN_SECRETS, EXT_TOKENS_NAMESPACE, SECRETS } from '../../api/names.ts';
import { isExtToken, parseExtToken } from '../../api/parse-ext-token.ts';
import type { KubeObject } from '../../api/types.ts';
import { olderOf } from '../../derive/older.ts';
import { mayAdopt } from '../decide/in-the-way.ts';
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
  return olderOf(upstream.management.tokens.get(name), ext) === ext;
}

async function isForeignSecret(name: string, { rules, downstream }: Work): Promise<boolean> {
  const address = { resource: SECRETS, namespace: rules().namespace, name };
  const live = (await downstream.client.get(address)) as KubeObject | undefined;
  if (live === undefined || downstream.observed.isOurs(live)) return false;
  return !(downstream.adopts && mayAdopt(live, downstream.observed.forToken(name)));
}

function makeHash(uid: string, key: string, work: Work): boolean {
  const { upstream, downstream, hashes, ledger, rules } = work;
  // Another token of that name by now: the question is not asked of it.
  const token = upstream.management.tokensNamed(parseKey(key).name).find((one) => one.uid === uid);
  if (!token) return false;
  const there = downstream.observed.forToken(token.name);
  return hashes.make(token, there, rules(), (lane) => ledger.queue.add(key, lane));
}
