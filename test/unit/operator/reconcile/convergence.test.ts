import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ANNOTATION_TOKEN_HASHED } from '../../../../src/api/names.ts';
import * as sha3 from '../../../../src/hash/sha3-512.ts';
import { userKey } from '../../../../src/operator/keys.ts';
import { groupsOf, HOUR, type Json, NOW, timeText } from '../../../support/builders.ts';
import { viewOf, whoGetsIn, whoIsLetIn } from '../../../support/downstream-view.ts';
import { ReconcileWorld } from '../../../support/reconcile-world.ts';

/**
 * Whatever happens, in whatever order, and whatever fails under way: in the end the cluster holds what follows
 * from the management plane as it is then, and on the way nobody gets in who never had the right to.
 */

interface TokenState {
  readonly user: string;
  readonly incarnation: number;
  readonly hashed: boolean;
  readonly enabled: boolean;
  readonly cluster: string;
  readonly expiresAtMs: number | undefined;
}

/** What a person could see in the management plane, kept by the test itself. */
class Upstream {
  readonly tokens = new Map<string, TokenState>();
  readonly users = new Map<string, boolean>();
  readonly groups = new Map<string, readonly string[]>();
  /** Every `<secret> is <user>` that was ever right. */
  readonly rights = new Set<string>();
  /**
   * Of a Token that was plain and is stored hashed now, with its UID: whether that is of the same secret nobody can tell who does
   * not know it. What was written for the plain one is left until it is replaced.
   */
  readonly untold = new Set<string>();
  /** What the plain ones of a UID let in. */
  readonly plain = new Map<string, Set<string>>();
  storage: 'secret' | 'inline' = 'secret';

  #wanted(): readonly [string, TokenState][] {
    return [...this.tokens].filter(
      ([, token]) =>
        token.cluster === 'c-1' &&
        token.enabled &&
        this.users.has(token.user) &&
        (token.expiresAtMs === undefined || token.expiresAtMs > NOW),
    );
  }

  /** Every `<secret> is <user>` that is right now. */
  rightNow(): readonly string[] {
    return this.#wanted()
      .filter(([, { user }]) => this.users.get(user))
      .map(([name, { user, incarnation }]) => `${secretOf(name, incarnation)} is ${user}`);
  }

  /** What has to be downstream, in the words of `viewOf`. */
  expected(): readonly string[] {
    const wanted = this.#wanted();
    const users = new Set(wanted.map(([, token]) => token.user));
    return [
      ...wanted.flatMap(([name, token]) => {
        const secret = secretOf(name, token.incarnation);
        const end = token.expiresAtMs === undefined ? '' : ` until=${timeText(token.expiresAtMs)}`;
        const line = `token ${name}: user=${token.user} enabled=true${end}`;
        return this.storage === 'inline'
          ? [`${line} inline=${secret}`]
          : [line, `secret ${name}: of ${secret}`];
      }),
      ...[...users].map(
        (user) =>
          `user ${user}: enabled=${this.users.get(user)} groups=${JSON.stringify(this.groups.get(user) ?? [])}`,
      ),
    ].sort();
  }
}

const TOKENS = ['t-1', 't-2'];
const USERS = ['u-1', 'u-2'];
const INCARNATIONS = [1, 2, 3];
const secretOf = (token: string, incarnation: number): string => `secret-of-${token}-${incarnation}`;
const SECRETS = TOKENS.flatMap((token) => INCARNATIONS.map((incarnation) => secretOf(token, incarnation)));
/** The same hash each time: a token that is hashed upstream does not change its hash by itself. */
const HASHES = new Map(SECRETS.map((secret) => [secret, sha3.hash(secret)]));

type Step =
  | { verb: 'token'; name: string; state: TokenState }
  | { verb: 'deleteToken'; name: string }
  | { verb: 'user'; name: string; enabled: boolean }
  | { verb: 'deleteUser'; name: string }
  | { verb: 'groups'; name: string; groups: readonly string[] | undefined }
  | { verb: 'storage'; storage: 'secret' | 'inline' }
  | { verb: 'drift'; edit: 'drop' | 'edit'; kind: string; name: string }
  | { verb: 'work'; keys: number }
  | { verb: 'tell'; kind: string; events: number }
  | { verb: 'settle' };

const KINDS = ['Secret', 'ClusterAuthToken', 'ClusterUserAttribute'];
const name = fc.constantFrom(...TOKENS);
const user = fc.constantFrom(...USERS);
/** Mostly wanted: what is refused anyway tells nothing of how the wanted are changed. */
const tokenState: fc.Arbitrary<TokenState> = fc.record({
  user,
  incarnation: fc.constantFrom(...INCARNATIONS),
  hashed: fc.boolean(),
  enabled: fc.constantFrom(true, true, true, true, false),
  cluster: fc.constantFrom('c-1', 'c-1', 'c-1', 'c-1', 'c-1', 'c-2', ''),
  expiresAtMs: fc.constantFrom(undefined, undefined, undefined, NOW + HOUR, NOW - HOUR),
});

const upstreamStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ verb: fc.constant('token' as const), name, state: tokenState }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('deleteToken' as const), name }) },
  {
    weight: 3,
    arbitrary: fc.record({ verb: fc.constant('user' as const), name: user, enabled: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('deleteUser' as const), name: user }) },
  {
    weight: 2,
    arbitrary: fc.record({
      verb: fc.constant('groups' as const),
      name: user,
      groups: fc.constantFrom(undefined, [], ['a'], ['a', 'b']),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      verb: fc.constant('storage' as const),
      storage: fc.constantFrom('secret' as const, 'inline' as const),
    }),
  },
);
const tell: fc.Arbitrary<Step> = fc.record({
  verb: fc.constant('tell' as const),
  kind: fc.constantFrom(...KINDS),
  events: fc.integer({ min: 1, max: 3 }),
});
const progress: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ verb: fc.constant('work' as const), keys: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 3, arbitrary: tell },
  { weight: 1, arbitrary: fc.constant<Step>({ verb: 'settle' }) },
);
const drift: fc.Arbitrary<Step> = fc.record({
  verb: fc.constant('drift' as const),
  edit: fc.constantFrom('drop' as const, 'edit' as const),
  kind: fc.constantFrom(...KINDS),
  name: fc.constantFrom(...TOKENS, ...USERS),
});

const WANTED = { hashed: false, enabled: true, cluster: 'c-1', expiresAtMs: undefined };
/** Where half of the histories begin: two users with a token each, in sync. */
const IN_SYNC: readonly Step[] = [
  { verb: 'user', name: 'u-1', enabled: true },
  { verb: 'user', name: 'u-2', enabled: true },
  { verb: 'token', name: 't-1', state: { ...WANTED, user: 'u-1', incarnation: 1 } },
  { verb: 'token', name: 't-2', state: { ...WANTED, user: 'u-2', incarnation: 2 } },
  { verb: 'settle' },
];
const historiesOf = (...steps: readonly fc.Arbitrary<Step>[]): fc.Arbitrary<readonly Step[]> =>
  fc
    .tuple(fc.constantFrom([], IN_SYNC), fc.array(fc.oneof(...steps), { maxLength: 25, size: 'max' }))
    .map(([beginning, rest]) => [...beginning, ...rest]);

const rawFields = (token: string, state: TokenState): [Json, Json] => {
  const secret = secretOf(token, state.incarnation);
  return [
    {
      userId: state.user,
      token: state.hashed ? HASHES.get(secret) : secret,
      enabled: state.enabled,
      clusterName: state.cluster,
      expiresAt: state.expiresAtMs === undefined ? '' : timeText(state.expiresAtMs),
    },
    {
      name: token,
      // The third has the UID of the second: its secret was changed in place.
      uid: `uid-${token}-${Math.min(state.incarnation, 2)}`,
      ...(state.hashed ? { annotations: { [ANNOTATION_TOKEN_HASHED]: 'true' } } : {}),
    },
  ];
};

async function perform(step: Step, world: ReconcileWorld, upstream: Upstream): Promise<void> {
  switch (step.verb) {
    case 'token': {
      const [fields, metadata] = rawFields(step.name, step.state);
      const ofUid = upstream.plain.get(String(metadata['uid'])) ?? new Set();
      if (step.state.hashed) for (const way of ofUid) upstream.untold.add(way);
      else ofUid.add(`${secretOf(step.name, step.state.incarnation)} is ${step.state.user}`);
      upstream.plain.set(String(metadata['uid']), ofUid);
      upstream.tokens.set(step.name, step.state);
      // A user who never was has no deletion to tell of; reconcile-token.test.ts has those who are merely absent.
      if (!upstream.users.has(step.state.user)) world.evidence.add(userKey(step.state.user));
      upstream.rights.add(`${secretOf(step.name, step.state.incarnation)} is ${step.state.user}`);
      world.putToken(fields, metadata);
      return;
    }
    case 'deleteToken':
      upstream.tokens.delete(step.name);
      world.deleteToken(step.name);
      return;
    case 'user':
      upstream.users.set(step.name, step.enabled);
      world.putUser({ enabled: step.enabled }, { name: step.name, uid: `uid-${step.name}` });
      return;
    case 'deleteUser':
      upstream.users.delete(step.name);
      world.deleteUser(step.name);
      return;
    case 'groups':
      if (step.groups) upstream.groups.set(step.name, step.groups);
      else upstream.groups.delete(step.name);
      if (step.groups)
        world.putAttribute({ GroupPrincipals: { p: groupsOf(...step.groups) } }, { name: step.name });
      else world.deleteAttribute(step.name);
      return;
    case 'storage':
      upstream.storage = step.storage;
      world.storage = step.storage;
      world.sweep();
      return;
    case 'drift':
      if (!world.downstream.find(step.kind, step.name)) return;
      if (step.edit === 'drop') world.downstream.drop(step.kind, step.name);
      else
        world.downstream.edit(step.kind, step.name, {
          enabled: false,
          groups: ['x'],
          data: { hash: 'AAAA' },
        });
      return;
    case 'work':
      for (let i = 0; i < step.keys && world.queue.size > 0; i += 1) await world.workOne();
      return;
    case 'tell':
      world.tellWatch(step.kind, step.events);
      return;
    case 'settle':
      await world.settle();
  }
}

/**
 * After every write, nobody may get in with a secret that was never theirs. What is found is kept: a throw from
 * inside the server would look like a request that failed.
 */
function watchTheDoor(world: ReconcileWorld, upstream: Upstream): readonly string[] {
  const intruders: string[] = [];
  const { onEvent } = world.downstream;
  world.downstream.onEvent = (event) => {
    for (const way of whoGetsIn(world.downstream, SECRETS)) {
      if (way.startsWith('unknown') || upstream.rights.has(way)) continue;
      intruders.push(`after ${event.type} of ${event.object.kind}: ${way}`);
    }
    onEvent(event);
  };
  return intruders;
}

/** A hash that is moved is in both places for a while. */
async function settled(world: ReconcileWorld): Promise<void> {
  await world.settle();
  await world.advance(5_000);
}

async function play(
  history: readonly Step[],
  check: (world: ReconcileWorld, upstream: Upstream) => Promise<void>,
): Promise<void> {
  const world = new ReconcileWorld();
  const upstream = new Upstream();
  const intruders = watchTheDoor(world, upstream);
  try {
    for (const step of history) await perform(step, world, upstream);
    await settled(world);
    await check(world, upstream);
    expect(intruders).toEqual([]);
  } finally {
    await world.close();
  }
}

const isAsExpected = async (world: ReconcileWorld, upstream: Upstream): Promise<void> => {
  expect(viewOf(world.downstream, SECRETS)).toEqual(upstream.expected());
};

/** Nothing changed means nothing is written, nor a status other than the settled one. */
const isQuiet = async (world: ReconcileWorld): Promise<void> => {
  const { writes } = world.downstream;
  world.sweep();
  await world.settle();
  expect(world.downstream.writes).toBe(writes);
  expect(world.outcomes.count()).toMatchObject({ pending: 0, failed: 0, usersPending: 0, usersFailed: 0 });
  // No clock goes on running: what was told or owed has arrived, or turned out to be nothing.
  expect(world.lag.pending).toEqual({ changes: 0, revocations: 0 });
};

/** Far more than it takes: a busy machine must not make a test fail. */
const LONG = { timeout: 120_000 };

describe('convergence', LONG, () => {
  test('any order of what may happen to one token ends in the same cluster', async () => {
    const state: TokenState = {
      user: 'u-1',
      incarnation: 1,
      hashed: false,
      enabled: true,
      cluster: 'c-1',
      expiresAtMs: NOW + HOUR,
    };
    // Facts about different objects: whichever comes first, the management plane ends up the same.
    const facts: readonly Step[] = [
      { verb: 'token', name: 't-1', state },
      { verb: 'token', name: 't-2', state: { ...state, hashed: true, incarnation: 2 } },
      { verb: 'user', name: 'u-1', enabled: true },
      { verb: 'groups', name: 'u-1', groups: ['a', 'b'] },
      { verb: 'storage', storage: 'inline' },
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...facts], { minLength: facts.length }),
        fc.boolean(),
        async (order, settling) => {
          const history = settling ? order.flatMap((step) => [step, { verb: 'settle' } as const]) : order;
          await play(history, async (world) => {
            expect(viewOf(world.downstream, SECRETS)).toEqual([
              `token t-1: user=u-1 enabled=true until=${timeText(NOW + HOUR)} inline=secret-of-t-1-1`,
              `token t-2: user=u-1 enabled=true until=${timeText(NOW + HOUR)} inline=secret-of-t-2-2`,
              'user u-1: enabled=true groups=["a","b"]',
            ]);
            await isQuiet(world);
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  test('any history ends in what follows from the management plane, and then there is quiet', async () => {
    await fc.assert(
      fc.asyncProperty(historiesOf(upstreamStep, progress), async (history) => {
        await play(history, async (world, upstream) => {
          await isAsExpected(world, upstream);
          await isQuiet(world);
        });
      }),
      { numRuns: 150 },
    );
  });

  test('and so does any history in which someone meddles downstream', async () => {
    await fc.assert(
      fc.asyncProperty(historiesOf(upstreamStep, progress, drift), async (history) => {
        await play(history, isAsExpected);
      }),
      { numRuns: 100 },
    );
  });

  test('whatever the history, when everything upstream is deleted nothing is left', async () => {
    await fc.assert(
      fc.asyncProperty(historiesOf(upstreamStep, progress), fc.boolean(), async (history, usersFirst) => {
        const tokens = TOKENS.map((each): Step => ({ verb: 'deleteToken', name: each }));
        const users = USERS.map((each): Step => ({ verb: 'deleteUser', name: each }));
        const end = usersFirst ? [...users, ...tokens] : [...tokens, ...users];
        await play([...history, ...end], async (world) => {
          expect(world.downstream.objects()).toEqual([]);
        });
      }),
      { numRuns: 100 },
    );
  });

  test('whatever the history, draining leaves nothing', async () => {
    await fc.assert(
      fc.asyncProperty(historiesOf(upstreamStep, progress), async (history) => {
        await play(history, async (world) => {
          world.mode = 'drain';
          world.sweep();
          await world.settle();
          expect(world.downstream.objects()).toEqual([]);
        });
      }),
      { numRuns: 75 },
    );
  });
});

/**
 * From the moment in which somebody is out, only who has the right to it comes in again: now, or when the request that lets
 * them in was begun.
 */
function watchWhoComesIn(
  world: ReconcileWorld,
  upstream: Upstream,
  meanwhile: ReadonlyMap<number, Step>,
): readonly string[] {
  const found: string[] = [];
  const { onEvent } = world.downstream;
  let letIn: readonly string[] = [];
  let atBeginning: readonly string[] = [];
  world.downstream.fault = ({ number }) => {
    atBeginning = upstream.rightNow();
    const step = meanwhile.get(number);
    // What happens upstream is told before the request is answered.
    if (step) void perform(step, world, upstream);
    return undefined;
  };
  world.downstream.onEvent = (event) => {
    const now = whoIsLetIn(world.downstream, SECRETS);
    const rights = [...upstream.rightNow(), ...upstream.untold, ...atBeginning];
    for (const way of now) {
      if (way.startsWith('unknown') || letIn.includes(way)) continue;
      if (!rights.includes(way)) found.push(`after ${event.type} of ${event.object.kind}: ${way}`);
    }
    letIn = now;
    onEvent(event);
  };
  return found;
}

test(
  'whatever happens, also while requests are under way, nobody comes in again who was seen to be revoked',
  LONG,
  async () => {
    const happening = fc.oneof(upstreamStep, tell, drift);
    const happenings = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), happening), { maxLength: 16 });
    await fc.assert(
      fc.asyncProperty(historiesOf(upstreamStep, progress, drift), happenings, async (history, meanwhile) => {
        const world = new ReconcileWorld();
        const upstream = new Upstream();
        const found = watchWhoComesIn(world, upstream, new Map(meanwhile));
        try {
          for (const step of history) await perform(step, world, upstream);
          // As a clock does: who waits for what has to go first looks again, and a moved hash leaves its old place.
          for (let second = 0; second < 15; second += 1) await world.advance(1_000);
          // Before any sweep, which would look at a key that nobody brought back.
          expect(world.outcomes.count()).toMatchObject({ pending: 0, usersPending: 0 });
          expect(world.lag.pending).toEqual({ changes: 0, revocations: 0 });
          await isAsExpected(world, upstream);
          expect(found).toEqual([]);
        } finally {
          await world.close();
        }
      }),
      { numRuns: 100 },
    );
  },
);

describe('a request that fails, done or not', LONG, () => {
  const steps: readonly Step[] = [
    { verb: 'user', name: 'u-1', enabled: true },
    { verb: 'groups', name: 'u-1', groups: ['a'] },
    ...[1, 2].map(
      (incarnation): Step => ({
        verb: 'token',
        name: 't-1',
        state: {
          user: 'u-1',
          incarnation,
          hashed: false,
          enabled: true,
          cluster: 'c-1',
          expiresAtMs: undefined,
        },
      }),
    ),
    { verb: 'storage', storage: 'inline' },
    { verb: 'user', name: 'u-1', enabled: false },
    { verb: 'storage', storage: 'secret' },
    { verb: 'deleteToken', name: 't-1' },
  ];

  for (const fault of ['unreachable', 'answer-lost'] as const) {
    test(`at any point (${fault}) is made up for`, async () => {
      const world = new ReconcileWorld();
      for (const step of steps) {
        await perform(step, world, new Upstream());
        await settled(world);
      }
      const { requests } = world.downstream;
      await world.close();
      expect(requests).toBeGreaterThan(10);

      for (let failing = 1; failing <= requests; failing += 1) {
        const again = new ReconcileWorld();
        const upstream = new Upstream();
        const intruders = watchTheDoor(again, upstream);
        again.downstream.fault = ({ number }) => (number === failing ? fault : undefined);
        for (const step of steps) {
          await perform(step, again, upstream);
          await settled(again);
          expect(viewOf(again.downstream, SECRETS), `request ${failing}, ${step.verb}`).toEqual(
            upstream.expected(),
          );
        }
        expect(intruders, `request ${failing}`).toEqual([]);
        await again.close();
      }
    });
  }

  for (const [what, last] of Object.entries<Step>({
    'is deleted': { verb: 'deleteToken', name: 't-1' },
    'gets another user': {
      verb: 'token',
      name: 't-1',
      state: { ...WANTED, user: 'u-2', incarnation: 1, enabled: false },
    },
  })) {
    test(`leaves no attributes behind when it was the only write of a token that ${what}`, async () => {
      const world = new ReconcileWorld();
      const upstream = new Upstream();
      await perform({ verb: 'user', name: 'u-1', enabled: true }, world, upstream);
      await perform(
        { verb: 'token', name: 't-1', state: { ...WANTED, user: 'u-1', incarnation: 1 } },
        world,
        upstream,
      );
      // The ClusterUserAttribute is written first, and then the cluster fails us until the token is gone.
      world.downstream.fault = ({ kind }) => (kind === 'ClusterUserAttribute' ? undefined : 'unreachable');
      for (let turn = 0; turn < 4; turn += 1) {
        world.tellWatch();
        await world.workOne();
      }
      expect(viewOf(world.downstream, SECRETS)).toEqual(['user u-1: enabled=true groups=[]']);
      await perform(last, world, upstream);
      await settled(world);
      expect(world.downstream.objects()).toEqual([]);
      await world.close();
    });
  }

  test('any of them, in any history, again and again', async () => {
    const faults = fc.array(fc.constantFrom('unreachable', 'answer-lost', undefined, undefined), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(historiesOf(upstreamStep, progress), faults, async (history, plan) => {
        const world = new ReconcileWorld();
        const upstream = new Upstream();
        const intruders = watchTheDoor(world, upstream);
        world.downstream.fault = ({ number }) => plan[number - 1];
        for (const step of history) await perform(step, world, upstream);
        await settled(world);
        await isAsExpected(world, upstream);
        expect(intruders).toEqual([]);
        await world.close();
      }),
      { numRuns: 100 },
    );
  });
});
