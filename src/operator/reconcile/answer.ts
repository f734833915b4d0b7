import {
  CLUSTER_AUTH_TOKENS,
  EXT_TOKEN_SECRETS,
  EXT_TOKENS_NAMESPACE,
  SECRETS,
  USER_ATTRIBUTES,
} from '../../api/names.ts';
import { isExtToken, parseExtToken } from '../../api/parse-ext-token.ts';
import { parseUserAttribute } from '../../api/parse-user.ts';
import type { KubeObject, Token } from '../../api/types.ts';
import { hashIn } from '../../derive/diff.ts';
import { markOf } from '../../derive/found-hash.ts';
import { olderOf } from '../../derive/older.ts';
import { strayGroups } from '../../derive/other-writer.ts';
import { mayAdopt, mayTakeOver, needsSecret } from '../decide/in-the-way.ts';
import type { Question } from '../decide/plan.ts';
import { parseKey } from '../keys.ts';
import type { Whose } from './token-hashes.ts';
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
      return isForeignSecret(question.name, key, work);
    case 'moved':
      return isMoved(question.name, key, work);
    case 'taken':
      return isTaken(question.name, key, work);
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
async function isMoved(name: string, key: string, work: Work): Promise<boolean> {
  const ours = ownToken(name, work);
  if (!ours) return false;
  if (work.hashes.wasMoved(ours.token, ours.written)) return true;
  return whoseIs(await readSecret(name, work), ours, key, work) === 'present';
}

/** What holds our own hash is taken for ours, and marked as such with the next write, whose echo ends the assumption. */
async function isTaken(name: string, key: string, work: Work): Promise<boolean> {
  const ours = ownToken(name, work);
  if (!ours || !needsSecret(work.rules().place.storage)) return false;
  const live = await readSecret(name, work);
  const isOfOurHash = whoseIs(live, ours, key, work) === 'present';
  if (!live || !isOfOurHash || !mayTakeOver(live, ours.written)) return false;
  work.downstream.observed.assume(live);
  return true;
}

async function isForeignSecret(name: string, key: string, work: Work): Promise<boolean> {
  const { downstream } = work;
  const live = await readSecret(name, work);
  if (live === undefined || downstream.observed.isOurs(live)) return false;
  if (downstream.adopts && mayAdopt(live, downstream.observed.forToken(name))) return false;
  const ours = ownToken(name, work);
  return !(ours && mayTakeOver(live, ours.written) && whoseIs(live, ours, key, work) === 'present');
}

/** A token, and our ClusterAuthToken of its name, which holds its hash, or held it. */
interface OwnToken {
  readonly token: Token;
  readonly written: KubeObject;
}

function ownToken(name: string, { rules, upstream, downstream: { observed } }: Work): OwnToken | undefined {
  const { place, clock } = rules();
  const token = upstream.management.token(name, place.cluster, clock.agreedMs, observed.apiOf(name));
  const written = observed.forToken(name).find(({ kind }) => kind === CLUSTER_AUTH_TOKENS.kind);
  const isInline = written !== undefined && observed.isOurs(written) && markOf(written) !== '';
  return token && isInline ? { token, written } : undefined;
}

async function readSecret(name: string, { rules, downstream }: Work): Promise<KubeObject | undefined> {
  const address = { resource: SECRETS, namespace: rules().place.namespace, name };
  return (await downstream.client.get(address)) as KubeObject | undefined;
}

/** Of which secret of the token a Secret's hash is; where only a check can tell, that is begun, and brings the key back. */
function whoseIs(
  live: KubeObject | undefined,
  { token, written }: OwnToken,
  key: string,
  { hashes, ledger, rules }: Work,
): Whose | undefined {
  const hash = live && live.metadata.deletionTimestamp === undefined ? hashIn(live) : undefined;
  const whose = hashes.whoseBeside(token, written, hash ?? '');
  if (whose === undefined && hash !== undefined)
    hashes.check(token, hash, rules(), (lane) => ledger.queue.add(key, lane));
  return whose;
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
