import { setTimeout as delay } from 'node:timers/promises';
import {
  type FromChecker,
  INVARIANTS,
  type Invariant,
  type Phase,
  type ProgramWrite,
  type SceneForChecker,
  type ToChecker,
  type Verdict,
  type Violation,
} from '../messages.ts';
import { patience } from '../patience.ts';
import { type Answer, Bearer } from './bearer.ts';
import { Bookkeeping } from './bookkeeping.ts';
import { derive, type Should, secretOf } from './derive.ts';
import { Faults } from './faults.ts';
import { Foreign } from './foreign.ts';
import { isLease, Leaders } from './leaders.ts';
import { type Json, PlainApi } from './plain-api.ts';
import { Processes, unhandledIn } from './processes.ts';
import { askApiServer, askWebhook, authenticatorsOf } from './questions.ts';
import { readDownstream, readUpstream } from './readings.ts';
import { Secrets } from './secrets.ts';
import { differences } from './settled.ts';
import { ShardOwners } from './shard-owners.ts';

const OWN_NAMESPACE = '/api/v1/namespaces/ace-operator';
const READING_MS = 500;
const WEBHOOK_PAUSE_MS = 80;
/** Each costs a handshake. */
const API_PAUSE_MS = 400;
const SLOW_LOOK_MS = 2_000;
const CONVERGED_WITHIN_MS = 30_000;
/** However the machine may be. */
const GIVEN_UP_MS = 240_000;
/** Writes on the way, last uses, a status: what still comes when nobody asks any more. */
const ABATING_MS = 20_000;

/**
 * Looks at everything from outside, all the time. It reads the management plane and derives for itself what should be; what the
 * driver did it need not know, but for what was broken and when.
 */
export class Checker {
  readonly #scene: SceneForChecker;
  readonly #say: (message: FromChecker) => void;
  readonly #management: PlainApi;
  readonly #clusters: ReadonlyMap<string, PlainApi>;
  readonly #faults = new Faults();
  readonly #leaders: Leaders | ShardOwners;
  readonly #processes = new Processes();
  readonly #secrets: Secrets;
  readonly #bearers = new Map<string, Bearer>();
  readonly #foreign = new Foreign();
  readonly #judged = Object.fromEntries(INVARIANTS.map((one) => [one, 0])) as Record<Invariant, number>;
  readonly #figures: Record<string, number> = {};
  readonly #violations: Violation[] = [];
  readonly #told = new Set<string>();
  readonly #bookkeeping: Bookkeeping;
  #should: ReadonlyMap<string, Should> = new Map();
  #phase: Phase = 'chaos';
  #phaseSinceMs = Date.now();
  #dice = 1;

  constructor(scene: SceneForChecker, say: (message: FromChecker) => void) {
    this.#scene = scene;
    this.#say = say;
    this.#management = new PlainApi(scene.management);
    this.#clusters = new Map(scene.clusters.map(({ id, kubeconfig }) => [id, new PlainApi(kubeconfig)]));
    this.#leaders =
      scene.shards > 0 ? new ShardOwners(scene.shards, scene.leaseMs) : new Leaders(scene.leaseMs);
    this.#secrets = new Secrets(scene.dir, scene.seed);
    this.#bookkeeping = new Bookkeeping(scene.away);
    this.#dice = scene.seed || 1;
  }

  start(): void {
    this.#loop(READING_MS, () => this.#read());
    this.#loop(SLOW_LOOK_MS, () => this.#lookAround());
    for (const id of this.#clusters.keys()) {
      for (const { who, port } of authenticatorsOf(this.#scene, id))
        this.#loop(WEBHOOK_PAUSE_MS, () => this.#askOne(id, who, port));
      this.#loop(API_PAUSE_MS, () => this.#askOne(id, `${id}/api`, undefined));
    }
  }

  tell(message: ToChecker): void {
    if (message.type === 'fault') this.#faults.tell(message.fault);
    else if (message.type === 'write') this.#judgeWrite(message.write);
    else if (message.type === 'program') {
      this.#judged.I6 += 1;
      const wrong = this.#processes.tell(message.change);
      if (wrong) this.#violate('I6', message.change.name, wrong);
    } else if (message.type === 'phase') {
      this.#phase = message.phase;
      this.#phaseSinceMs = Date.now();
      if (message.phase === 'converge') void this.#converge();
      if (message.phase === 'end') void this.#end();
    }
  }

  #loop(pauseMs: number, step: () => Promise<void>): void {
    void (async () => {
      while (this.#phase !== 'end') {
        // A plane that is down cannot be read; that is no finding.
        await step().catch(() => undefined);
        await delay(pauseMs);
      }
    })();
  }

  #violate(invariant: Invariant, object: string, what: string): void {
    const key = `${invariant} ${object} ${what.replace(/[\d:.]+/g, '')}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    const atMs = Date.now();
    const violation = { invariant, atMs, object, what: `${what}; then: ${this.#faults.at(atMs)}` };
    this.#violations.push(violation);
    this.#say({ type: 'violation', violation });
  }

  async #read(): Promise<void> {
    const from = Date.now();
    const upstream = await readUpstream(this.#management);
    const readingMs = { from, to: Date.now() };
    this.#should = derive(upstream);
    for (const [key, should] of this.#should) {
      if (!this.#clusters.has(should.cluster)) continue;
      const id = `${key}#${should.generation}`;
      if (!this.#bearers.has(id)) this.#bearers.set(id, new Bearer(key, should.generation));
    }
    for (const bearer of this.#bearers.values()) {
      const should = this.#should.get(bearer.key);
      const current = should?.generation === bearer.generation ? should : undefined;
      for (const { invariant, what } of bearer.saw(current, readingMs))
        this.#violate(invariant, bearer.key, what);
    }
  }

  async #askOne(cluster: string, who: string, port: number | undefined): Promise<void> {
    if (this.#phase === 'silence') return;
    const known = [...this.#bearers.values()].filter(({ key }) => key.startsWith(`${cluster}/`));
    // Half of the questions are about what changed lately: that is where things go wrong.
    const lately = known.filter(({ sinceMs }) => Date.now() - sinceMs < 60_000);
    const among = this.#random() < 0.5 && lately.length > 0 ? lately : known;
    const bearer = among[Math.floor(this.#random() * among.length)];
    if (!bearer) return;
    const name = bearer.key.slice(cluster.length + 1);
    const isWrong = this.#random() < 0.05;
    const secret = isWrong ? 'a-wrong-secret-of-nobody' : secretOf(this.#scene.seed, name, bearer.generation);
    const api = this.#clusters.get(cluster) as PlainApi;
    const answer = await (port === undefined
      ? askApiServer(api, cluster, `${name}:${secret}`)
      : askWebhook(who, cluster, port, `${name}:${secret}`));
    if (!answer) return;
    if (isWrong) {
      this.#judged.I1 += 1;
      if (answer.letIn) this.#violate('I1', bearer.key, `${who} lets in a wrong secret`);
    } else this.#judgeAnswer(bearer, answer);
  }

  #judgeAnswer(bearer: Bearer, answer: Answer): void {
    this.#judged[bearer.isGood(answer.askedMs) ? 'I2' : 'I1'] += 1;
    const slowest = `slowest revocation, ${answer.who.endsWith('/api') ? 'API server' : 'webhook'} (ms)`;
    if (answer.letIn && !bearer.isGood(answer.askedMs) && bearer.sinceMs > 0) {
      const ms = answer.askedMs - bearer.revokedMs;
      this.#figures[slowest] = Math.max(this.#figures[slowest] ?? 0, ms);
    }
    if (bearer.isOverdue(answer, this.#faults))
      this.#count(
        `asked about revoked ones after the bound, ${answer.who.endsWith('/api') ? 'API server' : 'webhook'}`,
      );
    bearer.heard(answer, this.#faults);
  }

  #count(figure: string): void {
    this.#figures[figure] = (this.#figures[figure] ?? 0) + 1;
  }

  async #lookAround(): Promise<void> {
    const longest = 'bounds were at most so many times as long, for the load';
    this.#figures[longest] = Math.max(this.#figures[longest] ?? 1, Math.round(patience() * 10) / 10);
    for (const { name, what } of this.#processes.tooLarge()) this.#violate('I6', name, what);
    for (const pid of this.#processes.pids) {
      this.#judged.I4 += 1;
      const found = this.#secrets.inProcess(pid);
      if (found) this.#violate('I4', this.#processes.nameOf(pid), found);
    }
    for (const { file, text, found } of this.#secrets.newOutput()) {
      if (found) this.#violate('I4', file, `holds ${found}`);
      const unhandled = unhandledIn(text);
      if (unhandled) this.#violate('I6', file, `says ${unhandled}`);
    }
    await Promise.allSettled([
      this.#lookAtManagement(),
      ...[...this.#clusters].map(([id, api]) => this.#lookAtCluster(id, api)),
    ]);
  }

  /** What people can read there: Events, statuses, what is owed. */
  async #lookAtManagement(): Promise<void> {
    const [events, propagations, configMaps, secrets] = await Promise.all([
      this.#management.list('/api/v1/events'),
      this.#management.list('/apis/ace-operator.io/v1alpha1/clusterpropagations'),
      this.#management.list(`${OWN_NAMESPACE}/configmaps`),
      this.#management.list(`${OWN_NAMESPACE}/secrets`),
    ]);
    for (const { data } of secrets) this.#secrets.addSecret(data);
    for (const object of [...events, ...propagations, ...configMaps]) {
      this.#judged.I4 += 1;
      const found = this.#secrets.in(JSON.stringify(object));
      if (found) this.#violate('I4', `${object.kind ?? 'object'} ${object.metadata.name}`, `holds ${found}`);
    }
    this.#compareForeign('management', secrets);
  }

  async #lookAtCluster(id: string, api: PlainApi): Promise<void> {
    const there = await readDownstream(api);
    for (const object of [...there.tokens, ...there.users]) {
      this.#judged.I4 += 1;
      const found = this.#secrets.in(JSON.stringify(object));
      if (found) this.#violate('I4', `${id}/${object.metadata.name}`, `holds ${found}`);
    }
    this.#compareForeign(id, [...there.tokens, ...there.secrets, ...there.users]);
  }

  #compareForeign(plane: string, objects: readonly Json[]): void {
    for (const { key, what } of this.#foreign.compare(plane, objects, () => (this.#judged.I3 += 1)))
      this.#violate('I3', key, what);
  }

  #judgeWrite(write: ProgramWrite): void {
    this.#judged.I6 += 1;
    const isAuthenticator = write.program?.includes('/') === true;
    const wrong = isAuthenticator ? undefined : this.#leaders.saw(write);
    // Leases of before that say who has what: nobody can tell from outside when each replica looked.
    const isTurned = this.#faults.wentBackSince(['management'], write.atMs - 2 * this.#scene.leaseMs);
    if (wrong && !(isTurned && this.#scene.shards > 0))
      this.#violate('I6', write.program ?? 'a program', wrong);
    const isSilent = this.#phase === 'silence' && write.atMs > this.#phaseSinceMs + ABATING_MS;
    if (isSilent && !isLease(write) && !this.#bookkeeping.allows(write, this.#phaseSinceMs)) {
      const where = `${write.method} ${write.path.split('?')[0]} (${write.status})`;
      this.#violate('I5', write.plane, `${write.program} writes though nothing changes: ${where}`);
    }
  }

  async #converge(): Promise<void> {
    for (;;) {
      // A machine that stands still while it settles gives the time back.
      const brokenUntilMs = this.#faults.lastEndMs(['machine'], this.#phaseSinceMs);
      const fromMs = Math.max(this.#phaseSinceMs, Math.min(brokenUntilMs, Date.now()));
      const deadlineMs = fromMs + CONVERGED_WITHIN_MS * patience();
      this.#judged.I5 += 1;
      const left = await this.#differences().catch((error: unknown) => [`cannot be read: ${error}`]);
      if (left.length === 0) {
        const afterMs = Date.now() - this.#phaseSinceMs;
        this.#figures['converged after (ms)'] = afterMs;
        this.#say({ type: 'converged', afterMs });
        return;
      }
      if (Date.now() > deadlineMs || Date.now() > this.#phaseSinceMs + GIVEN_UP_MS) {
        for (const line of left)
          this.#violate('I5', line.split(': ')[0] ?? '', `not as it should be: ${line}`);
        this.#say({ type: 'converged', afterMs: undefined });
        return;
      }
      await delay(250);
    }
  }

  async #differences(): Promise<readonly string[]> {
    const should = [...derive(await readUpstream(this.#management)).values()];
    const lines = await Promise.all(
      [...this.#clusters].map(async ([id, api]) => {
        const here = should.filter(({ cluster }) => cluster === id);
        const there = await readDownstream(api);
        return differences(here, there, this.#scene.seed, Date.now()).map((line) => `${id}: ${line}`);
      }),
    );
    return lines.flat();
  }

  async #end(): Promise<void> {
    // What is left to be read, once more.
    await this.#read().catch(() => undefined);
    await this.#lookAround().catch(() => undefined);
    if (this.#phaseSinceMs > 0) this.#judged.I5 += 1;
    this.#figures['peak memory of one process (MB)'] = this.#processes.peakMb;
    this.#figures['texts that must be nowhere'] = this.#secrets.known;
    this.#figures['bearers'] = this.#bearers.size;
    const verdict: Verdict = {
      judged: this.#judged,
      violations: this.#violations,
      figures: this.#figures,
    };
    this.#say({ type: 'verdict', verdict });
  }

  /** Of the seed, so that the same questions are asked, though never at the same moments. */
  #random(): number {
    this.#dice = (Math.imul(this.#dice, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#dice / 2 ** 32;
  }
}
