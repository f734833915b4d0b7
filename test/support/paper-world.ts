import type { KubeObject, Token, User, UserAttribute } from '../../src/api/types.ts';
import { keyOf } from '../../src/derive/diff.ts';
import { strayGroups } from '../../src/derive/other-writer.ts';
import { isOurs } from '../../src/derive/ownership.ts';
import { decideToken } from '../../src/operator/decide/decide-token.ts';
import { decideUser } from '../../src/operator/decide/decide-user.ts';
import type { PairOfUser, Rules } from '../../src/operator/decide/facts.ts';
import { type Outcome, type Plan, type Question, questionKey } from '../../src/operator/decide/plan.ts';
import { parseKey, tokenKey, userKey } from '../../src/operator/keys.ts';
import { carriedOut, hashFor, RULES, see } from './decision-facts.ts';
import { sentence } from './plan-sentence.ts';

/** More turns than any story takes. */
const MAX_TURNS = 60;

/**
 * One cluster on paper: what the pure decisions say is carried out in memory, and written down as minutes. No store, no
 * request, no clock of the machine.
 */
export class PaperWorld {
  readonly tokens = new Map<string, Token>();
  readonly users = new Map<string, User>();
  readonly attributes = new Map<string, UserAttribute>();
  /** Keys whose deletion a watch told, or a sweep let pass. */
  readonly gone = new Set<string>();
  rules: Rules = RULES;
  /** UIDs of tokens whose hash is being made. */
  readonly hashing = new Set<string>();
  awaitedElsewhereSinceMs: number | undefined;
  objects: readonly KubeObject[] = [];
  readonly #outcomes = new Map<string, Outcome>();
  readonly #unconfirmed = new Set<string>();
  readonly #queue: string[] = [];
  readonly #minutes: string[] = [];

  /** Something happens; what follows from it is worked until there is nothing left to do now. */
  when(what: string, happens: () => void, ...keys: readonly string[]): void {
    this.#minutes.push(...(this.#minutes.length > 0 ? [''] : []), `${what}.`);
    happens();
    for (const key of keys) this.#add(key);
    for (let turn = 0; this.#queue.length > 0; turn += 1) {
      if (turn === MAX_TURNS) throw new Error('a key comes back for ever');
      this.#work(this.#queue.shift() ?? '');
    }
  }

  /** What was written down, and what is there in the end. */
  get minutes(): string {
    const there = this.objects.map(
      (object) => keyOf(object) + (isOurs(object, 'c-1') ? '' : ' (someone else’s)'),
    );
    return `${this.#minutes.join('\n')}\n\nIn the cluster: ${there.join(', ') || 'nothing'}.\n`;
  }

  #work(key: string): void {
    const answers = new Map<string, boolean>();
    for (let turn = 0; turn < 8; turn += 1) {
      const plan = this.#decide(key, answers);
      this.#minutes.push(`  ${key.padEnd(10)} ${sentence(plan)}`);
      this.#carryOut(key, plan);
      if (plan.next.kind !== 'ask') return;
      answers.set(questionKey(plan.next.question), this.#answer(plan.next.question));
    }
  }

  #decide(key: string, answers: ReadonlyMap<string, boolean>): Plan {
    const { kind, name } = parseKey(key);
    const before = this.#outcomes.get(key);
    const isConfirmed = !this.#unconfirmed.has(key);
    if (kind === 'user') return this.#decideUser(name, { before, isConfirmed }, answers);
    const token = this.tokens.get(name);
    const attribute = token && this.#find(`ClusterUserAttribute/${token.userName}`);
    const pair = [this.#find(`Secret/${name}`), this.#find(`ClusterAuthToken/${name}`)];
    const isTokenGone = this.gone.has(key);
    return decideToken({
      ...{ name, rules: this.rules, token, answers },
      user: token && this.users.get(token.userName),
      hash:
        token && !this.hashing.has(token.uid) ? { kind: 'ready', hash: hashFor(token) } : { kind: 'toMake' },
      seen: {
        pair: pair.filter((object) => object !== undefined).map((object) => see(object, token)),
        attribute: attribute && see(attribute),
        ...{ isConfirmed, before, refusedBy: undefined },
      },
      known: {
        isTokenGone,
        isExtCarried: true,
        isExtUnread: false,
        isUserGone: isTokenGone || (token !== undefined && this.gone.has(userKey(token.userName))),
        userAttribute: token && this.attributes.get(token.userName),
        awaitedElsewhereSinceMs: this.awaitedElsewhereSinceMs,
      },
    });
  }

  #decideUser(
    name: string,
    seen: { before: Outcome | undefined; isConfirmed: boolean },
    answers: ReadonlyMap<string, boolean>,
  ): Plan {
    const object = this.#find(`ClusterUserAttribute/${name}`);
    const ofUser = [...this.tokens.values()].filter(({ userName }) => userName === name);
    return decideUser({
      ...{ name, rules: this.rules, answers },
      user: this.users.get(name),
      attribute: this.attributes.get(name),
      seen: {
        object: object && see(object),
        tokens: this.#tokensThere(name),
        pairs: this.#pairsOf(name),
        ...seen,
        refusedBy: undefined,
      },
      tokens: ofUser
        .filter(({ clusterName }) => clusterName === this.rules.place.cluster)
        .map((token) => ({ token, before: this.#outcomes.get(tokenKey(token.name)) })),
      isGone: this.gone.has(userKey(name)),
    });
  }

  #carryOut(key: string, plan: Plan): void {
    const changes = plan.changes ?? [];
    this.objects = carriedOut(this.objects, changes);
    if (changes.length > 0) {
      // The watch tells it, and the key comes once more, to be settled.
      this.#unconfirmed.add(key);
      this.#add(key);
      for (const change of changes) {
        const userName = change.verb === 'delete' ? change.target['userName'] : undefined;
        if (typeof userName === 'string') this.#add(userKey(userName));
      }
    }
    if (plan.outcome === 'none') this.#outcomes.delete(key);
    else if (plan.outcome) this.#outcomes.set(key, plan.outcome);
    for (const one of plan.wake ?? []) if (one !== 'sweep') this.#add(one.key);
    if (changes.length === 0 && plan.next.kind !== 'ask') this.#unconfirmed.delete(key);
  }

  #answer(question: Question): boolean {
    switch (question.about) {
      case 'source':
        return this.#sourcesOf(question.resource.kind).has(question.name);
      case 'rival':
        return false;
      case 'moved':
      case 'taken':
      case 'secret':
        return this.objects.some(
          (object) => keyOf(object) === `Secret/${question.name}` && !isOurs(object, 'c-1'),
        );
      case 'groups': {
        const there = this.#find(`ClusterUserAttribute/${question.name}`);
        return !there || strayGroups(there, this.attributes.get(question.name)).length === 0;
      }
      case 'hash':
        return !this.hashing.has(question.uid);
      case 'user':
        this.#work(userKey(question.name));
        return this.#outcomes.get(userKey(question.name))?.state !== 'failed';
    }
  }

  #sourcesOf(kind: string): ReadonlyMap<string, unknown> {
    if (kind === 'Token') return this.tokens;
    return kind === 'User' ? this.users : this.attributes;
  }

  /** A key that waits is not put there twice. What was told meanwhile counts when it is worked. */
  #add(key: string): void {
    this.#unconfirmed.delete(key);
    if (!this.#queue.includes(key)) this.#queue.push(key);
  }

  #find(key: string): KubeObject | undefined {
    return this.objects.find((object) => keyOf(object) === key);
  }

  #pairsOf(user: string): readonly PairOfUser[] {
    return this.#tokensThere(user).flatMap((name) => {
      const token = this.tokens.get(name);
      const clusterAuthToken = this.#find(`ClusterAuthToken/${name}`);
      const secret = this.#find(`Secret/${name}`);
      if (!clusterAuthToken) return [];
      const isOfEarlierSecret = secret !== undefined && see(secret, token).isOfEarlierSecret;
      return [
        {
          ...{ clusterAuthToken, token, isOfEarlierSecret, isOfUnknownSecret: false, isOfUnread: false },
          ours: [clusterAuthToken, ...(secret ? [secret] : [])].filter((object) => isOurs(object, 'c-1')),
          isMoving: this.awaitedElsewhereSinceMs !== undefined,
          before: this.#outcomes.get(tokenKey(name)),
        },
      ];
    });
  }

  #tokensThere(user: string): readonly string[] {
    return this.objects
      .filter(
        (object) =>
          object.kind === 'ClusterAuthToken' && object['userName'] === user && isOurs(object, 'c-1'),
      )
      .map(({ metadata }) => metadata.name);
  }
}
