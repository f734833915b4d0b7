import type { FleetSize } from './fleet/fleet-world.ts';

const BASE: Required<FleetSize> = { clusters: 1, tokens: 500, users: 50, groups: 3 };

/** What grows, and everything else as small as it was. */
export const GROWTH: Readonly<Record<string, (factor: number) => Required<FleetSize>>> = {
  tokens: (factor) => ({ ...BASE, tokens: BASE.tokens * factor }),
  // Tokens of a cluster stay as many, so that there are more in all; 7 has no factor with any number of clusters, so that each has all users.
  clusters: (factor) => ({ ...BASE, clusters: 5 * factor, tokens: 50, users: 7 }),
  users: (factor) => ({ ...BASE, users: BASE.users * factor }),
  groups: (factor) => ({ ...BASE, groups: BASE.groups * factor }),
};
