import { type Change, isSameChange } from '../../derive/diff.ts';
import { takesAway } from '../../derive/takes.ts';
import { decideToken } from '../decide/decide-token.ts';
import { decideUser } from '../decide/decide-user.ts';
import { isSameMoment, type TokenFacts } from '../decide/facts.ts';
import { done, type Plan, type Question, questionKey, type Result, requeueAfter } from '../decide/plan.ts';
import { parseKey, userKey } from '../keys.ts';
import { answer } from './answer.ts';
import { gatherToken } from './gather-token.ts';
import { gatherUser } from './gather-user.ts';
import { copySetting } from './setting.ts';
import type { Known, Work } from './work.ts';
import { type WriteResult, write } from './write.ts';

/** The longest way that exists takes six turns; whoever needs more than this goes round in a circle. */
const MAX_TURNS = 8;

const NOTHING_YET: Known = { answers: new Map(), refusedBy: undefined };

/**
 * Makes one key match: gathers the facts, decides, carries out; where a question is open, answers it and begins anew, so that
 * no decision is made from what was so before a request. Safe to repeat.
 *
 * @throws whatever a request throws
 */
export async function reconcile(key: string, work: Work): Promise<Result> {
  if (parseKey(key).kind === 'setting') {
    await copySetting(work);
    return done;
  }
  let known = NOTHING_YET;
  let conflicts = 0;
  for (let turn = 1; turn <= MAX_TURNS; turn += 1) {
    const decided = decide(key, known, work);
    const { plan } = decided;
    const written = await carryOut(plan, key, work, isDueGiven(decided, key, known, work));
    // The cluster knows more than we had seen: anew, in the lane that it came from.
    if (written?.kind === 'stale') return requeueAfter(0, work.ledger.queue.laneOf(key) === 'revocation');
    if (written?.kind === 'conflict') {
      conflicts += 1;
      known = await afterConflict(conflicts, written.object, key, { known, work });
    } else if (plan.next.kind !== 'ask') return plan.next;
    else known = withAnswer(known, plan.next.question, await find(plan.next.question, key, work));
  }
  throw new Error(`${key}: still undecided after ${MAX_TURNS} turns`);
}

interface Decided {
  readonly plan: Plan;
  /** Of a token: what it was decided from. */
  readonly facts: TokenFacts | undefined;
}

function decide(key: string, known: Known, work: Work, before?: Decided): Decided {
  const { kind, name } = parseKey(key);
  if (kind !== 'token') return { plan: decideUser(gatherUser(name, known, work)), facts: undefined };
  const facts = gatherToken(name, known, work);
  if (before?.facts && isSameMoment(before.facts, facts)) return before;
  return { plan: decideToken(facts), facts };
}

/** Judges again, from what is so by then: a change that would not be decided any more is not to be made. */
function isDueGiven(decided: Decided, key: string, known: Known, work: Work): (change: Change) => boolean {
  let latest = decided;
  let asked: { readonly change: Change; readonly plan: Plan; readonly isDue: boolean } | undefined;
  return (change) => {
    latest = decide(key, known, work, latest);
    const { plan } = latest;
    if (asked?.change === change && asked.plan === plan) return asked.isDue;
    const isDue = isNextIn(plan.changes ?? [], change);
    asked = { change, plan, isDue };
    return isDue;
  };
}

/** Whether it is to be made, and nothing is to be taken away before: giving waits for taking. */
function isNextIn(changes: readonly Change[], change: Change): boolean {
  const at = changes.findIndex((due) => due === change || isSameChange(due, change));
  return at >= 0 && !changes.slice(0, at).some(takesAway);
}

/**
 * Another's object has the name: whether it is a Secret into which somebody moved the very hash that our ClusterAuthToken holds, or
 * held. That is taken over: who uses the token must not be kept out because of a log-in that no watch has told of. Looked at anew,
 * also where it was asked before: what decides about taking over may have changed since.
 *
 * @param count - of the conflicts in this look at the key
 * @throws whatever a request throws
 */
async function afterConflict(
  count: number,
  object: string,
  key: string,
  { known, work }: { readonly known: Known; readonly work: Work },
): Promise<Known> {
  const isOurHash = count === 1 && parseKey(key).kind === 'token' && (await find(taken(key), key, work));
  return isOurHash ? withAnswer(known, taken(key), true) : { ...known, refusedBy: object };
}

const taken = (key: string) => ({ about: 'taken', name: parseKey(key).name }) as const satisfies Question;

/** @throws whatever a request throws */
async function find(question: Question, key: string, work: Work): Promise<boolean> {
  if (question.about !== 'user') return answer(question, key, work);
  const user = userKey(question.name);
  await reconcile(user, work);
  // Worked out of its turn: what the watch told of the write may have been worked, and settled, before the write was answered,
  // and nothing would settle the key again.
  work.ledger.queue.add(user, 'normal');
  return work.ledger.outcomes.get(user)?.state !== 'failed';
}

function withAnswer(known: Known, question: Question, isYes: boolean): Known {
  return { ...known, answers: new Map([...known.answers, [questionKey(question), isYes]]) };
}

/** Does what a plan says, in its order. What is to be told is told first: a write that fails must not lose it. */
async function carryOut(
  plan: Plan,
  key: string,
  work: Work,
  isStillDue: (change: Change) => boolean,
): Promise<WriteResult | undefined> {
  const { ledger } = work;
  for (const { about, ...notice } of plan.notices ?? []) ledger.notify(about, notice);
  if (plan.forgetHash !== undefined) work.hashes.forget(plan.forgetHash);
  if (plan.changes && plan.changes.length > 0) {
    // Until it is done the status must not call it synced: the cluster may fail us half-way.
    ledger.outcomes.set(key, { state: 'pending' });
    const written = await write(plan.changes, work.downstream, isStillDue);
    if (written.kind === 'stale' || written.kind === 'conflict') return written;
  }
  if (plan.outcome === 'none') ledger.outcomes.delete(key);
  else if (plan.outcome) ledger.outcomes.set(key, plan.outcome);
  wake(plan, work);
  return undefined;
}

function wake(plan: Plan, { ledger }: Work): void {
  for (const one of plan.wake ?? []) {
    if (one === 'sweep') ledger.requestSweep();
    else ledger.queue.add(one.key, one.lane);
  }
}
