import { between, pick, type Random, shuffled } from './random.ts';

/** One thing that breaks, and for how long. `target` is a plane, a link, or the place of a program. */
export interface Fault {
  readonly kind: FaultKind;
  readonly target: string;
  readonly forMs: number;
  /** Which of several ways, where the kind has them. */
  readonly variant: number;
}

/** What a fault can aim at. */
export interface Targets {
  /** `management` and clusters. */
  readonly planes: readonly string[];
  /** Links from programs to planes: `operator-0/management`, `operators/c-1`, `authenticators/c-1`. */
  readonly links: readonly string[];
  /** `c-1/0`. */
  readonly authenticators: readonly string[];
  readonly clusters: readonly string[];
  /** Clusters that have more than one authenticator. */
  readonly pairs: readonly string[];
}

type Aim = keyof Targets | 'none';

interface Kind {
  readonly aim: Aim;
  /** Least and most, in seconds. */
  readonly lasts: readonly [number, number];
  /** How often it is in one round of all kinds. */
  readonly times: number;
}

/** In the order of their worth: a short run takes from each. */
export const KINDS = {
  'kill leader': { aim: 'none', lasts: [1, 4], times: 2 },
  'kill follower': { aim: 'none', lasts: [1, 4], times: 1 },
  'kill authenticator': { aim: 'authenticators', lasts: [0, 3], times: 3 },
  'roll operators': { aim: 'none', lasts: [2, 4], times: 1 },
  'roll authenticators': { aim: 'pairs', lasts: [2, 4], times: 1 },
  'pause leader': { aim: 'none', lasts: [18, 24], times: 1 },
  'kill API server': { aim: 'planes', lasts: [2, 6], times: 2 },
  'restart etcd': { aim: 'planes', lasts: [0, 0], times: 1 },
  'put etcd back': { aim: 'planes', lasts: [6, 12], times: 1 },
  'reset connections': { aim: 'links', lasts: [1, 5], times: 2 },
  'hold everything back': { aim: 'links', lasts: [3, 12], times: 2 },
  'strand connections': { aim: 'links', lasts: [10, 10], times: 2 },
  'refuse connections': { aim: 'links', lasts: [3, 8], times: 1 },
  'delay 500 ms': { aim: 'links', lasts: [4, 10], times: 1 },
  '10 kB/s': { aim: 'links', lasts: [4, 10], times: 1 },
  'another certificate': { aim: 'links', lasts: [3, 8], times: 1 },
  'errors at 10 %': { aim: 'links', lasts: [6, 15], times: 3 },
  'torn bodies': { aim: 'links', lasts: [5, 10], times: 2 },
  'faulty watches': { aim: 'links', lasts: [6, 15], times: 2 },
  'lists without end': { aim: 'links', lasts: [5, 12], times: 2 },
  'wrong clock of an operator': { aim: 'none', lasts: [5, 10], times: 1 },
  'wrong clock of an authenticator': { aim: 'authenticators', lasts: [5, 10], times: 1 },
  'delete installation key': { aim: 'none', lasts: [0, 0], times: 1 },
  'change credentials': { aim: 'links', lasts: [1, 3], times: 2 },
  'renew serving certificate': { aim: 'links', lasts: [0, 0], times: 1 },
  'change authority': { aim: 'links', lasts: [1, 4], times: 2 },
  'register anew': { aim: 'clusters', lasts: [2, 8], times: 1 },
  'refuse deletions by policy': { aim: 'clusters', lasts: [5, 10], times: 1 },
  'refuse writes by policy': { aim: 'planes', lasts: [5, 10], times: 1 },
  'switch ACE off and on': { aim: 'clusters', lasts: [3, 6], times: 1 },
  'full disk': { aim: 'authenticators', lasts: [4, 10], times: 1 },
  'read-only disk': { aim: 'authenticators', lasts: [4, 10], times: 1 },
  'mass deletion': { aim: 'none', lasts: [0, 0], times: 1 },
  'many tokens of one user': { aim: 'none', lasts: [0, 0], times: 1 },
} satisfies Record<string, Kind>;

export type FaultKind = keyof typeof KINDS;

/** A round in which each kind comes as often as it says, in an order of the seed. */
export function oneRound(random: Random, targets: Targets, kinds: readonly FaultKind[]): readonly Fault[] {
  const all = kinds.flatMap((kind) => Array.from({ length: KINDS[kind].times }, () => kind));
  return shuffled(random, all).map((kind) => {
    const { aim, lasts }: Kind = KINDS[kind];
    const target = aim === 'none' ? '' : pick(random, targets[aim]);
    const forMs = between(random, lasts[0] * 1_000, lasts[1] * 1_000);
    return { kind, target, forMs, variant: between(random, 0, 1_000) };
  });
}
