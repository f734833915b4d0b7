import { between, pick, type Random } from './random.ts';

/** One thing that a person does in the management plane. */
export type Change =
  | {
      readonly do: 'create token';
      readonly token: string;
      readonly cluster: string;
      readonly user: string;
      readonly generation: number;
      readonly stored: 'plain' | 'hashed';
      readonly ttlMs: number;
    }
  | { readonly do: 'delete token' | 'disable token' | 'enable token'; readonly token: string }
  | { readonly do: 'change secret'; readonly token: string; readonly generation: number }
  | { readonly do: 'create user' | 'delete user' | 'disable user' | 'enable user'; readonly user: string }
  | { readonly do: 'set groups'; readonly user: string; readonly groups: readonly string[] }
  | { readonly do: 'switch ACE'; readonly cluster: string; readonly on: boolean };

interface TokenState {
  readonly cluster: string;
  readonly user: string;
  generation: number;
  enabled: boolean;
  touchedMs: number;
}

/** Two changes of one thing are so far apart that the checker reads in between. */
const APART_MS = 3_000;
const USERS = 30;
const GROUPS = ['devs', 'ops', 'audit', 'night-shift', 'interns'];

/** Makes changes up that make sense after those before them. It knows what was asked for, not what came of it. */
export class Changes {
  readonly #random: Random;
  readonly #clusters: readonly string[];
  readonly #tokens = new Map<string, TokenState>();
  readonly #users = new Map<string, { state: 'enabled' | 'disabled' | 'gone'; touchedMs: number }>();
  readonly #gone: { token: string; generation: number; atMs: number }[] = [];
  #next = 0;

  constructor(random: Random, clusters: readonly string[]) {
    this.#random = random;
    this.#clusters = clusters;
  }

  /** What is there before anything begins. */
  beginning(tokens: number): readonly Change[] {
    const users = Array.from({ length: USERS }, (_, index) => `u-${index}`);
    for (const user of users) this.#users.set(user, { state: 'enabled', touchedMs: -APART_MS });
    const groups: Change[] = users.map((user) => ({ do: 'set groups', user, groups: this.#someGroups() }));
    return [
      ...users.map((user): Change => ({ do: 'create user', user })),
      ...groups,
      ...Array.from({ length: tokens }, () => this.#create(-APART_MS)),
    ];
  }

  /** One change at that moment; undefined: nothing that could be changed is at rest. */
  next(atMs: number, ttlUntilMs: number): Change | undefined {
    const dice = this.#random() * 100;
    const few = this.#tokens.size < 60;
    if (dice < 34 || few) return this.#create(atMs, ttlUntilMs);
    if (dice < 62) return this.#changeToken('delete token', atMs, () => true);
    if (dice < 70) return this.#changeToken('disable token', atMs, ({ enabled }) => enabled);
    if (dice < 78) return this.#changeToken('enable token', atMs, ({ enabled }) => !enabled);
    if (dice < 83) return this.#changeToken('change secret', atMs, () => true);
    if (dice < 91) return this.#setGroups(atMs);
    return this.#changeUser(atMs);
  }

  /** A great part of all tokens at once. */
  massDelete(share: number, atMs: number): readonly Change[] {
    const all = [...this.#tokens.keys()].slice(0, Math.floor(this.#tokens.size * share));
    return all.map((token) => this.#carry('delete token', token, atMs));
  }

  /** Many tokens of one user. */
  many(count: number, atMs: number): readonly Change[] {
    const user = this.#someone();
    return Array.from({ length: count }, () => ({ ...this.#create(atMs), user }) as Change);
  }

  #create(atMs: number, ttlUntilMs = 0): Change {
    // A name that was in use before is a trap of its own.
    const old = this.#random() < 0.15 ? this.#gone.findIndex((one) => atMs - one.atMs > APART_MS) : -1;
    const [again] = old < 0 ? [] : this.#gone.splice(old, 1);
    const token = again?.token ?? `t-${this.#next++}`;
    const generation = (again?.generation ?? 0) + 1;
    const cluster = pick(this.#random, this.#clusters);
    const user = this.#someone();
    this.#tokens.set(token, { cluster, user, generation, enabled: true, touchedMs: atMs });
    const livesMs = between(this.#random, 5_000, 40_000);
    const ttlMs = this.#random() < 0.1 && atMs + livesMs < ttlUntilMs ? livesMs : 0;
    const stored = this.#random() < 0.5 ? 'plain' : 'hashed';
    return { do: 'create token', token, cluster, user, generation, stored, ttlMs };
  }

  #changeToken(
    what: 'delete token' | 'disable token' | 'enable token' | 'change secret',
    atMs: number,
    fits: (state: TokenState) => boolean,
  ): Change | undefined {
    const fitting = [...this.#tokens].filter(([, state]) => fits(state) && atMs - state.touchedMs > APART_MS);
    if (fitting.length === 0) return undefined;
    const [token] = pick(this.#random, fitting);
    return this.#carry(what, token, atMs);
  }

  #carry(
    what: 'delete token' | 'disable token' | 'enable token' | 'change secret',
    token: string,
    atMs: number,
  ): Change {
    const state = this.#tokens.get(token) as TokenState;
    state.touchedMs = atMs;
    if (what === 'change secret') {
      state.generation += 1;
      return { do: what, token, generation: state.generation };
    }
    if (what === 'delete token') {
      this.#tokens.delete(token);
      this.#gone.push({ token, generation: state.generation, atMs });
    } else state.enabled = what === 'enable token';
    return { do: what, token };
  }

  #setGroups(atMs: number): Change | undefined {
    const user = this.#restingUser(atMs, ({ state }) => state !== 'gone');
    return user === undefined ? undefined : { do: 'set groups', user, groups: this.#someGroups() };
  }

  #changeUser(atMs: number): Change | undefined {
    const user = this.#restingUser(atMs, () => true);
    const known = user && this.#users.get(user);
    if (!user || !known) return undefined;
    if (known.state === 'gone') known.state = 'enabled';
    else if (known.state === 'disabled') known.state = 'enabled';
    else known.state = this.#random() < 0.3 ? 'gone' : 'disabled';
    if (known.state === 'gone') return { do: 'delete user', user };
    if (known.state === 'disabled') return { do: 'disable user', user };
    return { do: 'enable user', user };
  }

  #restingUser(
    atMs: number,
    fits: (user: { state: string; touchedMs: number }) => boolean,
  ): string | undefined {
    const fitting = [...this.#users].filter(([, one]) => fits(one) && atMs - one.touchedMs > APART_MS);
    if (fitting.length === 0) return undefined;
    const [user, known] = pick(this.#random, fitting);
    known.touchedMs = atMs;
    return user;
  }

  #someone(): string {
    return pick(this.#random, [...this.#users.keys()]);
  }

  #someGroups(): readonly string[] {
    return GROUPS.filter(() => this.#random() < 0.5);
  }
}
